//! What a person sees at `/`: what this server is, how far the month is, how to measure.
//!
//! Plain HTML made here, without a script and without anything from elsewhere, so that it works on an old phone, in a
//! screen reader, on paper, and under a content security policy that allows nothing else.

mod format;
mod html;
mod strings;
mod view;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY,
};
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ispeed_protocol::Month;

use self::strings::Lang;
use crate::collect::{ApiError, Collector, Communes, Params};

/// Nothing but this server's own style and icon.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// The pages.
pub(crate) fn routes() -> Router<Arc<Collector>> {
    Router::new()
        .route("/", get(index))
        .route("/page.css", get(|| async { asset("text/css; charset=utf-8", include_str!("style.css")) }))
        .route("/icon.svg", get(|| async { asset("image/svg+xml", include_str!("icon.svg")) }))
}

fn asset(media_type: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, media_type), (CACHE_CONTROL, "public, max-age=3600")], text).into_response()
}

async fn index(
    State(collector): State<Arc<Collector>>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, ApiError> {
    let asked = params.get("lang").and_then(Lang::from_code);
    let accept = headers.get(ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let month: Result<Option<Month>, _> = params.parse("month", "");
    let province = params.get("province");
    let known = province.filter(|code| collector.communes().has_province(code));
    let query = html::Query {
        lang: asked.unwrap_or_else(|| Lang::negotiate(accept)),
        lang_in_address: asked.is_some(),
        page: params.get("page").and_then(|p| p.parse().ok()).unwrap_or(1),
        wrong_filter: month.is_err() || province != known,
    };
    let month = month.ok().flatten().unwrap_or_else(|| collector.now().month());
    let status = collector.month_status(month, known).await?;
    let view = view::arrange(&status, collector.communes());
    let html = html::render(&query, &status, &view, &collector);
    let headers: [(HeaderName, &str); 6] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_LANGUAGE, query.lang.code()),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (VARY, "accept-language"),
        (CACHE_CONTROL, "public, max-age=10"),
    ];
    Ok((headers, html).into_response())
}

/// Codes and names of the provinces, by name.
fn province_names(communes: &Communes) -> Vec<(&str, &str)> {
    let mut ranked: Vec<_> = communes.all().iter().collect();
    ranked.sort_unstable_by_key(|c| c.rank);
    ranked.dedup_by_key(|c| &c.province_code);
    ranked.into_iter().map(|c| (c.province_code.as_str(), c.province.as_str())).collect()
}
