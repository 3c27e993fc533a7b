//! What this machine has, and fetching what is missing where that is allowed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::process::{self, Show};

const APT_LIMIT: Duration = Duration::from_secs(180);

/// What this machine has.
pub(crate) struct Machine {
    /// Root of the repository.
    pub(crate) root: PathBuf,
    /// Build directory.
    pub(crate) target: PathBuf,
    /// `CI=true`.
    pub(crate) ci: bool,
    /// This process may make network namespaces and install packages.
    pub(crate) is_root: bool,
    /// Where tools of others lie that another clone can use as they are.
    pub(crate) cache: PathBuf,
    /// The real boundary file, which is not part of the repository.
    pub(crate) boundaries: Option<PathBuf>,
}

impl Machine {
    /// Looks around.
    pub(crate) fn find() -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the repository has no root")?.to_owned();
        std::env::set_current_dir(&root).map_err(|error| format!("{}: {error}", root.display()))?;
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let shared = std::env::var_os("ISPEED_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
        let boundaries = shared.join("vn-communes-2025.geojsonl.zst");
        Ok(Self {
            ci: std::env::var("CI").is_ok_and(|value| value == "true" || value == "1"),
            is_root: is_root(),
            cache: set("XDG_CACHE_HOME")
                .or_else(|| set("HOME").map(|home| home.join(".cache")))
                .map_or_else(|| target.join("cache"), |cache| cache.join("ispeed")),
            boundaries: boundaries.exists().then_some(boundaries),
            target,
            root,
        })
    }

    /// Whether something is there, after an attempt to install `package` where this process may.
    fn installed(&self, package: &str, is_there: impl Fn() -> bool) -> bool {
        if !is_there() && self.is_root && on_path("apt-get") {
            install(package);
        }
        is_there()
    }

    /// Whether `program` is there, after an attempt to install `package`.
    pub(crate) fn ensure(&self, program: &str, package: &str) -> Result<(), String> {
        let there = self.installed(package, || on_path(program));
        if there { Ok(()) } else { Err(format!("{program} is not installed")) }
    }

    /// Whether a file of the package `package` is there, after an attempt to install it.
    pub(crate) fn ensure_file(&self, path: &Path, package: &str) -> Result<(), String> {
        let there = self.installed(package, || path.exists());
        if there { Ok(()) } else { Err(format!("{} is not there", path.display())) }
    }

    /// Whether LibreOffice has this part. Debian splits it over packages; an installation from elsewhere is whole.
    pub(crate) fn ensure_office_part(&self, part: &str, package: &str) -> Result<(), String> {
        let debian = Path::new("/usr/lib/libreoffice/program");
        let there = self.installed(package, || !debian.exists() || debian.join(part).exists());
        if there { Ok(()) } else { Err(format!("LibreOffice is here without {part}")) }
    }

    /// Whether a PostgreSQL server can be started here, after an attempt to install Debian's, which keeps the server's programs
    /// off the path.
    pub(crate) fn ensure_postgres(&self) -> Result<(), String> {
        let there = self.installed("postgresql", || {
            let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
            let debian = versions.map(|version| version.path().join("bin"));
            let named = std::env::var_os("ISPEED_POSTGRES_BIN").map(PathBuf::from);
            debian.chain(named).any(|folder| folder.join("initdb").is_file()) || on_path("initdb")
        });
        if there { Ok(()) } else { Err("initdb is not installed".to_owned()) }
    }

    /// A cargo command of the toolchain that runs this program.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root);
        command
    }

    /// Whether cargo knows the subcommand, after an attempt to add the component that holds it.
    pub(crate) fn ensure_component(&self, subcommand: &str, component: &str) -> Result<(), String> {
        let works = || {
            let mut command = self.cargo();
            command.args([subcommand, "--version"]).stderr(std::process::Stdio::null());
            process::run(&mut command, Duration::from_secs(60), Show::No).ok
        };
        if works() {
            return Ok(());
        }
        let mut add = Command::new("rustup");
        process::run(add.args(["component", "add", component]), APT_LIMIT, Show::No);
        if works() { Ok(()) } else { Err(format!("cargo {subcommand} is not installed")) }
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    cfg!(unix) && id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// A path in the environment, if it is set to something.
pub(crate) fn set(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Whether a program is on the path.
pub(crate) fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file() || dir.join(format!("{program}.exe")).is_file())
}

fn install(package: &str) {
    static UPDATED: OnceLock<()> = OnceLock::new();
    let apt = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        // Another installation may be under way: wait for its lock instead of failing.
        command.args(["-o", "DPkg::Lock::Timeout=300"]).args(words).env("DEBIAN_FRONTEND", "noninteractive");
        process::run(&mut command, APT_LIMIT, Show::No);
    };
    eprintln!("installing {package}");
    UPDATED.get_or_init(|| apt(&["update", "--quiet"]));
    apt(&["install", "--yes", "--quiet", "--no-install-recommends", package]);
}
