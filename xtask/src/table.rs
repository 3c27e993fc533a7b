//! The table at the end.

use std::time::Duration;

use crate::counts::Counts;

/// One part in the table.
pub(crate) struct Row {
    pub(crate) part: &'static str,
    pub(crate) counts: Counts,
    pub(crate) cure: String,
    pub(crate) elapsed: Duration,
}

impl Row {
    /// `clippy: 1 passed, 0 failed, 0 skipped in 0:31`.
    pub(crate) fn line(&self) -> String {
        let Counts { passed, failed, skipped, .. } = self.counts;
        format!("{}: {passed} passed, {failed} failed, {skipped} skipped in {}", self.part, clock(self.elapsed))
    }
}

/// The table, and below it the sums in one line.
pub(crate) fn render(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.part.len()).max().unwrap_or(0).max(4);
    let mut text = format!("\n{:<width$}  passed  failed  skipped    time  why\n", "part");
    for row in rows {
        let Counts { passed, failed, skipped, why, .. } = &row.counts;
        let time = clock(row.elapsed);
        let line = format!("{:<width$}  {passed:>6}  {failed:>6}  {skipped:>7}  {time:>6}  {why}", row.part);
        text.push_str(line.trim_end());
        text.push('\n');
        if !row.cure.is_empty() {
            text.push_str(&format!("{:<width$}  cure: {}\n", "", row.cure));
        }
    }
    let sum = |of: fn(&Counts) -> u32| rows.iter().map(|row| of(&row.counts)).sum::<u32>();
    let (passed, failed, skipped) = (sum(|c| c.passed), sum(|c| c.failed), sum(|c| c.skipped));
    text.push_str(&format!("\n{passed} passed, {failed} failed, {skipped} skipped\n"));
    text
}

fn clock(elapsed: Duration) -> String {
    format!("{}:{:02}", elapsed.as_secs() / 60, elapsed.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_sums_up() {
        let row = |part, passed, failed, why: &str, cure: &str| Row {
            part,
            counts: Counts { passed, failed, why: why.into(), ..Counts::default() },
            cure: cure.into(),
            elapsed: Duration::from_secs(61),
        };
        let text = render(&[row("fmt", 1, 0, "", ""), row("unit", 30, 2, "failed: a", "cargo xtask unit")]);
        assert_eq!(text.lines().last(), Some("31 passed, 2 failed, 0 skipped"));
        assert!(text.contains("unit      30       2        0    1:01  failed: a\n"), "{text}");
        assert!(text.contains("cure: cargo xtask unit"));
    }
}
