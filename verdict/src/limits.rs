//! Every number of the rule set. Sources: V n is section n of the project's notes on Vietnam, T n of those on trust.

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

/// Samples counted of one device in one commune on one day (V 13).
pub const DEVICE_DAY_MAX: u32 = 20;

/// Least time between two counted samples of one device, seconds (V 13).
pub const DEVICE_SPACING_S: u64 = 120;

/// Nothing on a mobile network is faster: peak rate of IMT-2020 downlink, bit/s (ITU-R M.2410-0 section 4.1).
pub const DOWN_MAX_BPS: f64 = 20e9;

/// Peak rate of IMT-2020 uplink, bit/s (ITU-R M.2410-0 section 4.1).
pub const UP_MAX_BPS: f64 = 10e9;

/// Goodput × window may exceed the bytes that moved by this factor: bytes of the window's edge bins and retransmitted
/// segments, both a few per cent.
pub const BYTES_SLACK: f64 = 1.1;

/// Programs whose samples are known to follow the method (V 13, "app build known").
pub const PROGRAMS: [&str; 3] = ["ispeed-cli", "ispeed-android", "ispeed-ios"];
