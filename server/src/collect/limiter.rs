//! How often one may ask. Tokens: an installation a little, a network a lot. Plans: a network.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};

use super::prefix::NetworkPrefix;
use crate::limits;

/// A burst, and the time until one more after it (GCRA).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// At once.
    pub burst: u32,
    /// Time until one more.
    pub period: Duration,
}

/// Limits of `POST /v1/tokens`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TokenLimits {
    /// Of one installation; `None`: no limit (demo, laboratory).
    pub device: Option<Rate>,
    /// Of one network prefix.
    pub prefix: Rate,
}

impl Default for TokenLimits {
    fn default() -> Self {
        Self {
            device: Some(Rate { burst: limits::TOKENS_DEVICE_BURST, period: limits::TOKENS_DEVICE_PERIOD }),
            prefix: Rate { burst: limits::TOKENS_PREFIX_BURST, period: limits::TOKENS_PREFIX_PERIOD },
        }
    }
}

/// Which limit was reached, and how long to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Limited {
    Device { retry_after_s: u64 },
    Prefix { retry_after_s: u64 },
}

pub(crate) struct TokenLimiter {
    /// By the 128 bits of the monthly device id.
    devices: Option<Limiter<u128>>,
    prefixes: Limiter<NetworkPrefix>,
}

impl TokenLimiter {
    pub(crate) fn new(token_limits: TokenLimits) -> Self {
        Self { devices: token_limits.device.map(Limiter::new), prefixes: Limiter::new(token_limits.prefix) }
    }

    /// The network is asked first: ids of devices cost nothing to make up, so what one network can make this remember is
    /// bounded by what the network may ask.
    pub(crate) fn check(&self, device: u128, prefix: NetworkPrefix) -> Result<(), Limited> {
        self.prefixes.check(prefix).map_err(|retry_after_s| Limited::Prefix { retry_after_s })?;
        let Some(devices) = &self.devices else { return Ok(()) };
        devices.check(device).map_err(|retry_after_s| Limited::Device { retry_after_s })
    }
}

/// How often each of those who ask may ask.
pub(crate) struct Limiter<K: Clone + Eq + Hash> {
    asked: DefaultKeyedRateLimiter<K>,
    swept: Mutex<Instant>,
}

impl<K: Clone + Eq + Hash> Limiter<K> {
    pub(crate) fn new(rate: Rate) -> Self {
        let quota = Quota::with_period(rate.period.max(Duration::from_micros(1)))
            .expect("the period is not zero")
            .allow_burst(NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN));
        Self { asked: DefaultKeyedRateLimiter::keyed(quota), swept: Mutex::new(Instant::now()) }
    }

    /// Takes one; else the seconds to wait.
    pub(crate) fn check(&self, who: K) -> Result<(), u64> {
        self.sweep();
        let now = DefaultClock::default().now();
        self.asked.check_key(&who).map_err(|until| (until.wait_time_from(now).as_secs_f64().ceil() as u64).max(1))
    }

    /// Forgets the quiet ones now and then; the state would grow without end otherwise.
    fn sweep(&self) {
        let Ok(mut swept) = self.swept.try_lock() else { return };
        if swept.elapsed() >= limits::LIMITER_SWEEP {
            *swept = Instant::now();
            self.asked.retain_recent();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_limited_and_its_neighbours_behind_the_same_nat_are_not() {
        let hour = Duration::from_secs(3600);
        let limiter = TokenLimiter::new(TokenLimits {
            device: Some(Rate { burst: 2, period: hour }),
            prefix: Rate { burst: 5, period: hour },
        });
        let nat = NetworkPrefix::of("203.0.113.7".parse().unwrap());
        assert_eq!(limiter.check(1, nat), Ok(()));
        assert_eq!(limiter.check(1, nat), Ok(()));
        let Err(Limited::Device { retry_after_s }) = limiter.check(1, nat) else { panic!("the third is refused") };
        assert!((3500..=3600).contains(&retry_after_s), "{retry_after_s}");
        assert_eq!(limiter.check(2, nat), Ok(()));
        assert_eq!(limiter.check(3, nat), Ok(()));
        assert!(matches!(limiter.check(4, nat), Err(Limited::Prefix { .. })));
        assert_eq!(limiter.check(4, NetworkPrefix::of("203.0.114.7".parse().unwrap())), Ok(()));
    }
}
