//! Linker flags of the library.

fn main() {
    // Devices with Android 15 and later may have pages of 16 KB, and refuse a library whose segments are aligned to less. Linux
    // takes the flag too, so that `cargo xtask bindings` can see it at work where no Android is.
    let system = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if matches!(system.as_str(), "android" | "linux") {
        println!("cargo::rustc-link-arg-cdylib=-Wl,-z,max-page-size=16384");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
