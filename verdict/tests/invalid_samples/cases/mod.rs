//! The invalid samples.

mod network;
mod place;

use ispeed_protocol::Sample;
use ispeed_protocol::consent::Share;
use ispeed_protocol::direction::{DirectionResult, Flag};
use ispeed_protocol::place::{Fixes, Place};
use ispeed_protocol::sample::{Clock, Outcome};
use ispeed_verdict::{EvidenceState, RecomputeState, ServerState};

use crate::Cases;

pub(crate) fn all() -> Cases {
    let mut cases = Cases::default();
    provenance(&mut cases);
    outcomes(&mut cases);
    figures(&mut cases);
    programs(&mut cases);
    network::transports(&mut cases);
    network::operators(&mut cases);
    network::servers(&mut cases);
    place::positions(&mut cases);
    place::places(&mut cases);
    times(&mut cases);
    surplus(&mut cases);
    cases
}

fn provenance(cases: &mut Cases) {
    cases.add("synthetic", "made by a load test", |s, _| s.synthetic = true);
    cases.add("synthetic", "made by a load test, at a demo", |s, c| {
        s.synthetic = true;
        c.accept_simulated = true;
    });
    cases.add("simulated", "demo facts at a real collector", |s, _| s.simulated = true);
    cases.add("duplicate", "held already", |_, c| c.duplicate = true);
    cases.add("consent_missing", "not agreed to measure", |s, _| s.consent.run = false);
    for minutes in [11, 60, 1_440, 525_600] {
        cases.add("consent_missing", format!("agreed {minutes} minutes after the run"), move |s, _| {
            s.consent.at = s.ended_at.plus_micros(minutes * 60_000_000);
        });
    }
    cases.add("upload_not_agreed", "not agreed to hand in", |s, _| s.consent.upload = false);
    cases.add("commune_not_shared", "shares nothing", |s, _| s.consent.share = Share::None);
    cases.add("commune_not_shared", "shares nothing, and holds no place", |s, _| {
        s.consent.share = Share::None;
        s.place = Place::unknown();
        s.cell = None;
        s.fixes = Fixes::default();
    });
    cases.add("evidence_mismatch", "evidence of something else", |_, c| c.evidence = EvidenceState::Mismatch);
    cases.add("evidence_missing", "a direction without evidence", |_, c| c.evidence = EvidenceState::Missing);
    cases.add("evidence_missing", "no evidence at all", |s, c| {
        s.evidence.clear();
        c.evidence = EvidenceState::Missing;
    });
    cases.add("recompute_mismatch", "figures that do not follow", |_, c| c.recompute = RecomputeState::Differs);
    cases.add("signature_missing", "unsigned body", |_, c| c.signed = Some(false));
}

fn outcomes(cases: &mut Cases) {
    let table = [
        ("aborted", Outcome::Aborted),
        ("no_service", Outcome::NoService),
        ("server_failed", Outcome::ServerFailed),
        ("partial", Outcome::Partial),
    ];
    for (code, outcome) in table {
        cases.add(code, "with both figures", move |s, _| s.outcome = outcome);
        cases.add(code, "without download", move |s, _| {
            s.outcome = outcome;
            s.down = None;
        });
        cases.add(code, "without upload", move |s, _| {
            s.outcome = outcome;
            s.up = None;
        });
        cases.add(code, "without any figure", move |s, _| {
            s.outcome = outcome;
            (s.down, s.up) = (None, None);
        });
    }
    // Where no figure came about, nobody can vouch for one and no clock was compared: one reason is enough.
    for (code, outcome) in table.into_iter().take(3) {
        cases.add(code, "no server, no clock, no evidence", move |s, c| {
            s.outcome = outcome;
            (s.down, s.up, s.server, s.clock) = (None, None, None, None);
            s.evidence.clear();
            c.evidence = EvidenceState::Missing;
            c.server = ServerState::NotChecked;
        });
    }
    cases.add("figures_missing", "complete without download", |s, _| s.down = None);
    cases.add("figures_missing", "complete without upload", |s, _| s.up = None);
    cases.add("figures_missing", "complete without both", |s, _| (s.down, s.up) = (None, None));
    for (name, direction) in DIRECTIONS {
        cases.add("figures_missing", format!("no estimate {name}"), move |s, _| direction(s).goodput_bps = None);
    }
}

type DirectionOf = fn(&mut Sample) -> &mut DirectionResult;
const DIRECTIONS: [(&str, DirectionOf); 2] =
    [("down", |s| s.down.as_mut().unwrap()), ("up", |s| s.up.as_mut().unwrap())];

fn figures(cases: &mut Cases) {
    let unusable = [
        ("unsaturated", Flag::Unsaturated),
        ("cpu_limited", Flag::CpuLimited),
        ("proxy", Flag::Proxy),
        ("server_limited", Flag::ServerLimited),
        ("rwnd_limited", Flag::RwndLimited),
    ];
    let harmless = [Flag::Burst, Flag::ByteCapped, Flag::Outage, Flag::Variable];
    for (code, flag) in unusable {
        for (name, direction) in DIRECTIONS {
            cases.add(code, name, move |s, _| direction(s).flags = vec![flag]);
            for beside in harmless {
                cases.add(code, format!("{name} beside {beside:?}"), move |s, _| {
                    direction(s).flags = vec![beside, flag];
                });
            }
        }
        cases.add(code, "both directions", move |s, _| {
            DIRECTIONS.iter().for_each(|(_, direction)| direction(s).flags = vec![flag]);
        });
    }
    for (code, flag) in unusable {
        cases.add(code, "a real sample at a demo", move |s, c| {
            s.up.as_mut().unwrap().flags = vec![flag];
            c.accept_simulated = true;
        });
    }
    for (name, direction) in DIRECTIONS {
        for bps in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 20.1e9, 1e12, f64::MAX] {
            cases.add("implausible", format!("{bps:e} bit/s {name}"), move |s, _| direction(s).goodput_bps = Some(bps));
        }
        for factor in [1.5, 2.0, 10.0] {
            cases.add("implausible", format!("{factor} × the figure the bytes allow, {name}"), move |s, _| {
                let moved = if name == "down" { s.bytes_down } else { s.bytes_up };
                let result = direction(s);
                result.goodput_bps = Some(moved as f64 * factor * 8_000.0 / result.window_ms.unwrap());
            });
        }
        cases.add("implausible", format!("a window longer than its bytes {name}"), move |s, _| {
            direction(s).window_ms = Some(60_000.0);
        });
    }
    cases.add("implausible", "no byte moved down", |s, _| s.bytes_down = 0);
    cases.add("implausible", "no byte moved up", |s, _| s.bytes_up = 0);
    cases.add("implausible", "12 Gbit/s up", |s, _| {
        s.bytes_up = u64::MAX;
        s.up.as_mut().unwrap().goodput_bps = Some(12e9);
    });
}

fn programs(cases: &mut Cases) {
    for oldest in [2, 3, u32::MAX] {
        cases.add("method_outdated", format!("1 where {oldest} is the oldest"), move |_, c| {
            c.oldest_method = oldest;
            c.newest_method = u32::MAX;
        });
    }
    for method in [2, 3, 1_000, u32::MAX] {
        cases.add("method_unknown", format!("{method}"), move |s, _| s.method = method);
    }
    cases.add("method_unknown", "0", |s, c| {
        s.method = 0;
        c.oldest_method = 0;
    });
    for version in ["0.0.9", "0.0.0", "0.0.99+build", "0.0.1-rc.1"] {
        cases.add("program_outdated", version, move |s, _| s.program.version = version.into());
    }
    for oldest in ["0.1.1", "0.2.0", "1.0.0", "0.10.0"] {
        cases.add("program_outdated", format!("0.1.0 where {oldest} is the oldest"), move |_, c| {
            c.oldest_version = Some(oldest.into());
        });
    }
    for version in ["", "1", "0.1", "0.1.0.0", "v0.1.0", "0.1.x", "-1.0.0", "0.1.99999999999", "một"] {
        cases.add("program_unknown", format!("version {version:?}"), move |s, _| s.program.version = version.into());
    }
    for name in ["", "speedtest", "ispeed", "iSpeed-CLI", "ispeed-android ", "ispeed-web"] {
        cases.add("program_unknown", format!("name {name:?}"), move |s, _| s.program.name = name.into());
    }
}

fn times(cases: &mut Cases) {
    let clock = |offset_ms, corrected| Some(Clock { offset_ms, round_trip_ms: 30.0, corrected });
    cases.add("clock_unknown", "a complete run that compared no clock", |s, _| s.clock = None);
    for offset_ms in [600_001.0, -600_001.0, 3.6e6, -3.6e6, 8.64e7, -3.2e11, f64::INFINITY, f64::NAN] {
        cases.add("clock_wrong", format!("{offset_ms} ms off"), move |s, _| s.clock = clock(offset_ms, false));
    }
    for minutes in [11, 60, 1_440, 525_600] {
        cases.add("clock_wrong", format!("ends {minutes} minutes after it was received"), move |s, c| {
            c.received_at = s.ended_at.plus_micros(-minutes * 60_000_000);
        });
        cases.add("clock_wrong", format!("the evidence is {minutes} minutes later"), move |s, _| {
            s.evidence.iter_mut().for_each(|evidence| {
                evidence.started_at = evidence.started_at.plus_micros(minutes * 60_000_000 + 10_000_000);
                evidence.ended_at = evidence.ended_at.plus_micros(minutes * 60_000_000 + 10_000_000);
            });
        });
        cases.add("clock_wrong", format!("the evidence is {minutes} minutes earlier"), move |s, _| {
            s.evidence.iter_mut().for_each(|evidence| {
                evidence.started_at = evidence.started_at.plus_micros(-minutes * 60_000_000 - 10_000_000);
                evidence.ended_at = evidence.ended_at.plus_micros(-minutes * 60_000_000 - 10_000_000);
            });
        });
    }
    for seconds in [1, 3_600, 864_000] {
        cases.add("late", format!("{seconds} s after the close"), move |_, c| {
            c.cutoff = Some(c.received_at.plus_micros(-seconds * 1_000_000));
        });
    }
}

fn surplus(cases: &mut Cases) {
    for seconds in [0, 1, 15, 60, 119] {
        cases.add("surplus_interval", format!("{seconds} s from the nearest"), move |_, c| {
            c.seconds_to_nearest_counted = Some(seconds);
        });
    }
    cases.add("surplus_interval", "9 minutes where 10 are asked for", |_, c| {
        c.spacing.seconds = 600;
        c.seconds_to_nearest_counted = Some(540);
    });
    for metres in [0.0, 199.99 - 1.0, 100.0] {
        cases.add("surplus_distance", format!("{metres} m where 200 are asked for"), move |_, c| {
            c.spacing.metres = 200;
            c.metres_to_nearest_counted_today = Some(metres);
        });
    }
    cases.add("surplus_day", "the 6th where 5 count", |_, c| {
        c.spacing.per_day = 5;
        c.device_counted_today_in_commune = 5;
    });
    for counted in [20, 21, 100, u32::MAX] {
        cases.add("surplus_day", format!("after {counted}"), move |_, c| c.device_counted_today_in_commune = counted);
    }
}
