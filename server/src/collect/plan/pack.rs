//! Plan packs: the plan of a day, signed, for phones that will have no network.

use std::sync::Arc;

use ispeed_protocol::campaign::{BundleReference, CAMPAIGN_VERSION, PlanPack};
use ispeed_protocol::signing::{SecretKey, canonical_json, sha256_hex};
use ispeed_protocol::{Day, UtcMicros};

use super::desk::{PlanAbout, PlanDesk, PlanError, PlanRequest, PlanSettings};
use crate::collect::Communes;
use crate::limits;
use crate::store::Store;

/// A pack that is fetched in the afternoon is for the next day.
const AFTERNOON_MICROS: i64 = 43_200_000_000;

/// For what, and in whose name.
pub struct PackFor<'a> {
    /// A commune or a campaign; for a point there is no pack.
    pub about: PlanAbout,
    /// Public name of the collector.
    pub collector: &'a str,
    /// Its key.
    pub key: &'a SecretKey,
}

/// A pack and the hash that names its content, whenever it was made.
///
/// # Errors
/// The store fails, or there is no such commune.
pub async fn plan_pack(
    desk: &PlanDesk,
    store: &dyn Store,
    communes: &Arc<Communes>,
    settings: PlanSettings,
    asked: PackFor<'_>,
    now: UtcMicros,
) -> Result<(PlanPack, String), PlanError> {
    let (campaign, many) = match &asked.about {
        PlanAbout::Campaign(campaign) => (Some((**campaign).clone()), campaign.communes.len()),
        PlanAbout::Commune(_) | PlanAbout::Point { .. } => (None, 1),
    };
    let share = limits::PACK_CELLS / many.max(1);
    let request = PlanRequest {
        about: asked.about,
        month: now.month(),
        communes: many,
        cells: share.min(limits::PLAN_CELLS_LISTED_MAX as usize),
        public: true,
    };
    let plan = desk.plan(store, communes, settings, &request, now).await?;
    let mut pack = PlanPack {
        v: CAMPAIGN_VERSION,
        collector: asked.collector.to_owned(),
        campaign,
        month: plan.month,
        made_at: now,
        valid_until: Day::of(now.plus_micros(AFTERNOON_MICROS)).end().min(plan.calendar.measure_until),
        calendar: plan.calendar,
        spacing: plan.spacing,
        boundaries: communes.file().zip(communes.table()).map(|((_, sha256), table)| BundleReference {
            table: table.to_owned(),
            sha256: sha256.to_owned(),
            path: "/v1/boundaries".to_owned(),
        }),
        communes: plan.communes,
        key: String::new(),
        signature: String::new(),
    };
    shrink(&mut pack);
    let etag = content_hash(&pack);
    let pack = pack.sign(asked.key).map_err(|error| PlanError::Store(error.into()))?;
    Ok((pack, etag))
}

/// Fewer cells until it is small enough; those named last are the least useful.
fn shrink(pack: &mut PlanPack) {
    while serde_json::to_vec(pack).is_ok_and(|json| json.len() + SIGNATURE_BYTES > limits::PACK_MAX_BYTES) {
        let longest = pack.communes.iter().map(|commune| commune.unmeasured.len()).max().unwrap_or(0);
        if longest == 0 {
            // What cannot go: the communes themselves. 200 of them with all groups are 400 KB.
            pack.communes.pop();
            continue;
        }
        pack.communes.iter_mut().for_each(|commune| commune.unmeasured.truncate(longest / 2));
    }
}

/// Key and signature, which are filled in last.
const SIGNATURE_BYTES: usize = 160;

/// Hash of everything but the moment it was made and the signature.
fn content_hash(pack: &PlanPack) -> String {
    let content = PlanPack { made_at: UtcMicros(0), key: String::new(), signature: String::new(), ..pack.clone() };
    sha256_hex(&canonical_json(&content).expect("a pack holds only strings, integers and booleans"))
}

#[cfg(test)]
mod tests {
    use ispeed_protocol::plan::{CommunePlan, PlanCalendar, PlanCell, Progress};

    use super::*;

    #[test]
    fn a_pack_is_bounded_whatever_it_is_made_of() {
        let month: ispeed_protocol::Month = "2026-11".parse().unwrap();
        let cell = PlanCell { cell: "c6423_58211".parse().unwrap(), lat_e6: 1, lon_e6: 1, distance_m: None };
        let commune = CommunePlan {
            code: "25195".into(),
            name: "Phường Bình Phước".into(),
            province_code: "75".into(),
            province: "Thành phố Đồng Nai".into(),
            distance_m: None,
            progress: Progress::default(),
            groups: Vec::new(),
            under_sampled: Vec::new(),
            cells_total: Some(1),
            cells_unmeasured: Some(1),
            cells_hidden: false,
            unmeasured: vec![cell; 100],
        };
        let mut pack = PlanPack {
            v: 1,
            collector: "t".into(),
            campaign: None,
            month,
            made_at: month.start(),
            valid_until: month.end(),
            calendar: PlanCalendar::of(month, 8, month.start()),
            spacing: ispeed_verdict::limits::SPACING,
            boundaries: None,
            communes: vec![commune; 200],
            key: String::new(),
            signature: String::new(),
        };
        shrink(&mut pack);
        let later = PlanPack { made_at: month.end(), ..pack.clone() };
        assert_eq!(content_hash(&pack), content_hash(&later));
        let signed = pack.sign(&SecretKey::from_bytes(&[1; 32])).unwrap();
        assert!(serde_json::to_vec(&signed).unwrap().len() <= limits::PACK_MAX_BYTES);
        assert_eq!(signed.communes.len(), 200, "cells go first");
        assert!(signed.communes[0].unmeasured.len() >= 20);
    }
}
