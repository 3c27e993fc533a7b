//! Autonomous systems of Vietnamese networks.

use super::Operator;

/// One row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AsnEntry {
    /// Autonomous system number.
    pub asn: u32,
    /// Name of the network.
    pub network: &'static str,
    /// Its radio network; `None` for one that has only fixed lines, hosting or exchange.
    pub operator: Option<Operator>,
}

const fn mobile(asn: u32, network: &'static str, operator: Operator) -> AsnEntry {
    AsnEntry { asn, network, operator: Some(operator) }
}

const fn fixed(asn: u32, network: &'static str) -> AsnEntry {
    AsnEntry { asn, network, operator: None }
}

/// Autonomous systems by network (V 8.3, state of 2025-05-31). Viettel's and VNPT's carry fixed lines as well, so a row
/// names an operator only for traffic the device says went over cellular.
pub const ASNS: &[AsnEntry] = &[
    mobile(7552, "Viettel", Operator::Viettel),
    mobile(24086, "Viettel", Operator::Viettel),
    mobile(45899, "VNPT", Operator::Vinaphone),
    mobile(45898, "VNPT", Operator::Vinaphone),
    mobile(7643, "VNPT", Operator::Vinaphone),
    mobile(135_905, "VNPT", Operator::Vinaphone),
    mobile(135_965, "VNPT-NET", Operator::Vinaphone),
    mobile(131_429, "MobiFone", Operator::Mobifone),
    mobile(45895, "MobiFone Global", Operator::Mobifone),
    mobile(45896, "MobiFone Global", Operator::Mobifone),
    mobile(45897, "MobiFone Global", Operator::Mobifone),
    mobile(38247, "Vietnamobile", Operator::Vietnamobile),
    mobile(38253, "Hanoi Telecom", Operator::Vietnamobile),
    mobile(24088, "Hanoi Telecom", Operator::Vietnamobile),
    mobile(45546, "GTEL Mobile", Operator::Gmobile),
    mobile(131_127, "GTEL", Operator::Gmobile),
    fixed(18403, "FPT Telecom"),
    fixed(38732, "CMC Telecom"),
    fixed(38733, "CMC Telecom"),
    fixed(45903, "CMC Telecom"),
    fixed(45543, "SCTV"),
    fixed(24173, "NetNam"),
    fixed(24176, "NetNam"),
    fixed(131_370, "NetNam"),
    fixed(7602, "SPT"),
    fixed(45547, "SPT"),
    fixed(23899, "VNIX"),
    fixed(23962, "VNIX"),
    fixed(38739, "VNIX"),
    fixed(23902, "VNNIC"),
    fixed(24066, "VNNIC"),
];

/// The row of a number.
pub fn asn_entry(asn: u32) -> Option<&'static AsnEntry> {
    ASNS.iter().find(|entry| entry.asn == asn)
}

/// The radio network of a number, if it has one.
pub fn mobile_operator_of_asn(asn: u32) -> Option<Operator> {
    asn_entry(asn)?.operator
}
