//! `cargo xtask ios`: the iOS shell on a plain machine. Its core (engine, models, screens, uploads) is compiled and tested by
//! Swift for Linux with this machine's libispeed.so and a real server on loopback; what needs Apple's frameworks is parsed and
//! linted. Swift is the one on the path, else Debian's, in a folder of its own outside the repository.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::build;
use crate::counts::Counts;
use crate::machine::{self, Machine};
use crate::process::{self, Finished, Show};
use crate::walk;

/// Three gigabytes of Debian on a slow line.
const INSTALL_LIMIT: Duration = Duration::from_secs(30 * 60);
/// The generated file alone is twelve thousand lines.
const SWIFT_LIMIT: Duration = Duration::from_secs(20 * 60);

/// The oldest Debian whose archive has the compiler.
const SUITE: &str = "trixie";
/// The compiler, what it links with, and what the tests call.
const PACKAGES: &str = "swiftlang,ca-certificates,curl,gcc,git,libc6-dev,libstdc++-14-dev";
/// Written when the folder is complete, so that a broken installation is not taken for one.
const COMPLETE: &str = "ispeed-swift-complete";
/// Debian's compiler does not find its own libraries without it.
const LIBRARIES: &str = "/usr/libexec/swift/lib/swift/linux";

/// What only Apple's systems compile.
const PARSED: [&str; 3] = ["ios/Sources/IspeedPhone", "ios/Sources/IspeedUI", "ios/App"];

pub(crate) fn run(machine: &Machine, _: &[&str]) -> Counts {
    let swift = match Swift::find(machine) {
        Ok(swift) => swift,
        Err((why, cure)) => return Counts::skipped(why, cure),
    };
    let built = match build::debug(machine, &build::LIBRARY_AND_PROGRAM) {
        Ok(folder) => folder,
        Err(counts) => return counts,
    };
    let mut counts = swift.parse(machine);
    counts.add(swift.format(machine));
    counts.add(swift.test(machine, &built));
    counts
}

/// A Swift compiler.
enum Swift {
    /// The machine's own.
    OnPath,
    /// Debian's, in this folder.
    In(PathBuf),
}

impl Swift {
    /// The compiler, after an attempt to install it where this process may; else why there is none, and the cure.
    fn find(machine: &Machine) -> Result<Self, (String, String)> {
        if machine::on_path("swift") {
            return Ok(Self::OnPath);
        }
        if !cfg!(target_os = "linux") {
            return Err(("there is no swift on the path".to_owned(), "install Xcode or Swift".to_owned()));
        }
        if !machine.is_root {
            return Err((
                "there is no swift on the path, and its folder needs root".to_owned(),
                "sudo -E env \"PATH=$PATH\" cargo xtask ios".to_owned(),
            ));
        }
        let folder = folder(machine);
        if !folder.join(COMPLETE).exists() {
            machine
                .ensure("debootstrap", "debootstrap")
                .map_err(|why| (why, "apt-get install debootstrap".to_owned()))?;
            install(&folder).map_err(|why| (why, format!("rm -rf {} and again", folder.display())))?;
        }
        if !can_enter(machine, &folder) {
            let why = "mount namespaces are not permitted here".to_owned();
            return Err((why, "a container that allows `unshare --mount`, or a swift on the path".to_owned()));
        }
        Ok(Self::In(folder))
    }

    /// A command of the tool chain. Paths are the same inside of its folder as outside.
    fn command(&self, machine: &Machine, program: &str) -> Command {
        let mut command = match self {
            Self::OnPath => Command::new(program),
            Self::In(folder) => {
                let mut command = entered(machine, folder);
                command.arg(program).env("LD_LIBRARY_PATH", LIBRARIES).env("HOME", "/root");
                command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
                command
            }
        };
        command.current_dir(&machine.root);
        command
    }

    /// `built` holds the library and the program.
    fn test(&self, machine: &Machine, built: &Path) -> Counts {
        let mut command = self.command(machine, "swift");
        command.arg("test").arg("--package-path").arg(machine.root.join("ios"));
        // Everything this part writes lies in the build folder.
        command.arg("--scratch-path").arg(machine.target.join("swift"));
        command.arg("-Xlinker").arg(format!("-L{}", built.display()));
        let program = built.join(format!("ispeed{}", std::env::consts::EXE_SUFFIX));
        command.env("ISPEED_PROGRAM", program);
        let path = match self {
            Self::OnPath => built.display().to_string(),
            Self::In(_) => format!("{LIBRARIES}:{}", built.display()),
        };
        command.env("LD_LIBRARY_PATH", path);
        // XCTest writes its results to standard error.
        let finished = process::run(&mut process::redirected(&command, "2>&1"), SWIFT_LIMIT, Show::Yes);
        of_swift(&finished)
    }

    /// What Linux cannot compile is at least Swift.
    fn parse(&self, machine: &Machine) -> Counts {
        let cure = "swiftc -parse ios/Sources/IspeedPhone/*.swift ios/Sources/IspeedUI/*.swift";
        let mut files = Vec::new();
        for folder in PARSED {
            match walk::files(&machine.root.join(folder)) {
                Ok(found) => files.extend(found),
                Err(why) => return Counts::of_one(false, why, cure),
            }
        }
        files.retain(|path| path.extension().is_some_and(|extension| extension == "swift"));
        let mut command = self.command(machine, "swiftc");
        command.args(["-parse", "-swift-version", "6"]).args(&files);
        let finished = process::run(&mut command, SWIFT_LIMIT, Show::Yes);
        Counts::of_one(finished.ok && !files.is_empty(), format!("{} files do not parse, see above", files.len()), cure)
    }

    /// The style, by swift-format where the tool chain has it.
    fn format(&self, machine: &Machine) -> Counts {
        let mut has = self.command(machine, "swift");
        has.args(["format", "--version"]).stderr(std::process::Stdio::null());
        if !process::run(&mut has, SWIFT_LIMIT, Show::No).ok {
            eprintln!("no swift-format in this tool chain: the style of the Swift files is not checked");
            return Counts::default();
        }
        let mut command = self.command(machine, "swift");
        command.args(["format", "lint", "--strict", "--recursive", "--configuration", "ios/.swift-format"]);
        command.args([
            "ios/Package.swift",
            "ios/Sources/IspeedCore",
            "ios/Sources/IspeedPhone",
            "ios/Sources/IspeedUI",
        ]);
        command.args(["ios/App", "ios/Tests"]);
        let finished = process::run(&mut command, SWIFT_LIMIT, Show::Yes);
        Counts::of_one(finished.ok, "files are not formatted, see above", "swift format --in-place --recursive ios")
    }
}

/// `$ISPEED_SWIFT_ROOT`, or a folder of the user's cache.
fn folder(machine: &Machine) -> PathBuf {
    machine::set("ISPEED_SWIFT_ROOT").unwrap_or_else(|| machine.cache.join("swift"))
}

/// Installs Debian's compiler into the folder, from the archive that this machine's apt is set up with.
fn install(folder: &Path) -> Result<(), String> {
    let archive = archive()?;
    eprintln!("installing Swift of Debian {SUITE} into {}", folder.display());
    let parent = folder.parent().ok_or("the folder for Swift has no parent")?;
    std::fs::create_dir_all(parent).map_err(|error| format!("{}: {error}", parent.display()))?;
    let mut command = Command::new("debootstrap");
    command.args(["--variant=minbase", &format!("--include={PACKAGES}"), SUITE]).arg(folder).arg(archive);
    let finished = process::run(&mut command, INSTALL_LIMIT, Show::No);
    if !finished.ok {
        let last = finished.lines.iter().rev().take(3).rev().cloned().collect::<Vec<_>>().join(" / ");
        return Err(format!("Swift could not be installed ({}): {last}", finished.why()));
    }
    // The packages themselves are a fifth of the folder.
    let _ = std::fs::remove_dir_all(folder.join("var/cache/apt/archives"));
    std::fs::write(folder.join(COMPLETE), SUITE).map_err(|error| format!("{}: {error}", folder.display()))
}

/// Where this machine's apt takes Debian's main archive from.
fn archive() -> Result<String, String> {
    let mut command = Command::new("apt-get");
    command.args(["indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)", "Created-By: Packages"]);
    let finished = process::run(&mut command, Duration::from_secs(60), Show::No);
    archive_of(&finished.lines).ok_or_else(|| "apt is not set up with an archive of Debian".to_owned())
}

fn archive_of(lines: &[String]) -> Option<String> {
    lines.iter().find_map(|line| line.strip_prefix("Debian Debian ")).map(str::to_owned)
}

/// A command that runs what its further arguments name inside of the folder, with the repository and the build folder at their
/// own paths. The mounts are in a namespace of their own and end with it.
fn entered(machine: &Machine, folder: &Path) -> Command {
    let script = "set -e; root=$1; repository=$2; target=$3; shift 3; here=$PWD
        for path in \"$repository\" \"$target\"; do mkdir -p \"$root$path\"; mount --bind \"$path\" \"$root$path\"; done
        mount --rbind /proc \"$root/proc\"; mount --rbind /dev \"$root/dev\"
        exec chroot \"$root\" /bin/sh -c 'cd \"$0\"; exec \"$@\"' \"$here\" \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "/bin/sh", "-c", script, "sh"]);
    command.arg(folder).arg(&machine.root).arg(&machine.target);
    command
}

fn can_enter(machine: &Machine, folder: &Path) -> bool {
    let _ = std::fs::create_dir_all(&machine.target);
    let mut command = entered(machine, folder);
    command.arg("/bin/true").current_dir(&machine.root);
    process::run(&mut command, Duration::from_secs(60), Show::No).ok
}

/// Reads what XCTest printed: a line for each test, and sums for each suite and for all.
fn of_swift(finished: &Finished) -> Counts {
    let mut counts = Counts::default();
    let mut failing = Vec::new();
    for line in &finished.lines {
        let Some(rest) = line.strip_prefix("Test Case '") else { continue };
        let Some((name, how)) = rest.split_once("' ") else { continue };
        if how.starts_with("passed") {
            counts.passed += 1;
        } else if how.starts_with("skipped") {
            counts.skipped += 1;
        } else if how.starts_with("failed") {
            counts.failed += 1;
            failing.push(name.to_owned());
        }
    }
    counts.ended(finished.ok, failing, "Swift", &finished.why())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(text: &str, code: i32) -> Finished {
        let lines = text.lines().map(str::to_owned).collect();
        Finished { ok: code == 0, code: Some(code), lines, trouble: None }
    }

    #[test]
    fn every_test_is_counted_once_and_failures_are_named() {
        let printed = "Test Suite 'All tests' started at 2026-11-27 19:00:00.000\n\
                       Test Case 'WordsTests.testTimes' started at 2026-11-27 19:00:00.000\n\
                       Test Case 'WordsTests.testTimes' passed (0.001 seconds)\n\
                       /x/ScreensTests.swift:9: error: ScreensTests.testField : not equal\n\
                       Test Case 'ScreensTests.testField' failed (0.1 seconds)\n\
                       Test Case 'ServerTests.testStop' skipped (0.1 seconds)\n\
                       Executed 3 tests, with 1 failure (0 unexpected)";
        let counts = of_swift(&finished(printed, 1));
        assert_eq!((counts.passed, counts.failed, counts.skipped), (1, 1, 1));
        assert_eq!(counts.why, "ScreensTests.testField");
    }

    #[test]
    fn a_build_that_never_came_to_its_tests_has_failed() {
        assert_eq!(of_swift(&finished("error: no such module", 1)).failed, 1);
        assert_eq!(of_swift(&finished("", 0)).failed, 1, "no test at all is no success");
        let passed = "Test Case 'A.b' passed (0.001 seconds)";
        assert_eq!(of_swift(&finished(passed, 1)).failed, 1, "a crash after a test that passed");
    }

    #[test]
    fn the_archive_is_debians_and_apts_own() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let printed = lines("Ubuntu Ubuntu copy:/a\nDebian Debian-Security copy:/b\nDebian Debian copy:/c/");
        assert_eq!(archive_of(&printed).as_deref(), Some("copy:/c/"));
        assert_eq!(archive_of(&lines("Ubuntu Ubuntu copy:/a")), None);
    }
}
