//! The invalid samples.

use ispeed_protocol::Sample;
use ispeed_protocol::consent::Share;
use ispeed_protocol::device::TransportKind;
use ispeed_protocol::direction::{DirectionResult, Flag};
use ispeed_protocol::place::{Candidate, Fix, FixSource, Fixes, Place, PlaceVerdict};
use ispeed_protocol::sample::{Clock, Outcome};
use ispeed_protocol::servers::ServerClass;
use ispeed_verdict::{EvidenceState, RecomputeState, ServerState};

use crate::Cases;

pub(crate) fn all() -> Cases {
    let mut cases = Cases::default();
    provenance(&mut cases);
    outcomes(&mut cases);
    figures(&mut cases);
    programs(&mut cases);
    transports(&mut cases);
    operators(&mut cases);
    servers(&mut cases);
    positions(&mut cases);
    places(&mut cases);
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

fn transports(cases: &mut Cases) {
    for kind in [TransportKind::Wifi, TransportKind::Ethernet, TransportKind::Other] {
        cases.add("not_cellular", format!("{kind:?}"), move |s, _| s.transport.kind = kind);
        cases.add("not_cellular", format!("{kind:?} without a SIM"), move |s, _| {
            s.transport.kind = kind;
            (s.transport.serving_plmn, s.transport.sim_plmn, s.transport.sim_brand) = (None, None, None);
        });
        cases.add("not_cellular", format!("{kind:?} while the SIM camps abroad"), move |s, _| {
            s.transport.kind = kind;
            s.transport.serving_plmn = Some("456-01".into());
        });
    }
    cases.add("transport_unknown", "the platform did not say", |s, _| s.transport.kind = TransportKind::Unknown);
    cases.add("transport_unknown", "a computer without facts", |s, _| s.transport = Default::default());
    cases.add("transport_changed", "during the run", |s, _| s.transport.changed = true);
    cases.add("captive_portal", "login page", |s, _| s.transport.captive_portal = Some(true));
    cases.add("vpn", "active", |s, _| s.transport.vpn = Some(true));
    cases.add("roaming", "the phone says so and names no SIM", |s, _| {
        s.transport.roaming = Some(true);
        s.transport.sim_plmn = None;
    });
    cases.add("roaming", "the phone says so and names no network", |s, _| {
        s.transport.roaming = Some(true);
        s.transport.serving_plmn = None;
    });
    for sim in ["456-01", "457-03", "460-00", "310-410", "262-01", "520-03", "001-01"] {
        cases.add("roaming", format!("visitor's SIM {sim}"), move |s, _| s.transport.sim_plmn = Some(sim.into()));
        cases.add("roaming", format!("visitor's SIM {sim}, roaming said"), move |s, _| {
            s.transport.sim_plmn = Some(sim.into());
            s.transport.roaming = Some(true);
        });
        cases.add("roaming", format!("visitor's SIM {sim}, roaming not told"), move |s, _| {
            s.transport.sim_plmn = Some(sim.into());
            s.transport.roaming = None;
        });
    }
}

fn operators(cases: &mut Cases) {
    let neighbours = [
        "456-01", "456-02", "456-05", "456-06", "456-08", "456-09", "456-18", "457-01", "457-02", "457-03", "457-07",
        "457-08", "460-00", "460-01", "460-11", "520-04", "525-05", "310-260",
    ];
    for plmn in neighbours {
        for (name, roaming) in [("", Some(true)), (", roaming not told", None), (", roaming denied", Some(false))] {
            cases.add("foreign_network", format!("{plmn}{name}"), move |s, _| {
                s.transport.serving_plmn = Some(plmn.into());
                s.transport.roaming = roaming;
            });
        }
    }
    cases.add("operator_unknown", "S-Fone, withdrawn", |s, _| s.transport.serving_plmn = Some("452-03".into()));
    for plmn in ["", "452", "45204", "452-4", "452-0004", "452-0a", "-04", "452_04", "452-04 ", "４５２-04"] {
        cases.add("operator_unknown", format!("PLMN {plmn:?}"), move |s, _| {
            s.transport.serving_plmn = Some(plmn.into())
        });
    }
    for asn in [None, Some(0), Some(1), Some(13_335), Some(18_403), Some(23_899), Some(u32::MAX)] {
        for platform in ["ios", "android", "linux"] {
            cases.add("operator_unknown", format!("{platform} in AS {asn:?}, no PLMN"), move |s, _| {
                s.device.platform = platform.into();
                s.transport.serving_plmn = None;
                s.transport.sim_plmn = None;
                s.server.as_mut().unwrap().asn = asn;
                s.evidence.iter_mut().for_each(|evidence| evidence.asn = asn);
            });
        }
    }
    let others = [
        45_899, 45_898, 7_643, 135_905, 135_965, 131_429, 45_895, 45_896, 45_897, 38_247, 38_253, 24_088, 45_546,
        131_127,
    ];
    for asn in others {
        cases.add("network_inconsistent", format!("Viettel's PLMN out of AS {asn}"), move |s, _| {
            s.evidence.iter_mut().for_each(|evidence| evidence.asn = Some(asn));
        });
    }
    for asn in [7_552, 24_086, 131_429] {
        cases.add("network_inconsistent", format!("VinaPhone's PLMN out of AS {asn}"), move |s, _| {
            s.transport.serving_plmn = Some("452-02".into());
            s.transport.sim_plmn = Some("452-08".into());
            s.evidence.iter_mut().for_each(|evidence| evidence.asn = Some(asn));
        });
    }
    cases.add("network_inconsistent", "only the sample's own word of the AS", |s, _| {
        s.evidence.iter_mut().for_each(|evidence| evidence.asn = None);
        s.server.as_mut().unwrap().asn = Some(131_429);
    });
}

fn servers(cases: &mut Cases) {
    cases.add("server_unknown", "not on the list", |_, c| c.server = ServerState::NotApproved);
    for class in [ServerClass::Operator, ServerClass::Vnix, ServerClass::Abroad, ServerClass::Lab] {
        cases.add("server_unknown", format!("not on the list, says {class:?}"), move |s, c| {
            s.server.as_mut().unwrap().class = Some(class);
            c.server = ServerState::NotApproved;
        });
    }
    cases.add("server_unknown", "a complete run against none", |s, _| s.server = None);
    cases.add("server_abroad", "on the list as abroad", |_, c| c.server = ServerState::Approved(ServerClass::Abroad));
    cases.add("server_abroad", "says so itself, no list", |s, c| {
        s.server.as_mut().unwrap().class = Some(ServerClass::Abroad);
        c.server = ServerState::NotChecked;
    });
    cases.add("server_lab", "on the list as a laboratory", |_, c| c.server = ServerState::Approved(ServerClass::Lab));
    cases.add("server_lab", "says so itself, no list", |s, c| {
        s.server.as_mut().unwrap().class = Some(ServerClass::Lab);
        c.server = ServerState::NotChecked;
    });
}

type FixOf = fn(&mut Sample) -> &mut Fix;
const FIXES: [(&str, FixOf); 3] = [
    ("start", |s| s.fixes.start.as_mut().unwrap()),
    ("mid", |s| s.fixes.mid.as_mut().unwrap()),
    ("end", |s| s.fixes.end.as_mut().unwrap()),
];

fn every_fix(sample: &mut Sample, change: impl Fn(&mut Fix)) {
    FIXES.iter().for_each(|(_, fix)| change(fix(sample)));
}

fn positions(cases: &mut Cases) {
    cases.add("position_missing", "no fix", |s, _| s.fixes = Fixes::default());
    for (name, fix) in FIXES {
        cases.add("position_declared", format!("typed at the {name}"), move |s, _| fix(s).source = FixSource::Declared);
        cases.add("position_simulated", format!("made up at the {name}"), move |s, _| {
            fix(s).source = FixSource::Simulated;
        });
        cases.add("position_mocked", format!("mocked at the {name}"), move |s, _| fix(s).mock = Some(true));
        // Only this fix is there, so nothing else can stand in for it.
        let only = move |s: &mut Sample| {
            let kept = fix(s).clone();
            s.fixes = Fixes { start: Some(kept), mid: None, end: None };
        };
        for age_ms in [60_001, 61_000, 3_600_000, 86_400_000, u64::MAX] {
            cases.add("position_stale", format!("{age_ms} ms old, {name} only"), move |s, _| {
                only(s);
                s.fixes.start.as_mut().unwrap().age_ms = Some(age_ms);
            });
        }
        for accuracy_m in [Some(100.1), Some(150.0), Some(3_000.0), Some(0.0), Some(-1.0), Some(f64::NAN), None] {
            cases.add("position_inaccurate", format!("±{accuracy_m:?} m, {name} only"), move |s, _| {
                only(s);
                s.fixes.start.as_mut().unwrap().accuracy_m = accuracy_m;
            });
        }
        for accuracy_m in [50.1, 75.0, 100.0] {
            cases.add("position_inaccurate", format!("±{accuracy_m} m in a dense ward, {name} only"), move |s, c| {
                only(s);
                s.fixes.start.as_mut().unwrap().accuracy_m = Some(accuracy_m);
                c.commune_area_km2 = Some(1.0);
            });
        }
    }
    cases.add("position_stale", "all three", |s, _| every_fix(s, |fix| fix.age_ms = Some(90_000)));
    cases.add("position_stale", "no age, taken two minutes before the end", |s, _| {
        let at = s.ended_at.plus_micros(-120_000_000);
        every_fix(s, |fix| (fix.age_ms, fix.at) = (None, Some(at)));
    });
    cases.add("position_stale", "no age, taken after the end", |s, _| {
        let at = s.ended_at.plus_micros(120_000_000);
        every_fix(s, |fix| (fix.age_ms, fix.at) = (None, Some(at)));
    });
    cases.add("position_stale", "neither age nor time", |s, _| every_fix(s, |fix| (fix.age_ms, fix.at) = (None, None)));
    cases.add("position_inaccurate", "all three", |s, _| every_fix(s, |fix| fix.accuracy_m = Some(101.0)));
    cases.add("position_inaccurate", "the fresh one is wide and the narrow ones are old", |s, _| {
        every_fix(s, |fix| fix.age_ms = Some(90_000));
        let end = s.fixes.end.as_mut().unwrap();
        (end.age_ms, end.accuracy_m) = (Some(100), Some(500.0));
    });
}

fn places(cases: &mut Cases) {
    let near = || vec![Candidate { code: "25195".into(), distance_m: 12.0 }];
    let table = [
        ("place_unknown", PlaceVerdict::Unknown),
        ("place_outside", PlaceVerdict::Outside),
        ("place_approximate", PlaceVerdict::Approximate),
        ("place_ambiguous", PlaceVerdict::Ambiguous),
    ];
    for (code, verdict) in table {
        cases.add(code, "by the phone", move |s, _| s.place.verdict = verdict);
        cases.add(code, "by the phone, without a code", move |s, _| {
            s.place = Place { verdict, candidates: near(), ..Place::unknown() };
        });
        cases.add(code, "by the collector's own look, the phone certain", move |s, c| {
            c.server_place = Some(Place { verdict, ..s.place.clone() });
        });
        cases.add(code, "by the collector's own look, the phone approximate", move |s, c| {
            c.server_place = Some(Place { verdict, ..s.place.clone() });
            s.place.verdict = PlaceVerdict::Approximate;
        });
    }
    cases.add("place_unknown", "certain of nothing", |s, _| s.place.code = None);
    cases.add("place_inconsistent", "cell in another commune", |_, c| c.cell_in_commune = Some(false));
    cases.add("place_left", "into another commune", |_, c| c.left_commune = true);
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
    for counted in [20, 21, 100, u32::MAX] {
        cases.add("surplus_day", format!("after {counted}"), move |_, c| c.device_counted_today_in_commune = counted);
    }
}
