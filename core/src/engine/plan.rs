//! What to measure, against what, and how far a run may go.

use ispeed_protocol::direction::{CounterKind, Direction};
use reqwest::Url;
use uuid::Uuid;

use super::binding::NetworkBinding;

/// Which test point a run is made against.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// The nearest of the test points a collector lists, by UDP round trips.
    Auto {
        /// Base URL of the collector.
        collector: Url,
    },
    /// One measuring end that issues its own tokens.
    Url(Url),
    /// One of the test points a collector lists.
    Id {
        /// Base URL of the collector.
        collector: Url,
        /// Its id in the list.
        id: String,
    },
}

impl Target {
    /// The base URL that issues the tokens.
    pub fn issuer(&self) -> &Url {
        match self {
            Self::Auto { collector } | Self::Id { collector, .. } => collector,
            Self::Url(url) => url,
        }
    }
}

/// Internet protocol version.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Family {
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

/// Which certificates the client accepts: the Mozilla set compiled in, and these.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ClientTls {
    /// Further certificate authorities, or a server's own certificate, as PEM text.
    pub extra_ca_pem: Option<String>,
}

/// Which directions are measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Directions {
    /// Server to client.
    pub down: bool,
    /// Client to server.
    pub up: bool,
}

impl Default for Directions {
    fn default() -> Self {
        Self { down: true, up: true }
    }
}

impl Directions {
    /// Whether `direction` is measured.
    pub fn contains(self, direction: Direction) -> bool {
        match direction {
            Direction::Down => self.down,
            Direction::Up => self.up,
        }
    }
}

/// One run.
#[derive(Clone, PartialEq, Debug)]
pub struct EnginePlan {
    /// Sample the run is for; the token names it.
    pub sample_id: Uuid,
    /// Monthly id of the device.
    pub device_id: String,
    /// Test point.
    pub target: Target,
    /// Directions.
    pub directions: Directions,
    /// Long mode: 10 s a direction.
    pub long: bool,
    /// Payload bytes both directions together may move, tails included: hard.
    pub max_bytes: Option<u64>,
    /// Seconds load may run, both directions together: hard.
    pub max_seconds: Option<f64>,
    /// Network interface the packets leave by.
    pub interface: Option<String>,
    /// What puts the sockets on one network, where that is not an interface.
    pub binding: Option<NetworkBinding>,
    /// Protocol version, else whichever connects first.
    pub family: Option<Family>,
    /// Certificates.
    pub tls: ClientTls,
    /// Count arrivals of a download with this counter, whatever the kernel offers.
    pub forced_counter: Option<CounterKind>,
    /// Take round trips over WebSocket though UDP may work.
    pub force_websocket_echo: bool,
    /// Read the machine's own CPU and interface counters; phones forbid it.
    pub machine_context: bool,
}

impl EnginePlan {
    /// A plain run: both directions, the method's own caps, everything else chosen by the engine.
    pub fn new(sample_id: Uuid, device_id: impl Into<String>, target: Target) -> Self {
        Self {
            sample_id,
            device_id: device_id.into(),
            target,
            directions: Directions::default(),
            long: false,
            max_bytes: None,
            max_seconds: None,
            interface: None,
            binding: None,
            family: None,
            tls: ClientTls::default(),
            forced_counter: None,
            force_websocket_echo: false,
            machine_context: cfg!(not(any(target_os = "android", target_os = "ios"))),
        }
    }
}

/// What the person allows, shared out between the directions.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Budget {
    bytes: Option<u64>,
    seconds: Option<f64>,
}

/// The part of a two-way budget a download may use: the method's caps are 60 MB down and 30 MB up.
const DOWN_SHARE_BYTES: (u64, u64) = (2, 3);
const DOWN_SHARE_SECONDS: f64 = 0.5;

impl Budget {
    pub(crate) fn new(plan: &EnginePlan) -> Self {
        Self { bytes: plan.max_bytes, seconds: plan.max_seconds }
    }

    /// What the next direction may use: all that is left, or its share when another direction follows.
    pub(crate) fn share(&self, another_follows: bool) -> Self {
        if !another_follows {
            return *self;
        }
        let (part, whole) = DOWN_SHARE_BYTES;
        let bytes =
            self.bytes.map(|b| u64::try_from(u128::from(b) * u128::from(part) / u128::from(whole)).unwrap_or(b));
        Self { bytes, seconds: self.seconds.map(|s| s * DOWN_SHARE_SECONDS) }
    }

    /// Takes away what a direction has used.
    pub(crate) fn spend(&mut self, bytes: u64, seconds: f64) {
        self.bytes = self.bytes.map(|b| b.saturating_sub(bytes));
        self.seconds = self.seconds.map(|s| (s - seconds).max(0.0));
    }

    pub(crate) fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    pub(crate) fn seconds(&self) -> Option<f64> {
        self.seconds
    }

    /// Nothing may be moved any more.
    pub(crate) fn is_spent(&self) -> bool {
        self.bytes == Some(0) || self.seconds.is_some_and(|s| s <= 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(bytes: u64, seconds: f64) -> Budget {
        Budget { bytes: Some(bytes), seconds: Some(seconds) }
    }

    #[test]
    fn what_the_download_leaves_is_the_uploads() {
        let mut all = budget(9_000_000, 4.0);
        assert_eq!(all.share(true), budget(6_000_000, 2.0));
        all.spend(1_000_000, 1.0);
        assert_eq!(all.share(false), budget(8_000_000, 3.0));
        all.spend(u64::MAX, 0.5);
        assert!(all.is_spent());
    }

    #[test]
    fn no_budget_is_no_limit() {
        let mut none = Budget { bytes: None, seconds: None };
        none.spend(1 << 40, 1e6);
        assert!(!none.is_spent());
        assert_eq!(none.share(true), none);
        assert_eq!(budget(u64::MAX, 1.0).share(true).bytes(), Some(u64::MAX / 3 * 2));
    }
}
