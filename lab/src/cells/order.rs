//! The order cells run in, and parts of it.

use std::str::FromStr;

use super::Cell;

/// FNV-1a: a fixed hash, so that the order and the parts are the same on every machine and in every version.
pub fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Puts cells in an order that has nothing to do with what they are, so that an interrupted session has covered all kinds.
pub fn interleave(cells: &mut [Cell]) {
    // FNV-1a alone keeps names with one ending together.
    let mixed = |cell: &Cell| crate::emulator::rng::Rng::new(hash(&cell.name)).next_u64();
    cells.sort_by_key(mixed);
}

/// Part `k` of `n`: every n-th run of the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    k: usize,
    n: usize,
}

impl Part {
    /// The whole list.
    pub const ALL: Self = Self { k: 1, n: 1 };

    /// Whether the run at `index` of the list belongs to it.
    pub fn has(self, index: usize) -> bool {
        index % self.n == self.k - 1
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
        match numbers {
            Some((k, n)) if (1..=n).contains(&k) => Ok(Self { k, n }),
            _ => Err(format!("part is {text:?}; expected K/N with 1 ≤ K ≤ N, such as 2/3")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::{full, list::CONGESTION_CONTROLS};

    #[test]
    fn parts_are_the_whole_list_once() {
        let parts: Vec<Part> = ["1/3", "2/3", "3/3"].iter().map(|p| p.parse().unwrap()).collect();
        assert!((0..100).all(|i| parts.iter().filter(|p| p.has(i)).count() == 1));
        assert!((0..100).all(|i| Part::ALL.has(i)));
        for wrong in ["0/3", "4/3", "1/0", "1", "a/b", ""] {
            assert!(wrong.parse::<Part>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_first_tenth_has_all_rates_and_congestion_controls() {
        let mut cells = full();
        interleave(&mut cells);
        let tenth = &cells[..cells.len() / 10];
        for cc in CONGESTION_CONTROLS {
            assert!(tenth.iter().any(|c| c.is_grid() && c.client_cc == cc), "{cc}");
        }
        for mbit in crate::cells::list::RATES_MBIT {
            assert!(tenth.iter().any(|c| c.is_grid() && c.down_mbit == mbit), "{mbit}");
        }
        assert!(tenth.iter().any(|c| !c.is_grid()));
        let mut again = full();
        again.reverse();
        interleave(&mut again);
        assert_eq!(again, cells, "the order depends on names only");
    }
}
