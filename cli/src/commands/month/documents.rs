//! Documents of a closed month, and what officials typed in for them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use ispeed_documents::{Duties, ISpeedCount, MonthDocuments, Template};
use ispeed_month::{DocumentWriter, TemplateNote};
use ispeed_protocol::duty::{self as protocol, Duty};
use ispeed_protocol::signing::sha256_hex;
use ispeed_protocol::{Day, Month};
use ispeed_report::{Level, MonthFile, MonthHead, NationMonth, Place, ProvinceMonth};
use ispeed_server::collect::{duties, ispeed_counts};
use ispeed_server::store::{Store, StoreError};
use ispeed_verdict::{Lang, TABLE, explain};
use serde::{Deserialize, Serialize};

use crate::error::{CliError, Result};
use crate::{files, store};

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
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<Day>,
}

/// What was typed in, as it is frozen with the month.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TypedIn {
    issuing_body: Option<String>,
    prepared_by: Option<String>,
    date: Option<Day>,
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

/// What documents print of a duty.
fn printed(duty: Duty) -> Duties {
    let forms = duty.communication.iter().map(|work| format!("{}: {}", work.form, work.items));
    Duties {
        communication: forms.collect(),
        difficulties: duty.difficulties,
        proposals: duty.proposals,
        ..Duties::default()
    }
}

/// What documents print of VNNIC's own count; its day as people write it.
fn published(count: protocol::ISpeedCount) -> ISpeedCount {
    let (day, month) = (count.date.day(), count.date.month());
    ISpeedCount {
        samples: Some(count.count.into()),
        source: count.source,
        read_on: format!("{day:02}/{:02}/{}", month.month, month.year),
        ..ISpeedCount::default()
    }
}

fn of_store(error: &StoreError) -> CliError {
    match error {
        StoreError::Unreadable { .. } => CliError::failed(error, "enter it again with `ispeed duties`"),
        error => store::failed(error),
    }
}

impl Writer {
    /// What officials typed in for the month, as text; empty when nothing was.
    pub(super) async fn typed_in(&mut self, store: &dyn Store, month: Month) -> Result<String> {
        let typed = &mut self.now.duties;
        for duty in duties(store, month).await.map_err(|error| of_store(&error))? {
            typed.insert(duty.commune.clone(), printed(duty));
        }
        for count in ispeed_counts(store, month).await.map_err(|error| of_store(&error))? {
            let duties = typed.entry(count.commune.clone()).or_default();
            duties.ispeed = Some(published(count));
        }
        let nothing = typed.is_empty()
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

type Made = std::result::Result<Vec<MonthFile>, String>;

impl DocumentWriter for Writer {
    fn templates(&self) -> Vec<TemplateNote> {
        self.notes.clone()
    }

    fn begin(&self, typed_in: &str) -> std::result::Result<(), String> {
        let frozen: TypedIn = match typed_in {
            "" => TypedIn::default(),
            text => serde_json::from_str(text).map_err(|error| format!("what was typed in: {error}"))?,
        };
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut documents) = waiting else { return Ok(()) };
        documents.duties = frozen.duties;
        documents.issuing_body = frozen.issuing_body;
        documents.date = frozen.date;
        if let Some(role) = frozen.prepared_by {
            documents.prepared_by = role;
        }
        self.ready.set(documents).map_err(|_| "documents were begun twice".to_owned())
    }

    fn province(&self, head: &MonthHead<'_>, province: &ProvinceMonth) -> Made {
        self.documents()?.province(head, province).map_err(|error| error.to_string())
    }

    fn communes(&self, head: &MonthHead<'_>, province: &ProvinceMonth) -> Made {
        self.documents()?.communes(head, province).map_err(|error| error.to_string())
    }

    fn nation(&self, head: &MonthHead<'_>, nation: &NationMonth, provinces: &[ProvinceMonth]) -> Made {
        self.documents()?.nation(head, nation, provinces).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use ispeed_protocol::duty::{Communication, DUTY_VERSION};

    use super::*;

    #[test]
    fn what_was_typed_in_is_printed_as_people_write_it() {
        let month = "2026-11".parse().unwrap();
        let work = Communication { form: "Phát thanh".into(), items: 12 };
        let duty = Duty {
            v: DUTY_VERSION,
            month,
            commune: "25195".into(),
            communication: vec![work],
            difficulties: vec!["Vùng lõm sóng".into()],
            proposals: vec!["Bổ sung trạm".into()],
            role: None,
        };
        let duty = printed(duty);
        assert_eq!(duty.communication, ["Phát thanh: 12"]);
        assert_eq!((duty.difficulties.len(), duty.proposals.len()), (1, 1));
        let count = protocol::ISpeedCount {
            v: DUTY_VERSION,
            month,
            commune: "25195".into(),
            count: 412,
            source: "speedtest.vn".into(),
            date: "2026-12-05".parse().unwrap(),
        };
        let count = published(count);
        assert_eq!((count.samples, count.read_on.as_str()), (Some(412), "05/12/2026"));
    }
}
