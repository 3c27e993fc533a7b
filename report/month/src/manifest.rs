//! `manifest.json`: what a closed month was made of and what it consists of, signed.

use std::collections::BTreeMap;
use std::path::Path;

use ispeed_protocol::signing::{PublicKey, SecretKey, SignatureError, canonical_json, sha256_hex, signed_bytes};
use ispeed_protocol::{Month, UtcMicros};
use ispeed_report::sample::ChainHead;
use serde::{Deserialize, Serialize};

use crate::error::{MonthError, Result};

/// Domain of a manifest's signature.
pub const MANIFEST_DOMAIN: &str = "ispeed month manifest v1";
/// Its name in the folder.
pub const MANIFEST_FILE: &str = "manifest.json";
/// Said by every manifest, as by every document.
pub const NOTICE: &str = "ispeed không phải là ứng dụng i-Speed của VNNIC; mẫu của ispeed không được tính vào 300 mẫu của VNNIC. Số liệu \
                          tham khảo từ đo kiểm cộng đồng, không thay thế đo kiểm theo quy chuẩn. / ispeed is not VNNIC's i-Speed app and \
                          its samples do not enter VNNIC's count of 300. Crowd figures, not a regulatory test.";

/// A file of the folder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileNote {
    /// Path in the folder, with `/`.
    pub path: String,
    /// Size.
    pub bytes: u64,
    /// SHA-256, lower-case hex.
    pub sha256: String,
}

/// The template documents were made by.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateNote {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its file.
    pub sha256: String,
}

/// The table of communes in force.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoundaryNote {
    /// How samples name it; `null`: no borders were there, communes are those of the embedded list of centres.
    pub table: Option<String>,
    /// Communes of the scope.
    pub communes: u64,
}

/// The frozen set.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// The head of every chain of receipts: what came in later is outside.
    pub heads: Vec<ChainHead>,
    /// [`crate::SetHash`] of the samples.
    pub set_sha256: String,
    /// Samples.
    pub samples: u64,
    /// Of these, samples that count.
    pub counted: u64,
    /// When the newest of them came in; `null` of an empty set.
    pub as_of: Option<UtcMicros>,
    /// Rule sets that judged them, with the number of samples.
    pub rules: BTreeMap<u32, u64>,
    /// Samples whose facts were made up, by a demo or a load test.
    pub made_up: u64,
}

/// What an annex belongs to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Annex {
    /// Version of this record.
    pub v: u32,
    /// `sealed` or `communes`.
    pub annex: String,
    /// SHA-256 of the manifest it belongs to.
    pub of: String,
    /// Files, by path in the whole folder.
    pub files: Vec<FileNote>,
    /// Public key that signed.
    pub key: String,
    /// Signature, base64url.
    pub signature: String,
}

/// The manifest. Signed form: canonical JSON of all members but `signature`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this record.
    pub v: u32,
    /// [`NOTICE`].
    pub notice: String,
    /// Month.
    pub month: Month,
    /// `VN`, or the code of a province.
    pub scope: String,
    /// 1, or more after a revision; 0 of a provisional one.
    pub version: u32,
    /// The month was still going on: not recorded, not part of the chain.
    pub provisional: bool,
    /// The program that made it.
    pub program: String,
    /// What it was made of.
    pub inputs: Inputs,
    /// Table of communes.
    pub boundaries: BoundaryNote,
    /// Template of the documents, if there are any.
    pub templates: Vec<TemplateNote>,
    /// Everything in the folder but this file and annexes, by path.
    pub files: Vec<FileNote>,
    /// Manifests of earlier months whose figures trends rest on.
    pub history: BTreeMap<Month, String>,
    /// SHA-256 of the manifest closed before it for an earlier month of the same scope.
    pub previous: Option<String>,
    /// SHA-256 of the manifest of the version before.
    pub revises: Option<String>,
    /// Public key that signed: the collector's key of receipts.
    pub key: String,
    /// Signature, base64url.
    pub signature: String,
}

impl Manifest {
    /// Fills in key and signature.
    pub fn sign(mut self, key: &SecretKey) -> std::result::Result<Self, SignatureError> {
        self.key = key.public().text();
        self.signature = key.sign(MANIFEST_DOMAIN, &signed_bytes(&self)?);
        Ok(self)
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> std::result::Result<Vec<u8>, SignatureError> {
        canonical_json(self)
    }

    /// Checks the signature; `trusted` empty: by the key it names.
    pub fn verify(&self, trusted: &[PublicKey]) -> std::result::Result<(), String> {
        check_signature(&self.key, &self.signature, trusted, signed_bytes(self))
    }
}

impl Annex {
    /// Fills in key and signature.
    pub fn sign(mut self, key: &SecretKey) -> std::result::Result<Self, SignatureError> {
        self.key = key.public().text();
        self.signature = key.sign(MANIFEST_DOMAIN, &signed_bytes(&self)?);
        Ok(self)
    }

    /// Checks the signature; `trusted` empty: by the key it names.
    pub fn verify(&self, trusted: &[PublicKey]) -> std::result::Result<(), String> {
        check_signature(&self.key, &self.signature, trusted, signed_bytes(self))
    }
}

fn check_signature(
    key: &str,
    signature: &str,
    trusted: &[PublicKey],
    signed: std::result::Result<Vec<u8>, SignatureError>,
) -> std::result::Result<(), String> {
    let public = PublicKey::parse(key).map_err(|error| error.to_string())?;
    if !trusted.is_empty() && !trusted.contains(&public) {
        return Err(format!("signed by {key}, which is not a key you trust"));
    }
    signed.and_then(|bytes| public.verify(MANIFEST_DOMAIN, &bytes, signature)).map_err(|error| error.to_string())
}

/// Reads a file in the form in which it is signed, and no other; its SHA-256 beside it.
pub(crate) fn read<T: Serialize + for<'de> Deserialize<'de>>(folder: &Path, name: &str) -> Result<(T, String)> {
    let path = folder.join(name);
    let bytes = std::fs::read(&path).map_err(MonthError::io("read", &path))?;
    let read: T = serde_json::from_slice(&bytes).map_err(|error| MonthError::malformed(name, error.to_string()))?;
    if canonical_json(&read)? != bytes {
        return Err(MonthError::malformed(name, "not in the form in which manifests are signed"));
    }
    Ok((read, sha256_hex(&bytes)))
}
