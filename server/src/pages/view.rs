//! What the page shows, put in order: the model between the month's status and its HTML.

use std::collections::HashMap;

use ispeed_protocol::Month;
use ispeed_protocol::plan::{CommuneQuota, MonthStatus, QUOTA_PER_COMMUNE};

use crate::collect::{Communes, bare};

/// Rows of a list on one page: read in one go, and 20 KB of HTML.
pub(super) const ROWS: usize = 100;

/// A province's line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ProvinceLine {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) communes: u32,
    pub(super) reached: u32,
    pub(super) counted: u32,
    /// Sum of what its communes lack.
    pub(super) missing: u32,
    /// Bare names of its special zones; Hoàng Sa and Trường Sa stand in every national list through these.
    pub(super) special_zones: Vec<String>,
}

/// The lists of a month.
pub(super) struct View {
    /// Communes that lack samples, the most interesting first.
    pub(super) short: Vec<CommuneQuota>,
    /// Communes that reached the quota.
    pub(super) reached: Vec<CommuneQuota>,
    /// Provinces by name; empty when one is chosen.
    pub(super) provinces: Vec<ProvinceLine>,
    /// Sum of what all communes in scope lack.
    pub(super) missing: u64,
}

/// Orders the month. The status lists measured communes only (of the country), so the rest comes from the table.
pub(super) fn arrange(status: &MonthStatus, communes: &Communes) -> View {
    let measured: HashMap<&str, &CommuneQuota> = status.communes.iter().map(|c| (c.code.as_str(), c)).collect();
    let mut in_scope: Vec<_> = communes
        .all()
        .iter()
        .filter(|c| status.province_code.as_ref().is_none_or(|province| *province == c.province_code))
        .collect();
    in_scope.sort_unstable_by_key(|c| c.rank);
    let all: Vec<CommuneQuota> = in_scope
        .into_iter()
        .map(|c| match measured.get(c.code.as_str()) {
            Some(quota) => (*quota).clone(),
            None => CommuneQuota {
                code: c.code.clone(),
                name: c.name.clone(),
                province_code: c.province_code.clone(),
                province: c.province.clone(),
                missing: QUOTA_PER_COMMUNE,
                ..CommuneQuota::default()
            },
        })
        .collect();
    let provinces = if status.province_code.is_some() { Vec::new() } else { provinces(&all) };
    let missing = all.iter().map(|c| u64::from(c.missing)).sum();
    let (reached, mut short): (Vec<_>, Vec<_>) = all.into_iter().partition(|c| c.missing == 0);
    // Stable: within the same number the order of names stays.
    short.sort_by_key(|c| (c.missing, std::cmp::Reverse(c.excluded.values().sum::<u32>())));
    View { short, reached, provinces, missing }
}

/// Months to choose from, newest first: the present one, eleven before it, and the one that is shown.
pub(super) fn months(present: Month, shown: Month) -> Vec<Month> {
    let mut months: Vec<Month> =
        std::iter::successors(Some(present), |month| Some(month.start().plus_micros(-1).month())).take(12).collect();
    if !months.contains(&shown) {
        months.push(shown);
        months.sort_unstable_by_key(|month| std::cmp::Reverse(*month));
    }
    months
}

/// One line a province, in the order in which they come: that of their names.
fn provinces(communes: &[CommuneQuota]) -> Vec<ProvinceLine> {
    let mut lines: Vec<ProvinceLine> = Vec::new();
    for commune in communes {
        if lines.last().is_none_or(|line| line.code != commune.province_code) {
            lines.push(ProvinceLine {
                code: commune.province_code.clone(),
                name: commune.province.clone(),
                communes: 0,
                reached: 0,
                counted: 0,
                missing: 0,
                special_zones: Vec::new(),
            });
        }
        let Some(line) = lines.last_mut() else { continue };
        line.communes += 1;
        line.reached += u32::from(commune.missing == 0);
        line.counted += commune.counted;
        line.missing += commune.missing;
        if commune.name.starts_with("Đặc khu ") {
            line.special_zones.push(bare(&commune.name).to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn status(communes: Vec<CommuneQuota>) -> MonthStatus {
        let month: ispeed_protocol::Month = "2026-11".parse().unwrap();
        MonthStatus {
            month,
            at: month.start(),
            province_code: None,
            communes_total: 3321,
            communes_reached: 0,
            counted: 0,
            excluded: BTreeMap::new(),
            without_commune: 0,
            unattested: 0,
            communes,
            days_left: 1,
        }
    }

    fn quota(communes: &Communes, code: &str, counted: u32) -> CommuneQuota {
        let c = communes.get(code).unwrap();
        CommuneQuota {
            code: code.into(),
            name: c.name.clone(),
            province_code: c.province_code.clone(),
            province: c.province.clone(),
            counted,
            missing: QUOTA_PER_COMMUNE.saturating_sub(counted),
            ..CommuneQuota::default()
        }
    }

    #[test]
    fn nearest_to_the_quota_comes_first_and_the_reached_apart() {
        let communes = Communes::new(None).unwrap();
        let measured = [("25195", 12), ("00004", 290), ("00008", 300), ("00025", 1)];
        let view = arrange(&status(measured.map(|(code, n)| quota(&communes, code, n)).to_vec()), &communes);
        let codes: Vec<_> = view.short.iter().take(3).map(|c| c.code.as_str()).collect();
        assert_eq!(codes, ["00004", "25195", "00025"]);
        assert_eq!((view.short.len(), view.reached.len()), (3320, 1));
        assert_eq!(view.missing, 10 + 288 + 299 + 3317 * 300);
    }

    #[test]
    fn months_to_choose_from_cross_the_year_and_hold_the_one_shown() {
        let month = |text: &str| text.parse::<Month>().unwrap();
        let months: Vec<_> = months(month("2026-03"), month("2024-12")).iter().map(Month::to_string).collect();
        assert_eq!((months.len(), months[0].as_str(), months[3].as_str()), (13, "2026-03", "2025-12"));
        assert_eq!(months[12], "2024-12");
    }

    #[test]
    fn every_national_list_holds_hoang_sa_and_truong_sa() {
        let communes = Communes::new(None).unwrap();
        let view = arrange(&status(Vec::new()), &communes);
        for code in ["20333", "22736"] {
            assert!(view.short.iter().any(|c| c.code == code), "{code}");
        }
        let zones: Vec<_> = view.provinces.iter().flat_map(|p| &p.special_zones).collect();
        assert_eq!(zones.len(), 13);
        let of = |code: &str| &view.provinces.iter().find(|p| p.code == code).unwrap().special_zones;
        assert!(of("48").contains(&"Hoàng Sa".to_owned()) && of("56").contains(&"Trường Sa".to_owned()));
        assert_eq!(view.provinces.len(), 34);
    }
}
