//! Numbers for devices and cells, and counting distinct ones.

use std::collections::HashMap;
use std::hash::Hash;

use super::row::NONE;

/// Gives each key the next small number. The table's own order is never used.
#[derive(Debug)]
pub(crate) struct Interner<K> {
    numbers: HashMap<K, u32>,
    next: u32,
}

impl<K: Eq + Hash> Interner<K> {
    pub(crate) fn new() -> Self {
        Self { numbers: HashMap::new(), next: 0 }
    }

    /// `None` when the numbers are used up.
    pub(crate) fn number(&mut self, key: K) -> Option<u32> {
        if let Some(number) = self.numbers.get(&key) {
            return Some(*number);
        }
        let number = self.fresh()?;
        self.numbers.insert(key, number);
        Some(number)
    }

    /// A number of no key.
    pub(crate) fn fresh(&mut self) -> Option<u32> {
        let number = self.next;
        self.next = self.next.checked_add(1).filter(|next| *next < NONE)?;
        Some(number)
    }
}

/// A device id: monthly ids are 32 hex digits, numbers of a public set are anything.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum DeviceKey {
    /// In halves: a whole one is aligned to 16 bytes, and a table of a nation's devices grows by half.
    Hex([u64; 2]),
    Text(Box<str>),
}

impl DeviceKey {
    pub(crate) fn of(id: &str) -> Self {
        let plain = id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        match u128::from_str_radix(id, 16) {
            Ok(number) if plain => Self::Hex([(number >> 64) as u64, number as u64]),
            _ => Self::Text(id.into()),
        }
    }
}

/// Counts how often each number was seen.
#[derive(Debug, Default)]
pub(crate) struct Distinct {
    seen: Vec<(u32, u32)>,
    round: u32,
    distinct: u64,
    most: u32,
}

impl Distinct {
    pub(crate) fn begin(&mut self) {
        self.round = self.round.wrapping_add(1);
        (self.distinct, self.most) = (0, 0);
    }

    /// [`NONE`] is no number.
    pub(crate) fn add(&mut self, number: u32) {
        if number == NONE {
            return;
        }
        let at = number as usize;
        if at >= self.seen.len() {
            self.seen.resize(at + 1, (self.round.wrapping_sub(1), 0));
        }
        let (round, times) = &mut self.seen[at];
        if *round != self.round {
            (*round, *times) = (self.round, 0);
            self.distinct += 1;
        }
        *times += 1;
        self.most = self.most.max(*times);
    }

    /// The number's place among the distinct ones so far, in the order in which they came; of a round without
    /// [`Self::add`].
    pub(crate) fn place(&mut self, number: u32) -> u32 {
        let at = number as usize;
        if at >= self.seen.len() {
            self.seen.resize(at + 1, (self.round.wrapping_sub(1), 0));
        }
        let (round, place) = &mut self.seen[at];
        if *round != self.round {
            (*round, *place) = (self.round, self.distinct as u32);
            self.distinct += 1;
        }
        *place
    }

    /// How often the number seen most was seen.
    pub(crate) fn most(&self) -> u64 {
        u64::from(self.most)
    }

    /// Distinct numbers of an iterator.
    pub(crate) fn of(&mut self, numbers: impl Iterator<Item = u32>) -> u64 {
        self.begin();
        numbers.for_each(|number| self.add(number));
        self.distinct
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_numbers_and_the_busiest() {
        let mut distinct = Distinct::default();
        assert_eq!(distinct.of([3, 9, 3, NONE, 0, 3].into_iter()), 3);
        assert_eq!(distinct.most(), 3);
        assert_eq!(distinct.of([9].into_iter()), 1);
        assert_eq!((distinct.of(std::iter::empty()), distinct.most()), (0, 0));
    }

    #[test]
    fn device_ids_are_told_apart() {
        let mut devices = Interner::new();
        let ids = [
            "00000000000000000000000000000001",
            "1",
            "0000000000000000000000000000000A",
            "+0000000000000000000000000000001",
        ];
        let numbers: Vec<_> = ids.iter().map(|id| devices.number(DeviceKey::of(id)).unwrap()).collect();
        assert_eq!(numbers, [0, 1, 2, 3]);
        assert_eq!(devices.number(DeviceKey::of(ids[0])), Some(0));
    }
}
