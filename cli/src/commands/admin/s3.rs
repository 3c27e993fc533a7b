//! An S3-compatible store over this program's own HTTP client: one TLS stack, the one with ring.

use std::sync::Arc;

use http_body_util::BodyExt as _;
use object_store::aws::AmazonS3Builder;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::{ClientOptions, ObjectStore};
use reqwest::Url;

use crate::error::{CliError, Result};

/// Opens a bucket; credentials and what the arguments leave open come from the environment (`AWS_…`).
pub(super) fn open(
    bucket: &str,
    endpoint: Option<&Url>,
    region: Option<&str>,
    client: reqwest::Client,
) -> Result<Arc<dyn ObjectStore>> {
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_http_connector(Connector(client));
    if let Some(endpoint) = endpoint {
        // Inside a data centre S3-compatible stores are often spoken to without TLS; whoever writes http means it.
        builder =
            builder.with_endpoint(endpoint.as_str().trim_end_matches('/')).with_allow_http(endpoint.scheme() == "http");
    }
    if let Some(region) = region {
        builder = builder.with_region(region);
    }
    let store = builder.build().map_err(|error| {
        CliError::usage(
            format_args!("the bucket {bucket:?} cannot be used: {error}"),
            "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION",
        )
    })?;
    Ok(Arc::new(store))
}

#[derive(Debug)]
struct Connector(reqwest::Client);

impl HttpConnector for Connector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Service(self.0.clone())))
    }
}

#[derive(Debug)]
struct Service(reqwest::Client);

#[async_trait::async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let url: Url = parts.uri.to_string().parse().map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        let body = body.collect().await?.to_bytes();
        let mut request = reqwest::Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        *request.body_mut() = Some(body.into());
        let answer: http::Response<reqwest::Body> = self.0.execute(request).await.map_err(of_client)?.into();
        Ok(answer.map(|body| HttpResponseBody::new(body.map_err(of_client))))
    }
}

/// The kind tells whether the request is sent again.
fn of_client(error: reqwest::Error) -> HttpError {
    let kind = if error.is_timeout() {
        HttpErrorKind::Timeout
    } else if error.is_connect() {
        HttpErrorKind::Connect
    } else if error.is_decode() {
        HttpErrorKind::Decode
    } else {
        HttpErrorKind::Unknown
    };
    HttpError::new(kind, error.without_url())
}
