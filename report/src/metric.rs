//! The metrics of a month: one name, one unit, one number of decimals each.

use std::fmt;
use std::str::FromStr;

macro_rules! metrics {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $decimals:literal;)+) => {
        /// What a figure measures. The code is the word in `figures.csv`; the unit is its last part.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Metric { $($(#[doc = $doc])+ $name,)+ }

        impl Metric {
            /// All of them, in the order of files.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Word in files.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// Decimals printed: figures are rounded half to even once, here, and never again.
            pub const fn decimals(self) -> u8 {
                match self { $(Self::$name => $decimals,)+ }
            }

            /// What it is, one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+),)+ }
            }
        }
    };
}

metrics! {
    /// Samples of any kind.
    Samples = "samples_count", 0;
    /// Samples that count towards the quota.
    Counted = "counted_count", 0;
    /// Quota less counted samples, not below 0 (of all operators and technologies).
    Missing = "missing_count", 0;
    /// Samples that do not count.
    Excluded = "excluded_count", 0;
    /// Samples that came in after the cut-off.
    Late = "late_count", 0;
    /// Distinct devices among the counted samples.
    Devices = "devices_count", 0;
    /// Distinct 200 m cells among the counted samples.
    Cells = "cells_count", 0;
    /// Distinct days (UTC+7) among the counted samples.
    Days = "days_count", 0;
    /// Share of the counted samples that the busiest device gave.
    TopDeviceShare = "top_device_share_percent", 1;
    /// Mean download goodput of the counted samples.
    DownMean = "down_mean_mbps", 2;
    /// Median download goodput of the counted samples.
    DownMedian = "down_median_mbps", 2;
    /// 10th percentile of download goodput.
    DownP10 = "down_p10_mbps", 2;
    /// 90th percentile of download goodput.
    DownP90 = "down_p90_mbps", 2;
    /// Mean upload goodput of the counted samples.
    UpMean = "up_mean_mbps", 2;
    /// Median upload goodput of the counted samples.
    UpMedian = "up_median_mbps", 2;
    /// 10th percentile of upload goodput.
    UpP10 = "up_p10_mbps", 2;
    /// 90th percentile of upload goodput.
    UpP90 = "up_p90_mbps", 2;
    /// Share of the counted samples whose download reaches the floor of their technology.
    AboveFloor = "above_floor_percent", 1;
    /// Median of the samples' idle round trips.
    IdleLatency = "idle_latency_median_ms", 1;
    /// Median of the samples' round trips while downloading.
    LoadedDownLatency = "loaded_down_latency_median_ms", 1;
    /// Median of the samples' round trips while uploading.
    LoadedUpLatency = "loaded_up_latency_median_ms", 1;
    /// Median of the samples' PDV.
    Pdv = "pdv_median_ms", 1;
    /// Echo packets lost of those sent without load, pooled.
    Loss = "loss_percent", 3;
    /// Attempts over mobile radio that ended without service or by the server's fault, of all such attempts.
    Failed = "failed_attempts_percent", 1;
    /// First samples of an installation.
    Installs = "installs_count", 0;
    /// Counted samples by citizens.
    ByCitizens = "by_citizens_count", 0;
    /// Counted samples by officials.
    ByOfficials = "by_officials_count", 0;
    /// Counted samples by staff of operators.
    ByOperators = "by_operators_count", 0;
    /// Counted samples by unattended probes.
    ByProbes = "by_probes_count", 0;
    /// Mean download without the samples of operators' staff.
    DownMeanWithoutOperators = "down_mean_without_operators_mbps", 2;
    /// Cells with failures or below target.
    WeakCells = "weak_cells_count", 0;
    /// Communes of the place.
    CommunesTotal = "communes_total_count", 0;
    /// Communes that reached the quota.
    CommunesReached = "communes_reached_count", 0;
    /// Mean download of this month against that of the month before.
    DownMeanChange = "down_mean_change_percent", 1;
    /// Mean download over the 12 months up to this one.
    DownMean12Months = "down_mean_12_months_mbps", 2;
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Metric {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|metric| metric.code() == text);
        found.copied().ok_or_else(|| format!("{text:?} is not a metric; REPORTING.md lists them"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_names_one_metric_and_ends_in_its_unit() {
        for metric in Metric::ALL {
            assert_eq!(metric.code().parse(), Ok(*metric));
            let unit = metric.code().rsplit('_').next().unwrap_or_default();
            assert!(["count", "mbps", "ms", "percent"].contains(&unit), "{metric}");
            assert_eq!(unit == "count", metric.decimals() == 0, "{metric}");
        }
        assert!("down_mean".parse::<Metric>().is_err());
    }
}
