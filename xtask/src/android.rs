//! `cargo xtask android`: the Android app on a plain machine. Maven compiles the same sources and resources as Gradle does,
//! runs them under Robolectric with this machine's libispeed.so and a real server on loopback, and checks style and API level.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::build;
use crate::counts::Counts;
use crate::machine::Machine;
use crate::process::{self, Show};

/// Half a gigabyte of libraries on a slow line, then the tests.
const MAVEN_LIMIT: Duration = Duration::from_secs(20 * 60);

/// What Debian has to offer: the program or file that shows it is there, and the package.
const PROGRAMS: [(&str, &str); 3] = [("javac", "openjdk-17-jdk-headless"), ("mvn", "maven"), ("aapt2", "aapt")];
const FRAMEWORK: &str = "/usr/share/android-framework-res/framework-res.apk";

pub(crate) fn run(machine: &Machine, _: &[&str]) -> Counts {
    if !cfg!(target_os = "linux") {
        return Counts::skipped("aapt2 and its framework are Debian's", "the same on Linux: cargo xtask android");
    }
    for (program, package) in PROGRAMS {
        if let Err(why) = machine.ensure(program, package) {
            return Counts::skipped(why, format!("apt-get install {package}"));
        }
    }
    if let Err(why) = machine.ensure_file(Path::new(FRAMEWORK), "android-framework-res") {
        return Counts::skipped(why, "apt-get install android-framework-res");
    }
    let built = match build::debug(machine, &build::LIBRARY_AND_PROGRAM) {
        Ok(folder) => folder,
        Err(counts) => return counts,
    };
    let finished = process::run(&mut maven(machine, &built), MAVEN_LIMIT, Show::Yes);
    of_maven(&finished.lines, finished.ok, &finished.why())
}

fn maven(machine: &Machine, built: &Path) -> Command {
    let mut command = Command::new("mvn");
    command.args(["--batch-mode", "--no-transfer-progress", "--activate-profiles", "lint"]);
    command.arg("--file").arg(machine.root.join("android/jvm/pom.xml"));
    command.arg(format!("-Dcore.so.dir={}", built.display()));
    // Everything this part writes lies in the build folder.
    command.arg(format!("-Dbuild.dir={}", machine.target.join("android").display()));
    // A failing plain test must not hide what the others would say.
    command.args(["-Dmaven.test.failure.ignore=true", "test"]);
    command
}

/// Reads what Maven printed: each of the two runs of tests ends with `Tests run: 17, Failures: 0, Errors: 0, Skipped: 0`.
fn of_maven(lines: &[String], finished_well: bool, how: &str) -> Counts {
    let mut counts = Counts::default();
    let mut failing = Vec::new();
    for line in lines {
        let line = line.trim_start_matches("[INFO] ").trim_start_matches("[ERROR] ").trim_start_matches("[WARNING] ");
        if let Some(sums) = line.strip_prefix("Tests run: ").filter(|line| !line.contains("Time elapsed")) {
            let mut numbers = sums.split(", ").filter_map(|word| word.rsplit(' ').next()?.parse::<u32>().ok());
            let mut next = || numbers.next().unwrap_or(0);
            let (all, failures, errors, skipped) = (next(), next(), next(), next());
            counts.failed += failures + errors;
            counts.skipped += skipped;
            counts.passed += all.saturating_sub(failures + errors + skipped);
        } else if line.ends_with("<<< FAILURE!") || line.ends_with("<<< ERROR!") {
            failing.extend(line.split(" -- ").next().filter(|name| !name.starts_with("Tests run")).map(str::to_owned));
        }
    }
    let tried = counts.passed + counts.failed > 0;
    if !tried && !finished_well && lines.iter().any(|line| line.contains("Could not transfer artifact")) {
        return Counts::skipped(
            "Maven's default repository cannot be reached",
            "the same with a network: cargo xtask android",
        );
    }
    counts.ended(finished_well, failing, "Maven", how)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn both_runs_of_tests_are_counted_and_classes_are_not() {
        let printed = lines(
            "[INFO] Tests run: 7, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.2 s -- in vn.ispeed.app.A\n\
             [INFO] Tests run: 7, Failures: 0, Errors: 0, Skipped: 0\n\
             [ERROR] vn.ispeed.app.BRoboTest.tap -- Time elapsed: 1.2 s <<< FAILURE!\n\
             [ERROR] Tests run: 10, Failures: 1, Errors: 0, Skipped: 2",
        );
        let counts = of_maven(&printed, false, "exit code 1");
        assert_eq!((counts.passed, counts.failed, counts.skipped), (14, 1, 2));
        assert_eq!(counts.why, "vn.ispeed.app.BRoboTest.tap");
    }

    #[test]
    fn a_build_that_never_came_to_its_tests_has_failed() {
        assert_eq!(of_maven(&lines("[ERROR] COMPILATION ERROR"), false, "exit code 1").failed, 1);
        assert_eq!(of_maven(&[], true, "").failed, 1, "no test at all is no success");
        let offline = lines("[ERROR] Could not transfer artifact junit:junit:pom:4.13.2 from/to central");
        assert_eq!(of_maven(&offline, false, "exit code 1").skipped, 1);
        let printed = lines("[INFO] Tests run: 7, Failures: 0, Errors: 0, Skipped: 0");
        assert_eq!(of_maven(&printed, false, "exit code 1").failed, 1, "a linter that objects after the tests");
    }

    #[test]
    fn gradle_and_maven_name_the_same_versions() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("android");
        let toml = std::fs::read_to_string(root.join("gradle/libs.versions.toml")).unwrap();
        let pom = std::fs::read_to_string(root.join("jvm/pom.xml")).unwrap();
        let in_toml = |name: &str| {
            let line = toml.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix('='));
            line.unwrap_or_else(|| panic!("libs.versions.toml has no {name}")).trim().trim_matches('"').to_owned()
        };
        let in_pom = |name: &str| {
            let value = pom.split_once(&format!("<{name}>")).and_then(|(_, rest)| rest.split_once("</"));
            value.unwrap_or_else(|| panic!("the pom has no {name}")).0.to_owned()
        };
        let shared = [
            ("kotlin", "kotlin.version"),
            ("coroutines", "coroutines.version"),
            ("jna", "jna.version"),
            ("junit", "junit.version"),
            ("robolectric", "robolectric.version"),
            ("ktlint", "ktlint.version"),
            ("detekt", "detekt.version"),
            ("minSdk", "min.sdk"),
            ("targetSdk", "target.sdk"),
        ];
        for (gradle, maven) in shared {
            assert_eq!(in_toml(gradle), in_pom(maven), "{gradle} of libs.versions.toml, {maven} of pom.xml");
        }
    }
}
