//! When a device measures, where, and what comes of each attempt.

use ispeed_protocol::Month;
use ispeed_protocol::device::RadioTechnology;
use ispeed_protocol::plan::UPLOAD_CUTOFF_DAY;
use ispeed_verdict::limits::SPACING;

use super::people::{Device, Habit};
use super::random::Random;
use super::world::Place;

/// What comes of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Course {
    /// It counts, unless there are too many of it.
    Good,
    /// Ended by the byte budget; counts.
    Capped,
    Partial,
    NoService,
    ServerFailed,
    Aborted,
    Wifi,
    Vpn,
    Mocked,
    /// Near a border.
    Ambiguous,
    Outside,
    /// A foreign network near the frontier.
    Foreign,
    /// The SIM is from abroad.
    Roaming,
    Stale,
    Inaccurate,
    Unsaturated,
    NotShared,
}

impl Course {
    /// Nothing but the spacing and the cut-off can object.
    pub(super) fn may_count(self) -> bool {
        matches!(self, Self::Good | Self::Capped)
    }
}

/// Days after the end of a month in which its samples still come in time, as the close of a month has it unless it is told
/// otherwise (`ispeed_report::Settings`).
pub(super) const CUTOFF_DAYS: u32 = UPLOAD_CUTOFF_DAY as u32;

/// One attempt, small enough that ten million of them fit in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Attempt {
    /// Milliseconds after the start of the month.
    pub(super) started_ms: u32,
    /// Seconds from its start until the collector has it.
    pub(super) delay_s: u32,
    /// Place in the list of devices.
    pub(super) device: u32,
    /// Number of the attempt of the device.
    pub(super) number: u16,
    /// Place in the commune's spots.
    pub(super) spot: u8,
    pub(super) course: Course,
    pub(super) technology: RadioTechnology,
    /// Samples of the device that count on this day already.
    pub(super) counted_today: u8,
    /// Seconds since its newest sample that counts; the greatest number for none near.
    pub(super) since_counted_s: u16,
}

impl Attempt {
    /// When the collector has it, seconds after the start of the month.
    pub(super) fn received_s(&self) -> u32 {
        self.started_ms / 1_000 + self.delay_s
    }
}

const DAY_MS: u64 = 86_400_000;

/// Length of a month.
#[derive(Clone, Copy, Debug)]
pub(super) struct Days {
    days: u64,
    /// Day of the week of the first, 0 Monday.
    first: u64,
}

impl Days {
    pub(super) fn of(month: Month) -> Self {
        let length_us = month.end().micros_since(month.start()).unsigned_abs();
        let first = month.start().in_vietnam().date().weekday().to_monday_zero_offset();
        Self { days: length_us / (DAY_MS * 1_000), first: first.unsigned_abs().into() }
    }

    fn is_weekend(self, day: u64) -> bool {
        (self.first + day) % 7 >= 5
    }

    fn end_ms(self) -> u64 {
        self.days * DAY_MS
    }

    /// A sample that takes this long to come in comes after the cut-off, wherever in the month it was taken.
    fn late_s(self, random: &mut Random) -> u32 {
        let cutoff = self.days + u64::from(CUTOFF_DAYS);
        (cutoff * 86_400 + random.below(12 * 86_400)) as u32
    }
}

/// Chance that a run begins in an hour: people, officials, probes.
const HOURS: [[f64; 24]; 3] = [
    [1., 0.5, 0.3, 0.2, 0.3, 1., 3., 5., 6., 6., 6., 7., 6., 5., 5., 5., 6., 7., 8., 10., 11., 10., 6., 3.],
    [0., 0., 0., 0., 0., 0., 1., 6., 12., 13., 11., 3., 1., 5., 12., 12., 9., 3., 1., 1., 0.5, 0.2, 0., 0.],
    [1.; 24],
];

/// Starts and spots of a device, in order of time.
pub(super) fn starts(random: &mut Random, habit: Habit, place: &Place, samples: u64, days: Days) -> Vec<(u32, u8)> {
    let mut starts: Vec<(u32, u8)> = Vec::with_capacity(samples as usize);
    let home = spot(random, place);
    while (starts.len() as u64) < samples {
        let left = samples - starts.len() as u64;
        let (mut at_ms, mut spot) = (begin_ms(random, habit, days), session_spot(random, habit, place, home));
        for _ in 0..session(random, habit).min(left) {
            starts.push(((at_ms % days.end_ms()) as u32, spot));
            at_ms += gap_ms(random, habit);
            if habit == Habit::Official && random.chance(0.6) {
                spot = self::spot(random, place);
            }
        }
    }
    starts.sort_unstable();
    starts
}

/// Runs in one go.
fn session(random: &mut Random, habit: Habit) -> u64 {
    match habit {
        Habit::Light => {
            if random.chance(0.65) {
                1
            } else {
                random.between(2, 3)
            }
        }
        Habit::Official => random.between(3, 9),
        Habit::Heavy => random.between(2, 12),
        Habit::Probe => random.between(6, 12),
        Habit::Staff => random.between(5, 15),
        Habit::Desk => random.between(14, 24),
    }
}

fn gap_ms(random: &mut Random, habit: Habit) -> u64 {
    1_000
        * match habit {
            Habit::Light => random.between(45, 900),
            Habit::Official => random.between(100, 420),
            Habit::Heavy => random.between(70, 900),
            Habit::Probe => 3_600,
            Habit::Staff => random.between(125, 260),
            Habit::Desk => random.between(122, 190),
        }
        + random.below(1_000)
}

fn begin_ms(random: &mut Random, habit: Habit, days: Days) -> u64 {
    let works = matches!(habit, Habit::Official | Habit::Staff | Habit::Desk);
    let mut day = random.below(days.days);
    for _ in 0..3 {
        if works && days.is_weekend(day) {
            day = random.below(days.days);
        }
    }
    let hours = match habit {
        Habit::Light | Habit::Heavy => 0,
        Habit::Official | Habit::Staff | Habit::Desk => 1,
        Habit::Probe => 2,
    };
    day * DAY_MS + random.pick(&HOURS[hours]) as u64 * 3_600_000 + random.below(3_600_000)
}

fn session_spot(random: &mut Random, habit: Habit, place: &Place, home: u8) -> u8 {
    let stays = match habit {
        Habit::Light => 0.7,
        Habit::Official => 0.1,
        Habit::Heavy => 0.5,
        Habit::Probe | Habit::Staff | Habit::Desk => 1.0,
    };
    if random.chance(stays) { home } else { spot(random, place) }
}

/// Some spots see many people, most few.
fn spot(random: &mut Random, place: &Place) -> u8 {
    let u = random.unit();
    (u * u * place.spots.len() as f64) as u8
}

/// What comes of the attempts of a device that begin at `starts`.
pub(super) fn attempts(
    random: &mut Random,
    place: &Place,
    device: &Device,
    device_at: u32,
    starts: &[(u32, u8)],
    days: Days,
    out: &mut Vec<Attempt>,
) {
    let mut counted: Vec<u32> = Vec::new();
    for (number, (started_ms, spot)) in starts.iter().enumerate() {
        let technology = technology(random, place, device);
        let course = course(random, place, device, *spot);
        let delay_s = delay_s(random, days, *started_ms);
        let today = |at: u32| u64::from(at) / DAY_MS == u64::from(*started_ms) / DAY_MS;
        let counted_today = counted.iter().rev().take_while(|at| today(**at)).count();
        let since_counted_s = counted.last().map_or(u32::MAX, |last| (started_ms - last) / 1_000);
        let late = u64::from(started_ms / 1_000 + delay_s) > (days.end_ms() / 1_000) + cutoff_s();
        let surplus = counted_today as u32 >= SPACING.per_day || since_counted_s < SPACING.seconds;
        if course.may_count() && !late && !surplus {
            counted.push(*started_ms);
        }
        out.push(Attempt {
            started_ms: *started_ms,
            delay_s,
            device: device_at,
            number: number as u16,
            spot: *spot,
            course,
            technology,
            counted_today: counted_today.min(255) as u8,
            since_counted_s: since_counted_s.min(u16::MAX.into()) as u16,
        });
    }
}

fn cutoff_s() -> u64 {
    u64::from(CUTOFF_DAYS) * 86_400
}

fn delay_s(random: &mut Random, days: Days, started_ms: u32) -> u32 {
    match random.pick(&[0.885, 0.10, 0.009, 0.006]) {
        0 => random.between(18, 90) as u32,
        // No network, or the app is opened again later.
        1 => 90 + random.waiting(5.0 * 3_600.0).min(86_400.0) as u32,
        2 => random.between(1, 8) as u32 * 86_400 + random.below(86_400) as u32,
        _ => days.late_s(random) - started_ms / 1_000,
    }
}

fn technology(random: &mut Random, place: &Place, device: &Device) -> RadioTechnology {
    if device.can_5g && random.chance(place.coverage_5g[usize::from(device.network)]) {
        return match random.pick(&[0.72, 0.22, 0.06]) {
            0 => RadioTechnology::G5Nsa,
            1 => RadioTechnology::G5Sa,
            _ => RadioTechnology::G5,
        };
    }
    match random.pick(&[0.972, 0.022, 0.002, 0.004]) {
        0 => RadioTechnology::G4,
        1 => RadioTechnology::G3,
        2 => RadioTechnology::G2,
        _ => RadioTechnology::Unknown,
    }
}

fn course(random: &mut Random, place: &Place, device: &Device, spot: u8) -> Course {
    let weak = place.spots[usize::from(spot)].weak[usize::from(device.network)];
    let dead = if weak { 0.3 } else { 0.006 };
    if random.chance(dead) {
        return Course::NoService;
    }
    if device.mocks {
        return Course::Mocked;
    }
    if place.foreign.is_some() && random.chance(0.04) {
        return if random.chance(0.8) { Course::Foreign } else { Course::Roaming };
    }
    let people = device.habit != Habit::Probe;
    if people && random.chance(0.04) {
        return Course::Wifi;
    }
    const REST: [(Course, f64); 12] = [
        (Course::Good, 0.852),
        (Course::Capped, 0.04),
        (Course::Partial, 0.012),
        (Course::ServerFailed, 0.016),
        (Course::Aborted, 0.018),
        (Course::Vpn, 0.008),
        (Course::Ambiguous, 0.024),
        (Course::Outside, 0.002),
        (Course::Stale, 0.004),
        (Course::Inaccurate, 0.012),
        (Course::Unsaturated, 0.007),
        (Course::NotShared, 0.005),
    ];
    REST[random.pick(&REST.map(|(_, weight)| weight))].0
}
