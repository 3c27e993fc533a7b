//! Documents of a closed month, and what officials typed in for them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use ispeed_documents::{
    DocumentError, Duties, ISpeedCount, LetterDate, MonthDocuments, MonthFile, MonthHead, Template,
};
use ispeed_month::{Document, DocumentWriter, Head, TemplateNote};
use ispeed_protocol::Month;
use ispeed_protocol::signing::sha256_hex;
use ispeed_report::{Level, NationMonth, Place, ProvinceMonth};
use ispeed_server::store::Store;
use ispeed_verdict::{Lang, TABLE, explain};
use serde::{Deserialize, Serialize};

use crate::commands::local::of_store;
use crate::error::{CliError, Result};
use crate::files;

const TEMPLATE_REMEDY: &str = "mend the template; nothing was written";

/// How documents look.
#[derive(clap::Args, Debug)]
pub(crate) struct Look {
    /// Template of the documents (TOML), in place of the one that ships for its level; may be given once a level.
    #[arg(long, value_name = "FILE")]
    template: Vec<PathBuf>,
    /// Issuing body of the letters; the templates' unless given.
    #[arg(long, value_name = "NAME")]
    issuing_body: Option<String>,
    /// Role of who prepared the reports; never a name.
    #[arg(long, value_name = "ROLE")]
    prepared_by: Option<String>,
    /// Date of the letters; left to be written by hand unless given.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_date)]
    date: Option<Date>,
}

/// A day of the calendar.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Date {
    year: i16,
    month: u8,
    day: u8,
}

fn parse_date(text: &str) -> std::result::Result<Date, String> {
    let wrong = || format!("{text:?} is not a day; expected YYYY-MM-DD, such as 2026-12-09");
    let (month, day) = text.rsplit_once('-').ok_or_else(wrong)?;
    let month: Month = month.parse().map_err(|_| wrong())?;
    // Days of the month: from its first instant to that of the next.
    let days = (month.end().0 - month.start().0) / 86_400_000_000;
    let day = Some(day).filter(|day| day.len() == 2).and_then(|day| day.parse::<u8>().ok()).ok_or_else(wrong)?;
    if day == 0 || i64::from(day) > days {
        Err(wrong())
    } else {
        Ok(Date { year: month.year, month: month.month, day })
    }
}

/// What was typed in, as it is frozen with the month.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TypedIn {
    issuing_body: Option<String>,
    prepared_by: Option<String>,
    date: Option<Date>,
    duties: BTreeMap<String, Duties>,
}

/// Makes the documents, once it knows what was typed in when the month was closed.
pub(super) struct Writer {
    notes: Vec<TemplateNote>,
    now: TypedIn,
    waiting: Mutex<Option<MonthDocuments>>,
    ready: OnceLock<MonthDocuments>,
}

/// By the templates that ship and those that were given.
pub(super) fn writer(args: &Look, places: &[Place]) -> Result<Writer> {
    let broken = |error: &dyn std::fmt::Display| CliError::failed(error, TEMPLATE_REMEDY);
    let mut documents = MonthDocuments::new(places).map_err(|error| broken(&error))?;
    let mut texts: BTreeMap<Level, Vec<u8>> = BTreeMap::new();
    for level in [Level::Nation, Level::Province, Level::Commune] {
        texts.insert(level, Template::shipped_text(level).1.as_bytes().to_vec());
    }
    for file in &args.template {
        let bytes = files::read_all(file, 4 << 20)?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|error| broken(&format_args!("{}: not UTF-8: {error}", file.display())))?;
        let name =
            file.file_name().map_or_else(|| file.display().to_string(), |name| name.to_string_lossy().into_owned());
        let template = Template::parse(&name, text).map_err(|error| broken(&first_line(&error)))?;
        texts.insert(template.level, bytes);
        documents = documents.with_template(template);
    }
    let notes = texts.iter().map(|(level, bytes)| note(documents.template(*level), bytes)).collect();
    documents.explanations = TABLE
        .iter()
        .filter_map(|rule| Some((rule.code.to_owned(), explain(rule.code, Lang::Vi)?.to_owned())))
        .collect();
    let now = TypedIn {
        issuing_body: args.issuing_body.clone(),
        prepared_by: args.prepared_by.clone(),
        date: args.date,
        duties: BTreeMap::new(),
    };
    Ok(Writer { notes, now, waiting: Mutex::new(Some(documents)), ready: OnceLock::new() })
}

/// One error is one line: the first, and how many there are.
fn first_line(errors: &dyn std::fmt::Display) -> String {
    let text = errors.to_string();
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    match lines.count() {
        0 => first,
        more => format!("{first} (and {more} more: `ispeed month close` names one at a time)"),
    }
}

fn note(template: &Template, bytes: &[u8]) -> TemplateNote {
    TemplateNote { id: template.id.clone(), version: template.version.to_string(), sha256: sha256_hex(bytes) }
}

/// Of a record of kind `duty`, what documents print.
#[derive(Deserialize)]
struct DutyRecord {
    commune: String,
    #[serde(default)]
    communication: Vec<Communication>,
    #[serde(default)]
    difficulties: Vec<String>,
    #[serde(default)]
    proposals: Vec<String>,
}

#[derive(Deserialize)]
struct Communication {
    form: String,
    items: u32,
}

/// Of a record of kind `ispeed_count`.
#[derive(Deserialize)]
struct CountRecord {
    commune: String,
    count: u32,
    source: String,
    date: String,
}

fn read<T: for<'de> Deserialize<'de>>(kind: &str, key: &str, json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| {
        CliError::failed(format_args!("the record {kind} {key}: {error}"), "enter it again with `ispeed duties`")
    })
}

impl Writer {
    /// What officials typed in for the month, as text; empty when nothing was.
    pub(super) async fn typed_in(&mut self, store: &dyn Store, month: Month) -> Result<String> {
        let prefix = format!("{month}/");
        let duties = &mut self.now.duties;
        for record in store.records("duty", &prefix).await.map_err(|error| of_store(&error))? {
            let duty: DutyRecord = read("duty", &record.key, &record.json)?;
            let entry = duties.entry(duty.commune).or_default();
            entry.communication = duty.communication.iter().map(|c| format!("{}: {}", c.form, c.items)).collect();
            (entry.difficulties, entry.proposals) = (duty.difficulties, duty.proposals);
        }
        for record in store.records("ispeed_count", &prefix).await.map_err(|error| of_store(&error))? {
            let count: CountRecord = read("ispeed_count", &record.key, &record.json)?;
            let published = ISpeedCount {
                samples: Some(count.count.into()),
                source: count.source,
                read_on: count.date,
                ..ISpeedCount::default()
            };
            duties.entry(count.commune).or_default().ispeed = Some(published);
        }
        let nothing = duties.is_empty()
            && self.now.issuing_body.is_none()
            && self.now.prepared_by.is_none()
            && self.now.date.is_none();
        if nothing {
            return Ok(String::new());
        }
        serde_json::to_string_pretty(&self.now)
            .map_err(|error| CliError::failed(format_args!("what was typed in: {error}"), "report this"))
    }

    fn documents(&self) -> std::result::Result<&MonthDocuments, String> {
        self.ready.get().ok_or_else(|| "documents were asked for before they were begun".to_owned())
    }
}

fn head<'a>(head: &Head<'a>) -> MonthHead<'a> {
    MonthHead {
        month: head.month,
        version: head.version,
        provisional: head.provisional,
        made_up: head.made_up,
        boundaries: head.boundaries,
        set_sha256: head.set_sha256,
        as_of: head.as_of,
        cut_off: head.cut_off,
        program: head.program,
        settings: head.settings,
    }
}

type Made = std::result::Result<Vec<Document>, String>;

fn made(files: std::result::Result<Vec<MonthFile>, DocumentError>) -> Made {
    let files = files.map_err(|error| error.to_string())?;
    Ok(files.into_iter().map(|file| Document { path: file.path, bytes: file.bytes }).collect())
}

impl DocumentWriter for Writer {
    fn templates(&self) -> Vec<TemplateNote> {
        self.notes.clone()
    }

    fn begin(&self, head: &Head<'_>) -> std::result::Result<(), String> {
        let frozen: TypedIn = match head.typed_in {
            "" => TypedIn::default(),
            text => serde_json::from_str(text).map_err(|error| format!("what was typed in: {error}"))?,
        };
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut documents) = waiting else { return Ok(()) };
        documents.duties = frozen.duties;
        documents.issuing_body = frozen.issuing_body;
        documents.date = frozen.date.map(|date| LetterDate { year: date.year, month: date.month, day: date.day });
        if let Some(role) = frozen.prepared_by {
            documents.prepared_by = role;
        }
        self.ready.set(documents).map_err(|_| "documents were begun twice".to_owned())
    }

    fn province(&self, of: &Head<'_>, province: &ProvinceMonth) -> Made {
        made(self.documents()?.province(&head(of), province))
    }

    fn communes(&self, of: &Head<'_>, province: &ProvinceMonth) -> Made {
        made(self.documents()?.communes(&head(of), province))
    }

    fn nation(&self, of: &Head<'_>, nation: &NationMonth, provinces: &[ProvinceMonth]) -> Made {
        made(self.documents()?.nation(&head(of), nation, provinces))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_one_of_the_calendar() {
        assert_eq!(parse_date("2028-02-29"), Ok(Date { year: 2028, month: 2, day: 29 }));
        for wrong in ["2026-02-29", "2026-13-01", "2026-12-00", "2026-12-1", "9/12/2026", "2026-12", ""] {
            assert!(parse_date(wrong).unwrap_err().contains(wrong), "{wrong}");
        }
    }
}
