//! Swift, header and module map apart, as an XCFramework wants them.
fn main() {
    uniffi::uniffi_bindgen_swift();
}
