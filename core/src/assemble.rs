//! A run becomes a sample: what was measured, what the phone knew, who asked for it and what may be shared, judged,
//! written down once and signed. The bytes made here are the sample for ever; nothing re-encodes them.

use ispeed_protocol::consent::{Consent, Share};
use ispeed_protocol::device::{Device, Program};
use ispeed_protocol::facts::Facts;
use ispeed_protocol::identity::{SAMPLE_DOMAIN, device_id};
use ispeed_protocol::place::Place;
use ispeed_protocol::sample::{Outcome, Sample};
use ispeed_protocol::verdict::Verdict;
use ispeed_protocol::{Month, PROTOCOL_VERSION, UtcMicros};
use ispeed_verdict::Context;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::engine::Measured;
use crate::error::{Error, Result};
use crate::identity::Identity;
use crate::place::{Located, Resolver, locate, shared};

/// Reason of an attempt whose process died in the middle.
pub const PROCESS_DIED: &str = "process_died";

/// All that is known of a run before it begins; kept on disk while it runs, so that the death of the process still
/// leaves a sample.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Draft {
    /// Sample, UUIDv7.
    pub id: Uuid,
    /// When the run was asked for, on the device's clock. Its month decides the key.
    pub begun_at: UtcMicros,
    /// Collector the sample is for, a base URL ([`crate::outbox::collector_url`]).
    pub collector: String,
    /// Consent that ruled when the run began.
    pub consent: Consent,
    /// What the shell knew; grows while the run goes on.
    pub facts: Facts,
    /// Label of the subscription that pays, for the data budget only; never part of a sample.
    pub sim: String,
    /// Most bytes the run may move, both ways: what the budget sets aside.
    pub reserved_bytes: u64,
    /// Program.
    pub program: Program,
    /// Operating system family.
    pub platform: String,
    /// Version of the method.
    pub method: u32,
}

impl Draft {
    /// The month whose key signs the sample.
    pub fn month(&self) -> Month {
        self.begun_at.month()
    }
}

/// A sample as it is kept and sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedSample {
    /// Id.
    pub id: Uuid,
    /// JSON of the [`Sample`]; exactly these bytes are signed, stored, sent and hashed.
    pub body: Vec<u8>,
    /// The device's signature over `body`, base64url.
    pub signature: String,
}

/// A sample, and the bytes made of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Assembled {
    /// What the bytes say.
    pub sample: Sample,
    /// The bytes.
    pub signed: SignedSample,
}

/// What the outbox knows that the verdict asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Repetition {
    /// Samples kept here that count already in this commune on this day (UTC+7).
    pub counted_today_in_commune: u32,
    /// Seconds to the nearest start of a counted sample kept here.
    pub seconds_to_nearest_counted: Option<u64>,
}

/// The tools of assembling.
#[derive(Debug)]
pub struct Assembler<'a> {
    /// Signs.
    pub identity: &'a Identity,
    /// Finds the commune.
    pub resolver: &'a Resolver,
    /// Simulated facts count (demo's own collector).
    pub accept_simulated: bool,
    /// This sample carries the first-run flag.
    pub first_run: bool,
}

impl Assembler<'_> {
    /// Makes the sample. `repetition` is asked once, with the commune and start of the finished sample.
    pub fn assemble(
        &self,
        draft: &Draft,
        measured: Measured,
        now: UtcMicros,
        repetition: impl FnOnce(Option<&str>, UtcMicros) -> Result<Repetition>,
    ) -> Result<Assembled> {
        let located = match draft.consent.share {
            Share::None => Located { place: Place::unknown(), cell: None, left_commune: false },
            Share::Commune | Share::Precise => locate(&draft.facts.fixes, measured.ended_at, self.resolver),
        };
        let key = self.identity.key(draft.month());
        let mut sample = self.unjudged(draft, measured, &located, &key.public());

        let repetition = repetition(sample.place.code.as_deref(), sample.started_at)?;
        let context = Context {
            accept_simulated: self.accept_simulated,
            commune_area_km2: located.place.code.as_deref().and_then(|code| self.resolver.area_km2(code)),
            left_commune: located.left_commune,
            device_counted_today_in_commune: repetition.counted_today_in_commune,
            seconds_to_nearest_counted: repetition.seconds_to_nearest_counted,
            ..Context::phone(now)
        };
        sample.verdict = ispeed_verdict::judge(&sample, &context);

        let body = serde_json::to_vec(&sample).map_err(Error::internal)?;
        let signature = key.sign(SAMPLE_DOMAIN, &body);
        Ok(Assembled { signed: SignedSample { id: sample.id, body, signature }, sample })
    }

    fn unjudged(
        &self,
        draft: &Draft,
        measured: Measured,
        located: &Located,
        key: &ispeed_protocol::signing::PublicKey,
    ) -> Sample {
        let facts = &draft.facts;
        let share = shared(draft.consent.share, located, &facts.fixes, &facts.radio);
        Sample {
            protocol: PROTOCOL_VERSION,
            id: draft.id,
            outcome: measured.outcome,
            outcome_reason: measured.outcome_reason,
            started_at: measured.started_at,
            ended_at: measured.ended_at,
            clock: measured.clock,
            consent: draft.consent.clone(),
            device: Device {
                key: key.text(),
                id: device_id(key),
                platform: draft.platform.clone(),
                os_version: facts.os_version.clone(),
                model: facts.model.clone(),
                first_run: self.first_run,
            },
            measurer: facts.measurer.clone().unwrap_or_default(),
            campaign: facts.campaign.clone(),
            pair_id: facts.pair_id.clone(),
            place: share.place,
            cell: share.cell,
            fixes: share.fixes,
            radio: share.radio,
            transport: facts.transport.clone(),
            surroundings: facts.surroundings,
            server: measured.server,
            latency: measured.latency,
            down: measured.down,
            up: measured.up,
            down_sender_series: measured.down_sender_series,
            bytes_down: measured.bytes_down,
            bytes_up: measured.bytes_up,
            machine: measured.machine,
            evidence: measured.evidence,
            verdict: Verdict { counts: false, reasons: Vec::new(), rules: 0 },
            simulated: facts.simulated,
            synthetic: false,
            method: draft.method,
            program: Program {
                build: facts.app_build.clone().or_else(|| draft.program.build.clone()),
                ..draft.program.clone()
            },
        }
    }
}

/// What is left of a run whose process died: that it was tried, when, and the bytes counted last.
pub fn died(draft: &Draft, seen_at: UtcMicros, bytes_down: u64, bytes_up: u64) -> Measured {
    Measured { bytes_down, bytes_up, ..nothing(draft.begun_at, seen_at, PROCESS_DIED) }
}

/// A run that was given up without a figure.
pub(crate) fn nothing(started_at: UtcMicros, ended_at: UtcMicros, reason: &str) -> Measured {
    Measured {
        started_at,
        ended_at: ended_at.max(started_at),
        outcome: Outcome::Aborted,
        outcome_reason: Some(reason.to_owned()),
        outcome_detail: None,
        clock: None,
        server: None,
        latency: Default::default(),
        down: None,
        up: None,
        down_sender_series: None,
        bytes_down: 0,
        bytes_up: 0,
        machine: Default::default(),
        evidence: Vec::new(),
    }
}
