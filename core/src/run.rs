//! One run: from the wish to measure to a sample in the outbox. A handle that can be watched, told of facts, cancelled and
//! awaited; whoever drops it ends the run, and the attempt is kept all the same.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ispeed_protocol::UtcMicros;
use ispeed_protocol::consent::Share;
use ispeed_protocol::direction::CounterKind;
use ispeed_protocol::facts::Facts;
use ispeed_protocol::place::Fixes;
use ispeed_protocol::sample::Sample;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::assemble::{Assembled, Assembler, Draft, SignedSample, nothing};
use crate::engine::{
    self, ChangeNotifier, ChangeSignal, Directions, EnginePlan, Family, Measured, NetworkBinding, Phase, Progress,
    Target,
};
use crate::error::{Error, Result};
use crate::facts;
use crate::outbox::Outbox;
use crate::place::{Resolver, placeless};
use crate::upload::{Now, blocking};

/// What to measure. What is not said is the method's.
#[derive(Clone, PartialEq, Debug)]
pub struct RunPlan {
    /// Test point.
    pub target: Target,
    /// Directions.
    pub directions: Directions,
    /// 10 s a direction.
    pub long: bool,
    /// Most bytes, both ways, tails included.
    pub max_bytes: Option<u64>,
    /// Most seconds of load, both ways.
    pub max_seconds: Option<f64>,
    /// Network interface.
    pub interface: Option<String>,
    /// Network, where that is not an interface.
    pub binding: Option<NetworkBinding>,
    /// Protocol version.
    pub family: Option<Family>,
    /// Count a download's arrivals with this counter.
    pub forced_counter: Option<CounterKind>,
    /// Take round trips over WebSocket.
    pub force_websocket_echo: bool,
    /// Label of the subscription that pays, for the data budget; else the SIM's PLMN. Never part of a sample.
    pub sim: Option<String>,
    /// Moves the times of a simulated run (demo): microseconds, added to start and end. Refused for real facts.
    pub simulated_shift_micros: i64,
}

impl RunPlan {
    /// Both directions against `target`.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            directions: Directions::default(),
            long: false,
            max_bytes: None,
            max_seconds: None,
            interface: None,
            binding: None,
            family: None,
            forced_counter: None,
            force_websocket_echo: false,
            sim: None,
            simulated_shift_micros: 0,
        }
    }

    pub(crate) fn engine_plan(&self, sample_id: Uuid, device_id: String, extra_ca_pem: Option<String>) -> EnginePlan {
        let mut plan = EnginePlan::new(sample_id, device_id, self.target.clone());
        plan.directions = self.directions;
        plan.long = self.long;
        plan.max_bytes = self.max_bytes;
        plan.max_seconds = self.max_seconds;
        plan.interface = self.interface.clone();
        plan.binding = self.binding.clone();
        plan.family = self.family;
        plan.forced_counter = self.forced_counter;
        plan.force_websocket_echo = self.force_websocket_echo;
        plan.tls.extra_ca_pem = extra_ca_pem;
        plan
    }
}

/// What measures: [`engine::measure`], or a shell's stand-in for its own tests.
pub trait Measure: Send + Sync {
    /// One run; see [`engine::measure`].
    fn measure(
        &self,
        plan: EnginePlan,
        progress: watch::Sender<Progress>,
        changes: ChangeSignal,
        cancel: CancellationToken,
    ) -> Pin<Box<dyn Future<Output = Measured> + Send>>;
}

/// The engine of this crate.
#[derive(Clone, Copy, Debug, Default)]
pub struct Engine;

impl Measure for Engine {
    fn measure(
        &self,
        plan: EnginePlan,
        progress: watch::Sender<Progress>,
        changes: ChangeSignal,
        cancel: CancellationToken,
    ) -> Pin<Box<dyn Future<Output = Measured> + Send>> {
        Box::pin(engine::measure(plan, progress, changes, cancel))
    }
}

/// What became of a run: a sample in the outbox. Whether it measured anything is its `outcome`; a run that was cancelled is
/// `aborted` with reason `cancelled`.
#[derive(Clone, PartialEq, Debug)]
pub struct RunResult {
    /// The sample.
    pub sample: Arc<Sample>,
    /// Its bytes, signed, as they are kept.
    pub signed: Arc<SignedSample>,
    /// What failed and at whom, one sentence in English, for a person.
    pub detail: Option<String>,
}

/// A run that goes on. Dropping it cancels.
#[derive(Debug)]
pub struct Run {
    id: Uuid,
    draft: Arc<Mutex<Draft>>,
    changes: ChangeNotifier,
    progress: watch::Receiver<Progress>,
    result: watch::Receiver<Option<Result<RunResult>>>,
    cancel: DropGuard,
}

impl Run {
    /// Sample this run becomes.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Progress: the latest value wins, so a slow observer never slows the measurement.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Adds what the shell just learned; members that are absent change nothing. A transport that changed ends the run.
    ///
    /// Errors: `input` for a position that is none. Facts that come after the end are too late and change nothing.
    pub fn push(&self, new: Facts) -> Result<()> {
        facts::check(&new)?;
        let mut draft = lock(&self.draft);
        let before = draft.facts.transport.changed;
        let mut new = new;
        keep_shareable(draft.consent.share, &mut new);
        facts::merge(&mut draft.facts, new);
        if draft.facts.transport.changed && !before {
            self.changes.changed();
        }
        Ok(())
    }

    /// Ends the run; what was measured is kept, as `aborted`.
    pub fn cancel(&self) {
        self.cancel_token().cancel();
    }

    /// A token that ends the run, for a signal handler.
    pub fn cancel_token(&self) -> CancellationToken {
        self.cancel.token().clone()
    }

    /// Waits for the sample. May be called again, and from several tasks. Errors: `storage` when the sample could not be
    /// written (the attempt is recovered when the outbox is opened next), `internal`.
    pub async fn outcome(&self) -> Result<RunResult> {
        self.waiter().await
    }

    /// The same as a future of its own: who waits does not keep the run alive.
    pub fn waiter(&self) -> impl Future<Output = Result<RunResult>> + Send + 'static {
        let mut result = self.result.clone();
        async move {
            let none = || Error::internal("the run ended without a result");
            let ended = result.wait_for(Option::is_some).await.map_err(|_| none())?;
            ended.clone().unwrap_or_else(|| Err(none()))
        }
    }
}

/// What a run needs of its [`crate::Ispeed`].
pub(crate) struct Workshop {
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) resolver: Resolver,
    pub(crate) accept_simulated: bool,
    pub(crate) now: Now,
    pub(crate) engine: Arc<dyn Measure>,
}

/// Starts a run that was written down already.
pub(crate) fn spawn(
    runtime: &tokio::runtime::Handle,
    workshop: Workshop,
    draft: Draft,
    plan: EnginePlan,
    shift_micros: i64,
    permit: OwnedSemaphorePermit,
) -> Run {
    let id = draft.id;
    let draft = Arc::new(Mutex::new(draft));
    let (progress_in, progress) = watch::channel(Progress::default());
    let (result_in, result) = watch::channel(None);
    let (changes, signal) = ChangeSignal::new();
    let cancel = CancellationToken::new();
    let measuring = runtime.spawn(workshop.engine.measure(plan, progress_in, signal, cancel.clone()));
    let task = drive(workshop, Arc::clone(&draft), progress.clone(), measuring, shift_micros);
    runtime.spawn(async move {
        let ended = task.await;
        drop(permit);
        result_in.send_replace(Some(ended));
    });
    Run { id, draft, changes, progress, result, cancel: cancel.drop_guard() }
}

async fn drive(
    workshop: Workshop,
    draft: Arc<Mutex<Draft>>,
    mut progress: watch::Receiver<Progress>,
    mut measuring: tokio::task::JoinHandle<Measured>,
    shift_micros: i64,
) -> Result<RunResult> {
    let mut phase = Phase::default();
    let ended = loop {
        tokio::select! {
            biased;
            ended = &mut measuring => break ended,
            changed = progress.changed() => {
                if changed.is_err() {
                    break measuring.await;
                }
                let shown = progress.borrow_and_update().clone();
                // Once a phase: a write a second would compete with what is measured.
                if shown.phase != phase {
                    phase = shown.phase;
                    note(&workshop, &draft, shown).await;
                }
            }
        }
    };
    let mut measured = ended.unwrap_or_else(|error| {
        tracing::error!(%error, "the measurement panicked");
        nothing(lock(&draft).begun_at.plus_micros(-shift_micros), (workshop.now)(), "internal")
    });
    measured.started_at = measured.started_at.plus_micros(shift_micros);
    measured.ended_at = measured.ended_at.plus_micros(shift_micros);
    let detail = measured.outcome_detail.clone();
    let draft = lock(&draft).clone();
    let outbox = Arc::clone(&workshop.outbox);
    let assembled = blocking(&outbox, move |_| finish(&workshop, &draft, measured)).await?;
    Ok(RunResult { sample: Arc::new(assembled.sample), signed: Arc::new(assembled.signed), detail })
}

async fn note(workshop: &Workshop, draft: &Mutex<Draft>, shown: Progress) {
    let (draft, now) = (lock(draft).clone(), (workshop.now)());
    let seen = blocking(&workshop.outbox, move |outbox| {
        let phase = format!("{:?}", shown.phase).to_ascii_lowercase();
        outbox.seen(&draft, &phase, shown.bytes_down, shown.bytes_up, now)
    })
    .await;
    // The note only matters if the process dies; the run goes on without it.
    if let Err(error) = seen {
        tracing::warn!(%error, "how far the run has come could not be noted");
    }
}

/// Turns an attempt of this opening into its sample.
pub(crate) fn finish(workshop: &Workshop, draft: &Draft, measured: Measured) -> Result<Assembled> {
    let now = (workshop.now)();
    workshop.outbox.finish(draft, now, |before| {
        let assembler = Assembler {
            identity: workshop.outbox.identity(),
            resolver: &workshop.resolver,
            accept_simulated: workshop.accept_simulated,
            first_run: before.first_run()?,
        };
        assembler.assemble(draft, measured, now.max(draft.begun_at), |code, at| before.repetition(code, at))
    })
}

/// A position nobody agreed to use is not even kept while the run goes on.
pub(crate) fn keep_shareable(share: Share, facts: &mut Facts) {
    if share == Share::None {
        facts.fixes = Fixes::default();
        facts.radio = placeless(&facts.radio);
    }
}

/// Moves the start of a simulated run; `input` for real facts.
pub(crate) fn begun_at(now: UtcMicros, plan: &RunPlan, facts: &Facts) -> Result<UtcMicros> {
    if plan.simulated_shift_micros != 0 && !facts.simulated {
        let value = plan.simulated_shift_micros;
        return Err(Error::input("simulated_shift_micros", value, "0, since the facts are not simulated"));
    }
    Ok(now.plus_micros(plan.simulated_shift_micros))
}

fn lock(draft: &Mutex<Draft>) -> MutexGuard<'_, Draft> {
    draft.lock().unwrap_or_else(PoisonError::into_inner)
}
