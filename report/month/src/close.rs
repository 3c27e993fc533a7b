//! Closing a month: freeze, compute, write, chain, sign, record, publish - in this order, and nothing visible before the last.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use ispeed_protocol::signing::{SecretKey, sha256_hex};
use ispeed_protocol::{Month, UtcMicros};
use ispeed_report::group::NATION;
use ispeed_report::{Place, Settings};

use crate::differences::{Differences, SampleChanges};
use crate::documents::DocumentWriter;
use crate::error::{MonthError, Result};
use crate::figures_csv::FigureFile;
use crate::keys::MonthKey;
use crate::ledger::{self, ClosedRecord, Ledger, MonthStore, Rows};
use crate::manifest::{Annex, BoundaryNote, Inputs, MANIFEST_FILE, Manifest, NOTICE};
use crate::pass::{self, Found, Order};
use crate::places_csv::{self, PLACES_FILE};
use crate::print::{self, COMMUNE_DOCUMENTS};
use crate::staging::{self, Published, Staging};

/// The settings in the folder.
pub(crate) const SETTINGS_FILE: &str = "settings.json";
/// What officials typed in, in the folder.
pub(crate) const TYPED_IN_FILE: &str = "typed-in.json";
/// Folder of the sealed table.
const SEALED: &str = "sealed";

/// What is to be closed, and with what.
pub struct Request<'a> {
    /// Month.
    pub month: Month,
    /// `VN`, or the code of a province.
    pub scope: &'a str,
    /// The time now: nothing but "is the month over" hangs on it.
    pub now: UtcMicros,
    /// Settings of the figures.
    pub settings: &'a Settings,
    /// The communes of the scope.
    pub places: &'a [Place],
    /// Table they come from; `None`: no borders.
    pub boundaries: Option<&'a str>,
    /// The collector's key of receipts.
    pub key: &'a SecretKey,
    /// Program and version.
    pub program: &'a str,
    /// What officials typed in, as [`DocumentWriter::begin`] reads it; empty: nothing.
    pub typed_in: &'a str,
    /// Makes the documents.
    pub documents: &'a dyn DocumentWriter,
    /// Also the documents of each commune.
    pub communes: bool,
    /// Also the sealed table.
    pub sealed: bool,
    /// The month may be going on.
    pub provisional: bool,
    /// Folder of the version before, for the list of differences.
    pub previous: Option<&'a Path>,
    /// Folder to write.
    pub out: &'a Path,
}

/// What became of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Closed {
    /// The manifest.
    pub manifest: Manifest,
    /// Its hash.
    pub manifest_sha256: String,
    /// The folder was written, or was there.
    pub published: Published,
    /// The month had been closed before: this was made again.
    pub again: bool,
    /// Differences from the version before.
    pub differences: Option<u64>,
}

/// What is frozen, and how it is chained.
struct Frozen {
    record: ClosedRecord,
    /// The store has this record already.
    recorded: bool,
    /// The version before, with its key of rows.
    before: Option<ClosedRecord>,
}

/// Closes a month, or makes a closed one again.
///
/// # Errors
/// [`MonthError`]; nothing was written to the folder then, and no record.
pub fn close(store: &mut dyn MonthStore, request: &Request<'_>) -> Result<Closed> {
    staging::check_out(request.out)?;
    let mut ledger = Ledger(store);
    let mut versions = ledger.versions(request.month, request.scope)?;
    if request.provisional {
        let frozen = Frozen { record: fresh(&mut ledger, request, 0)?, recorded: false, before: None };
        return make(ledger, request, frozen);
    }
    let frozen = match versions.pop() {
        Some(record) => {
            check_inputs(request, &record)?;
            Frozen { record, recorded: true, before: versions.pop() }
        }
        None => {
            check_over(request)?;
            Frozen { record: fresh(&mut ledger, request, 1)?, recorded: false, before: None }
        }
    };
    make(ledger, request, frozen)
}

/// Makes the next version of a closed month, out of what the store holds now.
///
/// # Errors
/// As [`close`].
pub fn revise(store: &mut dyn MonthStore, request: &Request<'_>) -> Result<Closed> {
    staging::check_out(request.out)?;
    let mut ledger = Ledger(store);
    let Some(before) = ledger.versions(request.month, request.scope)?.pop() else {
        return Err(MonthError::NeverClosed { month: request.month, scope: request.scope.to_owned() });
    };
    let mut record = fresh(&mut ledger, request, before.version + 1)?;
    record.revises = Some(before.manifest_sha256.clone());
    make(ledger, request, Frozen { record, recorded: false, before: Some(before) })
}

fn check_over(request: &Request<'_>) -> Result<()> {
    let until = request.settings.cut_off(request.month).plus_micros(1);
    if request.now >= until {
        return Ok(());
    }
    Err(MonthError::NotOver { month: request.month, until, now: request.now })
}

fn settings_bytes(settings: &Settings) -> Result<Vec<u8>> {
    let bytes = serde_json::to_vec_pretty(settings);
    bytes.map_err(|error| MonthError::malformed(SETTINGS_FILE, error.to_string()))
}

/// A record of what is there now; set and manifest are filled in when they are known.
fn fresh(ledger: &mut Ledger<'_>, request: &Request<'_>, version: u32) -> Result<ClosedRecord> {
    let earlier = ledger.earlier(request.month, request.scope)?;
    let previous = earlier.first().map(|record| record.manifest_sha256.clone()).filter(|_| version > 0);
    let history = ledger::looked_back_on(request.month, request.boundaries, earlier);
    Ok(ClosedRecord {
        v: 1,
        month: request.month,
        scope: request.scope.to_owned(),
        version,
        heads: ledger.heads()?,
        set_sha256: String::new(),
        samples: 0,
        month_key: MonthKey::derive(request.key, request.month, request.scope, version).text(),
        program: request.program.to_owned(),
        boundaries: request.boundaries.map(str::to_owned),
        places_sha256: ledger::hash_of(&places_csv::bytes(request.places)?),
        settings_sha256: ledger::hash_of(&settings_bytes(request.settings)?),
        templates: request.documents.templates(),
        typed_in: request.typed_in.to_owned(),
        history: history.into_iter().map(|(month, record)| (month, record.manifest_sha256)).collect(),
        previous,
        revises: None,
        manifest_sha256: String::new(),
    })
}

/// A closed month is made again with what it was closed with.
fn check_inputs(request: &Request<'_>, record: &ClosedRecord) -> Result<()> {
    let differs = |what, closed: String, given: String| {
        let error = MonthError::OtherInput { month: record.month, what, closed: closed.clone(), given: given.clone() };
        if closed == given { Ok(()) } else { Err(error) }
    };
    let table = |table: Option<&str>| table.unwrap_or("none").to_owned();
    let ids = |notes: &[crate::manifest::TemplateNote]| {
        let text = |n: &crate::manifest::TemplateNote| {
            format!("{} {} ({})", n.id, n.version, &n.sha256[..12.min(n.sha256.len())])
        };
        if notes.is_empty() { "none".to_owned() } else { notes.iter().map(text).collect::<Vec<_>>().join(", ") }
    };
    differs("program", record.program.clone(), request.program.to_owned())?;
    differs("boundary table", table(record.boundaries.as_deref()), table(request.boundaries))?;
    differs("list of communes", record.places_sha256.clone(), ledger::hash_of(&places_csv::bytes(request.places)?))?;
    differs("settings", record.settings_sha256.clone(), ledger::hash_of(&settings_bytes(request.settings)?))?;
    differs("template", ids(&record.templates), ids(&request.documents.templates()))?;
    let key = MonthKey::derive(request.key, record.month, &record.scope, record.version).text();
    // The keys themselves are secret.
    differs("a key", ledger::hash_of(record.month_key.as_bytes()), ledger::hash_of(key.as_bytes()))
}

fn make(mut ledger: Ledger<'_>, request: &Request<'_>, frozen: Frozen) -> Result<Closed> {
    let Frozen { mut record, recorded, before } = frozen;
    let staging = Staging::beside(request.out)?;
    let key = MonthKey::parse(&record.month_key)
        .ok_or_else(|| MonthError::Record { key: record.scope.clone(), cause: "its month key".into() })?;
    let history = history_of(&mut ledger, &record)?;
    staging.write(PLACES_FILE, &places_csv::bytes(request.places)?)?;
    staging.write(SETTINGS_FILE, &settings_bytes(request.settings)?)?;
    if !history.is_empty() {
        staging.write(ledger::HISTORY_FILE, &ledger::history_bytes(&history))?;
    }
    if !record.typed_in.is_empty() {
        staging.write(TYPED_IN_FILE, record.typed_in.as_bytes())?;
    }
    if request.sealed {
        let sealed = staging.folder().join(SEALED);
        std::fs::create_dir(&sealed).map_err(MonthError::io("make", &sealed))?;
    }
    let mut changes = before.as_ref().map(|before| SampleChanges::open(request.previous, before)).transpose()?;
    let order = Order {
        month: request.month,
        settings: request.settings,
        places: request.places,
        history: ledger::read_history(&ledger::history_bytes(&history))?,
        numbers: key.numbers(),
        sealed: request.sealed,
        folder: staging.folder(),
    };
    drop(history);
    let rows = Rows::new(&mut *ledger.0, request.month, request.scope, &record.heads);
    let (found, mut figures) = pass::run(order, request.scope == NATION, rows, &mut |sample, row| {
        if let Some(changes) = &mut changes {
            changes.push(sample, row);
        }
    })?;
    if recorded {
        check_set(&record, &found)?;
    }
    record.set_sha256.clone_from(&found.set_sha256);
    record.samples = found.samples;
    let differences = changes.map(|changes| write_differences(&staging, changes, request, &mut figures)).transpose()?;
    print::write(&staging, request, &record, &found, &Mutex::new(figures))?;
    finish(ledger, request, staging, Sum { record, recorded, found, differences })
}

fn history_of(ledger: &mut Ledger<'_>, record: &ClosedRecord) -> Result<Vec<(Month, String)>> {
    let earlier = ledger.earlier(record.month, &record.scope)?;
    // Of a month that was revised since, the means of this version are gone from its newest record: then it is not looked back on.
    let mut months: BTreeMap<Month, ClosedRecord> = BTreeMap::new();
    for found in earlier {
        let Some(wanted) = record.history.get(&found.month) else { continue };
        let version = if found.manifest_sha256 == *wanted {
            Some(found)
        } else {
            let versions = ledger.versions(found.month, &record.scope)?;
            versions.into_iter().find(|version| version.manifest_sha256 == *wanted)
        };
        months.extend(version.map(|version| (version.month, version)));
    }
    ledger.history(&months)
}

fn check_set(record: &ClosedRecord, found: &Found) -> Result<()> {
    let month = record.month;
    if found.samples < record.samples {
        let missing = record.samples - found.samples;
        return Err(MonthError::Deleted { month, frozen: record.samples, missing });
    }
    if found.set_sha256 != record.set_sha256 {
        let (found, expected) = (found.set_sha256.clone(), record.set_sha256.clone());
        return Err(MonthError::Changed { month, found, expected });
    }
    Ok(())
}

fn write_differences(
    staging: &Staging,
    changes: SampleChanges,
    request: &Request<'_>,
    now: &mut FigureFile,
) -> Result<u64> {
    let mut before = FigureFile::open(changes.folder())?;
    let provinces = request.places.iter().map(|place| (place.code.clone(), place.province_code.clone())).collect();
    let differences = Differences::of(changes, &provinces, &mut before, now)?;
    staging.write(crate::differences::DIFFERENCES_FILE, differences.text().as_bytes())?;
    Ok(differences.len())
}

/// Everything that is known when only the manifest is left to be written.
struct Sum {
    record: ClosedRecord,
    recorded: bool,
    found: Found,
    differences: Option<u64>,
}

fn finish(mut ledger: Ledger<'_>, request: &Request<'_>, staging: Staging, sum: Sum) -> Result<Closed> {
    let Sum { mut record, recorded, found, differences } = sum;
    let notes = staging::notes(staging.folder())?;
    let of = |folder: &str| {
        let prefix = format!("{folder}/");
        notes.iter().filter(|note| note.path.starts_with(&prefix)).cloned().collect::<Vec<_>>()
    };
    let (sealed, communes) = (of(SEALED), of(COMMUNE_DOCUMENTS));
    let files = notes.iter().filter(|note| !sealed.contains(note) && !communes.contains(note)).cloned().collect();
    let manifest = manifest_of(request, &record, &found, files).sign(request.key)?;
    let bytes = manifest.bytes()?;
    let manifest_sha256 = sha256_hex(&bytes);
    staging.write(MANIFEST_FILE, &bytes)?;
    for (annex, folder, files) in [("sealed", SEALED, sealed), ("communes", COMMUNE_DOCUMENTS, communes)] {
        if !files.is_empty() {
            let of = manifest_sha256.clone();
            let (key, signature) = (String::new(), String::new());
            let annex = Annex { v: 1, annex: annex.into(), of, files, key, signature }.sign(request.key)?;
            let bytes = ispeed_protocol::signing::canonical_json(&annex)?;
            staging.write(&format!("{folder}/{MANIFEST_FILE}"), &bytes)?;
        }
    }
    if recorded && manifest_sha256 != record.manifest_sha256 {
        let (found, expected) = (manifest_sha256, record.manifest_sha256);
        return Err(MonthError::OtherOutput { month: request.month, found, expected });
    }
    record.manifest_sha256.clone_from(&manifest_sha256);
    // The record first: were the folder first and the power failed, the same month could be closed again with other heads.
    if !recorded && !request.provisional && !ledger.keep(&record, &found.means)? {
        return Err(MonthError::Raced { month: request.month, scope: request.scope.to_owned() });
    }
    let published = staging.publish()?;
    Ok(Closed { manifest, manifest_sha256, published, again: recorded, differences })
}

fn manifest_of(
    request: &Request<'_>,
    record: &ClosedRecord,
    found: &Found,
    files: Vec<crate::manifest::FileNote>,
) -> Manifest {
    Manifest {
        v: 1,
        notice: NOTICE.to_owned(),
        month: record.month,
        scope: record.scope.clone(),
        version: record.version,
        provisional: request.provisional,
        program: record.program.clone(),
        inputs: Inputs {
            heads: record.heads.clone(),
            set_sha256: found.set_sha256.clone(),
            samples: found.samples,
            counted: found.counted,
            as_of: found.as_of,
            rules: found.rules.clone(),
            made_up: found.made_up,
        },
        boundaries: BoundaryNote { table: record.boundaries.clone(), communes: request.places.len() as u64 },
        templates: record.templates.clone(),
        files,
        history: record.history.clone(),
        previous: record.previous.clone(),
        revises: record.revises.clone(),
        key: String::new(),
        signature: String::new(),
    }
}
