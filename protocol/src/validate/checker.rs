//! Collects what is wrong.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::{ERRORS_MAX, EXCERPT_MAX_CHARS};
use crate::problem::FieldError;

/// Collects what is wrong, up to [`ERRORS_MAX`].
#[derive(Default)]
pub(super) struct Checker {
    errors: Vec<FieldError>,
}

impl Checker {
    /// Notes `value` at `pointer` unless `holds`.
    pub(super) fn require(&mut self, holds: bool, pointer: &str, value: impl Display, expected: &str) {
        if !holds && self.errors.len() < ERRORS_MAX {
            let value = excerpt(&value.to_string());
            self.errors.push(FieldError { pointer: pointer.to_owned(), value, expected: expected.to_owned() });
        }
    }

    /// A finite number within `range`; absent is fine.
    pub(super) fn number(&mut self, pointer: &str, value: Option<f64>, range: RangeInclusive<f64>) {
        let Some(value) = value else { return };
        if !range.contains(&value) {
            let expected = format!("a finite number from {} to {}", range.start(), range.end());
            self.require(false, pointer, value, &expected);
        }
    }

    /// An integer within `range`.
    pub(super) fn integer(&mut self, pointer: &str, value: u64, range: RangeInclusive<u64>) {
        if !range.contains(&value) {
            let expected = format!("an integer from {} to {}", range.start(), range.end());
            self.require(false, pointer, value, &expected);
        }
    }

    /// An ordered interval inside `range` that holds its estimate.
    pub(super) fn interval(
        &mut self,
        pointer: &str,
        interval: Option<[f64; 2]>,
        estimate: Option<f64>,
        range: RangeInclusive<f64>,
    ) {
        let Some([lo, hi]) = interval else { return };
        let shown = format!("[{lo}, {hi}]");
        let within = range.contains(&lo) && range.contains(&hi) && lo <= hi;
        let expected = format!("[low, high], ordered, from {} to {}", range.start(), range.end());
        self.require(within, pointer, &shown, &expected);
        let Some(estimate) = estimate else {
            self.require(false, pointer, &shown, "null, since there is no estimate it could be of");
            return;
        };
        // Ends and estimate are rounded apart when they are written.
        let slack = 1e-6 * estimate.abs().max(1e-3);
        let holds = lo - slack <= estimate && estimate <= hi + slack;
        self.require(!within || holds, pointer, &shown, &format!("an interval that holds the estimate {estimate}"));
    }

    /// Printable text of 1 to `max` characters; absent is fine.
    pub(super) fn text(&mut self, pointer: &str, value: Option<&str>, max: usize) {
        let Some(value) = value else { return };
        let fits = !value.is_empty() && value.chars().count() <= max && !value.chars().any(char::is_control);
        if !fits {
            let expected = format!("text of 1 to {max} characters without control characters");
            self.require(false, pointer, format!("{value:?}"), &expected);
        }
    }

    /// A code: 1 to `max` of `a-z`, `0-9` and the characters of `more`; absent is fine.
    pub(super) fn code(&mut self, pointer: &str, value: Option<&str>, max: usize, more: &str) {
        let Some(value) = value else { return };
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || more.contains(c);
        if value.is_empty() || value.len() > max || !value.chars().all(allowed) {
            let expected = format!("1 to {max} characters of a-z, 0-9 and {more:?}");
            self.require(false, pointer, format!("{value:?}"), &expected);
        }
    }

    pub(super) fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }
}

/// The first characters of a value.
pub(super) fn excerpt(value: &str) -> String {
    match value.char_indices().nth(EXCERPT_MAX_CHARS) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}
