//! What the month needs of a sample: the narrow row that is kept beside its body. Pure: a sample and what the collector
//! found about it in, the row out; verdict and receipt are filled in where they are decided, inside the store.

use ispeed_protocol::UtcMicros;
use ispeed_protocol::device::RadioTechnology;
use ispeed_protocol::direction::{DirectionResult, Flag, StopReason};
use ispeed_protocol::latency::{Loss, PathQuality};
use ispeed_protocol::receipt::Receipt;
use ispeed_protocol::sample::Sample;
use ispeed_protocol::verdict::Verdict;
use ispeed_report::MonthSample;
use ispeed_report::sample::PacketCounts;
use ispeed_verdict::operators::serving_operator_of;
use ispeed_verdict::{Operator, sim_brand};

/// What the collector found, beside the sample itself.
#[derive(Clone, PartialEq, Debug)]
pub struct Found<'a> {
    /// SHA-256 of the body.
    pub sha256: &'a str,
    /// Start on the server's clock.
    pub started_at: UtcMicros,
    /// When it came in.
    pub received_at: UtcMicros,
    /// A measuring end signed for it.
    pub attested: bool,
    /// Commune that stands.
    pub commune: Option<&'a str>,
    /// Its province.
    pub province: Option<&'a str>,
    /// Autonomous system the upload came from, for phones that name no network.
    pub upload_asn: Option<u32>,
}

/// The row of a sample, not yet judged: it does not count, and has no receipt.
pub fn of(sample: &Sample, found: &Found<'_>) -> MonthSample {
    let operator = serving_operator_of(sample, found.upload_asn);
    let idle = sample.latency.idle_path.as_ref();
    MonthSample {
        id: sample.id,
        sha256: found.sha256.to_owned(),
        device_id: sample.device.id.clone(),
        started_at: found.started_at,
        received_at: found.received_at,
        receipt_key: String::new(),
        receipt_sequence: 0,
        outcome: sample.outcome,
        counts: false,
        reasons: Vec::new(),
        rules: 0,
        attested: found.attested,
        commune: found.commune.map(str::to_owned),
        province: found.province.map(str::to_owned),
        cell: sample.cell,
        operator: operator.code().to_owned(),
        brand: sim_brand(sample).filter(|brand| *brand != own_brand(operator)).map(str::to_owned),
        technology: sample.radio.start.as_ref().map_or(RadioTechnology::Unknown, |radio| radio.technology),
        measurer: sample.measurer.kind,
        campaign: sample.campaign.clone(),
        pair_id: sample.pair_id.clone(),
        surroundings: sample.surroundings,
        first_run: sample.device.first_run,
        down_bps: sample.down.as_ref().and_then(|down| down.goodput_bps),
        up_bps: sample.up.as_ref().and_then(|up| up.goodput_bps),
        byte_capped: [&sample.down, &sample.up].into_iter().flatten().any(byte_capped),
        idle_ms: sample.latency.idle_ms,
        loaded_down_ms: sample.latency.loaded_down_ms,
        loaded_up_ms: sample.latency.loaded_up_ms,
        pdv_ms: idle.and_then(|path| path.pdv95_down_ms),
        echo: idle.map(packets).unwrap_or_default(),
        bytes: sample.bytes_down.saturating_add(sample.bytes_up),
        simulated: sample.simulated,
        synthetic: sample.synthetic,
    }
}

/// The row with what was decided about it.
#[must_use]
pub fn decided(row: MonthSample, verdict: &Verdict, receipt: &Receipt) -> MonthSample {
    MonthSample {
        counts: verdict.counts,
        reasons: verdict.reasons.clone(),
        rules: verdict.rules,
        receipt_key: receipt.key.clone(),
        receipt_sequence: receipt.sequence,
        ..row
    }
}

/// The brand under which a network sells its own SIMs.
fn own_brand(operator: Operator) -> &'static str {
    match operator {
        Operator::Viettel => "Viettel",
        Operator::Vinaphone => "VinaPhone",
        Operator::Mobifone => "MobiFone",
        Operator::Vietnamobile => "Vietnamobile",
        Operator::Gmobile => "Gmobile",
        Operator::Other | Operator::Unknown => "",
    }
}

fn byte_capped(result: &DirectionResult) -> bool {
    result.stop_reason == StopReason::Bytes || result.flags.contains(&Flag::ByteCapped)
}

/// Both ways together.
fn packets(path: &PathQuality) -> PacketCounts {
    let sum = |of: fn(&Loss) -> u32| {
        [&path.loss_down, &path.loss_up].into_iter().flatten().map(of).fold(0, u32::saturating_add)
    };
    PacketCounts { sent: sum(|loss| loss.sent), lost: sum(|loss| loss.lost) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Sample {
        serde_json::from_str(include_str!("../../protocol/vectors/sample.json")).unwrap()
    }

    fn row(sample: &Sample) -> MonthSample {
        let found = Found {
            sha256: "ab",
            started_at: UtcMicros(1_790_000_000_000_000),
            received_at: UtcMicros(1_790_000_009_000_000),
            attested: true,
            commune: Some("25195"),
            province: Some("75"),
            upload_asn: Some(45899),
        };
        of(sample, &found)
    }

    #[test]
    fn the_row_says_what_the_sample_and_the_collector_say() {
        let sample = sample();
        let row = row(&sample);
        assert_eq!((row.id, row.device_id.as_str()), (sample.id, sample.device.id.as_str()));
        assert_eq!((row.commune.as_deref(), row.province.as_deref()), (Some("25195"), Some("75")));
        assert_eq!(row.started_at.as_micros(), 1_790_000_000_000_000, "the server's clock, not the phone's");
        assert_eq!(row.operator, "viettel", "the serving network goes before the upload's");
        assert_eq!(row.brand, None, "Viettel's own SIM");
        assert_eq!(row.technology, RadioTechnology::G5Nsa);
        assert_eq!(row.campaign.as_deref(), Some("dong-nai-2026-11"));
        assert_eq!(row.cell.map(|cell| cell.to_string()).as_deref(), Some("c6413_58224"));
        assert_eq!(row.down_bps, sample.down.as_ref().and_then(|d| d.goodput_bps));
        assert_eq!((row.idle_ms, row.loaded_down_ms, row.loaded_up_ms), (Some(27.4), Some(61.0), Some(88.5)));
        assert_eq!(row.pdv_ms, Some(4.2), "server to client, without load");
        assert_eq!(row.echo, PacketCounts { sent: 200, lost: 1 }, "both ways, without load");
        assert_eq!(row.bytes, sample.bytes_down + sample.bytes_up);
        assert!(!row.counts && row.receipt_sequence == 0, "not judged yet");
    }

    #[test]
    fn the_upload_names_the_operator_of_a_phone_that_does_not_and_an_mvno_is_named() {
        let mut sample = sample();
        sample.transport.serving_plmn = None;
        sample.evidence.iter_mut().for_each(|evidence| evidence.asn = None);
        sample.server.as_mut().unwrap().asn = None;
        sample.transport.sim_brand = Some("ITEL".into());
        let row = row(&sample);
        assert_eq!((row.operator.as_str(), row.brand.as_deref()), ("vinaphone", Some("iTel")));
    }

    #[test]
    fn what_was_not_measured_is_nothing_and_a_budget_is_remembered() {
        let mut sample = sample();
        sample.latency = ispeed_protocol::latency::Latency::default();
        sample.radio.start = None;
        sample.up = None;
        sample.down.as_mut().unwrap().stop_reason = StopReason::Bytes;
        let row = row(&sample);
        assert_eq!((row.up_bps, row.idle_ms, row.pdv_ms), (None, None, None));
        assert_eq!(row.echo, PacketCounts::default());
        assert_eq!(row.technology, RadioTechnology::Unknown);
        assert!(row.byte_capped);
        sample.down = None;
        assert!(!super::tests::row(&sample).byte_capped);
    }

    #[test]
    fn verdict_and_receipt_are_filled_in() {
        let vector: serde_json::Value =
            serde_json::from_str(include_str!("../../protocol/vectors/receipt.json")).unwrap();
        let receipt: Receipt = serde_json::from_value(vector["receipt"].clone()).unwrap();
        let verdict = Verdict { counts: false, reasons: vec!["vpn".into(), "late".into()], rules: 3 };
        let row = decided(row(&sample()), &verdict, &receipt);
        assert_eq!((row.reasons.as_slice(), row.rules), (&verdict.reasons[..], 3));
        assert_eq!((row.receipt_key, row.receipt_sequence), (receipt.key, receipt.sequence));
    }
}
