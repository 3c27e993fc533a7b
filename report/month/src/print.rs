//! The documents of a closed month into its folder.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ispeed_report::group::NATION;
use ispeed_report::{Level, MonthFile, MonthHead, ProvinceMonth};

use crate::close::Request;
use crate::error::{MonthError, Result};
use crate::figures_csv::FigureFile;
use crate::ledger::ClosedRecord;
use crate::pass::Found;
use crate::staging::Staging;

/// Folder of the documents.
const DOCUMENTS: &str = "documents";
/// Folder of the documents of communes, which come only when asked for.
pub(crate) const COMMUNE_DOCUMENTS: &str = "documents/communes";
/// Threads that make documents: a machine of two cores.
const THREADS: usize = 2;

/// Writes the documents of a month that is computed; two provinces at a time.
pub(crate) fn write(
    staging: &Staging,
    request: &Request<'_>,
    record: &ClosedRecord,
    found: &Found,
    figures: &Mutex<FigureFile>,
) -> Result<()> {
    let head = MonthHead {
        month: record.month,
        version: record.version,
        provisional: request.provisional,
        made_up: found.made_up > 0,
        boundaries: record.boundaries.as_deref(),
        set_sha256: &record.set_sha256,
        as_of: found.as_of,
        cut_off: request.settings.cut_off(record.month),
        program: &record.program,
        settings: request.settings,
    };
    let put = |folder: &str, documents: std::result::Result<Vec<MonthFile>, String>| {
        let documents = documents.map_err(MonthError::Document)?;
        documents.iter().try_for_each(|document| staging.write(&format!("{folder}/{}", document.path), &document.bytes))
    };
    if request.documents.templates().is_empty() {
        return Ok(());
    }
    request.documents.begin(&record.typed_in).map_err(MonthError::Document)?;
    if request.scope == NATION {
        put(DOCUMENTS, request.documents.nation(&head, &found.nation, &found.provinces))?;
    }
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        while let Some(province) = found.provinces.get(next.fetch_add(1, Ordering::Relaxed)) {
            let province = with_figures(province, figures)?;
            put(DOCUMENTS, request.documents.province(&head, &province))?;
            if request.communes {
                put(COMMUNE_DOCUMENTS, request.documents.communes(&head, &province))?;
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        let ends = threads.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|_| {
                Err(MonthError::Document("a document could not be made: the writer panicked".into()))
            })
        });
        ends.collect::<Vec<_>>().into_iter().collect()
    })
}

/// The province with the figures of its communes, read back from the file.
fn with_figures(province: &ProvinceMonth, figures: &Mutex<FigureFile>) -> Result<ProvinceMonth> {
    let mut province = province.clone();
    let mut file = figures.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for commune in &mut province.communes {
        commune.figures = file.of(Level::Commune, &commune.code)?;
    }
    Ok(province)
}
