//! Tests under way: how many connections a token opens, at once and in all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;
use uuid::Uuid;

use super::limits::{CONNECTIONS_AT_ONCE_MAX, CONNECTIONS_MAX, TOKENS_MAX};
use super::token::BadToken;

/// Why a token opens no connection now.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub(super) enum Refused {
    #[error(transparent)]
    Token(#[from] BadToken),
    #[error("token: {CONNECTIONS_AT_ONCE_MAX} connections open; expected no more at once")]
    AtOnce,
    #[error("token: {CONNECTIONS_MAX} connections opened; expected no more in a test")]
    InAll,
    #[error("token: {TOKENS_MAX} others in use; expected to be asked again in a minute")]
    Full,
}

/// The tests whose tokens have been used.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs(Arc<Mutex<HashMap<Uuid, Run>>>);

#[derive(Debug)]
struct Run {
    ends_s: u64,
    opened: u32,
    open: u32,
}

/// A connection of a test; it counts until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    runs: Runs,
    test: Uuid,
}

impl Runs {
    /// A connection of `test`, whose token ends at `ends_s`.
    pub(super) fn enter(&self, test: Uuid, ends_s: u64, now_s: u64) -> Result<Seat, Refused> {
        let mut runs = self.runs();
        if !runs.contains_key(&test) && runs.len() >= TOKENS_MAX {
            runs.retain(|_, run| run.open > 0 || run.ends_s >= now_s);
            if runs.len() >= TOKENS_MAX {
                return Err(Refused::Full);
            }
        }
        let run = runs.entry(test).or_insert(Run { ends_s, opened: 0, open: 0 });
        if run.open >= CONNECTIONS_AT_ONCE_MAX {
            return Err(Refused::AtOnce);
        }
        if run.opened >= CONNECTIONS_MAX {
            return Err(Refused::InAll);
        }
        run.open += 1;
        run.opened += 1;
        Ok(Seat { runs: self.clone(), test })
    }

    fn runs(&self) -> MutexGuard<'_, HashMap<Uuid, Run>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(run) = self.runs.runs().get_mut(&self.test) {
            run.open -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> Uuid {
        Uuid::from_u128(n as u128)
    }

    #[test]
    fn a_token_opens_so_many_connections_at_once_and_in_all() {
        let runs = Runs::default();
        let enter = || runs.enter(id(1), 100, 0);
        let held: Vec<_> = (0..CONNECTIONS_AT_ONCE_MAX).map(|_| enter().unwrap()).collect();
        assert_eq!(enter().unwrap_err(), Refused::AtOnce);
        drop(held);
        for _ in CONNECTIONS_AT_ONCE_MAX..CONNECTIONS_MAX {
            enter().unwrap();
        }
        assert_eq!(enter().unwrap_err(), Refused::InAll);
        assert!(runs.enter(id(2), 100, 0).is_ok(), "another test is another count");
    }

    #[test]
    fn tokens_are_forgotten_when_they_have_ended_and_nothing_is_open() {
        let runs = Runs::default();
        let held = runs.enter(id(0), 100, 0).unwrap();
        for n in 1..TOKENS_MAX {
            runs.enter(id(n), 100, 0).unwrap();
        }
        assert_eq!(runs.enter(id(TOKENS_MAX), 221, 100).unwrap_err(), Refused::Full);
        runs.enter(id(TOKENS_MAX), 221, 101).unwrap();
        assert_eq!(runs.runs().len(), 2, "the one that is open, and the new one");
        drop(held);
    }
}
