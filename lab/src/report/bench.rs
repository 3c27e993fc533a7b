//! Figures that no emulated link gives: loopback at full speed, and pure simulation. One JSON object; every member may be
//! missing, and what is missing is printed as not measured.
//!
//! ```json
//! {
//!   "machine": "2 cores, …",
//!   "commit": "a6ef251",
//!   "loopback": {"down_gbps": 9.1, "up_gbps": 6.4, "down_limit": "server_limited", "up_limit": "cpu_limited"},
//!   "cpu_s_per_gbit": {
//!     "cipher": "TLS13_AES_128_GCM_SHA256",
//!     "ispeed": {"down": 0.046, "up": 0.045},
//!     "ndt7": {"down": 0.055, "up": 0.066}
//!   },
//!   "simulation": {
//!     "runs": 10000, "silent_above_5_percent": 0,
//!     "coverage_pooled": 0.974, "coverage_lowest": 0.934, "coverage_highest": 0.989
//!   }
//! }
//! ```
//!
//! `loopback`: what the client measures over TLS without a link, and which end the result names as the limit, if it does:
//! `cpu_limited` for the client, `server_limited` for the server beside it.
//! `cpu_s_per_gbit`: client CPU seconds for 10⁹ bits over TLS at full speed, both clients in the same run.
//! `simulation`: links by chance, those with an error above 5 % that neither flag nor interval owns up to, and the share of 95 %
//! intervals that hold the mean of a stationary process: of all kinds of process together, of the lowest and of the highest.

use serde::Deserialize;

/// The file.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct Bench {
    /// Where it was measured.
    pub machine: Option<String>,
    /// Of which state of the program.
    pub commit: Option<String>,
    /// What the client can measure without a link.
    pub loopback: Option<Loopback>,
    /// Cost of a bit at full speed.
    pub cpu_s_per_gbit: Option<CpuCost>,
    /// The meter over synthetic series.
    pub simulation: Option<Simulation>,
}

/// What the client measures over loopback TLS, 10⁹ bits a second.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Loopback {
    /// Download.
    pub down_gbps: f64,
    /// Upload.
    pub up_gbps: f64,
    /// The flag that says which end was the limit of the download.
    pub down_limit: Option<String>,
    /// The same of the upload.
    pub up_limit: Option<String>,
}

/// Client CPU seconds for 10⁹ bits over TLS.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct CpuCost {
    /// Cipher suite of both.
    pub cipher: String,
    /// This client.
    pub ispeed: BothWays,
    /// The Rust ndt7 client.
    pub ndt7: BothWays,
}

/// A figure a direction.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
pub struct BothWays {
    /// Download.
    pub down: f64,
    /// Upload.
    pub up: f64,
}

/// What pure simulation says.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Simulation {
    /// Links by chance.
    pub runs: u64,
    /// Errors above 5 % that nothing in the result owns up to.
    pub silent_above_5_percent: u64,
    /// Coverage of stationary processes, all kinds together.
    pub coverage_pooled: f64,
    /// Lowest coverage of a stationary process.
    pub coverage_lowest: f64,
    /// Highest coverage.
    pub coverage_highest: f64,
}

impl Bench {
    /// Reads the file's text.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_documentation_is_a_file() {
        let text: Vec<&str> = include_str!("bench.rs")
            .lines()
            .skip_while(|line| !line.contains("```json"))
            .skip(1)
            .take_while(|line| !line.contains("```"))
            .map(|line| line.trim_start_matches("//!"))
            .collect();
        let bench = Bench::parse(&text.join("\n")).unwrap();
        assert_eq!(bench.simulation.unwrap().runs, 10_000);
        assert_eq!(bench.cpu_s_per_gbit.unwrap().ndt7, BothWays { down: 0.055, up: 0.066 });
        assert_eq!(Bench::parse("{}").unwrap(), Bench::default());
        assert!(Bench::parse(r#"{"loopback": {"down_gbps": "fast"}}"#).is_err());
    }
}
