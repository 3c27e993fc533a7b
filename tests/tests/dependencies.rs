//! Arrows between the parts point the way the design draws them (`docs/ARCHITECTURE.md`), pure crates stay pure, and
//! nothing banned or from elsewhere than the registry is linked.
#![allow(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Each crate of the workspace and what of it that crate may depend on.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    // pure: values in, values out
    ("ispeed-protocol", &[]),
    ("ispeed-meter", &["ispeed-protocol"]),
    ("ispeed-commune", &["ispeed-protocol"]),
    ("ispeed-verdict", &["ispeed-protocol"]),
    // working: sockets, files, clocks
    ("ispeed-wire", &["ispeed-protocol", "ispeed-meter"]),
    ("ispeed-core", &["ispeed-protocol", "ispeed-meter", "ispeed-commune", "ispeed-verdict", "ispeed-wire"]),
    ("ispeed-report", &["ispeed-protocol", "ispeed-commune"]),
    ("ispeed-month", &["ispeed-protocol", "ispeed-verdict", "ispeed-report"]),
    ("ispeed-documents", &["ispeed-protocol", "ispeed-commune", "ispeed-report"]),
    (
        "ispeed-server",
        &["ispeed-protocol", "ispeed-meter", "ispeed-commune", "ispeed-verdict", "ispeed-wire", "ispeed-report"],
    ),
    // edges: thin
    ("ispeed-ffi", &["ispeed-core"]),
    ("ispeed-bindgen", &[]),
    (
        "ispeed",
        &[
            "ispeed-protocol",
            "ispeed-meter",
            "ispeed-commune",
            "ispeed-verdict",
            "ispeed-wire",
            "ispeed-core",
            "ispeed-report",
            "ispeed-documents",
            "ispeed-month",
            "ispeed-server",
        ],
    ),
    // tests and habits
    ("ispeed-lab", &["ispeed-protocol", "ispeed-meter", "ispeed-core", "ispeed-server"]),
    ("xtask", &[]),
];

/// May depend on anything.
const FREE: &[&str] = &["ispeed-tests"];

const PURE: &[&str] = &["ispeed-protocol", "ispeed-meter", "ispeed-commune", "ispeed-verdict"];

/// Crates that bring a socket, a file, a clock or chance with them: not for pure ones.
const IMPURE: &[&str] = &[
    "tokio",
    "tokio-util",
    "reqwest",
    "hyper",
    "hyper-util",
    "axum",
    "socket2",
    "libc",
    "rusqlite",
    "tokio-postgres",
    "deadpool-postgres",
    "sysinfo",
    "getrandom",
    "directories",
    "rustls",
    "tempfile",
    "rand",
];

/// Not in the program, however deep.
const BANNED: &[&str] = &["openssl", "openssl-sys", "native-tls", "aws-lc-rs", "aws-lc-sys"];

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// A dependency as a manifest states it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Arrow {
    from: String,
    to: String,
    /// Of tests only.
    dev: bool,
}

/// What is wrong with a graph, one sentence each.
fn objections(members: &BTreeSet<String>, arrows: &[Arrow]) -> Vec<String> {
    let row = |name: &str| MAY_DEPEND_ON.iter().find(|(from, _)| *from == name).map(|(_, to)| *to);
    let mut wrong = Vec::new();
    for member in members {
        if row(member).is_none() && !FREE.contains(&member.as_str()) {
            wrong.push(format!("{member} is not in the table of this test: decide what it may depend on"));
        }
    }
    for Arrow { from, to, dev } in arrows {
        let Some(allowed) = row(from) else { continue };
        let pure = PURE.contains(&from.as_str());
        if members.contains(to) {
            // Tests of working parts may use any part; those of pure ones stay among the pure.
            let in_tests = *dev && (!pure || PURE.contains(&to.as_str()));
            if !allowed.contains(&to.as_str()) && !in_tests {
                wrong.push(format!("{from} depends on {to}; it may depend on {allowed:?}"));
            }
        } else if pure && !*dev && IMPURE.contains(&to.as_str()) {
            wrong.push(format!("{from} is pure and depends on {to}"));
        }
    }
    wrong
}

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml")).exec().unwrap()
}

fn members(metadata: &Metadata) -> BTreeSet<String> {
    metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect()
}

fn arrows(metadata: &Metadata) -> Vec<Arrow> {
    let of = |package: &cargo_metadata::Package| -> Vec<Arrow> {
        let arrow = |dependency: &cargo_metadata::Dependency| Arrow {
            from: package.name.to_string(),
            to: dependency.name.clone(),
            dev: dependency.kind == DependencyKind::Development,
        };
        package.dependencies.iter().map(arrow).collect()
    };
    metadata.workspace_packages().into_iter().flat_map(of).collect()
}

#[test]
fn every_arrow_points_the_right_way() {
    let metadata = metadata();
    let arrows = arrows(&metadata);
    assert!(arrows.len() > 50, "the manifests were read: {}", arrows.len());
    assert_eq!(objections(&members(&metadata), &arrows), Vec::<String>::new());
}

#[test]
fn nothing_banned_and_nothing_from_elsewhere_is_linked() {
    let metadata = metadata();
    let ours = members(&metadata);
    for package in &metadata.packages {
        let name = package.name.as_str();
        assert!(!BANNED.contains(&name), "{name} is banned: TLS is rustls with ring");
        match &package.source {
            Some(source) => assert_eq!(source.repr, REGISTRY, "{name}"),
            None => assert!(ours.contains(name), "{name} comes from a folder outside the workspace"),
        }
    }
}

#[test]
fn every_crate_of_ours_obeys_the_lints_and_is_not_published() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{} opts out of the lints", package.name);
        assert_eq!(package.publish.as_deref(), Some(&[][..]), "{}", package.name);
    }
}

/// With an `rlib` beside the others cargo builds the library of the phones without LTO and says nothing, and some other crate
/// could link what is meant for Kotlin and Swift alone.
#[test]
fn the_bindings_are_a_library_for_other_languages_only() {
    let metadata = metadata();
    let bindings = metadata.workspace_packages().into_iter().find(|package| *package.name == "ispeed-ffi").unwrap();
    let kinds: Vec<String> = bindings
        .targets
        .iter()
        .filter(|target| !target.is_custom_build())
        .flat_map(|target| target.crate_types.iter().map(ToString::to_string))
        .collect();
    assert_eq!(kinds, ["cdylib", "staticlib"], "see bindings/Cargo.toml");
    let uniffi = bindings.dependencies.iter().find(|dependency| dependency.name == "uniffi").unwrap();
    assert!(uniffi.req.to_string().starts_with('='), "generator and run time are one version: {}", uniffi.req);
}

fn graph(arrows: &[(&str, &str, bool)]) -> (BTreeSet<String>, Vec<Arrow>) {
    let members = MAY_DEPEND_ON.iter().map(|(name, _)| (*name).to_owned()).collect();
    let arrow = |(from, to, dev): &(&str, &str, bool)| Arrow { from: (*from).into(), to: (*to).into(), dev: *dev };
    (members, arrows.iter().map(arrow).collect())
}

#[test]
fn the_checker_objects_to_every_wrong_arrow_and_to_no_right_one() {
    let (members, right) = graph(&[
        ("ispeed-core", "ispeed-meter", false),
        ("ispeed", "ispeed-server", false),
        ("ispeed-meter", "thiserror", false),
        ("ispeed-core", "tokio", false),
        ("ispeed-core", "ispeed-server", true),
        ("ispeed-verdict", "ispeed-meter", true),
        ("ispeed-commune", "tempfile", true),
    ]);
    assert_eq!(objections(&members, &right), Vec::<String>::new());

    for wrong in [
        ("ispeed-protocol", "ispeed-meter", false),
        ("ispeed-meter", "ispeed-core", false),
        ("ispeed-verdict", "ispeed-server", true),
        ("ispeed-server", "ispeed-core", false),
        ("ispeed-core", "ispeed-server", false),
        ("ispeed-wire", "ispeed-core", false),
        ("ispeed-ffi", "ispeed-protocol", false),
        ("ispeed", "ispeed-ffi", false),
        ("xtask", "ispeed", false),
        ("ispeed-commune", "tokio", false),
        ("ispeed-protocol", "getrandom", false),
    ] {
        let (members, arrows) = graph(&[wrong]);
        let found = objections(&members, &arrows);
        assert!(found.len() == 1 && found[0].contains(wrong.0) && found[0].contains(wrong.1), "{wrong:?}: {found:?}");
    }

    let newcomer = BTreeSet::from(["ispeed-shiny".to_owned()]);
    assert_eq!(objections(&newcomer, &[]).len(), 1);
}

#[test]
fn the_table_has_no_cycle() {
    let allowed = |name: &str| MAY_DEPEND_ON.iter().find(|(from, _)| *from == name).unwrap().1;
    let mut open: BTreeSet<&str> = MAY_DEPEND_ON.iter().map(|(name, _)| *name).collect();
    while let Some(leaf) = open.iter().copied().find(|name| allowed(name).iter().all(|to| !open.contains(to))) {
        open.remove(leaf);
    }
    assert!(open.is_empty(), "in a cycle: {open:?}");
}
