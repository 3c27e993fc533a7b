//! An OCI image in a file, without an engine: one layer with the program and the libraries the loader gives it.
//!
//! Layout by the OCI image specification 1.0: `oci-layout`, `index.json`, `blobs/sha256/…`. `podman load`, `docker load` (25 and
//! later) and `skopeo copy oci-archive:…` take it.

use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::machine::{Machine, on_path};

use super::deb::architecture;
use super::licences;
use super::release::{Release, said};
use super::tree::{self, Tree, gzip, sha256_hex};

/// User and group: no account of any host, above the range of system accounts, and below the end of 16 bits.
pub(crate) const USER: u64 = 65_532;
const DATA: &str = "/var/lib/ispeed";
const TITLE: &str = "ispeed";

/// Writes the image into `out`.
pub(crate) fn write(machine: &Machine, release: &Release, out: &Path) -> Result<PathBuf, String> {
    let libraries = libraries(&release.path)?;
    let layer = files(machine, release, &libraries)?.tar(release.epoch_s)?;
    let packed = gzip(&layer)?;
    let created = i64::try_from(release.epoch_s).ok().and_then(|s| Timestamp::from_second(s).ok());
    let created = created.ok_or("the time is out of range")?.to_string();
    let config = bytes(&config(release, &libraries, &created, &sha256_hex(&layer))?);
    let manifest = bytes(&json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", &packed)],
    }));
    let mut named = descriptor("application/vnd.oci.image.manifest.v1+json", &manifest);
    named["annotations"] = json!({ "org.opencontainers.image.ref.name": release.version });
    named["platform"] = json!({ "architecture": architecture()?, "os": "linux" });
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [named],
    });
    let mut layout = Tree::default();
    layout.file("oci-layout", 0o644, bytes(&json!({ "imageLayoutVersion": "1.0.0" })));
    layout.file("index.json", 0o644, bytes(&index));
    for blob in [config, manifest, packed] {
        layout.file(&format!("blobs/sha256/{}", sha256_hex(&blob)), 0o644, blob);
    }
    let path = out.join(format!("ispeed_{}_{}.oci.tar", release.version, architecture()?));
    std::fs::write(&path, layout.tar(release.epoch_s)?).map_err(|error| tree::at(&path, &error))?;
    Ok(path)
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn descriptor(media_type: &str, blob: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": format!("sha256:{}", sha256_hex(blob)), "size": blob.len() })
}

/// A library of this machine that goes into the image.
struct Library {
    /// Where the loader looks for it.
    path: String,
    /// The package it comes from and that package's version, where the machine knows.
    package: Option<(String, String)>,
}

/// What `ldd` finds, the loader included.
fn libraries(program: &Path) -> Result<Vec<Library>, String> {
    let list = said(Command::new("ldd").arg(program))?;
    let paths = loaded(&list)?;
    Ok(paths.into_iter().map(|path| Library { package: package_of(&path), path }).collect())
}

fn loaded(list: &str) -> Result<Vec<String>, String> {
    let mut paths = Vec::new();
    for line in list.lines().map(str::trim) {
        if line.ends_with("not found") {
            return Err(format!("ldd: {line}"));
        }
        let path = line.rsplit_once(" (").map_or(line, |(path, _)| path);
        let path = path.rsplit_once("=> ").map_or(path, |(_, path)| path);
        // The kernel's own has no path.
        if path.starts_with('/') {
            paths.push(path.to_owned());
        }
    }
    paths.sort();
    if paths.is_empty() { Err("ldd names no library".to_owned()) } else { Ok(paths) }
}

fn package_of(path: &str) -> Option<(String, String)> {
    if !on_path("dpkg-query") {
        return None;
    }
    let real = std::fs::canonicalize(path).ok()?.to_string_lossy().into_owned();
    // What was merged into /usr may be known by its name of before.
    let before = real.strip_prefix("/usr").unwrap_or(&real).to_owned();
    let quiet = |words: &[&str]| said(Command::new("dpkg-query").args(words).stderr(std::process::Stdio::null())).ok();
    let owner = [path, &real, &before].into_iter().find_map(|path| quiet(&["--search", path]))?;
    let name = owner.split(':').next()?.to_owned();
    let version = quiet(&["--show", "--showformat", "${Version}\\n", &name])?;
    Some((name, version.lines().next()?.to_owned()))
}

fn files(machine: &Machine, release: &Release, libraries: &[Library]) -> Result<Tree, String> {
    let mut files = Tree::default();
    files.file("usr/bin/ispeed", 0o755, release.program.clone());
    for library in libraries {
        files.file(library.path.trim_start_matches('/'), 0o755, tree::read(Path::new(&library.path))?);
        if let Some((package, _)) = &library.package {
            let path = format!("usr/share/doc/{package}/copyright");
            if let Ok(text) = tree::read(&Path::new("/").join(&path)) {
                files.file(&path, 0o644, text);
            }
        }
    }
    files.file("usr/share/doc/ispeed/LICENSE-MIT", 0o644, tree::read(&machine.root.join("LICENSE-MIT"))?);
    files.file("usr/share/doc/ispeed/LICENSE-APACHE", 0o644, tree::read(&machine.root.join("LICENSE-APACHE"))?);
    files.file("usr/share/doc/ispeed/third-party-licences.txt.gz", 0o644, gzip(licences::text(machine)?.as_bytes())?);
    files.file(
        "etc/passwd",
        0o644,
        format!("root:x:0:0:root:/:/sbin/nologin\nispeed:x:{USER}:{USER}::{DATA}:/sbin/nologin\n"),
    );
    files.file("etc/group", 0o644, format!("root:x:0:\nispeed:x:{USER}:\n"));
    // The resolver of glibc: names of the engine's hosts file first.
    files.file("etc/nsswitch.conf", 0o644, "hosts: files dns\n");
    // Authorities of the web are compiled in (webpki-roots): there is no /etc/ssl.
    files.folder(DATA.trim_start_matches('/'), 0o700, USER);
    files.folder("tmp", 0o1777, 0);
    Ok(files)
}

fn config(release: &Release, libraries: &[Library], created: &str, diff: &str) -> Result<Value, String> {
    let mut packages: Vec<String> = libraries
        .iter()
        .map(|library| match &library.package {
            Some((name, version)) => format!("{name} {version}"),
            None => library.path.clone(),
        })
        .collect();
    packages.dedup();
    packages.sort();
    packages.dedup();
    Ok(json!({
        "created": created,
        "architecture": architecture()?,
        "os": "linux",
        "config": {
            "User": format!("{USER}:{USER}"),
            "ExposedPorts": { "8443/tcp": {}, "8443/udp": {} },
            "Env": ["PATH=/usr/bin"],
            "Entrypoint": ["/usr/bin/ispeed", "serve"],
            "Cmd": ["--listen", "[::]:8443", "--data", DATA],
            "Volumes": { DATA: {} },
            "WorkingDir": DATA,
            "StopSignal": "SIGTERM",
            "Labels": {
                "org.opencontainers.image.title": TITLE,
                "org.opencontainers.image.description": "Measuring end and collector of mobile broadband samples",
                "org.opencontainers.image.version": release.version,
                "org.opencontainers.image.revision": release.commit,
                "org.opencontainers.image.created": created,
                // The libraries are glibc (LGPL-2.1-or-later) and libgcc (GPL-3.0 with the GCC runtime exception), unchanged.
                "org.opencontainers.image.licenses": "(MIT OR Apache-2.0) AND LGPL-2.1-or-later AND GPL-3.0-or-later WITH GCC-exception-3.1",
                "ispeed.libraries": packages.join(", "),
            },
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{diff}")] },
        "history": [{ "created": created, "created_by": "cargo xtask package oci" }],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_loader_gives_a_program_is_read_from_ldd() {
        let list = "\tlinux-vdso.so.1 (0x00007f7253eb4000)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f725293e000)\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f7253eb6000)";
        assert_eq!(loaded(list).unwrap(), ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"]);
        assert!(loaded("\tlibssl.so.3 => not found").unwrap_err().contains("libssl.so.3"));
        assert!(loaded("\tstatically linked").is_err());
    }

    #[test]
    fn a_descriptor_names_its_blob() {
        let descriptor = descriptor("x", b"abc");
        assert_eq!(descriptor["size"], 3);
        assert!(descriptor["digest"].as_str().unwrap().starts_with("sha256:ba7816bf"));
    }
}
