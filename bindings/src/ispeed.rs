//! The object a shell holds.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ispeed_core::desk::Desk;
use ispeed_core::outbox::{KeySource, Outbox};
use ispeed_core::protocol::UtcMicros;
use ispeed_core::{clock, share_text};

use crate::consent::{Consent, ConsentChoice};
use crate::detail::{Language, Receipt, SampleDetail};
use crate::error::{IspeedError, Result};
use crate::facts::Facts;
use crate::history::{HistoryEntry, HistoryFilter, LedgerEntry, Stock};
use crate::observer::{RunObserver, show};
use crate::run::Run;
use crate::run_plan::{Estimate, MonthUsage, RunPlan};
use crate::runtime;
use crate::settings::{DataLimits, Folders, Settings};
use crate::upload::{AfterUpload, NextUpload, UploadAnswer};

/// Measures, keeps and hands in. One for a process; several may share a folder.
#[derive(uniffi::Object)]
pub struct Ispeed {
    pub(crate) desk: Arc<Desk>,
}

impl Ispeed {
    fn outbox(&self) -> &Arc<Outbox> {
        self.desk.ispeed().outbox()
    }

    fn collector(&self) -> &str {
        &self.desk.ispeed().settings().collector
    }
}

fn id(text: &str) -> Result<uuid::Uuid> {
    text.parse().map_err(|_| IspeedError::input("id", text, "the UUID of a sample"))
}

fn count(samples: usize) -> u32 {
    u32::try_from(samples).unwrap_or(u32::MAX)
}

#[uniffi::export]
impl Ispeed {
    /// Opens everything in the folder, and turns runs of dead processes into samples. `boundaries` is the file of a boundary
    /// bundle that came with the app; a newer one that was fetched is preferred.
    #[uniffi::constructor]
    pub fn open(folders: Folders, settings: Settings, boundaries: Option<String>) -> Result<Arc<Self>> {
        let asset = boundaries.as_deref().map(Path::new);
        let desk = Desk::open(runtime::handle()?, Path::new(&folders.data), settings.into(), asset)?;
        Ok(Arc::new(Self { desk: Arc::new(desk) }))
    }

    /// Turns the runs of dead processes into samples; returns how many.
    pub fn recover(&self) -> Result<u32> {
        Ok(count(self.desk.ispeed().recover()?))
    }
}

/// Consent.
#[uniffi::export]
impl Ispeed {
    /// The choice that rules, if one was ever made.
    pub fn consent(&self) -> Result<Option<Consent>> {
        Ok(self.outbox().consent()?.map(Into::into))
    }

    /// Every choice ever made here, oldest first.
    pub fn consents(&self) -> Result<Vec<Consent>> {
        Ok(self.outbox().consents()?.into_iter().map(Into::into).collect())
    }

    /// Records a choice; it rules from now on.
    pub fn record_consent(&self, choice: ConsentChoice) -> Result<()> {
        Ok(self.outbox().record_consent(&choice.at(clock::now()))?)
    }

    /// Withdraws: no run, no position, no upload until a new choice.
    pub fn withdraw_consent(&self) -> Result<()> {
        Ok(self.outbox().withdraw_consent(clock::now())?)
    }
}

/// Runs and what they cost.
#[uniffi::export]
impl Ispeed {
    /// What a run of this plan would use.
    pub fn estimate(&self, plan: RunPlan, facts: Facts) -> Result<Estimate> {
        let plan = plan.of(self.collector())?;
        Ok(self.desk.ispeed().estimate(&plan, &facts.into())?.into())
    }

    /// What was used, by month and SIM, the newest month first.
    pub fn usage(&self) -> Result<Vec<MonthUsage>> {
        Ok(self.outbox().usage()?.into_iter().map(Into::into).collect())
    }

    /// What the person allows.
    pub fn data_limits(&self) -> DataLimits {
        self.desk.ispeed().data_limits().into()
    }

    /// Allows other amounts of data, from the next run on.
    pub fn set_data_limits(&self, limits: DataLimits) {
        self.desk.ispeed().set_data_limits(limits.into());
    }

    /// Starts a run. It is on disk before the first packet leaves; closing the handle cancels it.
    ///
    /// Errors, and nothing was started: `busy`, `consent`, `full`, `budget`, `input`, `storage`.
    pub fn start(&self, plan: RunPlan, facts: Facts, observer: Option<Arc<dyn RunObserver>>) -> Result<Arc<Run>> {
        let plan = plan.of(self.collector())?;
        let run = self.desk.ispeed().start(&plan, facts.into())?;
        if let Some(observer) = observer {
            runtime::handle()?.spawn(show(run.progress(), observer));
        }
        Ok(Arc::new(Run::new(run, Arc::clone(self.outbox()))))
    }
}

/// History.
#[uniffi::export]
impl Ispeed {
    /// Samples, the newest first.
    pub fn history(&self, filter: HistoryFilter) -> Result<Vec<HistoryEntry>> {
        Ok(self.outbox().history(filter.into())?.into_iter().map(Into::into).collect())
    }

    /// One sample with everything known of it.
    pub fn detail(&self, id: String) -> Result<SampleDetail> {
        self.outbox().detail(self::id(&id)?)?.try_into()
    }

    /// One sample as a few lines of text.
    pub fn share_text(&self, id: String, language: Language) -> Result<String> {
        let detail = self.outbox().detail(self::id(&id)?)?;
        Ok(share_text::share_text(&detail, &self.desk.ispeed().resolver(), language.into()))
    }

    /// Writes samples and receipts to a file, one a line, byte for byte; returns how many.
    pub fn export_samples(&self, path: String, filter: HistoryFilter) -> Result<u64> {
        Ok(self.desk.export(Path::new(&path), filter.into())?)
    }

    /// What is here, by state.
    pub fn stock(&self) -> Result<Stock> {
        Ok(self.outbox().stock()?.into())
    }

    /// Puts a refused sample back into the queue.
    pub fn requeue(&self, id: String) -> Result<()> {
        Ok(self.outbox().requeue(self::id(&id)?, clock::now())?)
    }

    /// Puts all refused samples back; returns how many.
    pub fn requeue_all(&self) -> Result<u32> {
        Ok(count(self.outbox().requeue_all(clock::now())?))
    }

    /// Deletes a sample from this device. One that was sent stays with the collector.
    pub fn erase(&self, id: String) -> Result<()> {
        Ok(self.outbox().erase(self::id(&id)?, clock::now())?)
    }

    /// Deletes the copies of samples that were sent and started before; returns how many.
    pub fn erase_sent_before(&self, before_micros: i64) -> Result<u32> {
        Ok(count(self.outbox().erase_sent_before(UtcMicros(before_micros), clock::now())?))
    }

    /// Each step of one sample, or of all, oldest first.
    pub fn ledger(&self, id: Option<String>) -> Result<Vec<LedgerEntry>> {
        let id = id.as_deref().map(self::id).transpose()?;
        Ok(self.outbox().ledger(id)?.into_iter().map(Into::into).collect())
    }
}

/// Uploads: the shell owns the socket.
#[uniffi::export]
impl Ispeed {
    /// What to send now, marked as being sent. An answer is due within 120 s.
    pub fn next_upload(&self) -> Result<NextUpload> {
        Ok(self.outbox().next_upload(clock::now())?.into())
    }

    /// Takes in the answer to an upload: any, at any time, twice.
    pub fn upload_answered(&self, id: String, answer: UploadAnswer) -> Result<AfterUpload> {
        Ok(self.outbox().upload_answered(self::id(&id)?, &answer.into(), clock::now())?.into())
    }

    /// Forgets all back-off, because a person asks or the network came back.
    pub fn retry_now(&self) -> Result<()> {
        Ok(self.outbox().retry_now()?)
    }
}

/// A key the collector is known by.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct CollectorKey {
    /// Base URL of the collector.
    pub collector: String,
    /// Public key, base64url.
    pub key: String,
    /// A person or the settings named it; else it signed the first receipt.
    pub explicit: bool,
    /// Since when.
    pub since_micros: i64,
}

/// The owner's data at the collector, and the collector's keys.
#[uniffi::export]
impl Ispeed {
    /// Writes what the collector holds of this device to a file, one sample a line; returns how many.
    pub async fn export_my_data(&self, path: String) -> Result<u64> {
        let desk = Arc::clone(&self.desk);
        runtime::run(async move { desk.export_held(PathBuf::from(path)).await }).await
    }

    /// Has the collector delete everything of this device; the receipts of the deletion are in the ledger too.
    pub async fn delete_my_data(&self) -> Result<Vec<Receipt>> {
        let desk = Arc::clone(&self.desk);
        let receipts = runtime::run(async move { desk.delete_held().await }).await?;
        Ok(receipts.into_iter().map(Into::into).collect())
    }

    /// The keys collectors are known by.
    pub fn collector_keys(&self) -> Result<Vec<CollectorKey>> {
        let keys = self.outbox().collector_keys(None)?;
        let mirror = |key: ispeed_core::outbox::CollectorKey| CollectorKey {
            collector: key.collector,
            key: key.key,
            explicit: key.source == KeySource::Explicit,
            since_micros: key.since.as_micros(),
        };
        Ok(keys.into_iter().map(mirror).collect())
    }

    /// Trusts a key of the collector; what was refused because of it goes back to the queue.
    pub fn trust_collector(&self, key: String) -> Result<()> {
        Ok(self.outbox().trust_collector(self.collector(), &key, clock::now())?)
    }

    /// Takes back a key.
    pub fn distrust_collector(&self, key: String) -> Result<()> {
        Ok(self.outbox().distrust_collector(self.collector(), &key)?)
    }
}
