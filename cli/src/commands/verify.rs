//! `ispeed verify`: what a receipt proves, checked by anyone with only the public key.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use ispeed_protocol::Sample;
use ispeed_protocol::direction::{Direction, Series};
use ispeed_protocol::evidence::{evidence_sha256, series_sha256};
use ispeed_protocol::identity::{SAMPLE_DOMAIN, device_id};
use ispeed_protocol::receipt::{Receipt, ReceiptKind};
use ispeed_protocol::signing::PublicKey;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::error::{CliError, Result};
use crate::files;
use crate::output::{Format, Out, print_entries};

/// Longest input read: a month of exported samples of one device.
const MAX_BYTES: u64 = 1 << 30;

/// Checks receipts, and samples with their receipts.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// A receipt, or a sample with its receipt as `test --format json` prints it; many of them one after the other; - for
    /// standard input.
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// Public key of the collector you trust: the key itself, or a file that holds it (alone, or as the JSON of
    /// /v1/info). May be given several times. Without it each receipt is checked against the key it names.
    // A key is base64url: one in 64 begins with a hyphen.
    #[arg(long, value_name = "KEY|FILE", allow_hyphen_values = true)]
    key: Vec<String>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What was found about one receipt.
#[derive(Serialize)]
struct Finding {
    sample_id: Option<Uuid>,
    accepted: bool,
    proven: Vec<String>,
    refused: Vec<String>,
    not_proven: Vec<String>,
    sequence: Option<u64>,
    key: Option<String>,
    key_trusted: Option<bool>,
}

/// A sample with its receipt. Unknown members are refused: a misspelt `sample` must not turn a check of a sample into a
/// check of its receipt alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WithSample<'a> {
    #[serde(borrow)]
    sample: &'a RawValue,
    #[serde(borrow)]
    receipt: Option<&'a RawValue>,
}

/// A collector's answer to an upload.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer<'a> {
    #[serde(borrow)]
    receipt: &'a RawValue,
    #[serde(rename = "verdict", borrow)]
    _verdict: &'a RawValue,
    #[serde(rename = "place", borrow, default)]
    _place: Option<&'a RawValue>,
}

/// What a document holds.
enum Shape<'a> {
    Sample(WithSample<'a>),
    Receipt(&'a RawValue),
}

/// Tells the shapes apart by their members.
fn shape(document: &RawValue) -> std::result::Result<Shape<'_>, String> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(document.get())
        .map_err(|_| "not a receipt and not a sample with its receipt".to_owned())?;
    let wrong = |error: serde_json::Error| format!("not a sample with its receipt: {error}");
    if members.contains_key("verdict") && !members.contains_key("sample") {
        return serde_json::from_str::<Answer<'_>>(document.get())
            .map(|answer| Shape::Receipt(answer.receipt))
            .map_err(wrong);
    }
    if members.contains_key("sample") || members.contains_key("receipt") {
        return serde_json::from_str(document.get()).map(Shape::Sample).map_err(wrong);
    }
    Ok(Shape::Receipt(document))
}

/// The one member that samples of every version have.
#[derive(Deserialize)]
struct IdOnly {
    id: Uuid,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let trusted = read_keys(&args.key)?;
    let input = files::read_all(&args.file, MAX_BYTES)?;
    let mut findings = Vec::new();
    for document in serde_json::Deserializer::from_slice(&input).into_iter::<&RawValue>() {
        let document = document.map_err(|error| {
            CliError::failed(
                format_args!("document {} of the input is not JSON: {error}", findings.len() + 1),
                "give the file exactly as it was printed",
            )
        })?;
        // `test --format json` prints one document; of several samples `demo` makes an array.
        match serde_json::from_str::<Vec<&RawValue>>(document.get()) {
            Ok(documents) => findings.extend(documents.into_iter().map(|document| check(document, &trusted))),
            Err(_) if is_progress(document) => {}
            Err(_) => findings.push(check(document, &trusted)),
        }
    }
    if findings.is_empty() {
        return Err(CliError::failed("the input holds no receipt", "give the output of `ispeed test --format json`"));
    }
    if trusted.is_empty() {
        warn_about_keys(&findings);
    }
    print(args.format, &findings)?;
    if findings.iter().all(|finding| finding.accepted) { Ok(()) } else { Err(CliError::Told) }
}

/// A line of `--format jsonl` before the document.
fn is_progress(document: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Event {
        event: Option<String>,
    }
    serde_json::from_str::<Event>(document.get()).is_ok_and(|event| event.event.is_some())
}

fn warn_about_keys(findings: &[Finding]) {
    let mut keys: Vec<&str> = findings.iter().filter_map(|finding| finding.key.as_deref()).collect();
    keys.retain(|key| !key.is_empty());
    keys.sort_unstable();
    keys.dedup();
    if keys.is_empty() {
        return;
    }
    let keys = keys.join(", ");
    // Standard error may be closed; there is nobody to tell then.
    let _ = writeln!(
        std::io::stderr(),
        "ispeed: checked against the key the receipt itself names ({keys}); compare it with the collector's published \
         key, or give --key"
    );
}

fn check(document: &RawValue, trusted: &[PublicKey]) -> Finding {
    let mut finding = Finding {
        sample_id: None,
        accepted: false,
        proven: Vec::new(),
        refused: Vec::new(),
        not_proven: Vec::new(),
        sequence: None,
        key: None,
        key_trusted: None,
    };
    match shape(document) {
        Ok(Shape::Sample(both)) => check_both(&mut finding, both.sample, both.receipt, trusted),
        Ok(Shape::Receipt(receipt)) => {
            if check_receipt(&mut finding, receipt, trusted).is_some() {
                finding.not_proven.push("what the sample says: only its receipt was given".into());
            }
        }
        Err(error) => finding.refused.push(error),
    }
    finding.accepted = finding.refused.is_empty();
    finding
}

fn check_both(finding: &mut Finding, body: &RawValue, receipt: Option<&RawValue>, trusted: &[PublicKey]) {
    let id = match serde_json::from_str::<IdOnly>(body.get()) {
        Ok(IdOnly { id }) => id,
        Err(error) => return finding.refused.push(format!("the sample has no id: {error}")),
    };
    finding.sample_id = Some(id);
    let Some(receipt) = receipt else {
        return finding.refused.push("the sample has no receipt yet: hand it in with `ispeed outbox send`".into());
    };
    let Some(receipt) = check_receipt(finding, receipt, trusted) else { return };
    match receipt.covers(id, body.get().as_bytes()) {
        Ok(()) => finding.proven.push("the sample is byte for byte the one the collector holds".into()),
        Err(error) => finding.refused.push(error.to_string()),
    }
    match serde_json::from_str::<Sample>(body.get()) {
        Ok(sample) => check_sample(finding, &sample, body, &receipt),
        Err(error) => {
            finding.not_proven.push(format!("evidence and device: this version cannot read the sample: {error}"))
        }
    }
    finding.not_proven.push("position, radio and that the device is a phone: no signature can prove these".into());
}

fn check_receipt(finding: &mut Finding, json: &RawValue, trusted: &[PublicKey]) -> Option<Receipt> {
    let receipt = match Receipt::parse(json.get().as_bytes()) {
        Ok(receipt) => receipt,
        Err(error) => {
            finding.refused.push(error.to_string());
            return None;
        }
    };
    finding.sample_id = finding.sample_id.or(Some(receipt.sample_id));
    finding.sequence = Some(receipt.sequence);
    finding.key = Some(receipt.key.clone());
    finding.key_trusted = (!trusted.is_empty()).then(|| trusted.iter().any(|key| key.text() == receipt.key));
    if let Err(error) = receipt.verify(trusted) {
        finding.refused.push(format!("the receipt does not hold: {error}"));
        return Some(receipt);
    }
    let what = match receipt.kind {
        ReceiptKind::Sample => "took in this sample",
        ReceiptKind::Deletion => "deleted this sample at its owner's request",
    };
    finding.proven.push(format!(
        "the collector {:?} {what} at {} as number {} of its chain",
        receipt.collector, receipt.received_at, receipt.sequence
    ));
    Some(receipt)
}

fn check_sample(finding: &mut Finding, sample: &Sample, body: &RawValue, receipt: &Receipt) {
    check_device(finding, sample, body, receipt);
    if evidence_sha256(&sample.evidence) != receipt.evidence_sha256 {
        finding.refused.push("the evidence in the sample is not the evidence the receipt names".into());
    }
    for evidence in &sample.evidence {
        let direction = match evidence.direction {
            Direction::Down => "download",
            Direction::Up => "upload",
        };
        let mut wrong = Vec::new();
        if let Err(error) = evidence.verify() {
            wrong.push(error.to_string());
        }
        if evidence.sample_id != sample.id {
            wrong.push(format!("it is for sample {}", evidence.sample_id));
        }
        if series_of(sample, evidence.direction).is_none_or(|series| series_sha256(series) != evidence.series_sha256) {
            wrong.push("the series in the sample is not the one the server signed".into());
        }
        if wrong.is_empty() {
            finding.proven.push(format!(
                "the test point {:?} moved {} bytes of {direction} with network {} at {}",
                evidence.server_id, evidence.bytes, evidence.network_prefix, evidence.started_at
            ));
        } else {
            finding.refused.push(format!("the evidence of the {direction} does not hold: {}", wrong.join("; ")));
        }
    }
    if receipt.attested {
        finding.proven.push("the collector checked the evidence against its approved test points".into());
    } else {
        finding.not_proven.push("traffic: the collector found no evidence of an approved test point".into());
    }
}

/// The series whose hash a server signed: what it received, or what it had acknowledged.
fn series_of(sample: &Sample, direction: Direction) -> Option<&Series> {
    match direction {
        Direction::Down => sample.down_sender_series.as_ref(),
        Direction::Up => sample.up.as_ref().map(|up| &up.series),
    }
}

fn check_device(finding: &mut Finding, sample: &Sample, body: &RawValue, receipt: &Receipt) {
    let Some(signature) = &receipt.device_signature else {
        return finding.not_proven.push("which device measured: the sample came without a signature".into());
    };
    let verified = PublicKey::parse(&sample.device.key).and_then(|key| {
        key.verify(SAMPLE_DOMAIN, body.get().as_bytes(), signature).map(|()| device_id(&key) == sample.device.id)
    });
    match verified {
        Ok(true) => finding.proven.push(format!("device {} signed the sample", sample.device.id)),
        Ok(false) => finding.refused.push("the device id does not belong to the device's key".into()),
        Err(error) => finding.refused.push(format!("the device's signature does not hold: {error}")),
    }
}

fn print(format: Format, findings: &[Finding]) -> Result<()> {
    let mut out = Out::new();
    if format != Format::Human {
        let header = ["sample_id", "accepted", "sequence", "key", "key_trusted", "refused"];
        let text = |value: Option<String>| value.unwrap_or_default();
        if let (Format::Json, [finding]) = (format, findings) {
            out.json_line(finding)?;
            return out.flush();
        }
        return print_entries(&mut out, format, findings, &header, |finding| {
            vec![
                text(finding.sample_id.map(|id| id.to_string())),
                finding.accepted.to_string(),
                text(finding.sequence.map(|n| n.to_string())),
                text(finding.key.clone()),
                text(finding.key_trusted.map(|trusted| trusted.to_string())),
                finding.refused.join("; "),
            ]
        });
    }
    for finding in findings {
        let id = finding.sample_id.map_or_else(|| "sample of unknown id".to_owned(), |id| format!("sample {id}"));
        out.line(format!("{id}: {}", if finding.accepted { "accepted" } else { "REFUSED" }))?;
        finding.refused.iter().try_for_each(|text| out.line(format!("  does not match  {text}")))?;
        finding.proven.iter().try_for_each(|text| out.line(format!("  proven          {text}")))?;
        finding.not_proven.iter().try_for_each(|text| out.line(format!("  not proven      {text}")))?;
    }
    out.flush()
}

/// Reads `--key`: keys themselves, or files that hold them.
pub(crate) fn read_keys(texts: &[String]) -> Result<Vec<PublicKey>> {
    let mut keys = Vec::new();
    for text in texts {
        match PublicKey::parse(text) {
            Ok(key) => keys.push(key),
            Err(error) if !Path::new(text).exists() => {
                return Err(CliError::usage(
                    format_args!("--key {text}: {error}, and no file of that name"),
                    KEY_REMEDY,
                ));
            }
            Err(_) => keys.extend(keys_of_file(Path::new(text))?),
        }
    }
    Ok(keys)
}

const KEY_REMEDY: &str = "`ispeed server-key` prints a server's key, GET /v1/info shows it";

fn keys_of_file(path: &Path) -> Result<Vec<PublicKey>> {
    let bytes = files::read_all(path, 1 << 20)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut found = Vec::new();
    match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(json) => collect_keys(&json, &mut found),
        Err(_) => found.extend(text.split_whitespace().filter_map(|word| PublicKey::parse(word).ok())),
    }
    if found.is_empty() {
        return Err(CliError::usage(format_args!("{} holds no public key", path.display()), KEY_REMEDY));
    }
    Ok(found)
}

/// The members that hold public keys, however deep: `/v1/info`, a list of servers, or a receipt.
fn collect_keys(json: &serde_json::Value, found: &mut Vec<PublicKey>) {
    match json {
        serde_json::Value::String(text) => found.extend(PublicKey::parse(text).ok()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect_keys(item, found)),
        serde_json::Value::Object(members) => {
            for name in ["public_key", "evidence_key", "key", "servers"] {
                members.get(name).into_iter().for_each(|value| collect_keys(value, found));
            }
        }
        _ => {}
    }
}
