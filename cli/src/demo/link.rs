//! What the simulated link is: a rate a direction and a round trip.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Payload bytes of a full TCP segment: 1,500 bytes of IP minus 20 IPv4, 20 TCP and 12 timestamp option.
pub(crate) const SEGMENT_PAYLOAD_BYTES: usize = 1_448;
/// IP and TCP header bytes of a segment: what a payload costs on the wire beside itself.
pub(crate) const TCP_HEADER_BYTES: usize = 52;
/// IPv4 and UDP header bytes.
pub(crate) const UDP_HEADER_BYTES: usize = 28;

/// Standing queue TCP may build: typical depth of a mobile base station's buffer, and enough to show in the latency.
const QUEUE: Duration = Duration::from_millis(200);

/// A simulated link: rates are IP-layer bits a second.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Link {
    /// Server to client.
    pub(crate) down_bps: f64,
    /// Client to server.
    pub(crate) up_bps: f64,
    /// Round trip of an empty link.
    pub(crate) round_trip: Duration,
    /// Standing queue TCP may build.
    pub(crate) queue: Duration,
}

impl Default for Link {
    /// An ordinary 4G cell: 40 Mbit/s down, 20 Mbit/s up, 40 ms.
    fn default() -> Self {
        Self { down_bps: 40e6, up_bps: 20e6, round_trip: Duration::from_millis(40), queue: QUEUE }
    }
}

/// TCP payload bits a second that a link of `ip_bps` carries in full segments.
pub(crate) fn goodput_bps(ip_bps: f64) -> f64 {
    ip_bps * SEGMENT_PAYLOAD_BYTES as f64 / (SEGMENT_PAYLOAD_BYTES + TCP_HEADER_BYTES) as f64
}

impl FromStr for Link {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a link; expected DOWN/UP/ROUND_TRIP in Mbit/s and ms, such as 40/20/40, or 100M/50M/25"
            )
        };
        let parts: Vec<&str> = text.split('/').collect();
        let [down, up, round_trip] = parts.as_slice() else { return Err(wrong()) };
        let (down_bps, up_bps) = (rate_bps(down).ok_or_else(wrong)?, rate_bps(up).ok_or_else(wrong)?);
        let round_trip_ms: f64 = round_trip.trim_end_matches("ms").trim().parse().map_err(|_| wrong())?;
        if !(0.0..=5_000.0).contains(&round_trip_ms) {
            return Err(format!("the round trip of {text:?} is {round_trip_ms} ms; expected 0 to 5000"));
        }
        for rate in [down_bps, up_bps] {
            // Above, one user-space thread no longer serves the link exactly.
            if !(64e3..=2e9).contains(&rate) {
                return Err(format!("a rate of {text:?} is {} Mbit/s; expected 0.064 to 2000", rate / 1e6));
            }
        }
        Ok(Self { down_bps, up_bps, round_trip: Duration::from_secs_f64(round_trip_ms / 1e3), queue: QUEUE })
    }
}

fn rate_bps(text: &str) -> Option<f64> {
    let text = text.trim();
    let (number, unit) = match text.chars().last()? {
        'k' | 'K' => (&text[..text.len() - 1], 1e3),
        'M' | 'm' => (&text[..text.len() - 1], 1e6),
        'G' | 'g' => (&text[..text.len() - 1], 1e9),
        _ => (text, 1e6),
    };
    number.trim().parse::<f64>().ok().map(|n| n * unit).filter(|n| n.is_finite())
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{} Mbit/s, {} ms",
            self.down_bps / 1e6,
            self.up_bps / 1e6,
            (self.round_trip.as_secs_f64() * 1e3).round()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_plain_numbers_as_megabits_and_units_as_written() {
        assert_eq!("40/20/40".parse(), Ok(Link::default()));
        let link: Link = "1G/500k/12.5ms".parse().unwrap();
        assert_eq!((link.down_bps, link.up_bps), (1e9, 500e3));
        assert_eq!(link.round_trip, Duration::from_micros(12_500));
    }

    #[test]
    fn names_what_it_cannot_use() {
        for wrong in
            ["", "40", "40/20", "40/20/40/1", "a/20/40", "40/20/x", "0/20/40", "40/9G/40", "40/20/-1", "nan/1/1"]
        {
            assert!(wrong.parse::<Link>().unwrap_err().contains(wrong), "{wrong}");
        }
    }

    #[test]
    fn goodput_is_the_payload_of_full_segments() {
        assert!((goodput_bps(48e6) - 46.336e6).abs() < 1.0);
    }
}
