//! Campaigns: records of the store, made by an administrator's command line and read by everybody.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ispeed_protocol::campaign::{Campaign, CampaignProgress, CampaignView, Join, is_code};
use ispeed_protocol::problem::Problem;
use ispeed_protocol::{Day, Month};
use ispeed_report::MonthSample;

use super::Collector;
use super::error::{ApiError, not_found};
use super::plan::{Question, operators};
use super::prefix::PeerAddress;
use crate::limits;
use crate::store::{MonthQuery, Record, Store, StoreError, each_month_sample};

/// Kind of the records.
pub const CAMPAIGN_KIND: &str = "campaign";

/// A campaign with the revision of its record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptCampaign {
    /// The campaign.
    pub campaign: Campaign,
    /// Revision of its record.
    pub revision: u64,
}

fn read(record: &Record) -> Result<KeptCampaign, StoreError> {
    let unreadable = |e: serde_json::Error| StoreError::Unreadable { what: "campaign", cause: e.to_string() };
    let campaign = serde_json::from_str(&record.json).map_err(unreadable)?;
    Ok(KeptCampaign { campaign, revision: record.revision })
}

/// The campaign of a code, whatever the case of its letters.
///
/// # Errors
/// The store fails.
pub async fn campaign(store: &dyn Store, code: &str) -> Result<Option<KeptCampaign>, StoreError> {
    let code = code.trim().to_ascii_lowercase();
    if !is_code(&code) {
        return Ok(None);
    }
    store.record(CAMPAIGN_KIND, &code).await?.as_ref().map(read).transpose()
}

/// All campaigns, by code.
///
/// # Errors
/// The store fails.
pub async fn campaigns(store: &dyn Store) -> Result<Vec<KeptCampaign>, StoreError> {
    store.records(CAMPAIGN_KIND, "").await?.iter().map(read).collect()
}

/// Keeps a campaign: a new one with revision 0, else in place of the revision it was read with.
///
/// # Errors
/// Another revision is held, or the store fails.
pub async fn keep_campaign(store: &dyn Store, campaign: &Campaign, revision: u64) -> Result<u64, StoreError> {
    let json = serde_json::to_string(campaign).expect("a campaign has text keys only");
    store.put_record(CAMPAIGN_KIND, &campaign.code, json, Some(revision)).await
}

/// The samples of a campaign in a month, taken in its communes on its days, in the order of the store.
///
/// # Errors
/// The store fails.
pub async fn campaign_samples(
    store: &dyn Store,
    campaign: &Campaign,
    month: Month,
) -> Result<Vec<MonthSample>, StoreError> {
    let mut found = Vec::new();
    for code in &campaign.communes {
        let mut query = MonthQuery::new(month, limits::PLAN_ROWS_PAGE);
        query.commune = Some(code.clone());
        let mine = |row: &MonthSample| {
            row.campaign.as_deref() == Some(&campaign.code) && campaign.covers(Day::of(row.started_at))
        };
        each_month_sample(store, query, |row| found.extend(Some(row).filter(mine))).await?;
    }
    Ok(found)
}

pub(super) async fn find(store: &dyn Store, code: &str) -> Result<Campaign, ApiError> {
    let kept = campaign(store, code).await?;
    // A code is typed by hand: what was typed may be told, shortened.
    let shown: String = code.chars().take(40).collect();
    kept.map(|kept| kept.campaign)
        .ok_or_else(|| not_found(format!("no campaign has the code {shown:?}; ask who organises it")))
}

/// A campaign: what is to be measured, the text of its QR code, and how far it is this month.
#[utoipa::path(
    get, path = "/v1/campaigns/{code}", tag = "plan",
    params(("code" = String, Path, description = "Code of the campaign", example = "dong-nai-2026-11")),
    responses(
        (status = 200, body = CampaignView),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such campaign"),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many; see Retry-After"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Busy; see Retry-After"),
    )
)]
pub(super) async fn get_campaign(
    State(collector): State<Arc<Collector>>,
    peer: PeerAddress,
    Path(code): Path<String>,
) -> Result<Json<CampaignView>, ApiError> {
    let _place = collector.plan_place(peer)?;
    let campaign = find(&*collector.store, &code).await?;
    let today = Day::of(collector.now());
    let join = Join::of(&campaign, collector.url(), None).text(&collector.config.keys.receipt);
    let join = join.or_else(|_| Join::of(&campaign, None, None).text(&collector.config.keys.receipt));
    let join = join.map_err(|error| {
        tracing::error!(%error, campaign = campaign.code, "a campaign has no join text");
        ApiError::busy("the campaign's join text could not be made")
    })?;
    let progress = progress(&collector, &campaign, today).await?;
    let open = campaign.covers(today) && !campaign.closed;
    Ok(Json(CampaignView { campaign, open, join, progress }))
}

/// How far each commune is in the month of a day, held to the campaign's own days.
async fn progress(collector: &Collector, campaign: &Campaign, today: Day) -> Result<Vec<CampaignProgress>, ApiError> {
    let day = today.max(campaign.starts_on).min(campaign.ends_on);
    let question = Question {
        month: day.month(),
        now: collector.now(),
        cutoff_day: collector.config.plan.upload_cutoff_day,
        spacing: collector.config.plan.spacing,
        point: None,
        campaign: Some(campaign.clone()),
        communes: 0,
        cells: 0,
        public: true,
        table: None,
    };
    let mut progress = Vec::with_capacity(campaign.communes.len());
    for code in &campaign.communes {
        let board = collector.plans.board(&*collector.store, question.month, code).await?;
        progress.push(CampaignProgress {
            code: code.clone(),
            name: collector.communes.get(code).map(|c| c.name.clone()).unwrap_or_default(),
            operators: operators(&question, &board),
        });
    }
    Ok(progress)
}
