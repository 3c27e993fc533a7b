//! Which operator a sample is reported under, and the brand of its SIM.
#![allow(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

use ispeed_protocol::Sample;
use ispeed_protocol::device::TransportKind;
use ispeed_verdict::operators::{ASNS, PLMNS, Plmn, asn_entry};
use ispeed_verdict::{Operator, serving_operator, sim_brand};

fn sample(serving: Option<&str>, sim: Option<&str>, brand: Option<&str>) -> Sample {
    let mut sample: Sample = serde_json::from_str(include_str!("../../protocol/vectors/sample.json")).unwrap();
    sample.transport.serving_plmn = serving.map(str::to_owned);
    sample.transport.sim_plmn = sim.map(str::to_owned);
    sample.transport.sim_brand = brand.map(str::to_owned);
    sample
}

#[test]
fn a_virtual_operators_sample_is_its_hosts_and_keeps_the_brand() {
    let itel = sample(Some("452-02"), Some("452-08"), None);
    assert_eq!(serving_operator(&itel), Operator::Vinaphone);
    assert_eq!(sim_brand(&itel), Some("iTel"));
    // A phone that shows the SIM's code as the serving one.
    assert_eq!(serving_operator(&sample(Some("452-09"), Some("452-09"), None)), Operator::Vinaphone);
    // A brand without a code of its own, in the spelling of a phone.
    let local = sample(Some("452-01"), Some("452-01"), Some(" LOCAL "));
    assert_eq!(serving_operator(&local), Operator::Mobifone);
    assert_eq!(sim_brand(&local), Some("Local"));
    assert_eq!(sim_brand(&sample(None, Some("452-05"), Some(""))), Some("Vietnamobile"));
    assert_eq!(sim_brand(&sample(None, Some("262-01"), None)), None);
    assert_eq!(sim_brand(&sample(None, None, Some("New Brand"))), Some("New Brand"));
}

#[test]
fn the_network_tells_the_operator_only_over_cellular_and_only_without_a_plmn() {
    let mut phone = sample(None, None, None);
    assert_eq!(serving_operator(&phone), Operator::Viettel, "AS 7552");
    phone.transport.kind = TransportKind::Wifi;
    assert_eq!(serving_operator(&phone), Operator::Unknown, "AS 7552 carries fixed lines too");
    assert_eq!(serving_operator(&sample(Some("452-01"), None, None)), Operator::Mobifone, "the PLMN stands");
    assert_eq!(serving_operator(&sample(Some("452-33"), None, None)), Operator::Other);
    assert_eq!(serving_operator(&sample(Some("456-08"), None, None)), Operator::Unknown, "Metfone is not Viettel");
}

#[test]
fn the_tables_name_each_number_once() {
    let mut asns: Vec<u32> = ASNS.iter().map(|entry| entry.asn).collect();
    asns.sort_unstable();
    assert!(asns.windows(2).all(|pair| pair[0] != pair[1]));
    assert!(PLMNS.windows(2).all(|pair| pair[0].mnc < pair[1].mnc));
    assert_eq!(asn_entry(18403).map(|entry| (entry.network, entry.operator)), Some(("FPT Telecom", None)));
    assert_eq!(Plmn::parse("452-004"), Some(Plmn { mcc: 452, mnc: 4, mnc_digits: 3 }));
    assert_eq!(Plmn::parse("452-004").map(Plmn::operator), Some(Operator::Other), "452-004 is not 452-04");
}

#[test]
fn codes_are_those_that_are_serialised() {
    for operator in Operator::ALL {
        assert_eq!(serde_json::to_value(operator).unwrap(), operator.code());
        assert!(!operator.report_name().is_empty());
    }
}
