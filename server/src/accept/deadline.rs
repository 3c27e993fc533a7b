//! The latest end of the answer under way on a connection.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

/// Shared between a connection and the answer it sends: a body cannot end itself while its peer takes next to nothing,
/// because then nobody asks it for more.
#[derive(Clone, Debug, Default)]
pub(crate) struct AnswerDeadline(Arc<Mutex<Option<Instant>>>);

impl AnswerDeadline {
    /// The connection is cut at `at` unless [`AnswerDeadline::clear`] comes first.
    pub(crate) fn set(&self, at: Instant) {
        self.replace(Some(at));
    }

    /// The answer is complete.
    pub(crate) fn clear(&self) {
        self.replace(None);
    }

    pub(super) fn has_passed(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|at| at <= Instant::now())
    }

    fn replace(&self, with: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = with;
    }
}
