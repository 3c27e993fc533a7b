//! The one object a shell holds.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use ispeed_commune::Boundaries;
use ispeed_meter::params::METHOD_VERSION;
use ispeed_protocol::facts::Facts;
use reqwest::Client;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::assemble::{Draft, died};
use crate::budget::{DataLimits, Estimate};
use crate::error::{Error, Result};
use crate::outbox::Outbox;
use crate::place::Resolver;
use crate::run::{Engine, Measure, Run, RunPlan, Workshop, begun_at, finish, keep_shareable, spawn};
use crate::settings::Settings;
use crate::upload::{self, Drained, Now};
use crate::{clock, facts, http};

/// Measures, keeps and hands in.
///
/// One run at a time. Consent, history, quarantine, keys and deletion are questions to [`Ispeed::outbox`].
pub struct Ispeed {
    outbox: Arc<Outbox>,
    engine: Arc<dyn Measure>,
    now: Now,
    settings: Settings,
    resolver: RwLock<Resolver>,
    data_limits: RwLock<DataLimits>,
    client: Client,
    runtime: Handle,
    one_run: Arc<Semaphore>,
}

impl Ispeed {
    /// Opens the outbox at `path` on the calling tokio runtime, and turns what died with its process into samples.
    ///
    /// Errors: `input` for settings that cannot be, `tls`, `storage`, `internal` outside a runtime.
    pub fn open(path: impl AsRef<Path>, settings: Settings, boundaries: Option<Arc<Boundaries>>) -> Result<Self> {
        let runtime = Handle::try_current().map_err(Error::internal)?;
        Self::open_on(runtime, path, settings, boundaries)
    }

    /// The same on a runtime of the shell's choice, which must have more than one thread.
    pub fn open_on(
        runtime: Handle,
        path: impl AsRef<Path>,
        settings: Settings,
        boundaries: Option<Arc<Boundaries>>,
    ) -> Result<Self> {
        Self::open_with(runtime, path, settings, boundaries, Arc::new(Engine), Arc::new(clock::now))
    }

    /// The same with another engine and clock: a shell's tests measure nothing and know the time.
    pub fn open_with(
        runtime: Handle,
        path: impl AsRef<Path>,
        settings: Settings,
        boundaries: Option<Arc<Boundaries>>,
        engine: Arc<dyn Measure>,
        now: Now,
    ) -> Result<Self> {
        let settings = settings.checked()?;
        let client = http::client(settings.extra_ca_pem.as_deref())?;
        let outbox = Arc::new(Outbox::open(path, now())?);
        for key in &settings.collector_keys {
            outbox.trust_collector(&settings.collector, key, now())?;
        }
        let ispeed = Self {
            outbox,
            engine,
            now,
            resolver: RwLock::new(Resolver::new(boundaries)),
            data_limits: RwLock::new(settings.data_limits),
            settings,
            client,
            runtime,
            one_run: Arc::new(Semaphore::new(1)),
        };
        ispeed.recover()?;
        Ok(ispeed)
    }

    /// The outbox: consent, history, upload decisions, keys, deletion, budget.
    pub fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    /// What the shell said at opening.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The HTTP client, for [`crate::history::month_status`] and [`crate::me`].
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What finds communes.
    pub fn resolver(&self) -> Resolver {
        self.resolver.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Finds communes with another bundle from now on. A run that goes on keeps the one it began with, and samples keep
    /// the table that tagged them.
    pub fn use_boundaries(&self, boundaries: Option<Arc<Boundaries>>) {
        *self.resolver.write().unwrap_or_else(PoisonError::into_inner) = Resolver::new(boundaries);
    }

    /// What the person allows.
    pub fn data_limits(&self) -> DataLimits {
        *self.data_limits.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Allows other amounts of data, from the next run on.
    pub fn set_data_limits(&self, limits: DataLimits) {
        *self.data_limits.write().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    /// What a run that begins now works with.
    fn workshop(&self) -> Workshop {
        Workshop {
            outbox: Arc::clone(&self.outbox),
            resolver: self.resolver(),
            accept_simulated: self.settings.accept_simulated,
            now: Arc::clone(&self.now),
            engine: Arc::clone(&self.engine),
        }
    }

    /// What a run of this plan would use, before it is started.
    pub fn estimate(&self, plan: &RunPlan, facts: &Facts) -> Result<Estimate> {
        let month = (self.now)().month();
        let mut estimate = self.outbox().estimate(self.data_limits(), &sim_label(plan, facts), month, plan.long)?;
        if let Some(max) = plan.max_bytes {
            estimate.limited |= max < estimate.max_bytes;
            estimate.max_bytes = estimate.max_bytes.min(max);
            estimate.likely_bytes = estimate.likely_bytes.map(|likely| likely.min(max));
        }
        Ok(estimate)
    }

    /// Starts a run. It is on disk before the first packet leaves.
    ///
    /// Errors, and nothing was started: `busy`, `consent`, `full`, `budget`, `input`, `storage`.
    pub fn start(&self, plan: &RunPlan, facts: Facts) -> Result<Run> {
        let permit = Arc::clone(&self.one_run).try_acquire_owned().map_err(|_| Error::Busy)?;
        let consent = self.outbox().consent()?.filter(|c| c.run).ok_or(Error::Consent { needed: "run" })?;
        facts::check(&facts)?;
        let mut facts = facts;
        keep_shareable(consent.share, &mut facts);

        let begun_at = begun_at((self.now)(), plan, &facts)?;
        let sim = sim_label(plan, &facts);
        let limits = self.data_limits();
        let allowed = self.outbox().allow_run(limits, &sim, begun_at.month(), plan.long)?;
        let max_bytes = allowed.max_bytes.min(plan.max_bytes.unwrap_or(u64::MAX));
        let draft = Draft {
            id: Uuid::now_v7(),
            begun_at,
            collector: self.settings.collector.clone(),
            consent,
            facts,
            sim,
            reserved_bytes: max_bytes,
            program: self.settings.program.clone(),
            platform: self.settings.platform.clone(),
            method: METHOD_VERSION,
        };
        let device_id = self.outbox().identity().device_id(draft.month());
        let mut engine_plan = plan.engine_plan(draft.id, device_id, self.settings.extra_ca_pem.clone());
        // The method's own cap is the engine's business; only a limit of the person is passed on.
        engine_plan.max_bytes = (allowed.limited || plan.max_bytes.is_some()).then_some(max_bytes);
        self.outbox().begin(&draft, (self.now)())?;
        let shift = plan.simulated_shift_micros;
        Ok(spawn(&self.runtime, self.workshop(), draft, engine_plan, shift, permit))
    }

    /// Sends whatever is due. Without consent to upload nothing is.
    pub async fn drain(&self) -> Result<Drained> {
        upload::drain(Arc::clone(self.outbox()), &self.client, Arc::clone(&self.now)).await
    }

    /// Turns the runs of dead processes into samples (`aborted`, `process_died`); returns how many. Called when opening;
    /// a program that lives long calls it now and then.
    pub fn recover(&self) -> Result<usize> {
        let dead = self.outbox().adopt_dead((self.now)())?;
        let (workshop, mut recovered) = (self.workshop(), 0);
        for attempt in dead {
            let measured = died(&attempt.draft, attempt.seen_at, attempt.bytes_down, attempt.bytes_up);
            match finish(&workshop, &attempt.draft, measured) {
                Ok(_) => recovered += 1,
                // It stays an attempt of this session, and the next opening tries again.
                Err(error) => tracing::warn!(%error, id = %attempt.draft.id, "a run that died could not be recovered"),
            }
        }
        Ok(recovered)
    }
}

impl std::fmt::Debug for Ispeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ispeed").field("outbox", &self.outbox().path()).field("settings", &self.settings).finish()
    }
}

/// The subscription a budget is kept for: as the shell calls it, else the SIM's network.
fn sim_label(plan: &RunPlan, facts: &Facts) -> String {
    plan.sim.clone().or_else(|| facts.transport.sim_plmn.clone()).unwrap_or_default()
}
