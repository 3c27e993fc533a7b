//! Every number of the rule set. Sources: V n is section n of the project's notes on Vietnam, T n of those on trust.

use std::ops::RangeInclusive;

use ispeed_protocol::plan::Spacing;

/// A fix may be this old when the sample uses it, ms (V 13).
pub const FIX_MAX_AGE_MS: u64 = 60_000;

/// Largest reported radius of a fix, metres (V 9.4: at 100 m the median commune has 7 % of its area in doubt).
pub const FIX_MAX_ACCURACY_M: f64 = 100.0;

/// Largest reported radius in a dense commune, metres (V 9.4).
pub const FIX_MAX_ACCURACY_DENSE_M: f64 = 50.0;

/// A commune below this area is dense, km²: 129 of 3,321, the wards of the large cities (V 9.4).
pub const DENSE_COMMUNE_KM2: f64 = 10.0;

/// The device's clock may differ this much from the server's, ms (V 13).
pub const CLOCK_MAX_OFFSET_MS: f64 = 600_000.0;

/// What counts of one device unless the collector is set otherwise: at most 20 samples in one commune on one day, at least
/// 2 minutes apart (V 13). No distance: a commune of 1 km² has 25 cells.
pub const SPACING: Spacing = Spacing { seconds: 120, metres: 0, per_day: 20 };

/// Seconds a collector may be set to: below half a minute two runs overlap, above an hour a walk through a commune is in vain.
pub const SPACING_SECONDS: RangeInclusive<u32> = 30..=3_600;

/// Metres a collector may be set to: the width of the smallest communes is 1 km, of the median 8 km.
pub const SPACING_METRES: RangeInclusive<u32> = 0..=2_000;

/// Samples a day a collector may be set to: above a hundred one device alone makes a third of the quota in a day.
pub const SPACING_PER_DAY: RangeInclusive<u32> = 1..=100;

/// What a distance between cells may lack: the centres of neighbours are 200 m apart but for rounding.
pub const SPACING_SLACK_M: f64 = 1.0;

/// Whether a collector may be set so; else which member is wrong, with its value and what was expected.
///
/// # Errors
/// A member is beyond its bounds.
pub fn check_spacing(spacing: Spacing) -> Result<(), String> {
    let members = [
        ("seconds", spacing.seconds, SPACING_SECONDS),
        ("metres", spacing.metres, SPACING_METRES),
        ("per_day", spacing.per_day, SPACING_PER_DAY),
    ];
    for (name, value, bounds) in members {
        if !bounds.contains(&value) {
            return Err(format!("spacing {name} is {value}; expected {} to {}", bounds.start(), bounds.end()));
        }
    }
    Ok(())
}

/// Nothing on a mobile network is faster: peak rate of IMT-2020 downlink, bit/s (ITU-R M.2410-0 section 4.1).
pub const DOWN_MAX_BPS: f64 = 20e9;

/// Peak rate of IMT-2020 uplink, bit/s (ITU-R M.2410-0 section 4.1).
pub const UP_MAX_BPS: f64 = 10e9;

/// Goodput × window may exceed the bytes that moved by this factor: bytes of the window's edge bins and retransmitted
/// segments, both a few per cent.
pub const BYTES_SLACK: f64 = 1.1;

/// Programs whose samples are known to follow the method (V 13, "app build known").
pub const PROGRAMS: [&str; 3] = ["ispeed-cli", "ispeed-android", "ispeed-ios"];
