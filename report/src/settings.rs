//! What a month is computed with: the quota, the least numbers, the cut-off, the floors, the dated targets.
//!
//! Data, not code: every member has a default with its source beside it, and can be set in a file.

use ispeed_protocol::plan::UPLOAD_CUTOFF_DAY;
use ispeed_protocol::{Month, UtcMicros};
use serde::{Deserialize, Serialize};

use crate::group::TechnologyGroup;
use crate::metric::Metric;

const US_PER_DAY: i64 = 86_400_000_000;

/// Settings of a month.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Counted samples a commune owes each month (`vietnam.md` 5: the seed letter, item 2).
    pub quota: u32,
    /// Below so many samples a figure is greyed, never ranked and never judged (`vietnam.md` 5.3 and 14.3 rule 7).
    pub min_samples: u32,
    /// A commune with fewer devices loses hour and device number in the public set; a cell with fewer is not in it
    /// (`trust-and-ux.md` 1.8: k of 5 to 10 is the usual range).
    pub min_devices_public: u32,
    /// Fewer independent devices than this give no interval: none is better than a false one (REPORTING.md, Intervals).
    pub min_devices_interval: u32,
    /// Samples of a month are taken in until the end (24:00, UTC+7) of this day of the next month; later ones are late.
    pub cut_off_day: u8,
    /// Days of the next month: the commune's report is due before the first, the province's on the second
    /// (`vietnam.md` 5).
    pub report_days: [u8; 2],
    /// Least download of a sample, by technology, for the share above the floor.
    pub floors: Vec<Floor>,
    /// Targets, dated.
    pub targets: Vec<Target>,
    /// When a cell is called weak, when it is called well served.
    pub cells: CellRule,
}

/// Least download of a sample of a technology.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Floor {
    /// Technology.
    pub technology: TechnologyGroup,
    /// Floor.
    pub down_mbps: f64,
    /// Where it comes from.
    pub source: String,
}

/// A target of a paper.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Number of the paper, as documents print it.
    pub paper: String,
    /// First day it holds, `YYYY-MM-DD`. Of rows with equal technology and metric the newest that holds at the end of the
    /// month is used.
    pub valid_from: String,
    /// Technology.
    pub technology: TechnologyGroup,
    /// Code of the metric it is about: targets are means ("trung bình").
    pub metric: String,
    /// Threshold in the unit of the metric.
    pub at_least: f64,
    /// Printed for information, and nothing is said of whether it was reached: technical regulations are tested another
    /// way (`vietnam.md` 6.3).
    pub informational: bool,
    /// Where it was read.
    pub source: String,
}

/// When an operator's service in a 200 m cell is called weak, and when good.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CellRule {
    /// Least attempts of the operator in the cell.
    pub min_attempts: u32,
    /// Least devices they came from.
    pub min_devices: u32,
    /// From this share of failed attempts on the cell has no service.
    pub no_service_percent: f64,
    /// At most this share of attempts fails where service is good.
    pub good_failed_percent: f64,
    /// A sharing candidate needs a good operator so many times as fast, measured against the targets, as the weak one.
    pub sharing_factor: f64,
}

impl Default for CellRule {
    fn default() -> Self {
        // Five tests is the least at which the FCC's mobile challenge lets a cell be judged (47 CFR 1.7006(e)).
        Self {
            min_attempts: 5,
            min_devices: 2,
            no_service_percent: 50.0,
            good_failed_percent: 10.0,
            sharing_factor: 2.0,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            quota: 300,
            min_samples: 30,
            min_devices_public: 5,
            min_devices_interval: 10,
            cut_off_day: UPLOAD_CUTOFF_DAY,
            report_days: [10, 15],
            floors: default_floors(),
            targets: default_targets(),
            cells: CellRule::default(),
        }
    }
}

fn default_floors() -> Vec<Floor> {
    let floor = |technology, down_mbps, source: &str| Floor { technology, down_mbps, source: source.to_owned() };
    vec![
        floor(TechnologyGroup::G5, 30.0, "QCVN 126:2021/BTTTT (vietnam.md 6.2)"),
        floor(TechnologyGroup::G4, 10.0, "set value: guides call 10-15 Mbps enough for basic needs (vietnam.md 2)"),
    ]
}

fn default_targets() -> Vec<Target> {
    let row = |paper: &str, from: &str, technology, metric: Metric, at_least, informational, source: &str| Target {
        paper: paper.to_owned(),
        valid_from: from.to_owned(),
        technology,
        metric: metric.code().to_owned(),
        at_least,
        informational,
        source: source.to_owned(),
    };
    let (plan, rule) = ("Quyết định 36/QĐ-TTg", "QCVN 126:2021/BTTTT");
    let (g4, g5) = (TechnologyGroup::G4, TechnologyGroup::G5);
    vec![
        row(plan, "2024-01-11", g4, Metric::DownMean, 40.0, false, "vietnam.md 7, S13"),
        row(plan, "2024-01-11", g5, Metric::DownMean, 100.0, false, "vietnam.md 7, S13b"),
        row(rule, "2022-07-01", g5, Metric::DownMean, 100.0, true, "vietnam.md 6.2, S12"),
        row(rule, "2022-07-01", g5, Metric::UpMean, 30.0, true, "vietnam.md 6.2, S12"),
        row(rule, "2022-07-01", g5, Metric::AboveFloor, 95.0, true, "vietnam.md 6.2, S12"),
    ]
}

impl Settings {
    /// The last instant at which a sample of `month` is in time.
    pub fn cut_off(&self, month: Month) -> UtcMicros {
        month.end().plus_micros(i64::from(self.cut_off_day) * US_PER_DAY - 1)
    }

    /// The floor of a technology.
    pub fn floor_bps(&self, technology: TechnologyGroup) -> Option<f64> {
        self.floors.iter().find(|floor| floor.technology == technology).map(|floor| floor.down_mbps * 1e6)
    }

    /// The targets that hold at the end of `month`, in the order of the table: of equal technology, metric and kind
    /// the newest.
    pub fn targets_of(&self, month: Month) -> Vec<&Target> {
        let last_day = last_day(month);
        let holds = |target: &Target| target.valid_from.as_str() <= last_day.as_str();
        let same = |a: &Target, b: &Target| {
            a.technology == b.technology && a.metric == b.metric && a.informational == b.informational
        };
        let newest = |target: &Target| {
            !self
                .targets
                .iter()
                .any(|other| same(target, other) && holds(other) && other.valid_from > target.valid_from)
        };
        self.targets.iter().filter(|target| holds(target) && newest(target)).collect()
    }

    /// The mean download that the plan in force asks of a technology.
    pub fn down_target_bps(&self, month: Month, technology: TechnologyGroup) -> Option<f64> {
        let wanted =
            |t: &&Target| !t.informational && t.technology == technology && t.metric == Metric::DownMean.code();
        self.targets_of(month).into_iter().find(wanted).map(|target| target.at_least * 1e6)
    }

    /// What is wrong with settings that were read from a file: member, value, what was expected.
    pub fn check(&self) -> Result<(), String> {
        let least = |name: &str, value: u32, least: u32| {
            if value < least { Err(format!("{name} is {value}; expected at least {least}")) } else { Ok(()) }
        };
        least("quota", self.quota, 1)?;
        least("min_samples", self.min_samples, 2)?;
        least("min_devices_public", self.min_devices_public, 2)?;
        least("min_devices_interval", self.min_devices_interval, 5)?;
        least("cells.min_attempts", self.cells.min_attempts, 1)?;
        least("cells.min_devices", self.cells.min_devices, 1)?;
        if !(1..=27).contains(&self.cut_off_day) {
            return Err(format!("cut_off_day is {}; expected a day of the month, 1 to 27", self.cut_off_day));
        }
        let numbers = self.floors.iter().enumerate().map(|(row, f)| (format!("floors[{row}].down_mbps"), f.down_mbps));
        let targets = self.targets.iter().enumerate().map(|(row, t)| (format!("targets[{row}].at_least"), t.at_least));
        for (name, value) in numbers.chain(targets) {
            if !(value > 0.0 && value.is_finite()) {
                return Err(format!("{name} is {value}; expected a number above 0"));
            }
        }
        for (row, target) in self.targets.iter().enumerate() {
            target.metric.parse::<Metric>().map_err(|wrong| format!("targets[{row}].metric: {wrong}"))?;
            let date = target.valid_from.as_bytes();
            let form = date.len() == 10
                && date.iter().enumerate().all(|(i, b)| if i == 4 || i == 7 { *b == b'-' } else { b.is_ascii_digit() });
            if !form {
                return Err(format!(
                    "targets[{row}].valid_from is {:?}; expected a day such as 2024-01-11",
                    target.valid_from
                ));
            }
        }
        Ok(())
    }
}

/// Last day of a month, `YYYY-MM-DD`.
pub fn last_day(month: Month) -> String {
    let date = month.end().plus_micros(-1).in_vietnam().date();
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    #[test]
    fn a_month_ends_its_intake_on_the_eighth_at_midnight() {
        let cut_off = Settings::default().cut_off(month("2026-11"));
        assert_eq!(cut_off.to_string(), "2026-12-08T16:59:59.999999Z");
        assert_eq!(Settings::default().cut_off(month("2026-12")).to_string(), "2027-01-08T16:59:59.999999Z");
    }

    #[test]
    fn a_target_holds_from_its_day_until_a_newer_one() {
        let mut settings = Settings::default();
        assert_eq!(settings.down_target_bps(month("2023-12"), TechnologyGroup::G4), None);
        assert_eq!(settings.down_target_bps(month("2024-01"), TechnologyGroup::G4), Some(40e6));
        let newer = Target { valid_from: "2026-12-31".into(), at_least: 60.0, ..settings.targets[0].clone() };
        settings.targets.push(newer);
        assert_eq!(settings.down_target_bps(month("2026-11"), TechnologyGroup::G4), Some(40e6));
        assert_eq!(settings.down_target_bps(month("2026-12"), TechnologyGroup::G4), Some(60e6));
        assert_eq!(settings.down_target_bps(month("2026-12"), TechnologyGroup::G3), None);
        assert_eq!(settings.targets_of(month("2026-12")).len(), 5);
    }

    #[test]
    fn settings_are_data_with_defaults_and_a_check() {
        let read: Settings = serde_json::from_str(r#"{"quota": 100}"#).unwrap();
        assert_eq!(read, Settings { quota: 100, ..Settings::default() });
        assert_eq!(read.check(), Ok(()));
        assert!(serde_json::from_str::<Settings>(r#"{"qouta": 100}"#).is_err());
        let mut wrong = Settings::default();
        wrong.targets[1].metric = "speed".into();
        assert!(wrong.check().unwrap_err().starts_with("targets[1].metric: \"speed\""));
        wrong = Settings::default();
        wrong.targets[0].valid_from = "11/01/2024".into();
        assert!(wrong.check().unwrap_err().contains("2024-01-11"));
        wrong = Settings::default();
        wrong.floors[1].down_mbps = 0.0;
        assert_eq!(wrong.check().unwrap_err(), "floors[1].down_mbps is 0; expected a number above 0");
        wrong = Settings { cut_off_day: 31, ..Settings::default() };
        assert!(wrong.check().unwrap_err().starts_with("cut_off_day is 31"));
    }
}
