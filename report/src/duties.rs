//! Duties outside measuring as documents print them: installs and active devices, communication work, difficulties, proposals,
//! and VNNIC's own count beside ours. Pure.

use std::collections::BTreeSet;
use std::fmt;

use ispeed_protocol::duty::{Duty, ISpeedCount};

use crate::MonthSample;

/// Counts of devices below this are not told: they could point at persons.
pub const DEVICES_SHOWN_MIN: u32 = 5;

/// A count of devices: a number from five on, and none at all; what lies between stays private.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeviceCount {
    /// None, or five and more.
    Shown(u32),
    /// One to four.
    Few,
}

impl DeviceCount {
    /// Hides small ones.
    pub const fn of(count: u32) -> Self {
        if count == 0 || count >= DEVICES_SHOWN_MIN { Self::Shown(count) } else { Self::Few }
    }

    /// The number, where it is shown.
    pub const fn number(self) -> Option<u32> {
        match self {
            Self::Shown(count) => Some(count),
            Self::Few => None,
        }
    }
}

/// As documents print it.
impl fmt::Display for DeviceCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shown(count) => write!(f, "{count}"),
            Self::Few => write!(f, "dưới {DEVICES_SHOWN_MIN}"),
        }
    }
}

/// Installations and devices of a commune's samples, before small counts are hidden. Installation ids rotate monthly, so devices
/// of two months cannot be added; installs can, since each has one first sample.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeviceTally {
    installs: u32,
    devices: BTreeSet<String>,
}

impl DeviceTally {
    /// Adds a sample, whether it counts or not: who measured in vain has the app all the same.
    pub fn add(&mut self, sample: &MonthSample) {
        self.installs += u32::from(sample.first_run);
        if !self.devices.contains(&sample.device_id) {
            self.devices.insert(sample.device_id.clone());
        }
    }

    /// First samples of an installation.
    pub const fn installs(&self) -> u32 {
        self.installs
    }

    /// Distinct devices.
    pub fn devices(&self) -> u32 {
        u32::try_from(self.devices.len()).unwrap_or(u32::MAX)
    }
}

/// What is known of a commune's duties in a month.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DutyFacts<'a> {
    /// Installations whose first sample lies in the commune and month. An installation that never measured is not seen.
    pub installs_month: u32,
    /// The same from January of the year on.
    pub installs_year: u32,
    /// Distinct devices of the month.
    pub active_devices: u32,
    /// Our samples that count.
    pub counted: u32,
    /// What was typed in.
    pub duty: Option<&'a Duty>,
    /// VNNIC's own count.
    pub ispeed: Option<&'a ISpeedCount>,
}

/// What documents print (fields 23, 24, 26 and 27 of `vietnam.md` 14.1). An empty text: nothing was typed in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DutyTexts {
    /// Installs of the month.
    pub installs_month: DeviceCount,
    /// Installs of the year so far.
    pub installs_year: DeviceCount,
    /// Devices of the month.
    pub active_devices: DeviceCount,
    /// Field 23, in words.
    pub installs: String,
    /// Field 24: forms with their numbers.
    pub communication: String,
    /// Sum of news items, posts and broadcasts.
    pub communication_items: u32,
    /// Field 26, first part.
    pub difficulties: String,
    /// Field 26, second part.
    pub proposals: String,
    /// VNNIC's count.
    pub ispeed_count: Option<u32>,
    /// Field 27: VNNIC's count with source and date, beside ours.
    pub ispeed: String,
}

/// The texts and values of a commune's duties.
pub fn texts(facts: &DutyFacts<'_>) -> DutyTexts {
    let [month, year, active] = [facts.installs_month, facts.installs_year, facts.active_devices].map(DeviceCount::of);
    let communication = facts.duty.map(|duty| duty.communication.as_slice()).unwrap_or_default();
    let forms: Vec<String> = communication.iter().map(|work| format!("{}: {}", work.form, work.items)).collect();
    let list = |of: fn(&Duty) -> &[String]| facts.duty.map(|duty| of(duty).join("; ")).unwrap_or_default();
    DutyTexts {
        installs_month: month,
        installs_year: year,
        active_devices: active,
        installs: format!("Trong tháng: {month}; lũy kế từ đầu năm: {year}; thiết bị có đo trong tháng: {active}"),
        communication: forms.join("; "),
        communication_items: communication.iter().fold(0, |sum, work| sum.saturating_add(work.items)),
        difficulties: list(|duty| &duty.difficulties),
        proposals: list(|duty| &duty.proposals),
        ispeed_count: facts.ispeed.map(|ispeed| ispeed.count),
        ispeed: facts.ispeed.map(|ispeed| beside_ours(ispeed, facts.counted)).unwrap_or_default(),
    }
}

fn beside_ours(ispeed: &ISpeedCount, counted: u32) -> String {
    let date = ispeed.date;
    let month = date.month();
    format!(
        "i-Speed (VNNIC): {} mẫu (nguồn: {}, ngày {:02}/{:02}/{}); ispeed: {counted} mẫu hợp lệ. Hai số liệu độc lập, không \
         cộng vào nhau.",
        ispeed.count,
        ispeed.source,
        date.day(),
        month.month,
        month.year
    )
}

#[cfg(test)]
mod tests {
    use ispeed_protocol::duty::Communication;

    use super::*;

    #[test]
    fn small_counts_of_devices_are_not_told() {
        for (count, text) in [(0, "0"), (1, "dưới 5"), (4, "dưới 5"), (5, "5"), (300, "300")] {
            assert_eq!(DeviceCount::of(count).to_string(), text);
        }
        assert_eq!((DeviceCount::of(4).number(), DeviceCount::of(5).number()), (None, Some(5)));
    }

    #[test]
    fn what_was_typed_in_is_printed_and_vnnics_count_stands_beside_ours() {
        let duty = Duty {
            v: 1,
            month: "2026-11".parse().unwrap(),
            commune: "25195".into(),
            communication: vec![
                Communication { form: "Bài trên cổng thông tin".into(), items: 3 },
                Communication { form: "Phát thanh".into(), items: 12 },
            ],
            difficulties: vec!["Vùng lõm sóng tại ấp 3".into(), "Thiếu máy 5G".into()],
            proposals: vec!["Bổ sung trạm".into()],
            role: None,
        };
        let ispeed = ISpeedCount {
            v: 1,
            month: duty.month,
            commune: "25195".into(),
            count: 412,
            source: "speedtest.vn".into(),
            date: "2026-12-05".parse().unwrap(),
        };
        let facts = DutyFacts {
            installs_month: 3,
            installs_year: 61,
            active_devices: 27,
            counted: 300,
            duty: Some(&duty),
            ispeed: Some(&ispeed),
        };
        let made = texts(&facts);
        assert_eq!(made.installs, "Trong tháng: dưới 5; lũy kế từ đầu năm: 61; thiết bị có đo trong tháng: 27");
        assert_eq!(made.communication, "Bài trên cổng thông tin: 3; Phát thanh: 12");
        assert_eq!(
            (made.communication_items, made.difficulties.as_str()),
            (15, "Vùng lõm sóng tại ấp 3; Thiếu máy 5G")
        );
        assert!(
            made.ispeed.starts_with("i-Speed (VNNIC): 412 mẫu (nguồn: speedtest.vn, ngày 05/12/2026); ispeed: 300 mẫu")
        );
        let nothing = texts(&DutyFacts { duty: None, ispeed: None, ..facts });
        assert_eq!((nothing.communication.as_str(), nothing.ispeed.as_str(), nothing.ispeed_count), ("", "", None));
    }
}
