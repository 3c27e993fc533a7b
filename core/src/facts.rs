//! Facts pushed in while a run goes on: a shell sends what it just learned, and only that.

use ispeed_protocol::device::{Transport, TransportKind};
use ispeed_protocol::facts::Facts;
use ispeed_protocol::validate::validate_facts;

use crate::error::{Error, Result};
use crate::place::check_fixes;

/// Longest free text of a fact: a model name or a campaign code, not a diary.
pub const FACT_TEXT_MAX_BYTES: usize = 200;

/// Refuses facts that cannot be: positions out of range, texts out of proportion.
pub fn check(facts: &Facts) -> Result<()> {
    check_fixes(&facts.fixes)?;
    let transport = &facts.transport;
    let texts = [
        ("campaign", &facts.campaign),
        ("pair_id", &facts.pair_id),
        ("os_version", &facts.os_version),
        ("model", &facts.model),
        ("app_build", &facts.app_build),
        ("transport.serving_plmn", &transport.serving_plmn),
        ("transport.sim_plmn", &transport.sim_plmn),
        ("transport.sim_brand", &transport.sim_brand),
    ];
    for (field, text) in texts {
        if let Some(text) = text.as_ref().filter(|text| text.len() > FACT_TEXT_MAX_BYTES) {
            let expected = format!("at most {FACT_TEXT_MAX_BYTES} bytes");
            return Err(Error::input(field, text.chars().take(40).collect::<String>(), expected));
        }
    }
    // What a collector would refuse in the sample is refused here, while the shell can still be told.
    match validate_facts(facts).into_iter().next() {
        Some(wrong) => {
            Err(Error::input(wrong.pointer.trim_start_matches('/').replace('/', "."), wrong.value, wrong.expected))
        }
        None => Ok(()),
    }
}

/// Adds what is new: a member that is there replaces the old one, one that is absent changes nothing. That the network
/// changed, or that facts are simulated, once said stays said.
pub fn merge(into: &mut Facts, new: Facts) {
    take(&mut into.fixes.start, new.fixes.start);
    take(&mut into.fixes.mid, new.fixes.mid);
    take(&mut into.fixes.end, new.fixes.end);
    take(&mut into.radio.start, new.radio.start);
    take(&mut into.radio.end, new.radio.end);
    merge_transport(&mut into.transport, new.transport);
    take(&mut into.surroundings, new.surroundings);
    take(&mut into.measurer, new.measurer);
    take(&mut into.campaign, new.campaign);
    take(&mut into.pair_id, new.pair_id);
    take(&mut into.os_version, new.os_version);
    take(&mut into.model, new.model);
    take(&mut into.app_build, new.app_build);
    into.simulated |= new.simulated;
}

fn merge_transport(into: &mut Transport, new: Transport) {
    let switched = into.kind != TransportKind::Unknown && new.kind != TransportKind::Unknown && into.kind != new.kind;
    into.changed |= new.changed || switched;
    if new.kind != TransportKind::Unknown {
        into.kind = new.kind;
    }
    once_true(&mut into.vpn, new.vpn);
    once_true(&mut into.roaming, new.roaming);
    take(&mut into.metered, new.metered);
    take(&mut into.captive_portal, new.captive_portal);
    take(&mut into.serving_plmn, new.serving_plmn);
    take(&mut into.sim_plmn, new.sim_plmn);
    take(&mut into.sim_brand, new.sim_brand);
}

fn take<T>(into: &mut Option<T>, new: Option<T>) {
    if new.is_some() {
        *into = new;
    }
}

/// A VPN that was switched off half-way carried half of the run.
fn once_true(into: &mut Option<bool>, new: Option<bool>) {
    if *into != Some(true) {
        take(into, new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ispeed_protocol::device::Surroundings;

    #[test]
    fn the_new_is_added_and_the_old_stays() {
        let mut facts = Facts { campaign: Some("c".into()), simulated: true, ..Facts::default() };
        facts.transport.kind = TransportKind::Cellular;
        merge(&mut facts, Facts { surroundings: Some(Surroundings::Outdoor), ..Facts::default() });
        assert_eq!(facts.campaign.as_deref(), Some("c"));
        assert_eq!(facts.surroundings, Some(Surroundings::Outdoor));
        assert!(facts.simulated && !facts.transport.changed);
        assert_eq!(facts.transport.kind, TransportKind::Cellular);
    }

    #[test]
    fn another_transport_is_a_change_that_stays() {
        let mut facts = Facts::default();
        let push = |facts: &mut Facts, kind| {
            merge(facts, Facts { transport: Transport { kind, ..Transport::default() }, ..Facts::default() });
        };
        push(&mut facts, TransportKind::Cellular);
        assert!(!facts.transport.changed, "from unknown to known is no change");
        push(&mut facts, TransportKind::Wifi);
        push(&mut facts, TransportKind::Cellular);
        assert!(facts.transport.changed);
    }

    #[test]
    fn a_vpn_during_any_part_is_a_vpn() {
        let mut facts = Facts::default();
        for vpn in [Some(false), Some(true), None, Some(false)] {
            merge(&mut facts, Facts { transport: Transport { vpn, ..Transport::default() }, ..Facts::default() });
        }
        assert_eq!(facts.transport.vpn, Some(true));
    }

    #[test]
    fn a_text_out_of_proportion_is_named() {
        let facts = Facts { model: Some("x".repeat(201)), ..Facts::default() };
        assert!(check(&facts).unwrap_err().to_string().starts_with("model is"));
    }
}
