//! A number of bytes that several flows draw from together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes left; clones share them.
#[derive(Clone, Debug)]
pub struct Budget(Arc<AtomicU64>);

impl Budget {
    /// A budget of `bytes`.
    pub fn new(bytes: u64) -> Self {
        Self(Arc::new(AtomicU64::new(bytes)))
    }

    /// Takes up to `bytes`; how many were granted, 0 when nothing is left.
    pub fn take(&self, bytes: u64) -> u64 {
        let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(bytes)));
        // The closure never refuses, so both arms hold the value before.
        left.unwrap_or_else(|left| left).min(bytes)
    }

    /// As [`Budget::take`] for lengths.
    pub(crate) fn take_len(&self, bytes: usize) -> usize {
        // What is granted is never more than what was asked for, so it fits.
        usize::try_from(self.take(bytes as u64)).unwrap_or(bytes)
    }

    /// Gives back what was taken and not used.
    pub fn give_back(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes left.
    pub fn left(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_never_get_more_than_there_is() {
        let budget = Budget::new(1_000_000);
        let taken: u64 = std::thread::scope(|scope| {
            let workers: Vec<_> = (1..=4)
                .map(|size| {
                    let budget = budget.clone();
                    scope.spawn(move || (0..200_000).map(|_| budget.take(size * 3)).sum::<u64>())
                })
                .collect();
            workers.into_iter().map(|w| w.join().unwrap()).sum()
        });
        assert_eq!(taken, 1_000_000);
        assert_eq!(budget.take(1), 0);
        budget.give_back(5);
        assert_eq!(budget.take(9), 5);
    }
}
