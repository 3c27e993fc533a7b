//! Months of made-up samples, for load tests and rehearsals of a month's close.
//!
//! A month is planned as a whole (who measures when, what comes of it), put in the order in which a collector would have
//! received it, and made sample by sample. The same seed gives the same rows on every machine and in every database: chance
//! is `random`'s own, and each sample has a stream of its own, so that threads cannot change it. Only the cells depend on
//! more than the seed: where the data folder has a boundary bundle, they lie within the communes' borders, else around their
//! centres.
//!
//! What is made: devices that belong to a commune, few heavy and many light; lognormal speeds by technology, network, commune,
//! cell, device and hour, so that samples of one device and of one place are alike; cells a network hardly reaches; failed
//! attempts; every usual reason for exclusion; virtual operators; campaigns and pairs; a desk with 300 taps; staff beside a
//! tower; samples that come in after the cut-off. Every body is a valid sample and says `synthetic`; the real rules judge
//! it, told that the signatures were good, and the data folder's own key signs real, chained receipts.

mod figures;
mod people;
mod random;
mod sample;
mod schedule;
#[cfg(test)]
mod tests;
mod world;
mod write;

use std::ops::Range;

use ispeed_commune::gazetteer;
use ispeed_protocol::Month;
use ispeed_protocol::signing::{SignatureError, sha256_hex};
use ispeed_protocol::verdict::Verdict;
use ispeed_report::MonthSample;
use thiserror::Error;

use self::people::{Device, Habit};
use self::random::Random;
use self::schedule::{Attempt, Days};
use self::world::Place;
pub use self::write::{Written, write};
use crate::collect::Communes;
use crate::facts;
use crate::store::StoreError;

/// Most samples of one month: the plan of as many needs about 3 GB.
pub const SAMPLES_MAX: u64 = 100_000_000;

/// Why a month was not made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SynthError {
    /// A number of samples that cannot be.
    #[error("samples is {0}; expected 1 to {SAMPLES_MAX}")]
    Samples(u64),
    /// A province nobody knows.
    #[error("province is {0:?}, which has no communes in this table; expected two digits, such as 75")]
    Province(String),
    /// The store holds samples that were not made here.
    #[error(
        "the store holds {0} samples that `admin synth` did not make, or lost count of; made-up months go into a store of their own"
    )]
    Real(u64),
    /// The same month was made before.
    #[error("month {0} with seed {1} is in the store already; take another seed or another month")]
    Again(Month, u64),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A receipt could not be signed.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Making samples panicked.
    #[error("making samples was given up: it panicked")]
    Panicked,
}

/// What to make.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MonthSpec {
    /// The month.
    pub month: Month,
    /// How many samples, of all kinds.
    pub samples: u64,
    /// Another seed, another country.
    pub seed: u64,
    /// Only this province.
    pub province: Option<String>,
}

/// A planned month.
pub struct Synth {
    spec: MonthSpec,
    table: String,
    places: Vec<Place>,
    devices: Vec<Device>,
    /// In the order in which they come in.
    attempts: Vec<Attempt>,
}

/// A sample that waits for its receipt.
#[derive(Clone, PartialEq, Debug)]
pub struct Unsigned {
    /// Its row, not yet decided.
    pub facts: MonthSample,
    /// Body.
    pub body: Vec<u8>,
    /// Verdict of the rules.
    pub verdict: Verdict,
}

impl Synth {
    /// Plans a month.
    ///
    /// # Errors
    /// The number of samples or the province cannot be.
    pub fn plan(spec: MonthSpec, communes: &Communes) -> Result<Self, SynthError> {
        if !(1..=SAMPLES_MAX).contains(&spec.samples) {
            return Err(SynthError::Samples(spec.samples));
        }
        let mut places = world::places(spec.seed, communes, spec.province.as_deref());
        places.retain(|place| !place.spots.is_empty());
        if places.is_empty() {
            return Err(SynthError::Province(spec.province.unwrap_or_default()));
        }
        let table = communes.table().unwrap_or(gazetteer::table_name()).to_owned();
        let mut synth = Self { spec, table, places, devices: Vec::new(), attempts: Vec::new() };
        synth.attempts.reserve_exact(synth.spec.samples as usize);
        for (at, samples) in synth.parts().into_iter().enumerate() {
            synth.people_of(at, samples);
        }
        synth.attempts.sort_unstable_by_key(|attempt| (attempt.received_s(), attempt.device, attempt.number));
        Ok(synth)
    }

    /// How many samples.
    pub fn len(&self) -> usize {
        self.attempts.len()
    }

    /// Whether there are none; there never are.
    pub fn is_empty(&self) -> bool {
        self.attempts.is_empty()
    }

    /// How many devices they come from.
    pub fn devices(&self) -> usize {
        self.devices.len()
    }

    /// What was asked for.
    pub fn spec(&self) -> &MonthSpec {
        &self.spec
    }

    /// Samples by place: each its part by weight, in all exactly as many as were asked for.
    fn parts(&self) -> Vec<u64> {
        let all: u128 = self.places.iter().map(|place| u128::from(place.weight)).sum();
        let (mut weight, mut given) = (0u128, 0u64);
        let part = |place: &Place| {
            weight += u128::from(place.weight);
            let upto = (u128::from(self.spec.samples) * weight / all) as u64;
            let part = upto - given;
            given = upto;
            part
        };
        self.places.iter().map(part).collect()
    }

    /// Adds the devices of a place and their attempts.
    fn people_of(&mut self, place_at: usize, samples: u64) {
        let (month, seed, days) = (self.spec.month, self.spec.seed, Days::of(self.spec.month));
        let place = &self.places[place_at];
        let (mut left, mut number) = (samples, 0);
        while left > 0 {
            let (mut device, takes, mut random) = people::device(seed, month, place_at as u32, place, number, left);
            number += 1;
            left -= takes;
            let starts = schedule::starts(&mut random, device.habit, place, takes, days);
            device.paired = place.campaign && device.habit == Habit::Official && takes <= left && random.chance(0.3);
            let at = self.devices.len() as u32;
            schedule::attempts(&mut random, place, &device, at, &starts, days, &mut self.attempts);
            let partner = device.paired.then(|| people::partner(seed, month, place, &device, at, number));
            self.devices.push(device);
            if let Some(partner) = partner {
                number += 1;
                left -= takes;
                let shifted: Vec<(u32, u8)> =
                    starts.iter().map(|(ms, spot)| (beside(*ms, &mut random), *spot)).collect();
                schedule::attempts(&mut random, place, &partner, at + 1, &shifted, days, &mut self.attempts);
                self.devices.push(partner);
            }
        }
    }

    /// Makes the samples of a range, in order.
    pub fn samples(&self, range: Range<usize>) -> Vec<Unsigned> {
        self.attempts[range].iter().map(|attempt| self.sample(attempt)).collect()
    }

    fn sample(&self, attempt: &Attempt) -> Unsigned {
        let device = &self.devices[attempt.device as usize];
        let place = &self.places[device.place as usize];
        let (seed, month) = (self.spec.seed, self.spec.month);
        let made = sample::make(&sample::Setting { seed, month, table: &self.table, place, device, attempt });
        let body = small(&made.sample);
        let commune = made.sample.place.code.as_deref();
        let found = facts::Found {
            sha256: &sha256_hex(&body),
            started_at: made.sample.started_at,
            received_at: made.received_at,
            attested: made.attested,
            commune,
            province: commune.map(|_| place.province.as_str()),
            upload_asn: None,
        };
        Unsigned { facts: facts::of(&made.sample, &found), body, verdict: made.verdict }
    }
}

/// Within a second of the other phone.
fn beside(started_ms: u32, random: &mut Random) -> u32 {
    (started_ms + random.below(900) as u32).saturating_sub(450)
}

/// The body without its `null`s, which mean the same as nothing.
fn small(sample: &ispeed_protocol::Sample) -> Vec<u8> {
    fn prune(value: &mut serde_json::Value) {
        if let serde_json::Value::Object(members) = value {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(prune);
        }
    }
    let mut value = serde_json::to_value(sample).expect("a sample has text keys only");
    prune(&mut value);
    serde_json::to_vec(&value).expect("a value of JSON is JSON")
}
