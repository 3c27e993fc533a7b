//! Samples on the right side of a limit.

use ispeed_protocol::direction::Flag;
use ispeed_protocol::place::{FixSource, Place, PlaceVerdict};
use ispeed_protocol::sample::Clock;
use ispeed_protocol::servers::ServerClass;
use ispeed_verdict::{EvidenceState, RecomputeState, ServerState};

use crate::Cases;

pub(crate) fn all() -> Cases {
    let mut cases = Cases::default();
    let list = &mut cases;
    figures(list);
    networks(list);
    places(list);
    demo(list);
    times(list);
    list.add("counts", "nothing was checked", |s, c| {
        *c = ispeed_verdict::Context::collector(c.received_at);
        s.server.as_mut().unwrap().class = None;
    });
    list.add("counts", "checks not made", |_, c| {
        c.evidence = EvidenceState::NotChecked;
        c.recompute = RecomputeState::NotChecked;
        c.server = ServerState::NotChecked;
        c.signed = None;
    });
    for version in ["0.1.0", "0.1.1", "0.2.0", "1.0.0", "0.1.0+build.7", "0.10.0"] {
        list.add("counts", format!("version {version}"), move |s, _| s.program.version = version.into());
    }
    for name in ["ispeed-cli", "ispeed-ios", "ispeed-android"] {
        list.add("counts", name, move |s, _| s.program.name = name.into());
    }
    cases
}

fn figures(cases: &mut Cases) {
    for flag in [Flag::Burst, Flag::ByteCapped, Flag::Outage, Flag::Variable] {
        cases.add("counts", format!("{flag:?} down"), move |s, _| s.down.as_mut().unwrap().flags = vec![flag]);
        cases.add("counts", format!("{flag:?} up"), move |s, _| s.up.as_mut().unwrap().flags = vec![flag]);
    }
    cases.add("counts", "a very slow link", |s, _| {
        s.down.as_mut().unwrap().goodput_bps = Some(9_600.0);
        s.up.as_mut().unwrap().goodput_bps = Some(1.0);
    });
    cases.add("counts", "latency not measured", |s, _| s.latency = Default::default());
}

fn networks(cases: &mut Cases) {
    for (plmn, asn) in [
        ("452-01", 131_429),
        ("452-02", 45_899),
        ("452-04", 7_552),
        ("452-05", 38_247),
        ("452-06", 24_086),
        ("452-07", 45_546),
        ("452-08", 45_899),
        ("452-09", 7_643),
        ("452-10", 64_500),
        ("452-123", 64_500),
    ] {
        cases.add("counts", format!("{plmn} in AS {asn}"), move |s, _| {
            s.transport.serving_plmn = Some(plmn.into());
            s.transport.sim_plmn = Some(plmn.into());
            s.evidence.iter_mut().for_each(|evidence| evidence.asn = Some(asn));
        });
    }
    cases.add("counts", "an iTel SIM on VinaPhone, which the phone calls roaming", |s, _| {
        s.transport.serving_plmn = Some("452-02".into());
        s.transport.sim_plmn = Some("452-08".into());
        s.transport.roaming = Some(true);
        s.evidence.iter_mut().for_each(|evidence| evidence.asn = Some(45_899));
    });
    cases.add("counts", "a Gmobile SIM on VinaPhone, routed home", |s, _| {
        s.transport.serving_plmn = Some("452-02".into());
        s.transport.sim_plmn = Some("452-07".into());
        s.evidence.iter_mut().for_each(|evidence| evidence.asn = Some(45_546));
    });
    cases.add("counts", "an iPhone, its operator known by the network", |s, _| {
        s.device.platform = "ios".into();
        (s.transport.serving_plmn, s.transport.sim_plmn, s.transport.vpn) = (None, None, None);
    });
    cases.add("counts", "an iPhone, its operator known by the upload only", |s, c| {
        s.device.platform = "ios".into();
        (s.transport.serving_plmn, s.transport.sim_plmn) = (None, None);
        s.evidence.iter_mut().for_each(|evidence| evidence.asn = None);
        s.server.as_mut().unwrap().asn = None;
        c.upload_asn = Some(131_429);
    });
    cases.add("counts", "no table of networks at the server", |s, _| {
        s.evidence.iter_mut().for_each(|evidence| evidence.asn = None);
        s.server.as_mut().unwrap().asn = None;
    });
    cases.add("counts", "the platform cannot tell", |s, _| {
        (s.transport.vpn, s.transport.roaming, s.transport.captive_portal) = (None, None, None);
    });
    for class in [ServerClass::Operator, ServerClass::Vnix] {
        cases.add("counts", format!("{class:?}"), move |_, c| c.server = ServerState::Approved(class));
    }
    cases.add("counts", "the list's class stands above the sample's", |s, _| {
        s.server.as_mut().unwrap().class = Some(ServerClass::Abroad);
    });
    cases.add("counts", "a laboratory at a demo", |_, c| {
        c.server = ServerState::Approved(ServerClass::Lab);
        c.accept_simulated = true;
    });
}

fn places(cases: &mut Cases) {
    for accuracy_m in [0.1, 1.0, 50.0, 99.9, 100.0] {
        cases.add("counts", format!("±{accuracy_m} m"), move |s, _| {
            [&mut s.fixes.start, &mut s.fixes.mid, &mut s.fixes.end].into_iter().flatten().for_each(|fix| {
                fix.accuracy_m = Some(accuracy_m);
            });
        });
    }
    cases.add("counts", "±50 m in a dense ward", |s, c| {
        s.fixes.start.as_mut().unwrap().accuracy_m = Some(50.0);
        c.commune_area_km2 = Some(9.9);
    });
    cases.add("counts", "60 s old", |s, _| s.fixes.start.as_mut().unwrap().age_ms = Some(60_000));
    cases.add("counts", "one good fix of three", |s, _| {
        s.fixes.start.as_mut().unwrap().age_ms = Some(500_000);
        s.fixes.mid.as_mut().unwrap().accuracy_m = None;
    });
    cases.add("counts", "the age follows from the time", |s, _| s.fixes.start.as_mut().unwrap().age_ms = None);
    for source in [FixSource::Gnss, FixSource::Fused, FixSource::Network, FixSource::Unknown] {
        cases.add("counts", format!("{source:?}"), move |s, _| s.fixes.start.as_mut().unwrap().source = source);
    }
    cases.add("counts", "the platform cannot tell of mocks", |s, _| s.fixes.start.as_mut().unwrap().mock = None);
    cases.add("counts", "the collector resolves what the phone guessed", |s, c| {
        c.server_place = Some(s.place.clone());
        s.place = Place { verdict: PlaceVerdict::Approximate, ..s.place.clone() };
    });
    cases.add("counts", "the collector resolved the point, so the cell is not asked", |s, c| {
        c.server_place = Some(s.place.clone());
        c.cell_in_commune = Some(false);
    });
    cases.add("counts", "demo facts at a demo", |s, c| {
        s.simulated = true;
        s.fixes.start.as_mut().unwrap().source = FixSource::Simulated;
        c.accept_simulated = true;
    });
}

fn demo(cases: &mut Cases) {
    cases.add("counts", "runs spread over simulated hours, at a demo", |s, c| {
        s.simulated = true;
        c.accept_simulated = true;
        s.evidence.iter_mut().for_each(|evidence| {
            evidence.started_at = evidence.started_at.plus_micros(-7_200_000_000);
            evidence.ended_at = evidence.ended_at.plus_micros(-7_200_000_000);
        });
    });
    for flag in [Flag::Proxy, Flag::RwndLimited] {
        cases.add("counts", format!("the demo's relay looks like {flag:?}, at a demo"), move |s, c| {
            s.simulated = true;
            s.down.as_mut().unwrap().flags = vec![flag];
            c.accept_simulated = true;
        });
    }
}

fn times(cases: &mut Cases) {
    for (offset_ms, corrected) in [(600_000.0, false), (-600_000.0, false), (0.0, false), (1e12, true)] {
        cases.add("counts", format!("clock {offset_ms} ms off, corrected {corrected}"), move |s, _| {
            s.clock = Some(Clock { offset_ms, round_trip_ms: 30.0, corrected });
        });
    }
    cases.add("counts", "handed in three weeks later", |s, c| {
        c.received_at = s.ended_at.plus_micros(21 * 86_400_000_000);
    });
    cases.add("counts", "at the close of the month", |_, c| c.cutoff = Some(c.received_at));
    cases.add("counts", "2 minutes after the last", |_, c| c.seconds_to_nearest_counted = Some(120));
    cases.add("counts", "the 20th of the day", |_, c| c.device_counted_today_in_commune = 19);
    cases.add("counts", "31 s after the last where 30 are asked for", |_, c| {
        c.spacing.seconds = 30;
        c.seconds_to_nearest_counted = Some(31);
    });
    cases.add("counts", "at the same place, where no distance is asked for", |_, c| {
        c.metres_to_nearest_counted_today = Some(0.0);
    });
    cases.add("counts", "in the next cell, where another cell is asked for", |_, c| {
        c.spacing.metres = 200;
        c.metres_to_nearest_counted_today = Some(199.9999);
    });
    cases.add("counts", "cells not known, where a distance is asked for", |_, c| c.spacing.metres = 2_000);
}
