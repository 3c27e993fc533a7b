//! When a run ends without having converged: time and bytes.

use ispeed_protocol::direction::Direction;

use crate::{Config, params};

/// End of the run by the clock, microseconds after the start of load.
pub(crate) fn time_us(config: &Config, rate_bps: f64, first_arrival_us: u64, extended: bool) -> u64 {
    let of_path_us = config.idle_rtt_us.unwrap_or(0).saturating_mul(params::TIME_CAP_RTTS);
    let cap_us = if config.long {
        params::TIME_CAP_LONG_US
    } else if rate_bps > params::FAST_BPS {
        params::TIME_CAP_FAST_US.max(of_path_us)
    } else if rate_bps < params::SLOW_BPS {
        params::TIME_CAP_SLOW_US.max(of_path_us)
    } else {
        params::TIME_CAP_US.max(of_path_us)
    };
    let cap_us = cap_us.min(params::TIME_CAP_LONG_US);
    let late_us = first_arrival_us.saturating_sub(params::START_GRACE_US);
    cap_us + late_us + if extended { params::TIME_EXTENSION_US } else { 0 }
}

/// The person's own time limit; hard.
pub(crate) fn own_time_us(config: &Config) -> Option<u64> {
    let seconds = config.max_seconds.filter(|seconds| seconds.is_finite())?;
    Some((seconds.max(0.0) * 1e6) as u64)
}

/// Bytes at which the run ends, at the rate measured so far.
pub(crate) fn bytes(config: &Config, rate_bps: f64) -> u64 {
    let direction = config.direction;
    if config.long {
        return params::bytes_most(direction, true);
    }
    let of_path_s = config.idle_rtt_us.unwrap_or(0).saturating_mul(params::BYTES_FAST_RTTS) as f64 / 1e6;
    let of_rate = (rate_bps * params::BYTES_FAST_SECONDS.max(of_path_s) / 8.0) as u64;
    let base = if rate_bps <= params::BYTES_BASE_RATE_BPS { params::bytes_base(direction) } else { 0 };
    of_rate.max(base).min(params::bytes_most(direction, false))
}

/// Bytes that still arrive after a stop at this rate: what is on its way for one round trip, and 100 ms of closing (I 3).
pub(crate) fn tail_bytes(direction: Direction, rate_bps: f64, rtt_us: u64) -> u64 {
    // The receiver of an upload tells its sender to stop, so the order itself is a round trip on its way as well.
    let order_us = match direction {
        Direction::Down => 0,
        Direction::Up => rtt_us / 2,
    };
    (rate_bps / 8.0 * rtt_us.saturating_add(order_us).saturating_add(params::CLOSE_US) as f64 / 1e6) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_caps_are_those_of_the_issue() {
        let (down, up) = (Config::new(Direction::Down), Config::new(Direction::Up));
        assert_eq!((bytes(&down, 100e6), bytes(&up, 100e6)), (60_000_000, 30_000_000));
        assert_eq!((bytes(&down, 400e6), bytes(&up, 400e6)), (75_000_000, 75_000_000));
        assert_eq!((bytes(&down, 5e9), bytes(&up, 5e9)), (250_000_000, 100_000_000));
        let long = Config { long: true, ..down };
        assert!(bytes(&long, 1e9) >= 1_000_000_000);
    }

    #[test]
    fn time_caps_are_those_of_the_issue() {
        let config = Config::new(Direction::Down);
        assert_eq!(time_us(&config, 100e6, 40_000, false), 3_000_000);
        assert_eq!(time_us(&config, 600e6, 40_000, false), 4_000_000);
        assert_eq!(time_us(&config, 1e6, 40_000, false), 4_000_000);
        assert_eq!(time_us(&config, 100e6, 40_000, true), 4_000_000);
        assert_eq!(time_us(&config, 100e6, 2_500_000, false), 4_500_000, "a radio that woke late");
        assert_eq!(time_us(&Config { long: true, ..config.clone() }, 600e6, 0, false), 10_000_000);
        assert_eq!(own_time_us(&Config { max_seconds: Some(1.5), ..config.clone() }), Some(1_500_000));
        assert_eq!(own_time_us(&Config { max_seconds: Some(f64::NAN), ..config.clone() }), None);
        assert_eq!(own_time_us(&Config { max_seconds: Some(-1.0), ..config }), Some(0));
    }
}
