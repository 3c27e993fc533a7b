//! Packages tried out: made twice, read by other programs than the one that wrote them, run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::demo_checks::Check;
use crate::machine::{Machine, on_path};

use super::install_checks::{self, Served};
use super::release::{Release, said};
use super::tree::{self, sha256_hex};
use super::{deb, oci};

/// How exposed a service may be by `systemd-analyze security`, tenths: below 2 is "OK", an ordinary service has 96.
const EXPOSURE_MAX: &str = "20";

/// The unit and the scripts, by systemd and a shell.
pub(crate) fn unit(machine: &Machine, release: &Release, work: &Path) -> Vec<Check> {
    let source = machine.root.join("server/packaging");
    let mut checks = Vec::new();
    if on_path("systemd-analyze") {
        checks.push(("systemd takes the unit".to_owned(), verify(&source, release, work)));
        let security = Command::new("systemd-analyze")
            .args(["security", "--offline=yes", "--no-pager", "--threshold", EXPOSURE_MAX])
            .arg(source.join("ispeed.service"))
            .output();
        let security = match security {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned()),
            Err(error) => Err(error.to_string()),
        };
        checks.push(("the unit is closed".to_owned(), security));
    }
    for script in ["renewal-hook", "deb/postinst", "deb/prerm", "deb/postrm"] {
        let parsed = said(Command::new("sh").arg("-n").arg(source.join(script))).map(drop);
        checks.push((format!("sh parses {script}"), parsed));
    }
    checks
}

/// The unit with the program where it is: nothing is installed here.
fn verify(source: &Path, release: &Release, work: &Path) -> Result<(), String> {
    let unit = tree::read_text(&source.join("ispeed.service"))?;
    let program = std::path::absolute(&release.path).map_err(|error| error.to_string())?;
    let copy = work.join("unit/ispeed.service");
    tree::make_folder(&work.join("unit"))?;
    std::fs::write(&copy, unit.replace("/usr/bin/ispeed", &program.to_string_lossy()))
        .map_err(|e| tree::at(&copy, &e))?;
    let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&copy).output();
    let output = output.map_err(|error| error.to_string())?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    // It goes on over unknown settings; here they are errors.
    if output.status.success() && !told.contains("ispeed.service") { Ok(()) } else { Err(told.replace('\n', "; ")) }
}

pub(crate) fn deb(machine: &Machine, release: &Release, work: &Path) -> Vec<Check> {
    let made = twice("deb", work, |files, out| deb::write(machine, release, files, out));
    let (package, same) = match made {
        Ok(made) => made,
        Err(why) => return vec![("a .deb is made".to_owned(), Err(why))],
    };
    let mut checks = vec![("two .deb of one program are identical".to_owned(), same)];
    checks.push((".deb: unpacked, the program says its version".to_owned(), unpacked(release, &package, work)));
    if machine.is_root {
        checks.extend(install_checks::life(&package, work));
    }
    if on_path("lintian") {
        checks.push((".deb: lintian finds no error".to_owned(), lintian(&package)));
    }
    checks
}

/// Debian's own check; what it finds and is meant so stands, with its reason, in `deb/lintian-overrides`.
fn lintian(package: &Path) -> Result<(), String> {
    let mut lintian = Command::new("lintian");
    lintian.args(["--fail-on", "error", "--allow-root", "--no-cfg"]);
    // An address for the maintainer and an intent to package are what a distribution asks for.
    lintian.args(["--suppress-tags", "bogus-mail-host-in-debian-changelog,bogus-mail-host"]).arg(package);
    let output = lintian.output().map_err(|error| error.to_string())?;
    let told = String::from_utf8_lossy(&output.stdout).replace('\n', "; ");
    if output.status.success() { Ok(()) } else { Err(told) }
}

/// Makes a package in two folders; the first, and whether the second is the same.
fn twice(
    name: &str,
    work: &Path,
    make: impl Fn(&Path, &Path) -> Result<PathBuf, String>,
) -> Result<(PathBuf, Result<(), String>), String> {
    let made = |number: u8| {
        let out = work.join(format!("{name}-{number}"));
        tree::make_folder(&out)?;
        make(&work.join(format!("{name}-files-{number}")), &out)
    };
    let (first, second) = (made(1)?, made(2)?);
    let (one, other) = (tree::read(&first)?, tree::read(&second)?);
    let same = if one == other { Ok(()) } else { Err(format!("{} and {} differ", first.display(), second.display())) };
    Ok((first, same))
}

fn unpacked(release: &Release, package: &Path, work: &Path) -> Result<(), String> {
    let root = work.join("unpacked");
    tree::make_folder(&root)?;
    said(Command::new("dpkg-deb").arg("-x").arg(package).arg(&root))?;
    let version = said(Command::new(root.join("usr/bin/ispeed")).arg("--version"))?;
    expect(&version, &format!("ispeed {}", release.version))?;
    let pages = tree::files_of(&root.join("usr/share/man/man1"))?;
    let has = |name: &str| pages.iter().any(|page| page.ends_with(name));
    if has("ispeed.1.gz") && has("ispeed-serve.1.gz") { Ok(()) } else { Err("manual pages are missing".to_owned()) }
}

pub(crate) fn expect(found: &str, expected: &str) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("expected {expected:?}, got {found:?}")) }
}

pub(crate) fn oci(machine: &Machine, release: &Release, work: &Path) -> Vec<Check> {
    let made = twice("oci", work, |_, out| oci::write(machine, release, out));
    let (image, same) = match made {
        Ok(made) => made,
        Err(why) => return vec![("an OCI image is made".to_owned(), Err(why))],
    };
    let layout = work.join("layout");
    let mut checks = vec![
        ("two images of one program are identical".to_owned(), same),
        ("image: skopeo reads it".to_owned(), inspected(&image, release)),
        ("image: every blob has the hash of its name".to_owned(), blobs(&image, &layout)),
    ];
    if machine.is_root {
        let bundle = work.join("bundle");
        let unpack = unpack(&layout, &bundle, release);
        let ran = unpack.is_ok().then(|| runs(&bundle.join("rootfs"), release));
        checks.push(("image: umoci unpacks it".to_owned(), unpack));
        checks.extend(ran.map(|ran| ("image: it serves in its own root, as its own user".to_owned(), ran)));
    }
    checks
}

fn inspected(image: &Path, release: &Release) -> Result<(), String> {
    let ask = |config: &[&str]| -> Result<Value, String> {
        let from = format!("oci-archive:{}", image.display());
        let text = said(Command::new("skopeo").arg("inspect").args(config).arg(from))?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    };
    let image = ask(&[])?;
    expect(image["Labels"]["org.opencontainers.image.version"].as_str().unwrap_or_default(), release.version)?;
    let config = ask(&["--config"])?;
    expect(&config["config"]["Entrypoint"].to_string(), r#"["/usr/bin/ispeed","serve"]"#)?;
    expect(config["config"]["User"].as_str().unwrap_or_default(), &format!("{0}:{0}", oci::USER))
}

fn blobs(image: &Path, layout: &Path) -> Result<(), String> {
    tree::make_folder(layout)?;
    said(Command::new("tar").arg("-xf").arg(image).arg("-C").arg(layout))?;
    let blobs = tree::files_of(&layout.join("blobs/sha256"))?;
    for blob in &blobs {
        let name = blob.file_name().unwrap_or_default().to_string_lossy();
        expect(&sha256_hex(&tree::read(blob)?), &name)?;
    }
    expect(&blobs.len().to_string(), "3")
}

fn unpack(layout: &Path, bundle: &Path, release: &Release) -> Result<(), String> {
    let image = format!("{}:{}", layout.display(), release.version);
    said(Command::new("umoci").args(["unpack", "--image", &image]).arg(bundle).stderr(Stdio::null())).map(drop)
}

fn runs(root: &Path, release: &Release) -> Result<(), String> {
    let inside = || {
        let mut command = Command::new("chroot");
        command.arg(format!("--userspec={0}:{0}", oci::USER)).arg(root).arg("/usr/bin/ispeed");
        command
    };
    expect(&said(inside().arg("--version"))?, &format!("ispeed {}", release.version))?;
    let mut serve = inside();
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data", "/var/lib/ispeed"]);
    let served = Served::start(&mut serve)?;
    // The health check of the image.
    said(inside().args(["server-key", "--server", &served.url, "--ca", "/var/lib/ispeed/cert.pem"])).map(drop)
}
