//! Kotlin, Swift and Python out of a library.
fn main() {
    uniffi::uniffi_bindgen_main();
}
