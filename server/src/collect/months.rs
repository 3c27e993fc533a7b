//! Progress of a month: how many samples each commune has, lacks, and lost to which reason.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ispeed_protocol::plan::{CommuneQuota, MonthStatus, QUOTA_PER_COMMUNE, days_left};
use ispeed_protocol::problem::Problem;
use ispeed_protocol::{Month, UtcMicros};

use super::Collector;
use super::communes::{CommuneName, Communes};
use super::error::{ApiError, not_found};
use super::query::{self, Params};
use crate::store::{MonthTallies, Store, StoreError, Tally};

const MONTH_EXPECTED: &str = "YYYY-MM, such as 2026-11";

/// Status of a month, of the country or of one province: from the tallies alone, no sample is read.
///
/// # Errors
/// What the store says.
pub async fn month_status(
    store: &dyn Store,
    communes: &Communes,
    month: Month,
    province: Option<&str>,
    now: UtcMicros,
) -> Result<MonthStatus, StoreError> {
    let tallies = store.tallies(month, None).await?;
    Ok(summarise(tallies, communes, month, province, now))
}

fn summarise(
    tallies: MonthTallies,
    communes: &Communes,
    month: Month,
    province: Option<&str>,
    now: UtcMicros,
) -> MonthStatus {
    let scope: Vec<&CommuneName> =
        communes.all().iter().filter(|c| province.is_none_or(|p| c.province_code == p)).collect();
    let mut status = MonthStatus {
        month,
        at: now,
        province_code: province.map(str::to_owned),
        communes_total: count(scope.len()),
        communes_reached: 0,
        counted: 0,
        excluded: BTreeMap::new(),
        without_commune: 0,
        unattested: 0,
        communes: Vec::new(),
        days_left: days_left(month, now),
    };
    let mut by_commune: HashMap<&str, Vec<&Tally>> = HashMap::new();
    for tally in &tallies.tallies {
        match &tally.commune {
            Some(code) => by_commune.entry(code).or_default().push(tally),
            // What lies in no commune lies in no province either.
            None if province.is_none() => {
                status.without_commune += tally.samples;
                add(&mut status, tally);
            }
            None => {}
        }
    }
    let devices: HashMap<&str, u32> = tallies.devices.iter().map(|(code, n)| (code.as_str(), *n)).collect();
    for commune in scope {
        let rows = by_commune.get(commune.code.as_str()).map_or(&[][..], Vec::as_slice);
        for row in rows {
            add(&mut status, row);
        }
        let quota = quota(commune, rows, devices.get(commune.code.as_str()).copied().unwrap_or(0));
        status.communes_reached += u32::from(quota.missing == 0);
        if province.is_some() || !rows.is_empty() {
            status.communes.push(quota);
        }
    }
    status
}

fn add(status: &mut MonthStatus, tally: &Tally) {
    book(tally, &mut status.counted, &mut status.excluded);
    if tally.unattested {
        status.unattested += tally.samples;
    }
}

/// Books a tally as counted, or as excluded under its first reason.
fn book(tally: &Tally, counted: &mut u32, excluded: &mut BTreeMap<String, u32>) {
    match &tally.reason {
        None => *counted += tally.samples,
        Some(reason) => *excluded.entry(reason.clone()).or_default() += tally.samples,
    }
}

fn quota(commune: &CommuneName, rows: &[&Tally], devices: u32) -> CommuneQuota {
    let mut quota = CommuneQuota {
        code: commune.code.clone(),
        name: commune.name.clone(),
        province_code: commune.province_code.clone(),
        province: commune.province.clone(),
        devices,
        ..CommuneQuota::default()
    };
    for row in rows {
        book(row, &mut quota.counted, &mut quota.excluded);
    }
    quota.missing = QUOTA_PER_COMMUNE.saturating_sub(quota.counted);
    quota
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Progress of a month.
#[utoipa::path(
    get, path = "/v1/months/{month}", tag = "plan",
    params(
        ("month" = String, Path, description = "Month in Vietnam, YYYY-MM", example = "2026-11"),
        ("province" = Option<String>, Query, description = "Province code; lists every commune of it", example = "75"),
    ),
    responses(
        (status = 200, body = MonthStatus),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such province"),
    )
)]
pub(super) async fn get_month(
    State(collector): State<Arc<Collector>>,
    Path(month): Path<String>,
    params: Params,
) -> Result<Json<MonthStatus>, ApiError> {
    let month = query::parse("month", &month, MONTH_EXPECTED)?;
    let province = params.get("province");
    if let Some(code) = province
        && !collector.communes.has_province(code)
    {
        return Err(not_found(format!("no province has the code {code:?}; expected two digits, such as 75")));
    }
    Ok(Json(collector.month_status(month, province).await?))
}

/// Progress of one commune.
#[utoipa::path(
    get, path = "/v1/communes/{code}/quota", tag = "plan",
    params(
        ("code" = String, Path, description = "Commune code, five digits", example = "25195"),
        ("month" = Option<String>, Query, description = "Month in Vietnam, YYYY-MM; the present one without", example = "2026-11"),
    ),
    responses(
        (status = 200, body = CommuneQuota),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such commune"),
    )
)]
pub(super) async fn get_quota(
    State(collector): State<Arc<Collector>>,
    Path(code): Path<String>,
    params: Params,
) -> Result<Json<CommuneQuota>, ApiError> {
    let month = params.parse("month", MONTH_EXPECTED)?.unwrap_or_else(|| (collector.config.clock)().month());
    let commune = collector
        .communes
        .get(&code)
        .ok_or_else(|| not_found(format!("no commune has the code {code:?}; expected five digits, such as 25195")))?;
    let found = collector.store.tallies(month, Some(code)).await?;
    let rows: Vec<&Tally> = found.tallies.iter().collect();
    let devices = found.devices.first().map_or(0, |(_, n)| *n);
    Ok(Json(quota(commune, &rows, devices)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_commune_is_counted_apart_and_in_no_province() {
        let communes = Communes::new(None).unwrap();
        let tally = |commune: Option<&str>, reason: Option<&str>, unattested, samples| Tally {
            commune: commune.map(str::to_owned),
            reason: reason.map(str::to_owned),
            unattested,
            samples,
        };
        let tallies = MonthTallies {
            tallies: vec![
                tally(None, Some("place_outside"), false, 4),
                tally(Some("25195"), None, false, 301),
                tally(Some("25195"), Some("no_service"), true, 2),
                tally(Some("00004"), None, false, 5),
            ],
            devices: vec![("25195".into(), 7)],
        };
        let month: Month = "2026-11".parse().unwrap();
        let country = summarise(tallies.clone(), &communes, month, None, month.start());
        assert_eq!((country.counted, country.without_commune, country.unattested), (306, 4, 2));
        assert_eq!((country.communes_total, country.communes_reached, country.communes.len()), (3321, 1, 2));
        assert_eq!(country.excluded, BTreeMap::from([("no_service".into(), 2), ("place_outside".into(), 4)]));
        let province = summarise(tallies, &communes, month, Some("75"), month.start());
        assert_eq!((province.counted, province.without_commune, province.communes_total), (301, 0, 95));
        assert_eq!(province.communes.len(), 95, "all of a province, measured or not");
        let quota = province.communes.iter().find(|c| c.code == "25195").unwrap();
        assert_eq!((quota.missing, quota.devices, quota.excluded["no_service"]), (0, 7, 2));
    }
}
