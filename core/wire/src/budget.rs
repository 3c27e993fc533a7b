//! A number of bytes that several flows draw from together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Bytes left; clones share them.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    left: AtomicU64,
    /// Flows that hold bytes they may give back.
    borrowers: AtomicUsize,
}

/// Bytes that were taken for a read that may need fewer; what it does not use goes back.
#[derive(Debug)]
pub(crate) struct Loan<'a> {
    budget: &'a Budget,
    bytes: usize,
}

impl Loan<'_> {
    /// Bytes granted; 0 when nothing is left.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether others hold bytes that may come back: nothing granted is not yet the end.
    pub(crate) fn others_borrow(&self) -> bool {
        self.budget.0.borrowers.load(Ordering::SeqCst) > 1
    }

    /// Ends the loan; `used` of its bytes are spent.
    pub(crate) fn settle(mut self, used: usize) {
        self.bytes = self.bytes.saturating_sub(used);
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes as u64);
        self.budget.0.borrowers.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Budget {
    /// A budget of `bytes`.
    pub fn new(bytes: u64) -> Self {
        Self(Arc::new(Shared { left: AtomicU64::new(bytes), borrowers: AtomicUsize::new(0) }))
    }

    /// Takes up to `bytes`; how many were granted, 0 when nothing is left.
    pub fn take(&self, bytes: u64) -> u64 {
        let less = |left: u64| Some(left.saturating_sub(bytes));
        let left = self.0.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        // The closure never refuses, so both arms hold the value before.
        left.unwrap_or_else(|left| left).min(bytes)
    }

    /// As [`Budget::take`] for lengths.
    pub(crate) fn take_len(&self, bytes: usize) -> usize {
        // What is granted is never more than what was asked for, so it fits.
        usize::try_from(self.take(bytes as u64)).unwrap_or(bytes)
    }

    /// Takes up to `bytes` until it is known how many are needed.
    pub(crate) fn borrow(&self, bytes: usize) -> Loan<'_> {
        // First the borrower, then the bytes: who sees none left then sees who has them.
        self.0.borrowers.fetch_add(1, Ordering::SeqCst);
        Loan { budget: self, bytes: self.take_len(bytes) }
    }

    /// Gives back what was taken and not used.
    pub fn give_back(&self, bytes: u64) {
        self.0.left.fetch_add(bytes, Ordering::SeqCst);
    }

    /// Bytes left.
    pub fn left(&self) -> u64 {
        self.0.left.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_holds_may_come_back() {
        let budget = Budget::new(100);
        let first = budget.borrow(256);
        let second = budget.borrow(256);
        assert_eq!((first.bytes(), second.bytes()), (100, 0));
        assert!(second.others_borrow(), "the first may need fewer");
        drop(second);
        first.settle(40);
        assert_eq!(budget.left(), 60);
        let last = budget.borrow(60);
        last.settle(60);
        let none = budget.borrow(1);
        assert!(none.bytes() == 0 && !none.others_borrow());
    }

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
