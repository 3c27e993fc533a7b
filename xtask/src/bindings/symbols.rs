//! Which crate costs how much: the sizes of symbols, by the crate in their mangled names.
//!
//! Code of generics counts for the crate that wrote it, wherever it was made; a function that was inlined counts for the one
//! that took it in. What has no symbol (tables, texts, unwind information) is in the last line.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Crates below this share one line.
const SMALL_BYTES: u64 = 20_000;

/// Prints the table, the dearest crate first.
pub(super) fn print(library: &Path) {
    let nm = Command::new("nm").args(["--print-size", "--defined-only"]).arg(library).output();
    let Ok(output) = nm else { return };
    let sizes = by_crate(&String::from_utf8_lossy(&output.stdout));
    let mut rows: Vec<(&String, &u64)> = sizes.iter().collect();
    rows.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let (large, small): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, bytes)| **bytes >= SMALL_BYTES);
    println!("bytes with a symbol, by crate:");
    for (name, bytes) in &large {
        println!("{bytes:>10}  {name}");
    }
    println!("{:>10}  {} smaller ones", small.iter().map(|(_, bytes)| **bytes).sum::<u64>(), small.len());
    println!("{:>10}  all of them", sizes.values().sum::<u64>());
}

fn by_crate(nm: &str) -> BTreeMap<String, u64> {
    let mut sizes = BTreeMap::new();
    for line in nm.lines() {
        let mut words = line.split_whitespace();
        let (Some(_), Some(size), Some(kind), Some(name)) = (words.next(), words.next(), words.next(), words.next())
        else {
            continue;
        };
        // Zeroed memory takes no room in the file.
        if let (Ok(bytes), false) = (u64::from_str_radix(size, 16), matches!(kind, "b" | "B")) {
            *sizes.entry(crate_of(name)).or_default() += bytes;
        }
    }
    sizes
}

/// The crate in a mangled name, or the C library whose names begin so.
fn crate_of(symbol: &str) -> String {
    let symbol = symbol.trim_start_matches('_');
    let rust = if symbol.starts_with('R') { v0(symbol) } else { symbol.strip_prefix("ZN").and_then(legacy) };
    if let Some(name) = rust {
        return name;
    }
    let prefixes = [
        ("ring_core_", "ring (C and assembler)"),
        ("sqlite3", "SQLite (C)"),
        ("uniffi_", "ispeed (exported functions)"),
        ("ffi_", "ispeed (exported functions)"),
        ("UNIFFI", "ispeed (metadata of the generator)"),
    ];
    let known = prefixes.iter().find(|(prefix, _)| symbol.starts_with(prefix)).map(|(_, name)| *name);
    known.unwrap_or("other C (SQLite's static functions, the C library's)").to_owned()
}

/// `Cs<base 62>_<length><name>`: the first crate root of a v0 name (RFC 2603).
fn v0(symbol: &str) -> Option<String> {
    let mut rest = symbol;
    while let Some(at) = rest.find('C') {
        rest = &rest[at + 1..];
        let tail = match rest.strip_prefix('s') {
            Some(tail) => tail.split_once('_').filter(|(hash, _)| hash.bytes().all(|b| b.is_ascii_alphanumeric()))?.1,
            None => rest,
        };
        if let Some(name) = counted(tail) {
            return Some(name.to_owned());
        }
    }
    None
}

/// The first path of a legacy name; that of a trait implementation is looked for inside `<…>`.
fn legacy(rest: &str) -> Option<String> {
    let first = counted(rest)?;
    let inner = first.trim_start_matches("_$LT$").trim_start_matches("$LT$");
    let inner = inner.trim_start_matches("impl$u20$").trim_start_matches("$RF$").trim_start_matches("mut$u20$");
    let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len());
    (end > 0).then(|| inner[..end].to_owned())
}

/// `<length><name>`.
fn counted(text: &str) -> Option<&str> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let length: usize = text.get(..digits)?.parse().ok()?;
    let name = text.get(digits..)?;
    // v0 sets a `_` before names that begin with a digit or `_`.
    let name = name.strip_prefix('_').filter(|_| name.len() > length).unwrap_or(name);
    name.get(..length).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_both_manglings_and_of_c_find_their_crate() {
        for (symbol, name) in [
            ("_RNvNtCs1234_7mycrate3foo3bar", "mycrate"),
            ("_RINvNtCsgZ2o_4core3ptr13drop_in_placeNtCs1_5tokio3XEB4_", "core"),
            ("_ZN5tokio7runtime4task17h0123456789abcdefE", "tokio"),
            ("_ZN56_$LT$rustls..error..Error$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE", "rustls"),
            ("sqlite3_prepare_v2", "SQLite (C)"),
            ("ring_core_0_17_14__x25519_fe_mul", "ring (C and assembler)"),
            ("memcpy_thing", "other C (SQLite's static functions, the C library's)"),
        ] {
            assert_eq!(crate_of(symbol), name, "{symbol}");
        }
    }

    #[test]
    fn zeroed_memory_is_not_counted_and_the_rest_adds_up() {
        let nm = "0000 0000000000000010 t _ZN5tokio1aE\n0000 0000000000000020 T _ZN5tokio1bE\n0000 0000000000000100 b _ZN5tokio1cE\n0000 U x";
        assert_eq!(by_crate(nm), BTreeMap::from([("tokio".to_owned(), 0x30)]));
    }
}
