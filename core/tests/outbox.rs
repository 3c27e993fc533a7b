//! The outbox as its users see it: nothing begun is lost, nothing sent twice, nothing sent without consent.
#![allow(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

mod support;

use ispeed_core::assemble::{Draft, died};
use ispeed_core::budget::{DataLimits, method_cap_bytes};
use ispeed_core::outbox::{
    AfterUpload, Answer, Caps, Event, Filter, MAX_WAIT_MICROS, NetworkFailure, NextUpload, Outbox, ProblemKind,
    SEND_LEASE_MICROS, State,
};
use ispeed_protocol::UtcMicros;
use ispeed_protocol::consent::Share;
use ispeed_protocol::identity::SAMPLE_DOMAIN;
use ispeed_protocol::receipt::Receipt;
use ispeed_protocol::sample::{Outcome, Sample};
use ispeed_protocol::signing::PublicKey;
use support::*;
use uuid::Uuid;

fn status(code: u16) -> Answer {
    Answer::HttpStatus { code, headers: Vec::new(), body: Vec::new() }
}

fn later(code: u16, retry_after: &str) -> Answer {
    let headers = vec![("Retry-After".to_owned(), retry_after.to_owned())];
    Answer::HttpStatus { code, headers, body: Vec::new() }
}

fn events(outbox: &Outbox, id: Uuid) -> Vec<Event> {
    outbox.ledger(Some(id)).unwrap().into_iter().map(|entry| entry.event).collect()
}

#[test]
fn a_sample_goes_from_begun_to_sent_with_its_bytes_unchanged() {
    let (_dir, outbox) = outbox();
    let kept = keep(&outbox, NOW);
    let id = kept.sample.id;
    let request = request(outbox.next_upload(NOW).unwrap());
    assert_eq!((request.id, request.method, request.url()), (id, "PUT", format!("{COLLECTOR}/v1/samples/{id}")));
    assert_eq!(request.body, kept.signed.body);
    let key = PublicKey::parse(&kept.sample.device.key).unwrap();
    assert_eq!(key.verify(SAMPLE_DOMAIN, &request.body, &kept.signed.signature), Ok(()));
    assert_eq!(outbox.sample(id).unwrap().unwrap().state, State::Sending);
    assert_eq!(outbox.next_upload(NOW).unwrap(), NextUpload::Wait { until: NOW.plus_micros(SEND_LEASE_MICROS) });

    let mut collector = Collector::default();
    let answer = collector.put(&request);
    assert_eq!(outbox.upload_answered(id, &answer, NOW).unwrap(), AfterUpload::Sent);
    let stored = outbox.sample(id).unwrap().unwrap();
    assert_eq!((stored.state, stored.body), (State::Sent, kept.signed.body));
    assert_eq!(Receipt::parse(&stored.receipt.unwrap()).unwrap(), collector.held[&id].1);
    assert_eq!(outbox.next_upload(NOW).unwrap(), NextUpload::Done);
    assert_eq!(
        outbox.upload_answered(id, &status(500), NOW).unwrap(),
        AfterUpload::Settled { state: Some(State::Sent) }
    );
    assert_eq!(events(&outbox, id), [Event::Begun, Event::Kept, Event::Sent]);
}

#[test]
fn nothing_is_sent_without_consent_and_withdrawal_stops_it() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(&path_in(dir.path()));
    assert_eq!(outbox.consent().unwrap(), None);
    assert_eq!(outbox.next_upload(NOW).unwrap(), NextUpload::Done);
    outbox.record_consent(&consent(Share::Commune, false)).unwrap();
    let local = keep_under(&outbox, consent(Share::Commune, false), NOW).sample.id;

    outbox.record_consent(&consent(Share::Commune, true)).unwrap();
    assert_eq!(outbox.next_upload(NOW).unwrap(), NextUpload::Done, "it was made under another consent");
    let waiting = keep(&outbox, NOW).sample.id;
    outbox.withdraw_consent(NOW).unwrap();
    assert_eq!(outbox.next_upload(NOW).unwrap(), NextUpload::Done);
    assert_eq!(outbox.sample(waiting).unwrap().unwrap().state, State::Waiting, "kept all the same");
    outbox.record_consent(&consent(Share::Commune, true)).unwrap();
    assert_eq!(request(outbox.next_upload(NOW).unwrap()).id, waiting);
    assert_eq!(outbox.sample(local).unwrap().unwrap().state, State::Local);
    assert_eq!(outbox.consents().unwrap().len(), 4, "every choice is kept as proof");
}

#[test]
fn a_point_is_held_back_once_the_person_shares_only_the_commune() {
    let (_dir, outbox) = outbox();
    outbox.record_consent(&consent(Share::Precise, true)).unwrap();
    let precise = keep_under(&outbox, consent(Share::Precise, true), NOW).sample.id;
    outbox.record_consent(&consent(Share::Commune, true)).unwrap();
    assert_eq!(outbox.next_upload(NOW).unwrap(), NextUpload::Done);
    let coarse = keep(&outbox, NOW.plus_micros(HOUR)).sample.id;
    assert_eq!(request(outbox.next_upload(NOW).unwrap()).id, coarse);
    outbox.record_consent(&consent(Share::Precise, true)).unwrap();
    assert_eq!(request(outbox.next_upload(NOW).unwrap()).id, precise);
}

#[test]
fn a_full_outbox_refuses_runs_and_drops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let caps = Caps { samples: 3, bytes: u64::MAX };
    let outbox = Outbox::open_with(path_in(dir.path()), NOW, caps).unwrap();
    outbox.record_consent(&consent(Share::Commune, true)).unwrap();
    (0..3).for_each(|_| drop(keep(&outbox, NOW)));
    let refused = outbox.begin(&draft(consent(Share::Commune, true), NOW), NOW).unwrap_err();
    assert_eq!(refused.kind(), "full");
    assert_eq!(outbox.stock().unwrap().waiting, 3);

    let request = request(outbox.next_upload(NOW).unwrap());
    outbox.upload_answered(request.id, &Collector::default().put(&request), NOW).unwrap();
    outbox.begin(&draft(consent(Share::Commune, true), NOW), NOW).unwrap();

    let bytes = outbox.stock().unwrap().unsent_bytes;
    drop(outbox);
    let outbox = Outbox::open_with(path_in(dir.path()), NOW, Caps { samples: 100, bytes }).unwrap();
    assert_eq!(outbox.begin(&draft(consent(Share::Commune, true), NOW), NOW).unwrap_err().kind(), "full");
}

#[test]
fn a_run_that_dies_becomes_a_sample_and_a_live_one_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(&path_in(dir.path()));
    first.record_consent(&consent(Share::Commune, true)).unwrap();
    let attempt = draft(consent(Share::Commune, true), NOW);
    first.begin(&attempt, NOW).unwrap();
    first.seen(&attempt, "upload", 5_000_000, 7, NOW.plus_micros(4 * SECOND)).unwrap();

    let second = open(&path_in(dir.path()));
    assert_eq!(second.adopt_dead(NOW).unwrap(), [], "the first opening is alive");
    assert_eq!(first.adopt_dead(NOW).unwrap(), [], "a session does not adopt from itself");
    drop(first);
    let dead = second.adopt_dead(NOW).unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(second.adopt_dead(NOW).unwrap(), [], "it is taken over once");
    let third = open(&path_in(dir.path()));
    assert_eq!(third.adopt_dead(NOW).unwrap(), [], "its new owner is alive");

    let one = &dead[0];
    assert_eq!((one.phase.as_str(), one.bytes_down, one.bytes_up), ("upload", 5_000_000, 7));
    let sample =
        finish(&second, &one.draft, died(&one.draft, one.seen_at, one.bytes_down, one.bytes_up)).unwrap().sample;
    assert_eq!((sample.id, sample.outcome), (attempt.id, Outcome::Aborted));
    assert_eq!(sample.outcome_reason.as_deref(), Some("process_died"));
    assert_eq!(sample.ended_at.micros_since(sample.started_at), 4 * SECOND);
    assert_eq!(events(&second, attempt.id), [Event::Begun, Event::Died, Event::Kept]);
}

#[test]
fn what_a_dead_process_was_sending_waits_again_at_once() {
    let (dir, first) = outbox();
    let id = keep(&first, NOW).sample.id;
    request(first.next_upload(NOW).unwrap());
    let second = open(&path_in(dir.path()));
    second.adopt_dead(NOW).unwrap();
    assert!(matches!(second.next_upload(NOW).unwrap(), NextUpload::Wait { .. }), "it is in flight");
    drop(first);
    second.release_dead().unwrap();
    assert_eq!(request(second.next_upload(NOW).unwrap()).id, id);
}

#[test]
fn an_unanswered_upload_waits_for_its_lease_only() {
    let (_dir, outbox) = outbox();
    let id = keep(&outbox, NOW).sample.id;
    request(outbox.next_upload(NOW).unwrap());
    let after = NOW.plus_micros(SEND_LEASE_MICROS);
    assert_eq!(request(outbox.next_upload(after).unwrap()).id, id);
}

#[test]
fn finishing_twice_or_a_strange_run_changes_nothing() {
    let (dir, outbox) = outbox();
    let attempt = draft(consent(Share::Commune, true), NOW);
    outbox.begin(&attempt, NOW).unwrap();
    assert_eq!(outbox.begin(&attempt, NOW).unwrap_err().kind(), "input");
    let stranger = open(&path_in(dir.path()));
    let result = finish(&stranger, &attempt, measured(&attempt, Outcome::Complete));
    assert_eq!(result.unwrap_err().kind(), "not_found", "the run belongs to the other opening");
    finish(&outbox, &attempt, measured(&attempt, Outcome::Complete)).unwrap();
    assert!(finish(&outbox, &attempt, measured(&attempt, Outcome::Complete)).is_err());
    assert_eq!(outbox.stock().unwrap().waiting, 1);
}

#[test]
fn a_failing_assembly_leaves_the_attempt() {
    let (_dir, outbox) = outbox();
    let attempt = draft(consent(Share::Commune, true), NOW);
    outbox.begin(&attempt, NOW).unwrap();
    let failed = outbox.finish(&attempt, NOW, |_| Err(ispeed_core::Error::Cancelled));
    assert_eq!(failed.unwrap_err().kind(), "cancelled");
    assert_eq!(outbox.stock().unwrap().attempts, 1);
    finish(&outbox, &attempt, measured(&attempt, Outcome::Partial)).unwrap();
}

#[test]
fn the_first_run_flag_is_on_exactly_one_sample() {
    let (dir, outbox) = outbox();
    let local = keep_under(&outbox, consent(Share::Commune, false), NOW).sample;
    assert!(!local.device.first_run, "nobody would ever count it");
    let first = keep(&outbox, NOW).sample;
    assert!(first.device.first_run);
    assert!(!keep(&outbox, NOW).sample.device.first_run);
    drop(outbox);
    let outbox = open(&path_in(dir.path()));
    assert!(!keep(&outbox, NOW).sample.device.first_run);

    outbox.erase(first.id, NOW).unwrap();
    let again = keep(&outbox, NOW).sample;
    assert!(again.device.first_run, "the first carrier was never handed in");
    let mut collector = Collector::default();
    let mut flagged = 0;
    while let NextUpload::Upload(request) = outbox.next_upload(NOW).unwrap() {
        flagged += usize::from(serde_json::from_slice::<Sample>(&request.body).unwrap().device.first_run);
        assert_eq!(outbox.upload_answered(request.id, &collector.put(&request), NOW).unwrap(), AfterUpload::Sent);
    }
    assert_eq!((collector.held.len(), flagged), (3, 1));
    outbox.erase(again.id, NOW).unwrap();
    assert!(!keep(&outbox, NOW).sample.device.first_run, "it was counted");
}

#[test]
fn the_monthly_key_changes_with_the_month_and_nothing_else() {
    let (dir, outbox) = outbox();
    let november = keep(&outbox, NOW).sample;
    let december = keep(&outbox, NOW.plus_micros(15 * 24 * HOUR)).sample;
    drop(outbox);
    let reopened = open(&path_in(dir.path()));
    let again = keep(&reopened, NOW.plus_micros(HOUR)).sample;
    assert_eq!(november.device.id, again.device.id);
    assert_ne!(november.device.id, december.device.id);
    let months = reopened.months_used(COLLECTOR).unwrap();
    assert_eq!(months.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2026-11", "2026-12"]);
}

#[test]
fn refused_samples_are_kept_shown_and_can_be_requeued() {
    let (_dir, outbox) = outbox();
    let id = keep(&outbox, NOW).sample.id;
    request(outbox.next_upload(NOW).unwrap());
    let after = outbox.upload_answered(id, &status(422), NOW).unwrap();
    assert!(matches!(after, AfterUpload::Quarantined { .. }));
    let entry = outbox.history(Filter::default()).unwrap().remove(0);
    assert_eq!((entry.state, entry.problem.unwrap().kind), (State::Quarantined, ProblemKind::Refused));
    assert_eq!(outbox.next_upload(NOW.plus_micros(100 * HOUR)).unwrap(), NextUpload::Done);
    outbox.requeue(id, NOW).unwrap();
    assert_eq!(outbox.requeue(id, NOW).unwrap_err().kind(), "input");
    assert_eq!(outbox.requeue(Uuid::nil(), NOW).unwrap_err().kind(), "not_found");
    let request = request(outbox.next_upload(NOW).unwrap());
    assert_eq!(outbox.upload_answered(id, &Collector::default().put(&request), NOW).unwrap(), AfterUpload::Sent);
    assert_eq!(events(&outbox, id), [Event::Begun, Event::Kept, Event::Quarantined, Event::Requeued, Event::Sent]);
}

#[test]
fn one_poisoned_sample_does_not_hold_up_the_others() {
    let (_dir, outbox) = outbox();
    let ids: Vec<Uuid> = (0..5).map(|i| keep(&outbox, NOW.plus_micros(i * SECOND)).sample.id).collect();
    let mut collector = Collector::default();
    let mut now = NOW;
    let mut sent = Vec::new();
    for _ in 0..100 {
        match outbox.next_upload(now).unwrap() {
            NextUpload::Upload(request) => {
                let answer = if request.id == ids[0] { status(500) } else { collector.put(&request) };
                if outbox.upload_answered(request.id, &answer, now).unwrap() == AfterUpload::Sent {
                    sent.push(request.id);
                }
            }
            NextUpload::Wait { until } => now = until,
            NextUpload::Done => break,
        }
    }
    assert_eq!(sent, ids[1..], "in order, but for the one the collector chokes on");
    assert_eq!(outbox.sample(ids[0]).unwrap().unwrap().state, State::Waiting);
}

#[test]
fn a_failing_collector_is_left_alone_longer_each_time() {
    let (_dir, outbox) = outbox();
    (0..40).for_each(|_| drop(keep(&outbox, NOW)));
    let mut now = NOW;
    let mut uploads = 0;
    let failure = Answer::NetworkFailure { kind: NetworkFailure::Connect };
    while now < NOW.plus_micros(6 * HOUR) {
        match outbox.next_upload(now).unwrap() {
            NextUpload::Upload(request) => {
                uploads += 1;
                outbox.upload_answered(request.id, &failure, now).unwrap();
            }
            NextUpload::Wait { until } => now = until,
            NextUpload::Done => panic!("forty samples wait"),
        }
    }
    assert!((8..80).contains(&uploads), "{uploads} tries in six hours for forty samples");
    outbox.retry_now().unwrap();
    assert!(matches!(outbox.next_upload(now).unwrap(), NextUpload::Upload(_)), "the network came back");
}

#[test]
fn what_a_collector_demands_holds_for_all_its_samples_and_against_impatience() {
    let (_dir, outbox) = outbox();
    (0..2).for_each(|_| drop(keep(&outbox, NOW)));
    let first = request(outbox.next_upload(NOW).unwrap());
    let AfterUpload::Retry { until, problem } = outbox.upload_answered(first.id, &later(429, "600"), NOW).unwrap()
    else {
        panic!("expected a retry")
    };
    assert_eq!(problem.kind, ProblemKind::Busy);
    assert!((600 * SECOND..=660 * SECOND).contains(&until.micros_since(NOW)));
    outbox.retry_now().unwrap();
    let NextUpload::Wait { until } = outbox.next_upload(NOW).unwrap() else { panic!("expected to wait") };
    assert!(until.micros_since(NOW) >= 600 * SECOND);
    assert!(matches!(outbox.next_upload(until).unwrap(), NextUpload::Upload(_)));
}

#[test]
fn a_clock_that_jumps_back_does_not_strand_samples() {
    let (_dir, outbox) = outbox();
    let ahead = NOW.plus_micros(400 * 24 * HOUR);
    keep(&outbox, NOW);
    keep(&outbox, NOW);
    let first = request(outbox.next_upload(ahead).unwrap());
    outbox.upload_answered(first.id, &later(503, "86400"), ahead).unwrap();
    assert!(matches!(outbox.next_upload(ahead).unwrap(), NextUpload::Wait { .. }));
    assert!(matches!(outbox.next_upload(NOW).unwrap(), NextUpload::Upload(_)), "the wait was of a wrong clock");

    let (_dir, outbox) = support::outbox();
    keep(&outbox, NOW);
    request(outbox.next_upload(ahead).unwrap());
    assert!(matches!(outbox.next_upload(NOW).unwrap(), NextUpload::Upload(_)), "and so was the lease");
}

#[test]
fn a_day_of_wrong_clock_delays_by_a_day_at_most() {
    for offset in [-24 * HOUR, 24 * HOUR] {
        let (_dir, outbox) = outbox();
        let id = keep(&outbox, NOW.plus_micros(offset)).sample.id;
        request(outbox.next_upload(NOW.plus_micros(offset)).unwrap());
        outbox.upload_answered(id, &status(500), NOW.plus_micros(offset)).unwrap();
        let mut now = NOW;
        while let NextUpload::Wait { until } = outbox.next_upload(now).unwrap() {
            now = until;
        }
        assert!(now.micros_since(NOW) <= MAX_WAIT_MICROS + HOUR, "{offset}");
    }
}

#[test]
fn a_changed_collector_key_is_explained_and_accepting_it_sends() {
    let (_dir, outbox) = outbox();
    let (first, second) = (keep(&outbox, NOW).sample.id, keep(&outbox, NOW.plus_micros(SECOND)).sample.id);
    let one = request(outbox.next_upload(NOW).unwrap());
    assert_eq!(one.id, first);
    outbox.upload_answered(first, &Collector::with_key(1).put(&one), NOW).unwrap();
    let keys = outbox.collector_keys(Some(COLLECTOR)).unwrap();
    assert_eq!(keys.len(), 1, "pinned by the first receipt");

    let mut changed = Collector::with_key(2);
    let two = request(outbox.next_upload(NOW).unwrap());
    let AfterUpload::Quarantined { problem } = outbox.upload_answered(second, &changed.put(&two), NOW).unwrap() else {
        panic!("another key is not the collector")
    };
    assert_eq!(problem.kind, ProblemKind::CollectorKeyChanged);
    assert!(problem.text.contains(&keys[0].key));
    outbox.trust_collector(COLLECTOR, &keys[0].key, NOW).unwrap();
    assert_eq!(outbox.sample(second).unwrap().unwrap().state, State::Quarantined, "that key was known before");

    outbox.trust_collector(COLLECTOR, &changed.key.public().text(), NOW).unwrap();
    let two = request(outbox.next_upload(NOW).unwrap());
    assert_eq!(outbox.upload_answered(second, &changed.put(&two), NOW).unwrap(), AfterUpload::Sent);
    assert_eq!(outbox.trust_collector(COLLECTOR, "x", NOW).unwrap_err().kind(), "input");
}

#[test]
fn an_explicit_key_leaves_no_room_for_first_use() {
    let (_dir, outbox) = outbox();
    let known = Collector::with_key(3);
    outbox.trust_collector(COLLECTOR, &known.key.public().text(), NOW).unwrap();
    let id = keep(&outbox, NOW).sample.id;
    let asked = request(outbox.next_upload(NOW).unwrap());
    let after = outbox.upload_answered(id, &Collector::with_key(4).put(&asked), NOW).unwrap();
    assert!(matches!(after, AfterUpload::Quarantined { .. }));
}

#[test]
fn a_late_receipt_counts_and_a_late_failure_does_not() {
    let (_dir, outbox) = outbox();
    let id = keep(&outbox, NOW).sample.id;
    let mut collector = Collector::default();
    let first = request(outbox.next_upload(NOW).unwrap());
    let receipt = collector.put(&first);
    outbox.upload_answered(id, &status(413), NOW).unwrap();
    assert_eq!(
        outbox.upload_answered(id, &status(500), NOW).unwrap(),
        AfterUpload::Settled { state: Some(State::Quarantined) }
    );
    assert_eq!(outbox.upload_answered(id, &receipt, NOW).unwrap(), AfterUpload::Sent, "it holds it after all");
    assert_eq!(outbox.upload_answered(Uuid::nil(), &receipt, NOW).unwrap(), AfterUpload::Settled { state: None });
}

#[test]
fn a_body_damaged_on_the_device_is_not_sent() {
    let (dir, outbox) = outbox();
    let id = keep(&outbox, NOW).sample.id;
    let other = keep(&outbox, NOW.plus_micros(SECOND)).sample.id;
    let raw = rusqlite::Connection::open(path_in(dir.path())).unwrap();
    raw.execute("UPDATE samples SET body = x'00' WHERE id = ?1", [id.to_string()]).unwrap();
    assert_eq!(request(outbox.next_upload(NOW).unwrap()).id, other);
    assert_eq!(outbox.sample(id).unwrap().unwrap().problem.unwrap().kind, ProblemKind::Damaged);
}

#[test]
fn the_hand_over_file_holds_the_signed_bytes() {
    let (_dir, outbox) = outbox();
    let (sent, waiting) = (keep(&outbox, NOW).signed, keep(&outbox, NOW.plus_micros(SECOND)).signed);
    let asked = request(outbox.next_upload(NOW).unwrap());
    outbox.upload_answered(asked.id, &Collector::default().put(&asked), NOW).unwrap();
    let mut file = Vec::new();
    assert_eq!(outbox.export(Filter::default(), &mut file).unwrap(), 2);
    let text = String::from_utf8(file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let expected = format!("{{\"sample\":{},\"receipt\":null}}", String::from_utf8(waiting.body).unwrap());
    assert_eq!(lines[0], expected, "the newest first");
    assert!(lines[1].starts_with(&format!("{{\"sample\":{},\"receipt\":{{", String::from_utf8(sent.body).unwrap())));
    let document: ispeed_protocol::sample::SampleWithReceipt<'_> = serde_json::from_str(lines[1]).unwrap();
    let receipt = Receipt::parse(document.receipt.unwrap().get().as_bytes()).unwrap();
    assert_eq!(receipt.verify(&[]), Ok(()));
    assert_eq!(receipt.covers(asked.id, document.sample.get().as_bytes()), Ok(()));
}

#[test]
fn history_shows_the_newest_first_and_pages() {
    let (_dir, outbox) = outbox();
    let ids: Vec<Uuid> = (0..5).map(|i| keep(&outbox, NOW.plus_micros(i * HOUR)).sample.id).collect();
    let page = outbox.history(Filter { limit: Some(2), ..Filter::default() }).unwrap();
    assert_eq!(page.iter().map(|e| e.id).collect::<Vec<_>>(), [ids[4], ids[3]]);
    let next = outbox.history(Filter { limit: Some(9), before: Some(page[1].started_at), state: None }).unwrap();
    assert_eq!(next.iter().map(|e| e.id).collect::<Vec<_>>(), [ids[2], ids[1], ids[0]]);
    assert_eq!(outbox.history(Filter { state: Some(State::Sent), ..Filter::default() }).unwrap(), []);
    let detail = outbox.detail(ids[0]).unwrap();
    assert_eq!((detail.sample.id, detail.answer), (ids[0], None));
    assert_eq!(outbox.detail(Uuid::nil()).unwrap_err().kind(), "not_found");
}

#[test]
fn the_budget_sets_aside_counts_and_refuses() {
    let (_dir, outbox) = outbox();
    let month = NOW.month();
    let limits = DataLimits { per_run_bytes: Some(50_000_000), per_month_bytes: Some(100_000_000) };
    let before = outbox.estimate(limits, "452-04", month, false).unwrap();
    assert_eq!((before.max_bytes, before.likely_bytes, before.used_bytes), (50_000_000, None, 0));
    let free = outbox.estimate(DataLimits::default(), "452-04", month, true).unwrap();
    assert_eq!((free.max_bytes, free.limited), (method_cap_bytes(true), false));

    let running: Draft = draft(consent(Share::Commune, true), NOW);
    outbox.begin(&running, NOW).unwrap();
    let during = outbox.estimate(limits, "452-04", month, false).unwrap();
    assert_eq!((during.used_bytes, during.left_bytes), (90_000_000, Some(10_000_000)), "set aside in whole");
    finish(&outbox, &running, measured(&running, Outcome::Complete)).unwrap();
    let after = outbox.estimate(limits, "452-04", month, false).unwrap();
    assert_eq!((after.used_bytes, after.likely_bytes), (3_000_000, Some(3_000_000)));
    assert_eq!(outbox.estimate(limits, "452-02", month, false).unwrap().used_bytes, 0, "another SIM");
    assert_eq!(outbox.estimate(limits, "452-04", month.next(), false).unwrap().used_bytes, 0, "another month");

    let tight = DataLimits { per_month_bytes: Some(4_000_000), ..limits };
    assert_eq!(outbox.allow_run(tight, "452-04", month, false).unwrap_err().kind(), "budget");
    let usage = outbox.usage().unwrap();
    assert_eq!((usage[0].runs, usage[0].bytes_down, usage[0].bytes_up), (1, 2_000_000, 1_000_000));
}

#[test]
fn repeated_measuring_is_seen_by_the_phones_own_verdict() {
    let (_dir, outbox) = outbox();
    let sample: Sample = keep(&outbox, NOW).sample;
    assert!(!sample.verdict.counts, "no position, no radio");
    let before_clock: UtcMicros = sample.started_at;
    assert_eq!(before_clock, NOW);
    assert!(sample.verdict.reasons.iter().any(|r| r == "position_missing"), "{:?}", sample.verdict.reasons);
}

#[test]
fn erasing_leaves_a_line_in_the_ledger_and_the_store_sound() {
    let (_dir, outbox) = outbox();
    let id = keep(&outbox, NOW).sample.id;
    outbox.erase(id, NOW).unwrap();
    assert_eq!(outbox.erase(id, NOW).unwrap_err().kind(), "not_found");
    assert_eq!(events(&outbox, id), [Event::Begun, Event::Kept, Event::Erased]);
    let sent = keep(&outbox, NOW).sample.id;
    let asked = request(outbox.next_upload(NOW).unwrap());
    outbox.upload_answered(sent, &Collector::default().put(&asked), NOW).unwrap();
    assert_eq!(outbox.erase_sent_before(NOW, NOW).unwrap(), 0);
    assert_eq!(outbox.erase_sent_before(NOW.plus_micros(1), NOW).unwrap(), 1);
    assert!(!outbox.holds(sent).unwrap());
    outbox.check().unwrap();
}
