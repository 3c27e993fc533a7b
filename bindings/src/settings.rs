//! What a shell says once.

use ispeed_core::budget;
use ispeed_core::protocol::device::Program;

/// Where the core keeps its files.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Folders {
    /// For what must not be lost: the outbox, plan packs, fetched borders. Outside of any backup, since it holds the device's
    /// secret.
    pub data: String,
}

/// What the person allows. Without a value: the method's own caps only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Record)]
pub struct DataLimits {
    /// Most bytes of one run, both ways.
    #[uniffi(default = None)]
    pub per_run_bytes: Option<u64>,
    /// Most bytes of a calendar month (UTC+7) on one SIM.
    #[uniffi(default = None)]
    pub per_month_bytes: Option<u64>,
}

impl From<DataLimits> for budget::DataLimits {
    fn from(ours: DataLimits) -> Self {
        Self { per_run_bytes: ours.per_run_bytes, per_month_bytes: ours.per_month_bytes }
    }
}

impl From<budget::DataLimits> for DataLimits {
    fn from(core: budget::DataLimits) -> Self {
        Self { per_run_bytes: core.per_run_bytes, per_month_bytes: core.per_month_bytes }
    }
}

/// Settings of an [`crate::Ispeed`].
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Settings {
    /// Base URL of the collector: `https://host[:port]`.
    pub collector: String,
    /// `ispeed-android` or `ispeed-ios`.
    pub program_name: String,
    /// `android` or `ios`.
    pub platform: String,
    /// Build of the app around the core.
    #[uniffi(default = None)]
    pub app_build: Option<String>,
    /// Keys the collector is known by, base64url. Empty: its first receipt decides.
    #[uniffi(default = [])]
    pub collector_keys: Vec<String>,
    /// What the person allows at first.
    #[uniffi(default)]
    pub data_limits: DataLimits,
    /// Certificates trusted beside the web's roots, PEM.
    #[uniffi(default = None)]
    pub extra_ca_pem: Option<String>,
    /// Simulated facts count (tests against a collector of one's own).
    #[uniffi(default = false)]
    pub accept_simulated: bool,
}

impl From<Settings> for ispeed_core::Settings {
    fn from(ours: Settings) -> Self {
        let settings = Self::new(ours.collector, ours.program_name.clone());
        Self {
            collector_keys: ours.collector_keys,
            program: Program { name: ours.program_name, build: ours.app_build, ..settings.program },
            platform: ours.platform,
            data_limits: ours.data_limits.into(),
            extra_ca_pem: ours.extra_ca_pem,
            accept_simulated: ours.accept_simulated,
            collector: settings.collector,
        }
    }
}
