//! The committed interface documents are those the code makes.
//!
//! After a change of a type or a handler: `ISPEED_UPDATE_DOCS=1 cargo test -p ispeed-server --test documents`, then look
//! at the difference and commit it.
#![allow(clippy::unwrap_used, reason = "a failed unwrap here is a failed test, in helpers too")]

use std::path::PathBuf;

use ispeed_server::collect::{openapi_json, sample_schema_json};

fn is_committed(name: &str, made: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    if std::env::var_os("ISPEED_UPDATE_DOCS").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = committed.lines().zip(made.lines()).position(|(a, b)| a != b);
    assert!(
        committed == made,
        "docs/{name} is not what the code makes (first difference: line {}). Run \
         ISPEED_UPDATE_DOCS=1 cargo test -p ispeed-server --test documents, look at the difference and commit it.",
        differs.map_or_else(|| "at the end".to_owned(), |line| (line + 1).to_string())
    );
}

#[test]
fn the_openapi_document_is_committed() {
    is_committed("openapi.json", openapi_json());
}

#[test]
fn the_schema_of_the_sample_is_committed() {
    is_committed("sample.schema.json", sample_schema_json());
}

#[test]
fn every_reference_of_the_openapi_document_resolves() {
    let text = openapi_json();
    let document: serde_json::Value = serde_json::from_str(text).unwrap();
    let mut references = 0;
    for part in text.split("\"$ref\": \"#").skip(1) {
        let pointer = part.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
        references += 1;
    }
    assert!(references > 20, "{references}");
    for path in [
        "/v1/samples/{id}",
        "/v1/tokens",
        "/v1/me",
        "/v1/months/{month}",
        "/v1/communes/{code}/quota",
        "/v1/plan",
        "/v1/plan/pack",
        "/v1/campaigns/{code}",
    ] {
        assert!(document["paths"].get(path).is_some(), "{path}");
    }
    assert!(document["paths"]["/v1/me"].get("delete").is_some());
}
