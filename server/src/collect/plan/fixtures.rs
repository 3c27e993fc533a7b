//! A narrow row that counts, for the tests of this module.

use ispeed_protocol::device::{MeasurerKind, RadioTechnology};
use ispeed_protocol::sample::Outcome;
use ispeed_report::MonthSample;
use ispeed_report::sample::PacketCounts;
use uuid::Uuid;

/// The `n`th sample, by a device, on 2026-11-23 in Phường Bình Phước.
pub(crate) fn sample(n: u128, device: u8) -> MonthSample {
    let at = "2026-11-23T02:00:00Z".parse().unwrap();
    MonthSample {
        id: Uuid::from_u128(n),
        sha256: String::new(),
        device_id: format!("{device:032x}"),
        started_at: at,
        received_at: at,
        receipt_key: String::new(),
        receipt_sequence: 1,
        outcome: Outcome::Complete,
        counts: true,
        reasons: Vec::new(),
        rules: 2,
        attested: true,
        commune: Some("25195".into()),
        province: Some("75".into()),
        cell: None,
        operator: "viettel".into(),
        brand: None,
        technology: RadioTechnology::G4,
        measurer: MeasurerKind::Citizen,
        campaign: None,
        pair_id: None,
        surroundings: None,
        first_run: false,
        down_bps: Some(40e6),
        up_bps: Some(20e6),
        byte_capped: false,
        idle_ms: Some(30.0),
        loaded_down_ms: Some(60.0),
        loaded_up_ms: Some(80.0),
        pdv_ms: Some(4.0),
        echo: PacketCounts { sent: 100, lost: 0 },
        bytes: 30_000_000,
        simulated: false,
        synthetic: false,
    }
}
