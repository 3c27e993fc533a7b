//! Loads of clients without a token: the other speed tests' (`crate::interop`). They take the same places as runs.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::body::Body;
use http::Response;
use ispeed_protocol::time::UtcMicros;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::admission::GuestSeat;
use super::{Measure, Refusal, network_prefix};
use crate::limits;

/// A load of a client without a token while it runs; its seat is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct GuestLoad {
    measure: Measure,
    _seat: GuestSeat,
    /// Shutdown waits for it.
    _running: TaskTrackerToken,
}

impl Measure {
    /// A seat for a load of `address`, or the refusal to answer with.
    pub(crate) fn admit_guest(&self, address: IpAddr) -> Result<GuestLoad, Box<Response<Body>>> {
        let inner = &self.0;
        let admitted = if inner.draining.load(Ordering::Relaxed) {
            Err(Refusal::Shutdown)
        } else {
            let egress_bps = inner.monitor.look().egress_bps;
            inner.admission.admit_guest(address, &network_prefix(address), egress_bps, Instant::now())
        };
        let seat = admitted.map_err(|refusal| Box::new(self.refuse(&refusal)))?;
        inner.stats.flow_opened();
        Ok(GuestLoad { measure: self.clone(), _seat: seat, _running: inner.runs.token() })
    }

    /// Autonomous system of an address, if it is in the table.
    pub(crate) fn asn(&self, address: IpAddr) -> Option<u32> {
        self.0.config.asn.as_ref().and_then(|look_up| look_up(address))
    }

    /// The time in UTC.
    pub(crate) fn now(&self) -> UtcMicros {
        self.0.clock.utc()
    }

    /// Congestion control that load sockets are asked to use.
    pub(crate) fn wanted_congestion_control(&self) -> &str {
        &self.0.config.limits.congestion_control
    }
}

impl GuestLoad {
    /// Counts load handed to the socket.
    pub(crate) fn sent(&self, bytes: u64) {
        self.measure.0.stats.sent(bytes);
        self.measure.0.monitor.sent(bytes);
    }

    /// Counts load that arrived.
    pub(crate) fn received(&self, bytes: u64) {
        self.measure.0.stats.received(bytes);
    }

    /// Counts a load cut because its client moved nothing.
    pub(crate) fn stalled(&self) {
        self.measure.0.stats.flow_stalled();
    }

    /// Cancelled when the server ends all loads now.
    pub(crate) fn cancelled(&self) -> &CancellationToken {
        &self.measure.0.cancelled
    }
}

/// The addresses that have streams open, or had a moment ago.
#[derive(Debug, Default)]
pub(super) struct Guests(HashMap<IpAddr, Guest>);

#[derive(Debug)]
struct Guest {
    prefix: String,
    places: usize,
    streams: usize,
    quiet_since: Option<Instant>,
}

impl Guests {
    /// Whether one stream more needs one place more.
    pub(super) fn lacks_a_place(&self, address: IpAddr) -> bool {
        self.0.get(&address).is_none_or(|guest| guest.streams >= guest.places * limits::INTEROP_STREAMS_PER_PLACE)
    }

    /// Places of all of them: never more than half, so that runs with a token find one.
    pub(super) fn places(&self) -> usize {
        self.0.values().map(|guest| guest.places).sum()
    }

    pub(super) fn add_place(&mut self, address: IpAddr, prefix: &str) {
        let none = || Guest { prefix: prefix.to_owned(), places: 0, streams: 0, quiet_since: None };
        self.0.entry(address).or_insert_with(none).places += 1;
    }

    pub(super) fn enter(&mut self, address: IpAddr) {
        if let Some(guest) = self.0.get_mut(&address) {
            guest.streams += 1;
            guest.quiet_since = None;
        }
    }

    pub(super) fn leave(&mut self, address: IpAddr, now: Instant) {
        if let Some(guest) = self.0.get_mut(&address) {
            guest.streams -= 1;
            guest.quiet_since = (guest.streams == 0).then_some(now);
        }
    }

    /// Those that have been quiet for [`limits::INTEROP_PLACE_KEPT`] leave: their networks and the places to give back.
    pub(super) fn forget(&mut self, now: Instant) -> Vec<(String, usize)> {
        let over = |guest: &Guest| {
            guest.quiet_since.is_some_and(|since| now.saturating_duration_since(since) >= limits::INTEROP_PLACE_KEPT)
        };
        self.0.extract_if(|_, guest| over(guest)).map(|(_, guest)| (guest.prefix, guest.places)).collect()
    }
}
