//! The interface in words machines read: OpenAPI 3.1 from the handlers, JSON Schema of the sample from its type.

use std::sync::Arc;
use std::sync::OnceLock;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use ispeed_protocol::Sample;
use ispeed_protocol::schema::json_schema;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Collector, campaigns, info, me, months, plan, submit, tokens};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "ispeed collector",
        description = "Tokens, samples, receipts, months, plans and my data. ispeed is not VNNIC's i-Speed app; its samples do not enter VNNIC's count of 300. Every error is a problem (RFC 9457). The measuring end's channels are described in docs/PROTOCOL.md.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "about", description = "Who answers"),
        (name = "measure", description = "Before a measurement"),
        (name = "samples", description = "Handing in"),
        (name = "plan", description = "What is still missing"),
        (name = "my data", description = "Seeing and deleting one's own"),
    ),
)]
struct Document;

pub(super) fn routes() -> OpenApiRouter<Arc<Collector>> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(info::get_info))
        .routes(routes!(info::get_servers))
        .routes(routes!(info::get_keys))
        .routes(routes!(info::get_boundaries))
        .routes(routes!(tokens::post_tokens))
        .routes(routes!(submit::put_sample))
        .routes(routes!(me::get_me, me::delete_me))
        .routes(routes!(months::get_month))
        .routes(routes!(months::get_quota))
        .routes(routes!(plan::get_plan))
        .routes(routes!(plan::get_pack))
        .routes(routes!(campaigns::get_campaign))
        .routes(routes!(get_openapi))
        .routes(routes!(get_sample_schema))
}

/// The OpenAPI document of the collector, indented.
pub fn openapi_json() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let mut text = routes().into_openapi().to_pretty_json().expect("the document is made of text keys");
        text.push('\n');
        text
    })
}

/// The JSON Schema of a sample, indented.
pub fn sample_schema_json() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let schema = json_schema::<Sample>("ispeed sample");
        let mut text = serde_json::to_string_pretty(&schema).expect("a JSON value is JSON");
        text.push('\n');
        text
    })
}

fn cached(media_type: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, media_type), (CACHE_CONTROL, "public, max-age=3600")], text).into_response()
}

/// This document.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "about", responses((status = 200, body = Object)))]
async fn get_openapi() -> Response {
    cached("application/json", openapi_json())
}

/// JSON Schema (2020-12) of a sample.
#[utoipa::path(get, path = "/v1/sample.schema.json", tag = "about", responses((status = 200, body = Object, content_type = "application/schema+json")))]
async fn get_sample_schema() -> Response {
    cached("application/schema+json", sample_schema_json())
}
