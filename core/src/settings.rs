//! What a shell tells the core once.

use ispeed_protocol::device::Program;

use crate::budget::DataLimits;
use crate::error::{Error, Result};
use crate::outbox::collector_url;

/// Settings of an [`crate::Ispeed`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Base URL of the collector samples are for: `https://host[:port]`.
    pub collector: String,
    /// Keys the collector is known by, base64url. Empty: its first receipt decides (trust on first use).
    pub collector_keys: Vec<String>,
    /// Program that measures; `ispeed-cli`, `ispeed-android` or `ispeed-ios`.
    pub program: Program,
    /// Operating system family: `android`, `ios`, `linux`, `macos`, `windows`.
    pub platform: String,
    /// What the person allows at first.
    pub data_limits: DataLimits,
    /// Certificates trusted beside the web's roots, PEM.
    pub extra_ca_pem: Option<String>,
    /// Simulated facts count (the demo's own collector).
    pub accept_simulated: bool,
}

impl Settings {
    /// Settings with everything but collector and program left at its default.
    pub fn new(collector: impl Into<String>, program_name: impl Into<String>) -> Self {
        Self {
            collector: collector.into(),
            collector_keys: Vec::new(),
            program: Program { name: program_name.into(), version: env!("CARGO_PKG_VERSION").to_owned(), build: None },
            platform: std::env::consts::OS.to_owned(),
            data_limits: DataLimits::default(),
            extra_ca_pem: None,
            accept_simulated: false,
        }
    }

    /// The settings in their one spelling, or what is wrong with them.
    pub(crate) fn checked(self) -> Result<Self> {
        if self.program.name.is_empty() {
            return Err(Error::input("program.name", "", "the name of the program, such as ispeed-cli"));
        }
        Ok(Self { collector: collector_url(&self.collector)?, ..self })
    }
}
