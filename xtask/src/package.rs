//! `cargo xtask package deb|oci|all|check`: what a machine installs, byte-identical for one commit and one program.
//!
//! Everything in a package carries the time of the commit (or `SOURCE_DATE_EPOCH`), fixed owners and modes, and the order of
//! its paths. What goes in beside the program lies in `server/packaging`.

mod checks;
mod deb;
mod install_checks;
mod licences;
mod oci;
mod release;
mod tree;

use std::path::{Path, PathBuf};

use crate::counts::Counts;
use crate::machine::Machine;

/// `cargo xtask package`, as a part of the checks: makes both twice and tries them.
pub(crate) fn run(machine: &Machine, _: &[&str]) -> Counts {
    check(machine, None)
}

fn check(machine: &Machine, program: Option<&Path>) -> Counts {
    if !cfg!(target_os = "linux") {
        return Counts::skipped("the packages are for Linux", "the same on Linux: cargo xtask package");
    }
    for (program, package) in [("strip", "binutils"), ("dpkg-deb", "dpkg"), ("skopeo", "skopeo"), ("umoci", "umoci")] {
        if let Err(why) = machine.ensure(program, package) {
            return Counts::skipped(why, format!("apt-get install {package}"));
        }
    }
    // Without these two a check is missing, and that is said; everything else is tried.
    let mut missing = Counts::default();
    for (program, package) in [("systemd-analyze", "systemd"), ("lintian", "lintian")] {
        if let Err(why) = machine.ensure(program, package) {
            missing.add(Counts::skipped(why, format!("apt-get install {package}")));
        }
    }
    let work = machine.target.join("packages").join(format!("check-{}", std::process::id()));
    let release = match release::build(machine, program, &work) {
        Ok(release) => release,
        Err(why) => return Counts::of_one(false, why, "cargo xtask package"),
    };
    let checks = [
        checks::unit(machine, &release, &work),
        checks::deb(machine, &release, &work),
        checks::oci(machine, &release, &work),
    ];
    let checks: Vec<_> = checks.into_iter().flatten().collect();
    // What remains of a failed run is what its reader wants to see.
    if checks.iter().all(|(_, result)| result.is_ok()) {
        let _ = std::fs::remove_dir_all(&work);
    }
    let mut counts = Counts::of_checks(&checks);
    counts.add(missing);
    counts
}

/// What the words behind `package` ask for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    deb: bool,
    oci: bool,
    /// Tries both instead of leaving them somewhere.
    check: bool,
    /// Another program than the one this builds.
    program: Option<PathBuf>,
    out: Option<PathBuf>,
}

impl Wanted {
    /// Reads the words; `None` where they are none of `deb`, `oci`, `all`, `check`, `--program FILE`, `--out DIR`.
    pub(crate) fn parse(words: &[String]) -> Option<Self> {
        let mut wanted = Self { deb: false, oci: false, check: false, program: None, out: None };
        let mut words = words.iter().map(String::as_str);
        match words.next()? {
            "deb" => wanted.deb = true,
            "oci" => wanted.oci = true,
            "all" => (wanted.deb, wanted.oci) = (true, true),
            "check" => wanted.check = true,
            _ => return None,
        }
        while let Some(word) = words.next() {
            let value = Some(PathBuf::from(words.next()?));
            match word {
                "--program" => wanted.program = value,
                "--out" => wanted.out = value,
                _ => return None,
            }
        }
        Some(wanted)
    }
}

/// `cargo xtask package WORDS`: makes what is asked for and prints where it lies.
pub(crate) fn make(machine: &Machine, wanted: &Wanted) -> Counts {
    if wanted.check {
        return check(machine, wanted.program.as_deref());
    }
    let out = wanted.out.clone().unwrap_or_else(|| machine.target.join("packages"));
    match try_make(machine, wanted, &out) {
        Ok(made) => {
            for path in made {
                println!("{}", path.display());
            }
            Counts::of_one(true, "", "")
        }
        Err(why) => Counts::of_one(false, why, "cargo xtask package deb|oci|all|check [--program FILE] [--out DIR]"),
    }
}

fn try_make(machine: &Machine, wanted: &Wanted, out: &Path) -> Result<Vec<PathBuf>, String> {
    if !cfg!(target_os = "linux") {
        return Err("the packages are for Linux: run it there".to_owned());
    }
    machine.ensure("strip", "binutils")?;
    let work = machine.target.join("packages").join(format!("work-{}", std::process::id()));
    let made = make_in(machine, wanted, &work, out);
    let _ = std::fs::remove_dir_all(&work);
    made
}

fn make_in(machine: &Machine, wanted: &Wanted, work: &Path, out: &Path) -> Result<Vec<PathBuf>, String> {
    let release = release::build(machine, wanted.program.as_deref(), work)?;
    tree::make_folder(out)?;
    let mut made = Vec::new();
    if wanted.deb {
        made.push(deb::write(machine, &release, &work.join("deb"), out)?);
    }
    if wanted.oci {
        made.push(oci::write(machine, &release, out)?);
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_words_say_what_is_made_and_of_what() {
        let wanted = Wanted::parse(&words("all --program /tmp/ispeed --out dist")).unwrap();
        assert!(wanted.deb && wanted.oci);
        assert_eq!((wanted.program, wanted.out), (Some("/tmp/ispeed".into()), Some("dist".into())));
        assert!(!Wanted::parse(&words("deb")).unwrap().oci);
        for wrong in ["rpm", "deb --out", "deb oci", "--out dist"] {
            assert_eq!(Wanted::parse(&words(wrong)), None, "{wrong}");
        }
    }
}
