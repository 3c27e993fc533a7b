//! A narrow row that counts, for the tests of this module.

use ispeed_protocol::Sample;
use ispeed_protocol::device::RadioTechnology;
use ispeed_report::MonthSample;
use uuid::Uuid;

use crate::facts::{self, Found};

/// The `n`th sample, by a device, on 2026-11-23 in Phường Bình Phước, without a cell.
pub(crate) fn sample(n: u128, device: u8) -> MonthSample {
    let sample: Sample = serde_json::from_str(include_str!("../../../../protocol/vectors/sample.json")).unwrap();
    let at = "2026-11-23T02:00:00Z".parse().unwrap();
    let found = Found {
        sha256: "",
        started_at: at,
        received_at: at,
        attested: true,
        commune: Some("25195"),
        province: Some("75"),
        upload_asn: None,
    };
    MonthSample {
        id: Uuid::from_u128(n),
        device_id: format!("{device:032x}"),
        counts: true,
        cell: None,
        operator: "viettel".into(),
        technology: RadioTechnology::G4,
        campaign: None,
        ..facts::of(&sample, &found)
    }
}
