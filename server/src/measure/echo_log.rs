//! What the echo saw of a run.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ispeed_protocol::control::EchoTrain;
use ispeed_wire::Budget;

use crate::limits;

/// The echo's side of a run: its key, what arrived, how much may still.
#[derive(Debug)]
pub(super) struct EchoSession {
    id: u64,
    key: [u8; 32],
    /// The run's own: what the echo moves is part of what the token allows.
    down: Budget,
    up: Budget,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    packets: u32,
    trains: BTreeMap<u16, Ranges>,
}

impl EchoSession {
    pub(super) fn new(id: u64, key: [u8; 32], down: Budget, up: Budget) -> Self {
        Self { id, key, down, up, log: Mutex::default() }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// Counts a request of `bytes`; whether it may be answered by as many. Only UDP is logged, for only UDP loses
    /// packets.
    pub(super) fn take(&self, train: u16, sequence: u32, bytes: usize, log_it: bool) -> bool {
        let bytes = bytes as u64;
        let mut log = self.log();
        if log.packets >= limits::ECHO_PACKETS_MAX || self.up.take(bytes) < bytes || self.down.take(bytes) < bytes {
            return false;
        }
        log.packets += 1;
        if log_it && (log.trains.contains_key(&train) || log.trains.len() < limits::ECHO_TRAINS_MAX) {
            log.trains.entry(train).or_default().insert(sequence);
        }
        true
    }

    /// The log for the client.
    pub(super) fn trains(&self) -> Vec<EchoTrain> {
        let log = self.log();
        log.trains.iter().map(|(train, ranges)| EchoTrain { train: *train, received: ranges.0.clone() }).collect()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Inclusive ranges, ascending, with gaps between them.
#[derive(Debug, Default)]
struct Ranges(Vec<[u32; 2]>);

impl Ranges {
    fn insert(&mut self, n: u32) {
        let ranges = &mut self.0;
        // The first range that does not end before n.
        let at = ranges.partition_point(|[_, end]| *end < n);
        if ranges.get(at).is_some_and(|[start, _]| *start <= n) {
            return;
        }
        let joins_before = at > 0 && ranges[at - 1][1].checked_add(1) == Some(n);
        let joins_after = ranges.get(at).is_some_and(|[start, _]| n.checked_add(1) == Some(*start));
        match (joins_before, joins_after) {
            (true, true) => {
                ranges[at - 1][1] = ranges[at][1];
                ranges.remove(at);
            }
            (true, false) => ranges[at - 1][1] = n,
            (false, true) => ranges[at][0] = n,
            (false, false) if ranges.len() < limits::ECHO_RANGES_MAX => ranges.insert(at, [n, n]),
            (false, false) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_are_the_set_of_what_arrived(numbers in proptest::collection::vec(0u32..200, 0..300)) {
            let mut ranges = Ranges::default();
            numbers.iter().for_each(|n| ranges.insert(*n));
            let listed: Vec<u32> = ranges.0.iter().flat_map(|[start, end]| *start..=*end).collect();
            let set: Vec<u32> = numbers.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
            prop_assert_eq!(listed, set);
            prop_assert!(ranges.0.windows(2).all(|w| w[0][1] + 1 < w[1][0]), "{:?}", ranges);
        }
    }

    #[test]
    fn the_ends_of_the_numbers_and_the_bounds() {
        let mut ranges = Ranges::default();
        [u32::MAX, 0, u32::MAX - 1, 1].into_iter().for_each(|n| ranges.insert(n));
        assert_eq!(ranges.0, [[0, 1], [u32::MAX - 1, u32::MAX]]);
        (0..5_000u32).for_each(|n| ranges.insert(n * 2 + 10));
        assert_eq!(ranges.0.len(), limits::ECHO_RANGES_MAX);

        let plenty = || Budget::new(1 << 30);
        let session = EchoSession::new(1, [0; 32], plenty(), plenty());
        assert!((0..limits::ECHO_PACKETS_MAX).all(|n| session.take((n % 40) as u16, n, 172, true)));
        assert!(!session.take(0, 0, 172, true));
        assert_eq!(session.trains().len(), limits::ECHO_TRAINS_MAX);

        let poor = EchoSession::new(1, [0; 32], Budget::new(200), plenty());
        assert!(poor.take(0, 0, 172, true), "within the budget");
        assert!(!poor.take(0, 1, 172, true), "beyond it");
    }
}
