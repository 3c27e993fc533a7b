//! What the library weighs in an app: stripped, and packed as a store sends it.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;

/// What the stripped library should weigh at most, x86_64: an update over a slow link is what people judge an app by.
const GOAL_BYTES: u64 = 5_000_000;
/// What it may weigh until the goal is met (docs/adr/0015): it must not grow unseen.
const BUDGET_BYTES: u64 = 6_120_000;

/// What was weighed.
pub(super) struct Weight {
    pub(super) stripped: u64,
    pub(super) packed: u64,
}

pub(super) fn check(library: &Path) -> Result<(), String> {
    let weight = report("as it is shipped", library)?;
    if weight.stripped > GOAL_BYTES {
        println!("the goal of {GOAL_BYTES} bytes is missed by {}", weight.stripped - GOAL_BYTES);
    }
    if weight.stripped <= BUDGET_BYTES {
        Ok(())
    } else {
        Err(format!("{} bytes stripped; at most {BUDGET_BYTES}", weight.stripped))
    }
}

/// Weighs it and says so.
pub(super) fn report(name: &str, library: &Path) -> Result<Weight, String> {
    let weight = weigh(library)?;
    println!("libispeed.so, {name}: {} bytes stripped, {} as gzip", weight.stripped, weight.packed);
    Ok(weight)
}

fn weigh(library: &Path) -> Result<Weight, String> {
    let stripped = library.with_extension("stripped.so");
    let done = Command::new("strip").arg("--strip-all").arg("-o").arg(&stripped).arg(library).status();
    if !done.map_err(|error| error.to_string())?.success() {
        return Err(format!("{} cannot be stripped", library.display()));
    }
    let bytes = std::fs::read(&stripped).map_err(|error| format!("{}: {error}", stripped.display()))?;
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    let packed = packed.write_all(&bytes).and_then(|()| packed.finish()).map_err(|error| error.to_string())?;
    Ok(Weight { stripped: bytes.len() as u64, packed: packed.len() as u64 })
}
