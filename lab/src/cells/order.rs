//! The order cells run in, and parts of it.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::Cell;
use crate::emulator::rng::Rng;

/// FNV-1a: a fixed hash, so that the order and the parts are the same on every machine and in every version.
pub fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Puts cells in an order in which every tenth of the list has a tenth of each kind and rate, so that an interrupted session
/// has covered all of them; within kind and rate the order has nothing to do with what the cells are.
pub fn interleave(cells: &mut Vec<Cell>) {
    let mut strata: BTreeMap<(&str, u64), Vec<Cell>> = BTreeMap::new();
    for cell in cells.drain(..) {
        strata.entry((cell.group.name(), (cell.down_mbit * 1e3) as u64)).or_default().push(cell);
    }
    let mut placed: Vec<(f64, Cell)> = Vec::new();
    for ((group, rate), mut stratum) in strata {
        stratum.sort_by_key(|cell| mixed(&cell.name));
        let (count, shift) = (stratum.len() as f64, Rng::new(hash(group) ^ rate).uniform());
        placed.extend(stratum.into_iter().enumerate().map(|(i, cell)| ((i as f64 + shift) / count, cell)));
    }
    placed.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.name.cmp(&b.1.name)));
    cells.extend(placed.into_iter().map(|(_, cell)| cell));
}

/// FNV-1a alone keeps names with one ending together.
fn mixed(name: &str) -> u64 {
    Rng::new(hash(name)).next_u64()
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
