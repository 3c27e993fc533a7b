//! The plan: what a month still lacks, and what to measure next.
//!
//! [`planner`] and its neighbours are pure; [`desk`] reads the store; this file is the two addresses. The point somebody asks about
//! is in no record, no answer and no log line.

mod board;
mod cache;
mod cells;
mod desk;
#[cfg(test)]
pub(crate) mod fixtures;
mod kept;
mod pack;
mod planner;
mod spacing;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, ETAG};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use ispeed_commune::Point;
use ispeed_protocol::Month;
use ispeed_protocol::campaign::PlanPack;
use ispeed_protocol::plan::Plan;
use ispeed_protocol::problem::Problem;

pub use self::desk::{PlanAbout, PlanDesk, PlanError, PlanRequest, PlanSettings};
pub(crate) use self::kept::PLAN_SETTINGS_KIND;
pub(super) use self::kept::keep as keep_plan_settings;
pub use self::kept::plan_settings;
pub use self::pack::{PackFor, plan_pack};
pub(crate) use self::planner::{Question, operators};
pub(crate) use self::spacing::Repeats;
use super::Collector;
use super::error::{ApiError, not_found};
use super::prefix::PeerAddress;
use super::query::{Params, invalid};
use crate::limits;

/// What a distance is worth that leaves the server: a point asked for cannot be found again from distances to 10 m.
pub(crate) fn round_to_10_m(metres: f64) -> u32 {
    ((metres / 10.0).round() * 10.0) as u32
}

impl From<PlanError> for ApiError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Store(error) => error.into(),
            PlanError::NoCommune(_) => not_found(error.to_string()),
            PlanError::Panicked => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "plan_failed",
                "The collector could not compute the plan",
                "this is a fault of the collector; ask again later",
            ),
        }
    }
}

/// What to measure next: of the communes around a point, of a commune, or of a campaign.
///
/// The point is neither stored nor logged; two or three decimals are enough. ispeed is not VNNIC's i-Speed app, and its samples do
/// not enter VNNIC's count of 300.
#[utoipa::path(
    get, path = "/v1/plan", tag = "plan",
    params(
        ("at" = Option<String>, Query, description = "Point, latitude and longitude in degrees; one of at, commune and campaign", example = "11.52,106.90"),
        ("commune" = Option<String>, Query, description = "Commune code", example = "25195"),
        ("campaign" = Option<String>, Query, description = "Campaign code", example = "dong-nai-2026-11"),
        ("month" = Option<String>, Query, description = "Month in Vietnam, YYYY-MM; the present one without", example = "2026-11"),
        ("radius_m" = Option<u32>, Query, description = "How far from the point to look, 0 to 20000; 10000 without", example = 5000),
        ("limit" = Option<u32>, Query, description = "Short communes listed at most, 1 to 20; 5 without", example = 5),
        ("cells" = Option<u32>, Query, description = "Unmeasured cells listed of each commune at most, 0 to 100; 20 without", example = 20),
    ),
    responses(
        (status = 200, body = Plan),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such commune or campaign"),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many; see Retry-After"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Busy; see Retry-After"),
    )
)]
pub(super) async fn get_plan(
    State(collector): State<Arc<Collector>>,
    peer: PeerAddress,
    params: Params,
) -> Result<Json<Plan>, ApiError> {
    let _place = collector.plan_place(peer)?;
    let now = collector.now();
    let request = PlanRequest {
        about: about(&collector, &params).await?,
        month: month(&params)?.unwrap_or_else(|| now.month()),
        communes: number(&params, "limit", 1, limits::PLAN_COMMUNES_MAX)?.unwrap_or(limits::PLAN_COMMUNES) as usize,
        cells: number(&params, "cells", 0, limits::PLAN_CELLS_LISTED_MAX)?.unwrap_or(limits::PLAN_CELLS_LISTED)
            as usize,
        public: true,
    };
    let settings = collector.config.plan;
    let plan = collector.plans.plan(&*collector.store, &collector.communes, settings, &request, now).await?;
    Ok(Json(plan))
}

/// The plan of a commune or a campaign for a day without a network: one signed document.
#[utoipa::path(
    get, path = "/v1/plan/pack", tag = "plan",
    params(
        ("commune" = Option<String>, Query, description = "Commune code; one of commune and campaign", example = "25195"),
        ("campaign" = Option<String>, Query, description = "Campaign code", example = "dong-nai-2026-11"),
        ("if-none-match" = Option<String>, Header, description = "ETag of the pack at hand"),
    ),
    responses(
        (status = 200, body = PlanPack, description = "At most 512 KB; its ETag changes when its content does"),
        (status = 304, description = "The pack at hand is the present one"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such commune or campaign"),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many; see Retry-After"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "Busy; see Retry-After"),
    )
)]
pub(super) async fn get_pack(
    State(collector): State<Arc<Collector>>,
    peer: PeerAddress,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, ApiError> {
    let _place = collector.plan_place(peer)?;
    let about = match about(&collector, &params).await? {
        PlanAbout::Point { .. } => {
            return Err(invalid("at", "a point", "commune or campaign: a pack is not made for a point"));
        }
        about => about,
    };
    let asked = PackFor { about, collector: &collector.config.name, key: &collector.config.keys.receipt };
    let settings = collector.config.plan;
    let made = plan_pack(&collector.plans, &*collector.store, &collector.communes, settings, asked, collector.now());
    let (pack, etag) = made.await?;
    let etag = format!("\"{etag}\"");
    let caching = [(ETAG, etag.clone()), (CACHE_CONTROL, "public, max-age=60".to_owned())];
    if super::info::has_etag(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    Ok((caching, Json(pack)).into_response())
}

/// What the query asks about; exactly one thing.
async fn about(collector: &Collector, params: &Params) -> Result<PlanAbout, ApiError> {
    let [at, commune, campaign] = ["at", "commune", "campaign"].map(|name| params.get(name));
    match (at, commune, campaign) {
        (Some(at), None, None) => {
            let radius_m = number(params, "radius_m", 0, limits::PLAN_RADIUS_MAX_M)?.unwrap_or(limits::PLAN_RADIUS_M);
            Ok(PlanAbout::Point { point: point(at)?, radius_m })
        }
        (None, Some(code), None) => Ok(PlanAbout::Commune(code.to_owned())),
        (None, None, Some(code)) => {
            Ok(PlanAbout::Campaign(Box::new(super::campaigns::find(&*collector.store, code).await?)))
        }
        _ => Err(invalid("query", "not one of at, commune and campaign", "exactly one, such as at=11.52,106.90")),
    }
}

/// A wrong point is not repeated in the answer: answers are kept by proxies, and a place is nobody's business.
fn point(text: &str) -> Result<Point, ApiError> {
    let numbers =
        text.split_once(',').and_then(|(lat, lon)| Some((lat.trim().parse().ok()?, lon.trim().parse().ok()?)));
    numbers
        .and_then(|(lat, lon)| Point::new(lat, lon).ok())
        .ok_or_else(|| invalid("at", "no point", "latitude and longitude in degrees, such as 11.52,106.90"))
}

fn month(params: &Params) -> Result<Option<Month>, ApiError> {
    params.parse("month", "YYYY-MM, such as 2026-11")
}

fn number(params: &Params, name: &str, least: u32, most: u32) -> Result<Option<u32>, ApiError> {
    let expected = format!("a number from {least} to {most}");
    let number: Option<u32> = params.parse(name, &expected)?;
    match number {
        Some(n) if !(least..=most).contains(&n) => Err(invalid(name, &n.to_string(), &expected)),
        number => Ok(number),
    }
}
