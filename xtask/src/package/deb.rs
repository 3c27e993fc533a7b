//! A Debian package, put together by Debian's own `dpkg-deb`.

use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Timestamp;

use crate::machine::Machine;

use super::licences;
use super::release::{Release, said};
use super::tree::{self, Tree, gzip};

/// Packages of Debian that hold what the program is linked to.
const LIBRARIES: [(&str, &str); 6] = [
    ("libc.so.6", "libc6"),
    ("libm.so.6", "libc6"),
    ("ld-linux-x86-64.so.2", "libc6"),
    ("ld-linux-aarch64.so.1", "libc6"),
    ("libgcc_s.so.1", "libgcc-s1"),
    ("libstdc++.so.6", "libstdc++6"),
];

/// Writes the package into `out`; `work` is for its files and is made anew.
pub(crate) fn write(machine: &Machine, release: &Release, work: &Path, out: &Path) -> Result<PathBuf, String> {
    let version = version(release)?;
    let architecture = architecture()?;
    let files = files(machine, release, &work.join("made"), &version)?;
    let root = work.join("root");
    let _ = std::fs::remove_dir_all(&root);
    files.write(&root, release.epoch_s)?;
    control(machine, release, &files, &root)?.write(&root.join("DEBIAN"), release.epoch_s)?;
    let path = out.join(format!("ispeed_{version}_{architecture}.deb"));
    let mut pack = Command::new("dpkg-deb");
    pack.args(["--root-owner-group", "-Zxz", "--build"]).arg(&root).arg(&path);
    // With more threads xz cuts into blocks, and how many threads there are depends on the machine.
    pack.env("SOURCE_DATE_EPOCH", release.epoch_s.to_string()).env("DPKG_DEB_THREADS_MAX", "1");
    said(&mut pack)?;
    Ok(path)
}

pub(crate) fn architecture() -> Result<&'static str, String> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        other => Err(format!("no package is made for {other}; expected x86_64 or aarch64")),
    }
}

/// `0.1.0~20261127.1349.g5ad412473c1f`: before the release of that number, later commits after earlier ones.
fn version(release: &Release) -> Result<String, String> {
    let minute = time(release)?.strftime("%Y%m%d.%H%M").to_string();
    let commit = if release.commit.is_empty() { String::new() } else { format!(".g{}", release.commit) };
    Ok(format!("{}~{minute}{commit}", release.version))
}

/// Written in UTC.
fn time(release: &Release) -> Result<Timestamp, String> {
    let seconds = i64::try_from(release.epoch_s).map_err(|_| "the time is out of range".to_owned())?;
    Timestamp::from_second(seconds).map_err(|error| error.to_string())
}

fn files(machine: &Machine, release: &Release, made: &Path, version: &str) -> Result<Tree, String> {
    let source = |name: &str| tree::read(&machine.root.join("server/packaging").join(name));
    let mut files = Tree::default();
    files.file("usr/bin/ispeed", 0o755, release.program.clone());
    files.file("usr/lib/systemd/system/ispeed.service", 0o644, source("ispeed.service")?);
    files.file("usr/lib/sysusers.d/ispeed.conf", 0o644, source("ispeed.sysusers")?);
    files.file("etc/default/ispeed", 0o644, source("ispeed.default")?);
    files.file("usr/share/lintian/overrides/ispeed", 0o644, source("deb/lintian-overrides")?);
    for page in manual_pages(release, made)? {
        let name = page.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.file(&format!("usr/share/man/man1/{name}.gz"), 0o644, gzip(&tree::read(&page)?)?);
    }
    for (shell, path) in [
        ("bash", "usr/share/bash-completion/completions/ispeed"),
        ("zsh", "usr/share/zsh/vendor-completions/_ispeed"),
        ("fish", "usr/share/fish/vendor_completions.d/ispeed.fish"),
    ] {
        files.file(path, 0o644, said(Command::new(&release.path).args(["completions", shell]))? + "\n");
    }
    let doc = |name: &str| format!("usr/share/doc/ispeed/{name}");
    files.file(&doc("copyright"), 0o644, copyright(machine)?);
    files.file(&doc("changelog.gz"), 0o644, gzip(changelog(release, version)?.as_bytes())?);
    files.file(&doc("NEWS.gz"), 0o644, gzip(&tree::read(&machine.root.join("CHANGELOG.md"))?)?);
    files.file(&doc("OPERATIONS.md.gz"), 0o644, gzip(&tree::read(&machine.root.join("docs/OPERATIONS.md"))?)?);
    files.file(&doc("third-party-licences.txt.gz"), 0o644, gzip(licences::text(machine)?.as_bytes())?);
    files.file(&doc("examples/60-ispeed.conf"), 0o644, source("60-ispeed.conf")?);
    files.file(&doc("examples/renewal-hook"), 0o755, source("renewal-hook")?);
    Ok(files)
}

/// What the program says of itself.
fn manual_pages(release: &Release, folder: &Path) -> Result<Vec<PathBuf>, String> {
    let _ = std::fs::remove_dir_all(folder);
    said(Command::new(&release.path).args(["man", "--dir"]).arg(folder))?;
    tree::files_of(folder)
}

fn copyright(machine: &Machine) -> Result<String, String> {
    let form = tree::read_text(&machine.root.join("server/packaging/deb/copyright"))?;
    let mit = tree::read_text(&machine.root.join("LICENSE-MIT"))?;
    // The form of the file: indented, an empty line is a dot. The copyright itself stands in the stanza above.
    let lines = mit.lines().skip_while(|line| !line.starts_with("Permission"));
    let lines: Vec<String> =
        lines.map(|line| if line.is_empty() { " .".to_owned() } else { format!(" {line}") }).collect();
    Ok(form.replace("@MIT@", &lines.join("\n")))
}

fn changelog(release: &Release, version: &str) -> Result<String, String> {
    let date = time(release)?.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    Ok(format!(
        "ispeed ({version}) unstable; urgency=medium\n\n  * Made from commit {}; what changed stands in NEWS.gz.\n\n \
         -- The ispeed contributors <ispeed@localhost.localdomain>  {date}\n",
        if release.commit.is_empty() { "unknown" } else { &release.commit }
    ))
}

/// What dpkg itself reads; the files are below `root` by now.
fn control(machine: &Machine, release: &Release, files: &Tree, root: &Path) -> Result<Tree, String> {
    let source = |name: &str| tree::read_text(&machine.root.join("server/packaging/deb").join(name));
    let mut control = Tree::default();
    let text = source("control")?
        .replace("@VERSION@", &version(release)?)
        .replace("@ARCHITECTURE@", architecture()?)
        .replace("@SIZE@", &files.kibibytes().to_string())
        .replace("@DEPENDS@", &depends(release)?);
    control.file("control", 0o644, text);
    let settings = files.iter().filter(|(path, entry)| path.starts_with("etc/") && entry.content.is_some());
    control.file("conffiles", 0o644, settings.map(|(path, _)| format!("/{path}\n")).collect::<String>());
    control.file("md5sums", 0o644, md5sums(files, root)?);
    for script in ["postinst", "prerm", "postrm"] {
        control.file(script, 0o755, source(script)?);
    }
    Ok(control)
}

fn depends(release: &Release) -> Result<String, String> {
    let mut packages = Vec::new();
    for name in &release.needs {
        let package =
            LIBRARIES.iter().find(|(library, _)| library == name).map(|(_, package)| *package).ok_or_else(|| {
                format!("the program needs {name}; add the package of Debian that holds it to xtask/src/package/deb.rs")
            })?;
        let needed = match package {
            "libc6" => format!("libc6 (>= {}.{})", release.glibc.0, release.glibc.1),
            other => other.to_owned(),
        };
        if !packages.contains(&needed) {
            packages.push(needed);
        }
    }
    packages.sort();
    Ok(packages.join(", "))
}

/// What `dpkg --verify` compares. Settings are not in it: whoever owns them changes them.
fn md5sums(files: &Tree, root: &Path) -> Result<String, String> {
    let kept = files.iter().filter(|(path, entry)| entry.content.is_some() && !path.starts_with("etc/"));
    let sums = said(Command::new("md5sum").current_dir(root).args(kept.map(|(path, _)| path)))?;
    Ok(sums + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(needs: &[&str]) -> Release {
        Release {
            program: Vec::new(),
            path: PathBuf::new(),
            version: "0.1.0",
            commit: "5ad412473c1f".to_owned(),
            epoch_s: 1_795_787_340,
            needs: needs.iter().map(|name| (*name).to_owned()).collect(),
            glibc: (2, 35),
        }
    }

    #[test]
    fn the_version_follows_the_commit() {
        assert_eq!(version(&release(&[])).unwrap(), "0.1.0~20261127.1349.g5ad412473c1f");
    }

    #[test]
    fn a_library_nobody_knows_is_named() {
        let known = release(&["libgcc_s.so.1", "libm.so.6", "libc.so.6"]);
        assert_eq!(depends(&known).unwrap(), "libc6 (>= 2.35), libgcc-s1");
        assert!(depends(&release(&["libssl.so.3"])).unwrap_err().contains("libssl.so.3"));
    }
}
