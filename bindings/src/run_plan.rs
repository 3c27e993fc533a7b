//! What to measure, and what it would cost.

use ispeed_core::{budget, engine};

use crate::error::{IspeedError, Result};
use crate::mirror::mirror_enum;

mirror_enum! {
    /// Internet protocol version.
    IpFamily = engine::Family {
        /// IPv4 only.
        V4,
        /// IPv6 only.
        V6,
    }
}

/// Which test point a run is made against.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum RunTarget {
    /// The nearest of those the collector lists.
    Auto,
    /// One of them.
    Server {
        /// Its id in the list.
        id: String,
    },
    /// One measuring end that issues its own tokens.
    Url {
        /// `https://host[:port]`.
        url: String,
    },
}

/// A run.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct RunPlan {
    /// Test point.
    pub target: RunTarget,
    /// Download.
    #[uniffi(default = true)]
    pub down: bool,
    /// Upload.
    #[uniffi(default = true)]
    pub up: bool,
    /// 10 s a direction.
    #[uniffi(default = false)]
    pub long: bool,
    /// Most bytes, both ways, tails included.
    #[uniffi(default = None)]
    pub max_bytes: Option<u64>,
    /// Most seconds of load, both ways.
    #[uniffi(default = None)]
    pub max_seconds: Option<f64>,
    /// Android's handle of the network to measure (`Network.getNetworkHandle`), only where [`crate::android::can_bind_network`].
    #[uniffi(default = None)]
    pub network_handle: Option<u64>,
    /// Internet protocol version.
    #[uniffi(default = None)]
    pub ip_family: Option<IpFamily>,
    /// Label of the subscription that pays, for the data budget; never part of a sample.
    #[uniffi(default = None)]
    pub sim: Option<String>,
}

impl RunPlan {
    /// The core's plan at this collector.
    pub(crate) fn of(self, collector: &str) -> Result<ispeed_core::RunPlan> {
        let binding = self.network_handle.map(crate::android::binding).transpose()?;
        let mut plan = ispeed_core::RunPlan::new(self.target.of(collector)?);
        plan.directions = engine::Directions { down: self.down, up: self.up };
        plan.long = self.long;
        plan.max_bytes = self.max_bytes;
        plan.max_seconds = self.max_seconds;
        plan.binding = binding;
        plan.family = self.ip_family.map(Into::into);
        plan.sim = self.sim;
        Ok(plan)
    }
}

impl RunTarget {
    fn of(self, collector: &str) -> Result<engine::Target> {
        Ok(match self {
            Self::Auto => engine::Target::Auto { collector: url("collector", collector)? },
            Self::Server { id } => engine::Target::Id { collector: url("collector", collector)?, id },
            Self::Url { url: text } => engine::Target::Url(url("target", &text)?),
        })
    }
}

fn url(field: &str, text: &str) -> Result<engine::Url> {
    text.parse().map_err(|_| IspeedError::input(field, text, "https://host[:port]"))
}

/// What a run would use.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Estimate {
    /// Mean of the last runs on this SIM; absent before the first.
    pub likely_bytes: Option<u64>,
    /// The most it may use.
    pub max_bytes: u64,
    /// Whether a limit of the person is what caps it.
    pub limited: bool,
    /// Used on this SIM this month.
    pub used_bytes: u64,
    /// What the month has left; absent without a limit.
    pub left_bytes: Option<u64>,
}

impl From<budget::Estimate> for Estimate {
    fn from(core: budget::Estimate) -> Self {
        let budget::Estimate { likely_bytes, max_bytes, limited, used_bytes, left_bytes } = core;
        Self { likely_bytes, max_bytes, limited, used_bytes, left_bytes }
    }
}

/// Bytes of a month.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct MonthUsage {
    /// Month (UTC+7), `2026-11`.
    pub month: String,
    /// Label of the SIM, empty where the shell gave none.
    pub sim: String,
    /// Runs.
    pub runs: u64,
    /// Received.
    pub bytes_down: u64,
    /// Sent.
    pub bytes_up: u64,
    /// Set aside for runs that go on, or that died uncounted.
    pub reserved_bytes: u64,
}

impl From<budget::MonthUsage> for MonthUsage {
    fn from(core: budget::MonthUsage) -> Self {
        let budget::MonthUsage { month, sim, runs, bytes_down, bytes_up, reserved_bytes } = core;
        Self { month, sim, runs, bytes_down, bytes_up, reserved_bytes }
    }
}
