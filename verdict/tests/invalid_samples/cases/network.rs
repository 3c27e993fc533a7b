//! Transport, operator, server.

use ispeed_protocol::device::TransportKind;
use ispeed_protocol::servers::ServerClass;
use ispeed_verdict::ServerState;

use crate::Cases;

pub(super) fn transports(cases: &mut Cases) {
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

pub(super) fn operators(cases: &mut Cases) {
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

pub(super) fn servers(cases: &mut Cases) {
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
