//! What is kept for a few seconds, so that a class-room that opens the plan together costs one reading.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A small map whose entries live for a while; when it is full the oldest goes.
pub(super) struct Cache<K, V> {
    entries: Mutex<HashMap<K, (Instant, V)>>,
    lives: Duration,
    most: usize,
}

impl<K: Clone + Eq + Hash, V: Clone> Cache<K, V> {
    pub(super) fn new(lives: Duration, most: usize) -> Self {
        Self { entries: Mutex::new(HashMap::new()), lives, most }
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).filter(|(made, _)| made.elapsed() < self.lives).map(|(_, value)| value.clone())
    }

    pub(super) fn put(&self, key: K, value: V) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= self.most && !entries.contains_key(&key) {
            entries.retain(|_, (made, _)| made.elapsed() < self.lives);
        }
        if entries.len() >= self.most
            && let Some(oldest) = entries.iter().min_by_key(|(_, (made, _))| *made).map(|(key, _)| key.clone())
        {
            entries.remove(&oldest);
        }
        entries.insert(key, (Instant::now(), value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_die_and_the_oldest_makes_room() {
        let cache = Cache::new(Duration::from_secs(60), 2);
        cache.put(1, "a");
        cache.put(2, "b");
        cache.put(3, "c");
        assert_eq!((cache.get(&1), cache.get(&2), cache.get(&3)), (None, Some("b"), Some("c")));
        let dead = Cache::new(Duration::ZERO, 2);
        dead.put(1, "a");
        assert_eq!(dead.get(&1), None);
    }
}
