//! The responsiveness test.

use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use ispeed_server::interop::Interop;
use tokio::time::timeout;

use crate::client::{HERE, Lab, PATIENCE, begin, chunked, empty, read, request};

/// Path of a URL of the document, which has to be on `host`.
fn path_on(host: &str, url: &serde_json::Value) -> String {
    let path = url.as_str().unwrap().strip_prefix(host);
    path.unwrap_or_else(|| panic!("{url} is not on {host}")).to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_leads_to_the_three_transfers() {
    let lab = Lab::start(&[Interop::Nq]).await;
    let document = lab.get("/.well-known/nq").await.json();
    assert_eq!(document["version"], 1);
    let urls = &document["urls"];
    for (name, former) in [
        ("large_download_url", "large_https_download_url"),
        ("small_download_url", "small_https_download_url"),
        ("upload_url", "https_upload_url"),
    ] {
        assert_eq!(urls[name], urls[former], "{name}");
    }
    let path = |name: &str| path_on("https://localhost:4443", &urls[name]);

    let mut kept = lab.http(HERE).await;
    let small = read(&mut kept, request(Method::GET, &path("small_download_url"), empty())).await;
    assert_eq!((small.status, small.body.len(), small.header("content-encoding")), (StatusCode::OK, 1, ""));
    let upload = read(&mut kept, request(Method::POST, &path("upload_url"), chunked(20, 100_000))).await;
    assert_eq!((upload.status, lab.stats().bytes_received), (StatusCode::OK, 2_000_000));

    let (status, mut large) = begin(&mut kept, &path("large_download_url")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(large.size_hint().exact().unwrap() >= 8_000_000_000);
    let mut read = 0;
    while read < 20_000_000 {
        let frame = timeout(PATIENCE, large.frame()).await.expect("it goes on").unwrap().unwrap();
        read += frame.data_ref().unwrap().len();
    }
    drop((large, kept));
    let sent = lab.stats().bytes_sent;
    assert!(sent < 200_000_000, "what the client does not take is not made: {sent}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_carry_the_public_name_where_there_is_one() {
    let lab = Lab::with(&[Interop::Nq], |config| config.public_name = Some("do.example.vn".into())).await;
    let urls = lab.get("/.well-known/nq").await.json()["urls"].clone();
    for name in ["large_download_url", "small_download_url", "upload_url"] {
        path_on("https://do.example.vn:4443", &urls[name]);
    }
}
