//! The licences of what is linked into the program, which whoever hands it on has to hand on too.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use serde_json::Value;

use crate::machine::Machine;

use super::release::said;
use super::tree;

/// File names that hold a licence or a notice, in capitals.
const NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"];

/// Each text once, with the crates it is of.
pub(crate) fn text(machine: &Machine) -> Result<String, String> {
    let host = said(std::process::Command::new("rustc").arg("-vV"))?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc names no host")?;
    let metadata =
        said(machine.cargo().args(["metadata", "--format-version=1", "--locked", "--filter-platform", host]))?;
    let metadata = serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let (mut list, mut texts) = (String::new(), BTreeMap::<String, BTreeSet<String>>::new());
    for package in linked(&metadata) {
        let word = |name: &str| package[name].as_str().unwrap_or_default();
        let name = format!("{} {}", word("name"), word("version"));
        list.push_str(&format!("{name}: {}\n", if word("license").is_empty() { "see below" } else { word("license") }));
        for text in texts_of(Path::new(word("manifest_path")))? {
            texts.entry(text).or_default().insert(name.clone());
        }
    }
    for (text, names) in texts {
        let names: Vec<String> = names.into_iter().collect();
        list.push_str(&format!("\n{}\n{}\n\n{}\n", "=".repeat(80), names.join(", "), text.trim_end()));
    }
    Ok(list)
}

/// The packages of others that `ispeed` is made of, by name and version: normal dependencies, all the way down.
fn linked(metadata: &Value) -> Vec<&Value> {
    let rows = |value: &'static str| metadata[value].as_array().map_or(&[][..], Vec::as_slice);
    let packages: HashMap<&str, &Value> =
        rows("packages").iter().filter_map(|p| Some((p["id"].as_str()?, p))).collect();
    let nodes = metadata["resolve"]["nodes"].as_array().map_or(&[][..], Vec::as_slice);
    let nodes: HashMap<&str, &Value> = nodes.iter().filter_map(|node| Some((node["id"].as_str()?, node))).collect();
    let root = packages.iter().find(|(_, package)| package["name"] == "ispeed").map(|(id, _)| *id);
    let (mut open, mut seen) = (Vec::from_iter(root), BTreeSet::new());
    while let Some(id) = open.pop() {
        if seen.insert(id)
            && let Some(deps) = nodes.get(id).and_then(|node| node["deps"].as_array())
        {
            let normal =
                |dep: &&Value| dep["dep_kinds"].as_array().is_some_and(|k| k.iter().any(|k| k["kind"].is_null()));
            open.extend(deps.iter().filter(normal).filter_map(|dep| dep["pkg"].as_str()));
        }
    }
    let mut linked: Vec<&Value> = seen.into_iter().filter_map(|id| packages.get(id).copied()).collect();
    // Ours have no source but this repository.
    linked.retain(|package| !package["source"].is_null());
    linked.sort_by_key(|package| (package["name"].as_str(), package["version"].as_str()));
    linked
}

fn texts_of(manifest: &Path) -> Result<Vec<String>, String> {
    let Some(folder) = manifest.parent() else { return Ok(Vec::new()) };
    let mut texts = Vec::new();
    for path in tree::files_of(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        if path.is_file() && NAMES.iter().any(|known| name.starts_with(known)) {
            texts.push(String::from_utf8_lossy(&tree::read(&path)?).replace("\r\n", "\n"));
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_builds_or_tests_the_program_is_not_in_it() {
        let metadata = serde_json::json!({
            "packages": [
                {"id": "ispeed", "name": "ispeed", "version": "1", "source": null},
                {"id": "own", "name": "own", "version": "1", "source": null},
                {"id": "b", "name": "b", "version": "1", "source": "registry"},
                {"id": "a", "name": "a", "version": "1", "source": "registry"},
                {"id": "build", "name": "build", "version": "1", "source": "registry"},
            ],
            "resolve": {"nodes": [
                {"id": "ispeed", "deps": [{"pkg": "own", "dep_kinds": [{"kind": null}]}, {"pkg": "b", "dep_kinds": [{"kind": "dev"}, {"kind": null}]}]},
                {"id": "own", "deps": [{"pkg": "a", "dep_kinds": [{"kind": null}]}, {"pkg": "build", "dep_kinds": [{"kind": "build"}]}]},
            ]},
        });
        let names: Vec<_> = linked(&metadata).iter().filter_map(|package| package["name"].as_str()).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
