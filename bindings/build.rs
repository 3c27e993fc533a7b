//! Linker flags of the library.

fn main() {
    let system = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if matches!(system.as_str(), "android" | "linux") {
        // Devices with Android 15 and later may have pages of 16 KB, and refuse a library whose segments are aligned to less. Linux
        // takes the flag too, so that `cargo xtask bindings` can see it at work where no Android is.
        println!("cargo::rustc-link-arg-cdylib=-Wl,-z,max-page-size=16384");
    }
    // Relocations, written down compactly: 160 to 180 KB less. Android reads its own packing from API 23 on and the common one (RELR)
    // from API 30 on, later than our oldest; glibc reads RELR alone, from 2.36 on.
    match system.as_str() {
        "android" => println!("cargo::rustc-link-arg-cdylib=-Wl,--pack-dyn-relocs=android"),
        "linux" => println!("cargo::rustc-link-arg-cdylib=-Wl,-z,pack-relative-relocs"),
        _ => {}
    }
    println!("cargo::rerun-if-changed=build.rs");
}
