//! Asking a collector for its plan.

use ispeed_commune::Point;
use ispeed_protocol::campaign::{CampaignView, PlanPack, is_code};
use ispeed_protocol::place::is_commune_code;
use ispeed_protocol::plan::Plan;
use reqwest::header::IF_NONE_MATCH;
use reqwest::{Client, StatusCode, Url};

use crate::error::{Error, Result};
use crate::http;
use crate::outbox::collector_url;

/// About what a plan is asked.
#[derive(Clone, PartialEq, Debug)]
pub enum About {
    /// The communes around a point. The collector is told the centre of its 200 m cell and no more.
    Point {
        /// The point.
        point: Point,
        /// How far to look, metres; at most 20 km.
        radius_m: u32,
    },
    /// A commune.
    Commune(String),
    /// A campaign.
    Campaign(String),
}

/// A pack as it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FetchedPack {
    /// Its bytes.
    pub body: Vec<u8>,
    /// What names its content.
    pub etag: Option<String>,
    /// What the bytes say.
    pub pack: PlanPack,
}

/// The plan of this month.
pub async fn plan(client: &Client, collector: &str, about: &About) -> Result<Plan> {
    let url = endpoint(collector, "/v1/plan", Some(about))?;
    http::json(client.get(url.clone()).send().await, &format!("GET {}", url.path())).await
}

/// A campaign and how far it is. Errors: `server` with status 404 for a code nobody knows.
pub async fn campaign(client: &Client, collector: &str, code: &str) -> Result<CampaignView> {
    check_campaign(code)?;
    let url = endpoint(collector, &format!("/v1/campaigns/{code}"), None)?;
    http::json(client.get(url.clone()).send().await, &format!("GET {url}")).await
}

/// The pack of a commune or campaign; `None`: the one at hand, named by `etag`, is the present one.
pub async fn pack(client: &Client, collector: &str, about: &About, etag: Option<&str>) -> Result<Option<FetchedPack>> {
    if let About::Point { .. } = about {
        return Err(Error::input("about", "a point", "a commune or a campaign: a pack is not made for a point"));
    }
    let url = endpoint(collector, "/v1/plan/pack", Some(about))?;
    let mut request = client.get(url.clone());
    if let Some(etag) = etag {
        request = request.header(IF_NONE_MATCH, etag);
    }
    let what = format!("GET {url}");
    let answer = request.send().await;
    if answer.as_ref().is_ok_and(|answer| answer.status() == StatusCode::NOT_MODIFIED) {
        return Ok(None);
    }
    let etag = answer.as_ref().ok().and_then(http::etag);
    let body = http::successful_body(answer, &what).await?;
    let pack = serde_json::from_slice(&body)
        .map_err(|e| Error::Server { status: 200, detail: format!("{what}: not a plan pack: {e}") })?;
    Ok(Some(FetchedPack { body, etag, pack }))
}

fn endpoint(collector: &str, path: &str, about: Option<&About>) -> Result<Url> {
    let mut url = Url::parse(&format!("{}{path}", collector_url(collector)?)).map_err(Error::internal)?;
    match about {
        None => {}
        Some(About::Point { point, radius_m }) => {
            let centre = ispeed_commune::cell::centre(ispeed_commune::cell(point.lat, point.lon));
            let at = format!("{:.5},{:.5}", centre.lat, centre.lon);
            url.query_pairs_mut().append_pair("at", &at).append_pair("radius_m", &radius_m.to_string());
        }
        Some(About::Commune(code)) => {
            check_commune(code)?;
            url.query_pairs_mut().append_pair("commune", code);
        }
        Some(About::Campaign(code)) => {
            check_campaign(code)?;
            url.query_pairs_mut().append_pair("campaign", code);
        }
    }
    Ok(url)
}

pub(super) fn check_commune(code: &str) -> Result<()> {
    if is_commune_code(code) { Ok(()) } else { Err(Error::input("commune", code, "five digits, such as 25195")) }
}

pub(super) fn check_campaign(code: &str) -> Result<()> {
    if is_code(code) { Ok(()) } else { Err(Error::input("campaign", code, "3 to 32 of a-z, 0-9 and -")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_told_the_cell_and_not_the_point() {
        let about = About::Point { point: Point { lat: 11.520_912, lon: 106.899_034 }, radius_m: 5_000 };
        let url = endpoint("https://thu.example/", "/v1/plan", Some(&about)).unwrap().to_string();
        assert!(!url.contains("11.5209") || !url.contains("106.8990"), "{url}");
        assert!(url.starts_with("https://thu.example/v1/plan?at=11.52"), "{url}");
    }

    #[test]
    fn a_code_is_checked_before_it_is_part_of_an_address() {
        for wrong in ["../me", "a", "Ä-1", ""] {
            assert_eq!(check_campaign(wrong).unwrap_err().kind(), "input", "{wrong}");
        }
        assert_eq!(check_commune("2519x").unwrap_err().kind(), "input");
    }
}
