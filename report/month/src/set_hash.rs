//! The hash of the frozen set: ids, hashes of bodies, and what the collector decided of each sample.

use ispeed_protocol::signing::hex;
use ispeed_report::MonthSample;
use sha2::{Digest as _, Sha256};

/// SHA-256 over one line a sample, in the order of [`MonthSample::order`]:
/// `<id> <SHA-256 of the body> <province> <commune> <1 when it counts, else 0> <reasons, with commas>` and a newline; what is
/// missing is `-`. Anybody who holds the sealed table can compute it in any language.
#[derive(Clone, Default)]
pub struct SetHash {
    hash: Sha256,
    samples: u64,
}

impl SetHash {
    /// Takes the next sample.
    pub fn push(&mut self, sample: &MonthSample) {
        let or = |text: Option<&str>| text.filter(|text| !text.is_empty()).unwrap_or("-").to_owned();
        let line = format!(
            "{} {} {} {} {} {}\n",
            sample.id,
            sample.sha256,
            or(sample.province.as_deref()),
            or(sample.commune.as_deref()),
            u8::from(sample.counts),
            or(Some(&sample.reasons.join(",")))
        );
        self.hash.update(line.as_bytes());
        self.samples += 1;
    }

    /// Samples so far.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Lower-case hex.
    pub fn finish(self) -> String {
        hex(&self.hash.finalize())
    }
}
