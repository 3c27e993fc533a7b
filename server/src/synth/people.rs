//! The devices of a commune: how often, in which role and with which network their people measure.

use ispeed_protocol::Month;
use ispeed_protocol::device::MeasurerKind;
use ispeed_protocol::identity::device_key;

use super::random::{Random, thousandth};
use super::world::{NETWORKS, Place};

/// How a person measures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Habit {
    /// Now and then.
    Light,
    /// A community digital team that goes from place to place.
    Official,
    /// Somebody who likes it.
    Heavy,
    /// An unattended probe.
    Probe,
    /// Staff of an operator, beside a tower.
    Staff,
    /// One device, one desk, 300 taps.
    Desk,
}

impl Habit {
    /// Samples a month.
    fn samples(self, random: &mut Random) -> u64 {
        match self {
            Self::Light => 1 + (random.waiting(1.8) as u64).min(11),
            Self::Official => random.between(6, 30),
            Self::Heavy => random.between(40, 140),
            Self::Probe => random.between(80, 240),
            Self::Staff => random.between(15, 45),
            Self::Desk => 300,
        }
    }

    pub(super) fn role(self) -> MeasurerKind {
        match self {
            Self::Light | Self::Heavy => MeasurerKind::Citizen,
            Self::Official | Self::Desk => MeasurerKind::Official,
            Self::Probe => MeasurerKind::Probe,
            Self::Staff => MeasurerKind::Operator,
        }
    }
}

/// A device in its month.
#[derive(Clone, Debug)]
pub(super) struct Device {
    /// Place in the list of places.
    pub(super) place: u32,
    pub(super) habit: Habit,
    /// Place in [`NETWORKS`].
    pub(super) network: u8,
    /// Place in the network's guests, if the SIM is of one of them.
    pub(super) guest: Option<u8>,
    pub(super) ios: bool,
    pub(super) can_5g: bool,
    /// Its position is a lie.
    pub(super) mocks: bool,
    /// How much better than others it measures: antenna, home, contract. This is what makes samples of one device alike.
    pub(super) factor: f64,
    /// First of its installation.
    pub(super) new: bool,
    /// The first device of a pair: this one measures whenever that one does.
    pub(super) pair_of: Option<u32>,
    /// Another device measures whenever this one does.
    pub(super) paired: bool,
    /// Monthly public key.
    pub(super) key: [u8; 32],
}

/// Deviation of the logarithm of [`Device::factor`].
const DEVICE_SIGMA: f64 = 0.4;

/// A device and how many samples it gives, `left` at most.
pub(super) fn device(
    seed: u64,
    month: Month,
    place_at: u32,
    place: &Place,
    number: u64,
    left: u64,
) -> (Device, u64, Random) {
    let mut random = Random::of(&[seed, month_key(month), place.key, number]);
    let habit = match number {
        0 if place.desk => Habit::Desk,
        1..=4 if place.staff => Habit::Staff,
        _ => [Habit::Light, Habit::Official, Habit::Heavy, Habit::Probe, Habit::Staff]
            [random.pick(&[0.85, 0.115, 0.018, 0.004, 0.013])],
    };
    let samples = habit.samples(&mut random).min(left);
    let network = random.pick(&place.shares);
    let guests = NETWORKS[network].guests.len() as u64;
    let guest = (guests > 0 && random.chance(0.09)).then(|| random.below(guests) as u8);
    let device = Device {
        place: place_at,
        habit,
        network: network as u8,
        guest,
        ios: habit != Habit::Probe && random.chance(0.3),
        can_5g: NETWORKS[network].down_mbps[1] > 0.0 && random.chance(0.5),
        mocks: habit == Habit::Light && random.chance(0.006),
        factor: thousandth(random.factor(DEVICE_SIGMA)),
        new: random.chance(0.3),
        pair_of: None,
        paired: false,
        key: key(&mut random, month),
    };
    (device, samples, random)
}

/// The second device of a pair: another network, the same hand.
pub(super) fn partner(seed: u64, month: Month, place: &Place, first: &Device, first_at: u32, number: u64) -> Device {
    let mut random = Random::of(&[seed, month_key(month), place.key, number]);
    let network = (usize::from(first.network) + 1 + random.below(2) as usize) % 3;
    Device {
        network: network as u8,
        guest: None,
        can_5g: true,
        ios: false,
        factor: thousandth(random.factor(DEVICE_SIGMA)),
        new: false,
        pair_of: Some(first_at),
        paired: false,
        key: key(&mut random, month),
        ..first.clone()
    }
}

pub(super) fn month_key(month: Month) -> u64 {
    month.year.unsigned_abs() as u64 * 12 + u64::from(month.month)
}

fn key(random: &mut Random, month: Month) -> [u8; 32] {
    let mut secret = [0; 32];
    secret.chunks_exact_mut(8).for_each(|chunk| chunk.copy_from_slice(&random.bits().to_le_bytes()));
    *device_key(&secret, month).public().bytes()
}
