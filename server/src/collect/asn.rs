//! Autonomous systems by address, from a table `prefix<TAB>asn`.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use thiserror::Error;

/// A line of the table that is none.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("AS table, line {line}: {text:?}; expected prefix, tab, number, such as 27.64.0.0/12<TAB>7552")]
pub struct AsTableError {
    /// From 1.
    pub line: usize,
    /// The line.
    pub text: String,
}

/// Prefixes and their autonomous systems; the longest prefix answers.
#[derive(Debug, Default)]
pub struct AsTable {
    /// By length, then by the leading bits.
    v4: BTreeMap<u8, HashMap<u128, u32>>,
    v6: BTreeMap<u8, HashMap<u128, u32>>,
}

impl AsTable {
    /// Reads the table; empty lines and lines that begin with `#` are skipped.
    pub fn parse(text: &str) -> Result<Self, AsTableError> {
        let mut table = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            table.add(line).ok_or_else(|| AsTableError { line: index + 1, text: line.chars().take(80).collect() })?;
        }
        Ok(table)
    }

    fn add(&mut self, line: &str) -> Option<()> {
        let (prefix, asn) = line.split_once('\t')?;
        let asn = asn.trim().trim_start_matches("AS").parse().ok()?;
        let (address, length) = prefix.trim().split_once('/')?;
        let (address, length): (IpAddr, u8) = (address.parse().ok()?, length.parse().ok()?);
        let (bits, width) = bits(address);
        let leading = leading(bits, width, length)?;
        let by_length = if width == 32 { &mut self.v4 } else { &mut self.v6 };
        by_length.entry(length).or_default().insert(leading, asn);
        Some(())
    }

    /// The autonomous system of an address, if the table knows it.
    pub fn find(&self, address: IpAddr) -> Option<u32> {
        let (bits, width) = bits(address.to_canonical());
        let by_length = if width == 32 { &self.v4 } else { &self.v6 };
        by_length.iter().rev().find_map(|(length, prefixes)| prefixes.get(&leading(bits, width, *length)?).copied())
    }
}

fn bits(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    }
}

/// The first `length` bits of `width`.
fn leading(bits: u128, width: u8, length: u8) -> Option<u128> {
    let drop = width.checked_sub(length)?;
    Some(bits.checked_shr(u32::from(drop)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_answers() {
        let table = AsTable::parse(
            "# made up\n27.64.0.0/12\t7552\n27.64.1.0/24\tAS45899\n2402:800::/32\t7552\n0.0.0.0/0\t1\n::/0\t2\n",
        )
        .unwrap();
        let find = |text: &str| table.find(text.parse().unwrap());
        assert_eq!(find("27.64.1.9"), Some(45899));
        assert_eq!(find("27.79.1.9"), Some(7552));
        assert_eq!(find("::ffff:27.79.1.9"), Some(7552));
        assert_eq!(find("28.0.0.1"), Some(1));
        assert_eq!(find("2402:800:1::1"), Some(7552));
        assert_eq!(find("2403::1"), Some(2));
        assert_eq!(AsTable::default().find("28.0.0.1".parse().unwrap()), None);
    }

    #[test]
    fn a_wrong_line_is_named() {
        for wrong in ["27.64.0.0/33\t1", "27.64.0.0\t1", "a/8\t1", "27.64.0.0/8 1", "27.64.0.0/8\tx"] {
            let error = AsTable::parse(&format!("# x\n{wrong}")).unwrap_err();
            assert_eq!((error.line, error.text.as_str()), (2, wrong));
        }
    }
}
