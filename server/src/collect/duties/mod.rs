//! Duties outside measuring: records of the store, typed in by officials, and what the samples say of installations.

mod file;
mod import;

use ispeed_protocol::Month;
use ispeed_protocol::duty::{Duty, ISpeedCount, record_key};
use ispeed_report::MonthSample;
use ispeed_report::duties::{DeviceTally, DutyFacts, DutyTexts, texts};
use serde::de::DeserializeOwned;

pub use self::file::{DutyFileError, WrongField, parse_duty_file};
pub use self::import::{CountFileError, check_count, parse_count_file};
use crate::limits;
use crate::store::{MonthQuery, Store, StoreError, each_month_sample};

/// Kind of the records of duties.
pub const DUTY_KIND: &str = "duty";
/// Kind of the records of VNNIC's own counts.
pub const ISPEED_COUNT_KIND: &str = "ispeed_count";

fn read<T: DeserializeOwned>(what: &'static str, json: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|e| StoreError::Unreadable { what, cause: e.to_string() })
}

/// Keeps what was typed in of a commune and month, in place of what was there.
///
/// # Errors
/// The store fails.
pub async fn keep_duty(store: &dyn Store, duty: &Duty) -> Result<u64, StoreError> {
    let json = serde_json::to_string(duty).expect("a duty has text keys only");
    store.put_record(DUTY_KIND, &record_key(duty.month, &duty.commune), json, None).await
}

/// Keeps VNNIC's own count of a commune and month, in place of what was there.
///
/// # Errors
/// The store fails.
pub async fn keep_ispeed_count(store: &dyn Store, count: &ISpeedCount) -> Result<u64, StoreError> {
    let json = serde_json::to_string(count).expect("a count has text keys only");
    store.put_record(ISPEED_COUNT_KIND, &record_key(count.month, &count.commune), json, None).await
}

/// What was typed in of a commune and month.
///
/// # Errors
/// The store fails.
pub async fn duty(store: &dyn Store, month: Month, commune: &str) -> Result<Option<Duty>, StoreError> {
    let record = store.record(DUTY_KIND, &record_key(month, commune)).await?;
    record.map(|record| read("duty", &record.json)).transpose()
}

/// What was typed in of a month, by commune.
///
/// # Errors
/// The store fails.
pub async fn duties(store: &dyn Store, month: Month) -> Result<Vec<Duty>, StoreError> {
    let records = store.records(DUTY_KIND, &record_key(month, "")).await?;
    records.iter().map(|record| read("duty", &record.json)).collect()
}

/// VNNIC's own count of a commune and month.
///
/// # Errors
/// The store fails.
pub async fn ispeed_count(store: &dyn Store, month: Month, commune: &str) -> Result<Option<ISpeedCount>, StoreError> {
    let record = store.record(ISPEED_COUNT_KIND, &record_key(month, commune)).await?;
    record.map(|record| read("count of i-Speed", &record.json)).transpose()
}

/// VNNIC's own counts of a month, by commune.
///
/// # Errors
/// The store fails.
pub async fn ispeed_counts(store: &dyn Store, month: Month) -> Result<Vec<ISpeedCount>, StoreError> {
    let records = store.records(ISPEED_COUNT_KIND, &record_key(month, "")).await?;
    records.iter().map(|record| read("count of i-Speed", &record.json)).collect()
}

/// Everything documents print of a commune's duties in a month.
///
/// # Errors
/// The store fails.
pub async fn duty_texts(store: &dyn Store, month: Month, commune: &str) -> Result<DutyTexts, StoreError> {
    let (duty, ispeed) = (duty(store, month, commune).await?, ispeed_count(store, month, commune).await?);
    let mut year = 0;
    for earlier in (1..month.month).map(|n| Month { year: month.year, month: n }) {
        year += tally(store, earlier, commune).await?.0.installs();
    }
    let (devices, counted) = tally(store, month, commune).await?;
    Ok(texts(&DutyFacts {
        installs_month: devices.installs(),
        installs_year: year + devices.installs(),
        active_devices: devices.devices(),
        counted,
        duty: duty.as_ref(),
        ispeed: ispeed.as_ref(),
    }))
}

/// Installations and devices of a commune's month, and its samples that count.
async fn tally(store: &dyn Store, month: Month, commune: &str) -> Result<(DeviceTally, u32), StoreError> {
    let mut tally = (DeviceTally::default(), 0);
    let mut query = MonthQuery::new(month, limits::PLAN_ROWS_PAGE);
    query.commune = Some(commune.to_owned());
    let add = |row: MonthSample| {
        tally.0.add(&row);
        tally.1 += u32::from(row.counts);
    };
    each_month_sample(store, query, add).await?;
    Ok(tally)
}
