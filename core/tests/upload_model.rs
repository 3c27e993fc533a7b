//! The upload as a state machine against a model: whatever comes in whatever order, every sample ends sent, quarantined or
//! waiting; none is lost, none is counted twice.
#![allow(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

mod support;

use std::collections::BTreeSet;

use ispeed_core::outbox::{
    AfterUpload, Answer, Event, Filter, NetworkFailure, NextUpload, Outbox, State, UploadRequest,
};
use ispeed_protocol::UtcMicros;
use ispeed_protocol::consent::Share;
use proptest::prelude::*;
use support::*;
use uuid::Uuid;

#[derive(Clone, Debug)]
enum Step {
    Keep,
    Next,
    Answer(Reaction),
    /// Seconds, forwards or backwards.
    Clock(i64),
    Reopen,
    RequeueAll,
    RetryNow,
    Withdraw,
    Agree,
}

#[derive(Clone, Copy, Debug)]
enum Reaction {
    Good,
    /// The collector took it; its answer is lost.
    AckLost,
    Status(u16),
    RetryAfter(u16, u32),
    Portal,
    ForAnother,
    Forged,
    OtherKey,
    /// The shell forgets to tell.
    Silence,
    /// The good answer comes twice.
    Twice,
}

fn reaction() -> impl Strategy<Value = Reaction> {
    prop_oneof![
        4 => Just(Reaction::Good),
        2 => Just(Reaction::AckLost),
        4 => prop::sample::select(vec![100, 204, 301, 400, 401, 403, 404, 408, 409, 413, 422, 425, 429, 500, 502, 503])
            .prop_map(Reaction::Status),
        2 => (prop::sample::select(vec![429, 503, 500]), 0u32..200_000).prop_map(|(c, s)| Reaction::RetryAfter(c, s)),
        1 => Just(Reaction::Portal),
        1 => Just(Reaction::ForAnother),
        1 => Just(Reaction::Forged),
        1 => Just(Reaction::OtherKey),
        1 => Just(Reaction::Silence),
        1 => Just(Reaction::Twice),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Keep),
        8 => Just(Step::Next),
        8 => reaction().prop_map(Step::Answer),
        4 => prop_oneof![0i64..200, 0i64..100_000, -100_000i64..0].prop_map(Step::Clock),
        1 => Just(Step::Reopen),
        1 => Just(Step::RequeueAll),
        1 => Just(Step::RetryNow),
        1 => Just(Step::Withdraw),
        2 => Just(Step::Agree),
    ]
}

struct World {
    dir: tempfile::TempDir,
    outbox: Option<Outbox>,
    collector: Collector,
    now: UtcMicros,
    kept: BTreeSet<Uuid>,
    sent: BTreeSet<Uuid>,
    in_flight: Vec<UploadRequest>,
}

impl World {
    fn new() -> Self {
        let (dir, outbox) = outbox();
        let collector = Collector::default();
        outbox.trust_collector(COLLECTOR, &collector.key.public().text(), NOW).unwrap();
        let (kept, sent, in_flight) = Default::default();
        Self { dir, outbox: Some(outbox), collector, now: NOW, kept, sent, in_flight }
    }

    fn outbox(&self) -> &Outbox {
        self.outbox.as_ref().unwrap()
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Keep => drop(self.kept.insert(keep(self.outbox(), self.now).sample.id)),
            Step::Next => {
                if let NextUpload::Upload(request) = self.outbox().next_upload(self.now).unwrap() {
                    assert!(!self.sent.contains(&request.id), "{} is sent again after its receipt", request.id);
                    self.in_flight.push(request);
                }
            }
            Step::Answer(reaction) => {
                if let Some(request) = self.in_flight.pop() {
                    self.react(&request, *reaction);
                }
            }
            Step::Clock(seconds) => self.now = self.now.plus_micros(seconds * SECOND),
            Step::Reopen => {
                drop(self.outbox.take());
                self.outbox = Some(open(&path_in(self.dir.path())));
                assert_eq!(self.outbox().adopt_dead(self.now).unwrap(), [], "no run was going on");
            }
            Step::RequeueAll => drop(self.outbox().requeue_all(self.now).unwrap()),
            Step::RetryNow => self.outbox().retry_now().unwrap(),
            Step::Withdraw => self.outbox().withdraw_consent(self.now).unwrap(),
            Step::Agree => self.outbox().record_consent(&consent(Share::Commune, true)).unwrap(),
        }
    }

    fn react(&mut self, request: &UploadRequest, reaction: Reaction) {
        let plain = |code: u16, headers: Vec<(String, String)>| Answer::HttpStatus { code, headers, body: Vec::new() };
        let cut = Answer::NetworkFailure { kind: NetworkFailure::Cut };
        let mut another = Collector::default();
        let answers: Vec<Answer> = match reaction {
            Reaction::Good => vec![self.collector.put(request)],
            Reaction::AckLost => {
                self.collector.put(request);
                vec![cut]
            }
            Reaction::Status(code) => vec![plain(code, Vec::new())],
            Reaction::RetryAfter(code, seconds) => {
                vec![plain(code, vec![("retry-after".to_owned(), seconds.to_string())])]
            }
            Reaction::Portal => {
                vec![Answer::HttpStatus { code: 200, headers: Vec::new(), body: b"<html>pay here".to_vec() }]
            }
            Reaction::ForAnother => {
                let other = UploadRequest { id: Uuid::now_v7(), ..request.clone() };
                vec![another.put(&other)]
            }
            Reaction::Forged => {
                let Answer::HttpStatus { code, headers, body } = another.put(request) else { unreachable!() };
                let body = String::from_utf8(body).unwrap().replace("\"attested\":false", "\"attested\":true");
                vec![Answer::HttpStatus { code, headers, body: body.into_bytes() }]
            }
            Reaction::OtherKey => vec![Collector::with_key(77).put(request)],
            Reaction::Silence => Vec::new(),
            Reaction::Twice => vec![self.collector.put(request), self.collector.put(request)],
        };
        for answer in answers {
            let after = self.outbox().upload_answered(request.id, &answer, self.now).unwrap();
            let holds = self.collector.held.contains_key(&request.id);
            if after == AfterUpload::Sent {
                assert!(holds, "sent without a receipt of the collector");
                assert!(self.sent.insert(request.id), "sent twice");
            }
        }
    }

    fn check(&self) {
        let outbox = self.outbox();
        let samples = outbox.samples(Filter::default()).unwrap();
        assert_eq!(samples.iter().map(|s| s.id).collect::<BTreeSet<_>>(), self.kept, "nothing is lost");
        assert_eq!(samples.len(), self.kept.len(), "nothing is there twice");
        let ledger = outbox.ledger(None).unwrap();
        for sample in &samples {
            let sent = ledger.iter().filter(|e| e.sample_id == sample.id && e.event == Event::Sent).count();
            assert_eq!(sample.state == State::Sent, self.sent.contains(&sample.id), "{}", sample.id);
            assert_eq!(sent, usize::from(sample.state == State::Sent), "{}", sample.id);
            assert_eq!(sample.receipt.is_some(), sample.state == State::Sent);
        }
    }

    /// A good network, a willing person, and time: everything arrives.
    fn settle(&mut self) {
        self.step(&Step::Agree);
        self.step(&Step::RequeueAll);
        self.step(&Step::RetryNow);
        for _ in 0..10_000 {
            match self.outbox().next_upload(self.now).unwrap() {
                NextUpload::Upload(request) => self.react(&request, Reaction::Good),
                NextUpload::Wait { until } => {
                    assert!(until > self.now);
                    self.now = until;
                }
                NextUpload::Done => break,
            }
        }
        assert_eq!(self.sent, self.kept);
        assert_eq!(self.collector.held.keys().copied().collect::<BTreeSet<_>>(), self.kept);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_sample_ends_sent_quarantined_or_waiting(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        world.check();
        world.settle();
        world.check();
        world.outbox().check().unwrap();
    }
}
