//! Segments of the library: a device with pages of 16 KB maps nothing that is aligned to less.

use std::path::Path;
use std::process::Command;

/// Alignment every segment needs.
const PAGE_BYTES: u64 = 16 * 1024;

pub(super) fn check(library: &Path) -> Result<(), String> {
    let output = Command::new("readelf").arg("-lW").arg(library).output().map_err(|error| error.to_string())?;
    let alignments = load_alignments(&String::from_utf8_lossy(&output.stdout));
    let shown: Vec<String> = alignments.iter().map(|bytes| format!("{bytes:#x}")).collect();
    println!("alignment of segments: {}", shown.join(" "));
    if alignments.is_empty() {
        return Err(format!("{} has no segments", library.display()));
    }
    if alignments.iter().all(|bytes| bytes % PAGE_BYTES == 0) {
        Ok(())
    } else {
        Err(format!("segments are aligned to {}; expected {PAGE_BYTES:#x}: see bindings/build.rs", shown.join(" ")))
    }
}

/// The last column of each `LOAD` line of `readelf -lW`.
fn load_alignments(text: &str) -> Vec<u64> {
    let last = |line: &str| u64::from_str_radix(line.rsplit(' ').next()?.trim_start_matches("0x"), 16).ok();
    text.lines().map(str::trim).filter(|line| line.starts_with("LOAD")).filter_map(last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alignment_of_every_segment_is_read() {
        let text = "  PHDR           0x000040 0x0 0x0 0x0002a0 0x0002a0 R   0x8\n\
                    \x20 LOAD           0x000000 0x0 0x0 0x1eb8f8 0x1eb8f8 R   0x4000\n\
                    \x20 LOAD           0x1ec000 0x1 0x1 0x1eb8f8 0x1eb8f8 R E 0x1000\n";
        assert_eq!(load_alignments(text), [0x4000, 0x1000]);
    }
}
