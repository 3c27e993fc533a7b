//! Months of made-up samples.

use ispeed_protocol::Month;
use ispeed_protocol::cell::Cell;
use ispeed_protocol::device::{MeasurerKind, RadioTechnology};
use ispeed_protocol::sample::Outcome;
use uuid::Uuid;

use crate::history::History;
use crate::place::Place;
use crate::sample::PacketCounts;
use crate::settings::Settings;
use crate::stats::random::Random;
use crate::{MonthComputer, MonthSample, NationMonth, ProvinceMonth};

pub(super) fn month() -> Month {
    "2026-11".parse().unwrap()
}

/// Communes of two digits of province and three of number.
pub(crate) fn places(provinces: u32, communes_each: u32) -> Vec<Place> {
    let place = |province: u32, commune: u32| Place {
        code: format!("{:02}{commune:03}", province + 10),
        name: format!("Xã {commune}"),
        province_code: format!("{:02}", province + 10),
        province_name: format!("tỉnh {province}"),
        area_km2: None,
    };
    (0..provinces).flat_map(|p| (0..communes_each).map(move |c| place(p, c))).collect()
}

/// A counted 4G sample of Viettel.
pub(crate) fn sample(number: u128, place: &Place, device: &str) -> MonthSample {
    let started_at = month().start().plus_micros(3_600_000_000 * (number % 600) as i64);
    MonthSample {
        id: Uuid::from_u128(number),
        sha256: String::new(),
        device_id: device.to_owned(),
        started_at,
        received_at: started_at.plus_micros(60_000_000),
        receipt_key: String::new(),
        receipt_sequence: number as u64,
        outcome: Outcome::Complete,
        counts: true,
        reasons: Vec::new(),
        rules: 1,
        attested: true,
        commune: Some(place.code.clone()),
        province: Some(place.province_code.clone()),
        cell: Some(Cell { row: 6423, column: 58211 + (number % 9) as i32 }),
        operator: "viettel".to_owned(),
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
        loaded_down_ms: Some(90.0),
        loaded_up_ms: Some(120.0),
        pdv_ms: Some(8.0),
        echo: PacketCounts { sent: 400, lost: 0 },
        bytes: 40_000_000,
        simulated: false,
        synthetic: true,
    }
}

pub(super) fn excluded(mut sample: MonthSample, outcome: Outcome, reasons: &[&str]) -> MonthSample {
    sample.outcome = outcome;
    sample.counts = false;
    sample.reasons = reasons.iter().map(|r| (*r).to_owned()).collect();
    if outcome != Outcome::Complete {
        (sample.down_bps, sample.up_bps) = (None, None);
    }
    sample
}

/// Writes a sample like those of a real month over it.
pub(super) fn vary(random: &mut Random, sample: &mut MonthSample) {
    let pick = random.uniform();
    let (operator, factor) = match pick {
        p if p < 0.5 => ("viettel", 1.4),
        p if p < 0.75 => ("vinaphone", 1.0),
        p if p < 0.93 => ("mobifone", 0.9),
        p if p < 0.98 => ("vietnamobile", 0.5),
        _ => ("unknown", 0.8),
    };
    sample.operator = operator.to_owned();
    let five = random.uniform() < 0.25;
    sample.technology = if five { RadioTechnology::G5Nsa } else { RadioTechnology::G4 };
    sample.down_bps = Some(30e6 * factor * if five { 8.0 } else { 1.0 } * random.lognormal(0.9));
    sample.up_bps = Some(12e6 * factor * random.lognormal(0.8));
    sample.byte_capped = five && random.uniform() < 0.2;
    sample.idle_ms = Some(35.0 * random.lognormal(0.4));
    sample.loaded_up_ms = (random.uniform() < 0.9).then(|| 150.0 * random.lognormal(0.7));
    sample.echo.lost = (random.uniform().powi(12) * 60.0) as u32;
    sample.cell = Some(Cell { row: 6000 + (random.next() % 12) as i32, column: 58000 + (random.next() % 12) as i32 });
    sample.measurer = match random.next() % 8 {
        0 | 1 => MeasurerKind::Official,
        2 => MeasurerKind::Operator,
        _ => MeasurerKind::Citizen,
    };
    sample.first_run = random.next().is_multiple_of(30);
    let fate = random.uniform();
    if fate < 0.04 {
        *sample = excluded(sample.clone(), Outcome::NoService, &["no_service", "operator_unknown"]);
    } else if fate < 0.10 {
        *sample = excluded(sample.clone(), Outcome::Complete, &["vpn", "position_stale"]);
    } else if fate < 0.12 {
        sample.received_at = Settings::default().cut_off(month()).plus_micros(1);
    }
}

/// A sample of a large month, made one at a time: `each` for every commune, by devices of very unequal diligence.
pub(super) fn made(random: &mut Random, number: u128, place: &Place, devices: u32) -> MonthSample {
    let device = (f64::from(devices) * random.uniform().powi(2)) as u32;
    let mut made = sample(number, place, &format!("{:0>27}{device:05}", place.code));
    vary(random, &mut made);
    made
}

pub(super) fn made_month(seed: u64, places: &[Place], each: u128) -> Vec<MonthSample> {
    let mut random = Random::new(seed);
    let mut out = Vec::new();
    for (at, place) in places.iter().enumerate() {
        // Some communes with hardly anybody, some with nobody.
        let devices = [0, 3, 40, 25][at % 4];
        for number in 0..if devices == 0 { 0 } else { each } {
            out.push(made(&mut random, at as u128 * 1_000_000 + number, place, devices));
        }
    }
    out
}

pub(super) fn run(places: &[Place], samples: &[MonthSample]) -> (Vec<ProvinceMonth>, NationMonth) {
    run_with(Settings::default(), History::default(), places, samples)
}

pub(super) fn run_with(
    settings: Settings,
    history: History,
    places: &[Place],
    samples: &[MonthSample],
) -> (Vec<ProvinceMonth>, NationMonth) {
    let mut computer = MonthComputer::new(settings, month(), places.to_vec(), history).unwrap();
    let mut provinces = Vec::new();
    let mut rest = samples.iter().peekable();
    for code in computer.provinces() {
        while let Some(sample) = rest.next_if(|s| s.province.as_deref().unwrap_or_default() <= code.as_str()) {
            computer.push(sample).unwrap();
        }
        provinces.push(computer.finish_province(&code).unwrap());
    }
    (provinces, computer.finish())
}
