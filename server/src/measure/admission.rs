//! Admission: single use of tokens, and places for runs, taken before anything moves.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ispeed_protocol::time::UtcMicros;
use ispeed_protocol::token::{TOKEN_CLOCK_SLACK_MICROS, TokenClaims, TokenError};
use uuid::Uuid;

use super::guests::Guests;
use super::{MeasureLimits, Refusal};
use crate::limits;

/// Who is in.
#[derive(Debug)]
pub(super) struct Admission {
    limits: MeasureLimits,
    /// Tokens from before are refused: this process does not remember whether they were used.
    started_at: UtcMicros,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    used: UsedTokens,
    runs: usize,
    per_device: HashMap<String, usize>,
    per_prefix: HashMap<String, usize>,
    guests: Guests,
}

/// A run's place; given back when dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    admission: Arc<Admission>,
    device_id: String,
    prefix: String,
}

/// A stream of a client without a token, in a place that it may share; given back when dropped.
#[derive(Debug)]
pub(super) struct GuestSeat {
    admission: Arc<Admission>,
    address: IpAddr,
}

impl Admission {
    pub(super) fn new(limits: MeasureLimits, started_at: UtcMicros) -> Self {
        Self { limits, started_at, state: Mutex::default() }
    }

    /// Consumes a verified token and takes a place. A token is consumed only when there is a place, so that a client
    /// sent away may come back with it.
    ///
    /// `egress_bps` is what the server sends just now, `now` the time.
    pub(super) fn admit(
        self: &Arc<Self>,
        claims: &TokenClaims,
        prefix: &str,
        egress_bps: u64,
        now: UtcMicros,
    ) -> Result<Reservation, Refusal> {
        if claims.issued_at < self.started_at {
            return Err(TokenError::Expired(claims.start_by).into());
        }
        let mut state = self.state();
        state.forget_guests(Instant::now());
        state.used.forget(now);
        if state.used.contains(claims.id) {
            return Err(TokenError::Used.into());
        }
        self.check_places(&state, claims, prefix, egress_bps)?;
        state.used.insert(claims.id, claims.start_by.plus_micros(TOKEN_CLOCK_SLACK_MICROS));
        state.runs += 1;
        *state.per_device.entry(claims.device_id.clone()).or_default() += 1;
        *state.per_prefix.entry(prefix.to_owned()).or_default() += 1;
        drop(state);
        Ok(Reservation { admission: Arc::clone(self), device_id: claims.device_id.clone(), prefix: prefix.to_owned() })
    }

    /// Takes a seat for a stream of a client that has no token. The streams of an address share a place like the flows
    /// of a run, [`limits::INTEROP_STREAMS_PER_PLACE`] at most; the next one takes a further place.
    pub(super) fn admit_guest(
        self: &Arc<Self>,
        address: IpAddr,
        prefix: &str,
        egress_bps: u64,
        now: Instant,
    ) -> Result<GuestSeat, Refusal> {
        let mut state = self.state();
        state.forget_guests(now);
        if state.guests.lacks_a_place(address) {
            self.check_free(&state, prefix, egress_bps)?;
            if state.guests.places() >= self.limits.runs_max.div_ceil(2) {
                return Err(Refusal::Busy("half of all places are taken by tests without a token"));
            }
            state.runs += 1;
            *state.per_prefix.entry(prefix.to_owned()).or_default() += 1;
            state.guests.add_place(address, prefix);
        }
        state.guests.enter(address);
        drop(state);
        Ok(GuestSeat { admission: Arc::clone(self), address })
    }

    fn check_places(&self, state: &State, claims: &TokenClaims, prefix: &str, egress_bps: u64) -> Result<(), Refusal> {
        if state.used.len() >= limits::USED_TOKENS_MAX {
            return Err(Refusal::Busy("too many runs were begun in the last minute"));
        }
        if state.per_device.get(&claims.device_id).copied().unwrap_or(0) >= self.limits.runs_per_device_max {
            return Err(Refusal::Busy("this installation is measuring already"));
        }
        self.check_free(state, prefix, egress_bps)
    }

    fn check_free(&self, state: &State, prefix: &str, egress_bps: u64) -> Result<(), Refusal> {
        if state.runs >= self.limits.runs_max {
            return Err(Refusal::Busy("all places for tests are taken"));
        }
        if state.per_prefix.get(prefix).copied().unwrap_or(0) >= self.limits.runs_per_prefix_max {
            return Err(Refusal::Busy("too many tests from this network at once"));
        }
        if let Some(ceiling_bps) = self.limits.egress_ceiling_bps {
            // What is reserved may not have begun to flow, and what flows may be more than was reserved.
            let taken_bps = egress_bps.max(state.runs as u64 * self.limits.run_reserved_bps);
            if taken_bps + self.limits.run_reserved_bps > ceiling_bps {
                return Err(Refusal::Busy("the server sends as much as it may"));
            }
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Gives back the places of clients without a token that have been quiet.
    fn forget_guests(&mut self, now: Instant) {
        for (prefix, places) in self.guests.forget(now) {
            self.runs -= places;
            count_down(&mut self.per_prefix, &prefix, places);
        }
    }
}

fn count_down(counts: &mut HashMap<String, usize>, key: &str, by: usize) {
    if let Some(n) = counts.get_mut(key) {
        *n -= by;
        if *n == 0 {
            counts.remove(key);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut state = self.admission.state();
        state.runs -= 1;
        count_down(&mut state.per_device, &self.device_id, 1);
        count_down(&mut state.per_prefix, &self.prefix, 1);
    }
}

impl Drop for GuestSeat {
    fn drop(&mut self) {
        self.admission.state().guests.leave(self.address, Instant::now());
    }
}

/// Ids of used tokens until they expire.
#[derive(Debug, Default)]
struct UsedTokens {
    ids: HashSet<Uuid>,
    by_expiry: BTreeMap<(UtcMicros, Uuid), ()>,
}

impl UsedTokens {
    fn contains(&self, id: Uuid) -> bool {
        self.ids.contains(&id)
    }

    fn len(&self) -> usize {
        self.ids.len()
    }

    fn insert(&mut self, id: Uuid, expires: UtcMicros) {
        if self.ids.insert(id) {
            self.by_expiry.insert((expires, id), ());
        }
    }

    fn forget(&mut self, now: UtcMicros) {
        while let Some(entry) = self.by_expiry.first_entry() {
            // `verify` still takes a token in the very microsecond it expires.
            if entry.key().0 >= now {
                return;
            }
            let (_, id) = entry.remove_entry().0;
            self.ids.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMicros = UtcMicros(1_790_000_000_000_000);

    fn claims(id: u128, device: &str) -> TokenClaims {
        TokenClaims {
            id: Uuid::from_u128(id),
            issuer: String::new(),
            audience: "hn1".into(),
            sample_id: Uuid::from_u128(1),
            device_id: device.into(),
            issued_at: NOW,
            start_by: NOW.plus_micros(60_000_000),
            max_bytes_down: 1,
            max_bytes_up: 1,
            max_seconds: 30,
            max_streams: 16,
        }
    }

    fn admission(limits: MeasureLimits) -> Arc<Admission> {
        Arc::new(Admission::new(limits, NOW))
    }

    #[test]
    fn a_token_is_used_once_until_it_cannot_verify_any_more() {
        let admission = admission(MeasureLimits::default());
        drop(admission.admit(&claims(1, "a"), "p", 0, NOW).unwrap());
        for later in [0, 59_000_000, 62_000_000] {
            let again = admission.admit(&claims(1, "a"), "p", 0, NOW.plus_micros(later)).unwrap_err();
            assert_eq!(again, Refusal::Token(TokenError::Used), "{later}");
        }
        admission.state().used.forget(NOW.plus_micros(62_000_001));
        assert_eq!(admission.state().used.len(), 0);
        assert!(admission.state().used.by_expiry.is_empty());
    }

    #[test]
    fn a_token_from_before_the_start_is_refused() {
        let old = TokenClaims { issued_at: NOW.plus_micros(-1), ..claims(1, "a") };
        let refused = admission(MeasureLimits::default()).admit(&old, "p", 0, NOW).unwrap_err();
        assert_eq!(refused.kind(), "token_expired");
    }

    #[test]
    fn who_is_sent_away_keeps_the_token_and_places_come_back() {
        let limits = MeasureLimits { runs_max: 2, runs_per_device_max: 1, ..MeasureLimits::default() };
        let admission = admission(limits);
        let first = admission.admit(&claims(1, "a"), "p", 0, NOW).unwrap();
        assert_eq!(admission.admit(&claims(2, "a"), "p", 0, NOW).unwrap_err().kind(), "busy");
        let second = admission.admit(&claims(3, "b"), "p", 0, NOW).unwrap();
        assert_eq!(admission.admit(&claims(4, "c"), "q", 0, NOW).unwrap_err().kind(), "busy");
        drop(first);
        let again = admission.admit(&claims(2, "a"), "p", 0, NOW).unwrap();
        drop((second, again));
        let state = admission.state();
        assert!(state.runs == 0 && state.per_device.is_empty() && state.per_prefix.is_empty(), "{state:?}");
    }

    #[test]
    fn streams_of_an_address_share_a_place_and_keep_it_between_requests() {
        let limits = MeasureLimits { runs_max: 4, runs_per_device_max: 1, ..MeasureLimits::default() };
        let admission = admission(limits);
        let (here, there, now): (IpAddr, IpAddr, _) =
            ("192.0.2.1".parse().unwrap(), "198.51.100.1".parse().unwrap(), Instant::now());
        let seats: Vec<_> =
            (0..limits::INTEROP_STREAMS_PER_PLACE).map(|_| admission.admit_guest(here, "p", 0, now).unwrap()).collect();
        assert_eq!(admission.state().runs, 1);
        let further = admission.admit_guest(here, "p", 0, now).unwrap();
        assert_eq!(admission.state().runs, 2, "one stream more takes a place more");
        assert_eq!(admission.admit_guest(there, "q", 0, now).unwrap_err().kind(), "busy", "guests leave half to runs");
        let runs = [(1, "a"), (2, "b")].map(|(id, device)| admission.admit(&claims(id, device), "q", 0, NOW).unwrap());
        assert_eq!(admission.admit(&claims(3, "c"), "q", 0, NOW).unwrap_err().kind(), "busy", "they share places");
        drop((seats, further, runs));
        let soon = Instant::now();
        assert_eq!(admission.admit_guest(there, "q", 0, soon).unwrap_err().kind(), "busy", "kept for the next request");
        drop(admission.admit_guest(there, "q", 0, soon + limits::INTEROP_PLACE_KEPT).unwrap());
        admission.state().forget_guests(Instant::now() + limits::INTEROP_PLACE_KEPT);
        let state = admission.state();
        assert!(state.runs == 0 && state.per_prefix.is_empty(), "{state:?}");
    }

    #[test]
    fn egress_is_reserved_for_guests_too() {
        let limits =
            MeasureLimits { egress_ceiling_bps: Some(1_000), run_reserved_bps: 600, ..MeasureLimits::default() };
        let admission = admission(limits);
        let address = |n: u8| IpAddr::from([192, 0, 2, n]);
        let _one = admission.admit_guest(address(1), "p", 0, Instant::now()).unwrap();
        let _same = admission.admit_guest(address(1), "p", 900, Instant::now()).unwrap();
        assert_eq!(admission.admit_guest(address(2), "p", 0, Instant::now()).unwrap_err().kind(), "busy");
    }

    #[test]
    fn egress_is_reserved_before_it_flows() {
        let limits = MeasureLimits {
            egress_ceiling_bps: Some(1_000),
            run_reserved_bps: 400,
            runs_per_device_max: 9,
            ..MeasureLimits::default()
        };
        let admission = admission(limits);
        let _first = admission.admit(&claims(1, "a"), "p", 0, NOW).unwrap();
        assert_eq!(admission.admit(&claims(2, "a"), "p", 700, NOW).unwrap_err().kind(), "busy", "flowing");
        let _second = admission.admit(&claims(2, "a"), "p", 0, NOW).unwrap();
        assert_eq!(admission.admit(&claims(3, "a"), "p", 0, NOW).unwrap_err().kind(), "busy", "reserved");
    }
}
