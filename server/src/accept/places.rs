//! Places for connections: so many in all, so many a network.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::measure::network_prefix;

/// Counts connections.
#[derive(Clone, Debug)]
pub(super) struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    max: usize,
    per_prefix_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    per_prefix: HashMap<String, usize>,
}

/// A connection's place, given back when dropped. It goes with the connection wherever that goes, upgrades included.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    prefix: String,
}

impl Places {
    pub(super) fn new(max: usize, per_prefix_max: usize) -> Self {
        Self(Arc::new(Inner { max, per_prefix_max, taken: Mutex::new(Taken::default()) }))
    }

    /// A place for a peer, if there is one.
    pub(super) fn take(&self, peer: IpAddr) -> Option<Place> {
        let prefix = network_prefix(peer);
        let mut taken = self.taken();
        if taken.all >= self.0.max {
            return None;
        }
        let of_prefix = taken.per_prefix.entry(prefix.clone()).or_default();
        if *of_prefix >= self.0.per_prefix_max {
            return None;
        }
        *of_prefix += 1;
        taken.all += 1;
        Some(Place { places: self.clone(), prefix })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        if let Some(of_prefix) = taken.per_prefix.get_mut(&self.prefix) {
            *of_prefix -= 1;
            if *of_prefix == 0 {
                taken.per_prefix.remove(&self.prefix);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_cannot_take_every_place_and_places_come_back() {
        let places = Places::new(3, 2);
        let near: IpAddr = "192.0.2.1".parse().unwrap();
        let mapped: IpAddr = "::ffff:192.0.2.77".parse().unwrap();
        let far: IpAddr = "2001:db8::1".parse().unwrap();
        let held = (places.take(near).unwrap(), places.take(mapped).unwrap());
        assert!(places.take(near).is_none(), "the network is full");
        let third = places.take(far).unwrap();
        assert!(places.take("198.51.100.1".parse().unwrap()).is_none(), "all is full");
        drop((held, third));
        assert!(places.taken().per_prefix.is_empty());
        assert!(places.take(near).is_some());
    }
}
