//! The collector's settings of plan and counting, kept beside the samples: a plan made of the store alone goes by them too.

use super::desk::PlanSettings;
use crate::store::{Store, StoreError};

/// Kind of the record. It says how the collectors of this database are set, so it does not move to another database.
pub(crate) const PLAN_SETTINGS_KIND: &str = "plan_settings";
const KEY: &str = "collector";

/// The settings the collector of this store started with last; the defaults where none did with others.
///
/// # Errors
/// The store fails, or holds what is no setting.
pub async fn plan_settings(store: &dyn Store) -> Result<PlanSettings, StoreError> {
    let Some(record) = store.record(PLAN_SETTINGS_KIND, KEY).await? else { return Ok(PlanSettings::default()) };
    serde_json::from_str(&record.json)
        .map_err(|error| StoreError::Unreadable { what: "plan setting", cause: error.to_string() })
}

/// Keeps them. Collectors of one database are set alike; where they are not, the last one to start is believed.
pub(in crate::collect) async fn keep(store: &dyn Store, settings: PlanSettings) -> Result<(), StoreError> {
    if plan_settings(store).await.is_ok_and(|held| held == settings) {
        return Ok(());
    }
    let json = serde_json::to_string(&settings).expect("settings have text keys only");
    store.put_record(PLAN_SETTINGS_KIND, KEY, json, None).await.map(drop)
}
