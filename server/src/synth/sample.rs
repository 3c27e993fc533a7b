//! One attempt as the sample a phone would have handed in: valid by the protocol, judged by the real rules, without series.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ispeed_protocol::consent::{Consent, Share};
use ispeed_protocol::device::{
    Device as PhoneFacts, Measurer, MeasurerKind, Program, Radio, RadioSpan, Surroundings, Transport, TransportKind,
};
use ispeed_protocol::place::{Candidate, Fix, FixSource, Fixes, Place as Resolved, PlaceVerdict};
use ispeed_protocol::sample::{Clock, MachineContext, Outcome, Sample};
use ispeed_protocol::servers::{ServerClass, UsedServer};
use ispeed_protocol::signing::sha256_hex;
use ispeed_protocol::verdict::Verdict;
use ispeed_protocol::{Month, PROTOCOL_VERSION, UtcMicros};
use ispeed_verdict::{Context, EvidenceState, RULES_VERSION, ServerState, judge};
use uuid::Uuid;

use super::figures::{self, Figures};
use super::people::{Device, month_key};
use super::random::Random;
use super::schedule::{Attempt, CUTOFF_DAYS, Course};
use super::world::{NETWORKS, Place};

/// Text of the consent that nobody gave.
const CONSENT: &str = "synthetic";
/// Version that the phones claim: not that of this program, or every release would make other months.
const VERSION: &str = "0.1.0";
/// Test point of the made-up country.
const SERVER: &str = "hcm-vnix-1";
const OTHER_SERVER: &str = "hn-vnix-1";

/// What makes a sample.
pub(super) struct Setting<'a> {
    pub(super) seed: u64,
    pub(super) month: Month,
    /// Boundary table the phones had.
    pub(super) table: &'a str,
    pub(super) place: &'a Place,
    pub(super) device: &'a Device,
    pub(super) attempt: &'a Attempt,
}

/// A sample, when it was taken in, and what a collector says of it.
pub(super) struct Made {
    pub(super) sample: Sample,
    pub(super) received_at: UtcMicros,
    pub(super) attested: bool,
    pub(super) verdict: Verdict,
}

/// Makes the sample of an attempt.
pub(super) fn make(setting: &Setting<'_>) -> Made {
    let Setting { seed, month, place, attempt, .. } = setting;
    let parts = [*seed, month_key(*month), place.key, u64::from(attempt.device), u64::from(attempt.number), 3];
    let mut random = Random::of(&parts);
    let started_at =
        month.start().plus_micros(i64::from(attempt.started_ms) * 1_000 + random.below(1_000).cast_signed());
    let received_at = started_at.plus_micros(i64::from(attempt.delay_s) * 1_000_000);
    let figures = figures::figures(&mut random, setting);
    let mut sample = bare(setting, started_at, &figures, &mut random);
    sample.id = id(started_at, &mut random);
    let (outcome, reason) = outcome(attempt.course);
    (sample.outcome, sample.outcome_reason) = (outcome, reason.map(str::to_owned));
    (sample.place, sample.fixes) = where_it_was(setting, &mut random);
    apply(setting, &mut sample);
    figures.fill(&mut sample);
    let attested = matches!(outcome, Outcome::Complete | Outcome::Partial);
    let verdict = judged(setting, &sample, received_at);
    sample.verdict = verdict.clone();
    sample.synthetic = true;
    Made { sample, received_at, attested, verdict }
}

/// The real rules, told that a measuring end and the device signed: nobody did, and the sample says that it is synthetic.
fn judged(setting: &Setting<'_>, sample: &Sample, received_at: UtcMicros) -> Verdict {
    let mut context = Context::collector(received_at);
    context.evidence = EvidenceState::Valid;
    context.server = ServerState::Approved(ServerClass::Vnix);
    context.signed = Some(true);
    context.commune_area_km2 = setting.place.area_km2;
    context.cutoff = Some(setting.month.end().plus_micros(i64::from(CUTOFF_DAYS) * 86_400_000_000));
    context.device_counted_today_in_commune = setting.attempt.counted_today.into();
    context.seconds_to_nearest_counted = Some(setting.attempt.since_counted_s.into());
    judge(sample, &context)
}

/// What every sample says, whatever came of it.
fn bare(setting: &Setting<'_>, started_at: UtcMicros, figures: &Figures, random: &mut Random) -> Sample {
    let (device, attempt) = (setting.device, setting.attempt);
    Sample {
        protocol: PROTOCOL_VERSION,
        id: Uuid::nil(),
        outcome: Outcome::Complete,
        outcome_reason: None,
        started_at,
        ended_at: started_at.plus_micros(figures.run_us),
        clock: Some(Clock { offset_ms: random.between(0, 400) as f64 - 200.0, round_trip_ms: 28.0, corrected: true }),
        consent: Consent {
            version: CONSENT.to_owned(),
            at: setting.month.start(),
            run: true,
            share: Share::Commune,
            upload: true,
        },
        device: phone(setting),
        measurer: measurer(setting),
        campaign: campaign(setting),
        pair_id: pair_id(setting),
        place: Resolved::unknown(),
        cell: Some(setting.place.spots[usize::from(attempt.spot)].cell),
        fixes: Fixes::default(),
        radio: RadioSpan { start: Some(radio(setting)), end: None },
        transport: transport(setting),
        surroundings: surroundings(random),
        server: Some(server(setting)),
        latency: Default::default(),
        down: None,
        up: None,
        down_sender_series: None,
        bytes_down: 0,
        bytes_up: 0,
        machine: MachineContext::default(),
        evidence: Vec::new(),
        verdict: Verdict { counts: true, reasons: Vec::new(), rules: RULES_VERSION },
        simulated: false,
        synthetic: false,
        method: ispeed_meter::params::METHOD_VERSION,
        program: Program {
            name: if device.ios { "ispeed-ios" } else { "ispeed-android" }.to_owned(),
            version: VERSION.to_owned(),
            build: None,
        },
    }
}

/// UUIDv7 (RFC 9562 section 5.7).
fn id(started_at: UtcMicros, random: &mut Random) -> Uuid {
    let ms = u128::from((started_at.as_micros() / 1_000).unsigned_abs());
    let chance = (u128::from(random.bits()) << 64) | u128::from(random.bits());
    let fields = (ms << 80) | (chance & ((1 << 80) - 1));
    let version = (fields & !(0xf << 76)) | (7 << 76);
    Uuid::from_u128((version & !(0b11 << 62)) | (0b10 << 62))
}

fn outcome(course: Course) -> (Outcome, Option<&'static str>) {
    match course {
        Course::Partial => (Outcome::Partial, Some("lost_mid_run")),
        Course::NoService => (Outcome::NoService, Some("no_route")),
        Course::ServerFailed => (Outcome::ServerFailed, Some("timeout")),
        Course::Aborted => (Outcome::Aborted, Some("cancelled")),
        _ => (Outcome::Complete, None),
    }
}

fn phone(setting: &Setting<'_>) -> PhoneFacts {
    let device = setting.device;
    PhoneFacts {
        key: URL_SAFE_NO_PAD.encode(device.key),
        id: sha256_hex(&device.key)[..32].to_owned(),
        platform: if device.ios { "ios" } else { "android" }.to_owned(),
        os_version: None,
        model: None,
        first_run: device.new && setting.attempt.number == 0,
    }
}

fn measurer(setting: &Setting<'_>) -> Measurer {
    let kind = setting.device.habit.role();
    let role_code = (kind == MeasurerKind::Official).then(|| format!("to-cnsc-{}", setting.place.code));
    Measurer { kind, role_code }
}

fn campaign(setting: &Setting<'_>) -> Option<String> {
    let takes_part = setting.place.campaign && setting.device.habit.role() == MeasurerKind::Official;
    takes_part.then(|| format!("dot-do-{}-{}", setting.place.province, setting.month))
}

fn pair_id(setting: &Setting<'_>) -> Option<String> {
    let first = setting.device.pair_of.or_else(|| setting.device.paired.then_some(setting.attempt.device))?;
    Some(format!("cap-{}-{first}-{}", setting.place.code, setting.attempt.number))
}

fn radio(setting: &Setting<'_>) -> Radio {
    Radio {
        technology: setting.attempt.technology,
        rsrp_dbm: None,
        rsrq_db: None,
        sinr_db: None,
        cell_id: None,
        pci: None,
        area_code: None,
        arfcn: None,
        band: None,
        missing: None,
    }
}

fn transport(setting: &Setting<'_>) -> Transport {
    let network = &NETWORKS[usize::from(setting.device.network)];
    let guest = setting.device.guest.map(|guest| network.guests[usize::from(guest)]);
    let (brand, sim_plmn) = guest.unwrap_or((network.brand, network.plmn));
    Transport {
        kind: TransportKind::Cellular,
        vpn: Some(false),
        roaming: Some(false),
        serving_plmn: (!setting.device.ios).then(|| network.plmn.to_owned()),
        sim_plmn: (!setting.device.ios).then(|| sim_plmn.to_owned()),
        sim_brand: (!setting.device.ios).then(|| brand.to_owned()),
        ..Transport::default()
    }
}

fn server(setting: &Setting<'_>) -> UsedServer {
    // By the middle of the country: provinces of the north have the lower codes.
    let north = setting.place.province.as_str() < "45";
    UsedServer {
        id: if north { OTHER_SERVER } else { SERVER }.to_owned(),
        class: Some(ServerClass::Vnix),
        automatic: true,
        candidates: Vec::new(),
        family: Some("ipv6".to_owned()),
        network_prefix: None,
        asn: Some(NETWORKS[usize::from(setting.device.network)].asn),
        cipher: None,
    }
}

fn surroundings(random: &mut Random) -> Option<Surroundings> {
    match random.pick(&[0.42, 0.38, 0.1, 0.1]) {
        0 => Some(Surroundings::Indoor),
        1 => Some(Surroundings::Outdoor),
        2 => Some(Surroundings::Moving),
        _ => None,
    }
}

fn where_it_was(setting: &Setting<'_>, random: &mut Random) -> (Resolved, Fixes) {
    let course = setting.attempt.course;
    let code = setting.place.code.clone();
    let mut place = Resolved {
        verdict: PlaceVerdict::Certain,
        code: Some(code.clone()),
        candidates: vec![Candidate { code, distance_m: 0.0 }],
        border_m: None,
        table: Some(setting.table.to_owned()),
    };
    let mut fix = Fix {
        lat: None,
        lon: None,
        accuracy_m: Some(random.between(4, 35) as f64),
        at: None,
        age_ms: Some(random.between(200, 9_000)),
        speed_mps: None,
        altitude_m: None,
        mock: (!setting.device.ios).then_some(false),
        source: FixSource::Fused,
    };
    match course {
        Course::Ambiguous => place.verdict = PlaceVerdict::Ambiguous,
        Course::Outside => {
            (place.verdict, place.code) = (PlaceVerdict::Outside, None);
            place.candidates[0].distance_m = 850.0;
        }
        Course::Mocked => fix.mock = Some(true),
        Course::Stale => fix.age_ms = Some(random.between(65_000, 900_000)),
        Course::Inaccurate => fix.accuracy_m = Some(random.between(120, 1_500) as f64),
        _ => {}
    }
    (place, Fixes { start: Some(fix), ..Fixes::default() })
}

/// What went wrong, in the facts.
fn apply(setting: &Setting<'_>, sample: &mut Sample) {
    let foreign = setting.place.foreign.unwrap_or("456-06").to_owned();
    match setting.attempt.course {
        Course::NoService => {
            sample.clock = None;
            sample.server = None;
        }
        Course::Wifi => {
            sample.transport.kind = TransportKind::Wifi;
            (sample.transport.serving_plmn, sample.radio.start) = (None, None);
        }
        Course::Vpn => sample.transport.vpn = Some(true),
        Course::Foreign => {
            sample.transport.serving_plmn = Some(foreign);
            sample.transport.roaming = Some(true);
        }
        Course::Roaming => {
            (sample.transport.sim_plmn, sample.transport.sim_brand) = (Some(foreign), None);
            sample.transport.roaming = Some(true);
        }
        Course::Outside => sample.cell = None,
        Course::NotShared => {
            sample.consent.share = Share::None;
            (sample.place, sample.cell) = (Resolved::unknown(), None);
        }
        _ => {}
    }
}
