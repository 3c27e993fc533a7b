//! What a part did, and how it is read from the words of `cargo test`.

use std::collections::BTreeSet;

/// What a part did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) skipped: u32,
    /// Names of what failed, or why something was skipped.
    pub(crate) why: String,
    /// The command that would cure it, where it is not the part's own.
    pub(crate) cure: Option<String>,
}

impl Counts {
    /// A part that could not run here.
    pub(crate) fn skipped(why: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { skipped: 1, why: why.into(), cure: Some(cure.into()), ..Self::default() }
    }

    /// A part that is one command.
    pub(crate) fn of_one(ok: bool, why: impl Into<String>, cure: impl Into<String>) -> Self {
        if ok {
            Self { passed: 1, ..Self::default() }
        } else {
            Self { failed: 1, why: why.into(), cure: Some(cure.into()), ..Self::default() }
        }
    }

    /// Takes in what another command of the same part did.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        let why: Vec<&str> =
            [&self.why, &other.why].into_iter().map(String::as_str).filter(|why| !why.is_empty()).collect();
        self.why = why.join("; ");
        self.cure = self.cure.take().or(other.cure);
    }

    /// Ends what was read of another runner's words: one that ran no test, or failed without naming one, has failed itself.
    pub(crate) fn ended(mut self, finished_well: bool, mut failing: Vec<String>, runner: &str, how: &str) -> Self {
        if self.failed == 0 && (!finished_well || self.passed == 0) {
            self.failed = 1;
            failing.push(format!("{runner} ended without a result ({how}): see above"));
        }
        self.why = failing.join(", ");
        self
    }

    /// A part that is a list of named checks.
    pub(crate) fn of_checks(checks: &[(String, Result<(), String>)]) -> Self {
        let failed: Vec<String> =
            checks.iter().filter_map(|(name, result)| Some(format!("{name}: {}", result.as_ref().err()?))).collect();
        Self {
            passed: count(checks.len() - failed.len()),
            failed: count(failed.len()),
            why: failed.join("; "),
            ..Self::default()
        }
    }

    /// Reads what `cargo test` printed. `parts` are those of this run: a test that is ignored here because one of them runs
    /// it (`#[ignore = "…: cargo xtask netns"]`) is not skipped, nor is one that checks nothing: it `prints` a figure, or it
    /// is `the child of` another test.
    pub(crate) fn of_tests(lines: &[String], finished_well: bool, parts: &[&str]) -> Self {
        let mut counts = Self::default();
        let (mut failing, mut unrun) = (BTreeSet::new(), Vec::new());
        let mut in_failures = false;
        for line in lines {
            // With --nocapture a test's own output stands between its name and its result, so that only the list at the
            // end names it.
            in_failures = line == "failures:" || (in_failures && !line.starts_with("test result"));
            if let Some(result) = line.split_once("test result: ").map(|(_, result)| result) {
                counts.passed += before(result, " passed");
                counts.failed += before(result, " failed");
            } else if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
                failing.insert(name);
            } else if let Some(name) = line.strip_prefix("    ").filter(|name| in_failures && is_path(name)) {
                failing.insert(name);
            } else if let Some((name, why)) = ignored(line) {
                let elsewhere = parts.iter().any(|part| why.ends_with(&format!("cargo xtask {part}")));
                let no_check = why.starts_with("prints ") || why.starts_with("the child of ");
                if !elsewhere && !no_check {
                    unrun.push(format!("{name} ({why})"));
                }
            }
        }
        counts.skipped = count(unrun.len());
        let mut why = Vec::new();
        if !failing.is_empty() {
            why.push(format!("failed: {}", failing.into_iter().collect::<Vec<_>>().join(", ")));
        }
        if !finished_well && counts.failed == 0 {
            // A compile error or a test program that died says no result.
            counts.failed = 1;
            why.push("ended without a result: see above".to_owned());
        }
        if !unrun.is_empty() {
            why.push(format!("ignored: {}", unrun.join(", ")));
        }
        counts.why = why.join("; ");
        counts
    }
}

fn is_path(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The number before `word` in `ok. 27 passed; 0 failed; …`.
fn before(text: &str, word: &str) -> u32 {
    text.split_once(word).and_then(|(head, _)| head.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

/// Name and reason of `test a::b ... ignored, needs root`. Doc tests marked `ignore` or `no_run` are examples, not tests.
fn ignored(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix("test ")?.split_once(" ... ignored")?;
    if name.contains(" - ") {
        return None;
    }
    Some((name, rest.strip_prefix(", ").unwrap_or("no reason given")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    const OUTPUT: &str = "\
running 6 tests
test a::good ... ok
test a::bad ... FAILED
test far ... ignored, needs root: cargo xtask netns
test lost ... ignored
test table ... ignored, prints tables
test child ... ignored, the child of the kill tests
test src/lib.rs - name (line 3) ... ignored
test result: FAILED. 1 passed; 1 failed; 4 ignored; 0 measured; 0 filtered out; finished in 0.01s
test result: ok. 27 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 1.01s";

    #[test]
    fn results_add_up_and_failures_are_named() {
        let counts = Counts::of_tests(&lines(OUTPUT), false, &["unit", "netns"]);
        assert_eq!((counts.passed, counts.failed, counts.skipped), (28, 1, 1));
        assert_eq!(counts.why, "failed: a::bad; ignored: lost (no reason given)");
    }

    #[test]
    fn with_nocapture_the_list_at_the_end_names_the_failures() {
        let output = "test a::shown ... 12 Mbit/s\n\nthread panicked:\n    left: 1\nFAILED\n\nfailures:\n\nfailures:\n    a::shown\n\n\
                      test result: FAILED. 0 passed; 1 failed; 0 ignored;\n    not::a_test";
        assert_eq!(Counts::of_tests(&lines(output), false, &[]).why, "failed: a::shown");
    }

    #[test]
    fn an_ignored_test_that_no_part_of_this_run_runs_is_skipped() {
        assert_eq!(Counts::of_tests(&lines(OUTPUT), false, &["unit"]).skipped, 2);
    }

    #[test]
    fn a_program_that_died_is_a_failure() {
        assert_eq!(Counts::of_tests(&[], false, &[]).failed, 1);
        assert_eq!(Counts::of_tests(&[], true, &[]), Counts::default());
    }

    #[test]
    fn output_of_a_test_before_its_result_is_no_hindrance() {
        let counts = Counts::of_tests(&lines("40.1 Mbit/s test result: ok. 3 passed; 0 failed;"), true, &[]);
        assert_eq!(counts.passed, 3);
    }
}
