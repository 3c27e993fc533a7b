//! One direction of the link: a queue served at a constant rate, then a constant delay.
//!
//! Because the queue is first in, first out and its server never pauses, the moment a packet leaves is known when it
//! enters: `max(now, departure of the one before) + size / rate`. The rate is therefore exact whatever the timer does;
//! a late timer moves a delivery by its lateness and never loses capacity.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as TurnMutex, MutexGuard as Turn};
use tokio::time::{Instant, sleep_until};

/// UDP is dropped only above this part of the TCP mark: TCP that is held back at the mark keeps the queue standing
/// there, and a packet that must not wait for a turn would otherwise never find room.
const DROP_MARK: f64 = 1.25;
/// Deliveries are at most this late: a wake-up for each packet of a fast link would take a whole core.
const DELIVERY_SLACK: Duration = Duration::from_micros(250);

struct State<P> {
    last_departure: Instant,
    line: VecDeque<(Instant, P)>,
    closed: bool,
}

/// A direction carrying parcels `P`.
pub(crate) struct Lane<P> {
    rate_bps: f64,
    delay: Duration,
    queue: Duration,
    state: Mutex<State<P>>,
    changed: Condvar,
    turn: TurnMutex<()>,
}

impl<P> Lane<P> {
    pub(crate) fn new(rate_bps: f64, delay: Duration, queue: Duration) -> Self {
        Self {
            rate_bps,
            delay,
            queue,
            state: Mutex::new(State { last_departure: Instant::now(), line: VecDeque::new(), closed: false }),
            changed: Condvar::new(),
            turn: TurnMutex::new(()),
        }
    }

    /// Bytes that may lie between a reader and its writer when the far end keeps up.
    pub(crate) fn bytes_in_transit(&self) -> usize {
        (self.rate_bps / 8.0 * (self.queue + self.delay).as_secs_f64()) as usize
    }

    fn state(&self) -> MutexGuard<'_, State<P>> {
        // The state is valid after every statement, so that a panic elsewhere cannot leave it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long a packet entering now would wait for its turn to be sent.
    pub(crate) fn backlog(&self) -> Duration {
        self.state().last_departure.saturating_duration_since(Instant::now())
    }

    /// Waits until the queue has room; holders take turns in the order they asked, one segment each.
    pub(crate) async fn admit(&self) -> Turn<'_, ()> {
        let turn = self.turn.lock().await;
        loop {
            let over = self.backlog().saturating_sub(self.queue);
            if over.is_zero() {
                return turn;
            }
            sleep_until(Instant::now() + over).await;
        }
    }

    /// Puts a packet of `wire_bytes` at the end of the queue.
    pub(crate) fn push(&self, wire_bytes: usize, parcel: P) {
        let mut state = self.state();
        let start = state.last_departure.max(Instant::now());
        state.last_departure = start + Duration::from_secs_f64(wire_bytes as f64 * 8.0 / self.rate_bps);
        let release = state.last_departure + self.delay;
        state.line.push_back((release, parcel));
        if state.line.len() == 1 {
            self.changed.notify_one();
        }
    }

    /// Puts a packet at the end of the queue unless it is full; `false`: dropped.
    pub(crate) fn push_or_drop(&self, wire_bytes: usize, parcel: P) -> bool {
        if self.backlog() > self.queue.mul_f64(DROP_MARK) {
            return false;
        }
        self.push(wire_bytes, parcel);
        true
    }

    /// Hands packets to `each` when their time has come, in order, until the lane is closed. Blocks: a thread of its own
    /// keeps time to a fraction of a millisecond, which a runtime's timer does not.
    pub(crate) fn deliver(&self, mut each: impl FnMut(P)) {
        let mut due = Vec::new();
        while let Some(next) = self.take_due(&mut due) {
            due.drain(..).for_each(&mut each);
            let state = self.state();
            if state.closed {
                return;
            }
            match next {
                Some(release) => {
                    let wait = release.saturating_duration_since(Instant::now()).max(DELIVERY_SLACK);
                    drop(self.changed.wait_timeout_while(state, wait, |state| !state.closed));
                }
                None => drop(self.changed.wait_while(state, |state| state.line.is_empty() && !state.closed)),
            }
        }
    }

    /// Moves what is due into `due`; when the next is, if there is one; `None` once closed.
    fn take_due(&self, due: &mut Vec<P>) -> Option<Option<Instant>> {
        let mut state = self.state();
        let now = Instant::now();
        while state.line.front().is_some_and(|(release, _)| *release <= now) {
            due.extend(state.line.pop_front().map(|(_, parcel)| parcel));
        }
        (!state.closed).then(|| state.line.front().map(|(release, _)| *release))
    }

    /// Ends [`Lane::deliver`]; what is under way is lost.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // 1 Mbit/s: a packet of 1,250 bytes takes 10 ms.
    fn lane() -> Lane<u32> {
        Lane::new(1e6, Duration::from_millis(20), Duration::from_millis(100))
    }

    /// Milliseconds until each of the next `count` parcels is due.
    async fn release_times(lane: &Lane<u32>, count: usize) -> Vec<(u128, u32)> {
        let start = Instant::now();
        let (mut due, mut out) = (Vec::new(), Vec::new());
        while out.len() < count {
            lane.take_due(&mut due);
            out.extend(due.drain(..).map(|parcel| (start.elapsed().as_millis(), parcel)));
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        out
    }

    #[tokio::test(start_paused = true)]
    async fn serves_in_order_at_the_rate_and_then_delays() {
        let lane = lane();
        for parcel in 0..5 {
            lane.push(1_250, parcel);
        }
        assert_eq!(release_times(&lane, 5).await, [(30, 0), (40, 1), (50, 2), (60, 3), (70, 4)]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_link_saves_up_no_credit() {
        let lane = lane();
        tokio::time::advance(Duration::from_secs(10)).await;
        lane.push(1_250, 0);
        lane.push(1_250, 1);
        assert_eq!(release_times(&lane, 2).await, [(30, 0), (40, 1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn holds_tcp_back_at_the_mark_and_drops_udp_above_it() {
        let lane = lane();
        for parcel in 0..10 {
            drop(lane.admit().await);
            lane.push(1_250, parcel);
        }
        assert_eq!(lane.backlog(), Duration::from_millis(100));
        lane.push(1_250, 10);
        assert!(tokio::time::timeout(Duration::from_millis(9), lane.admit()).await.is_err(), "full");
        assert!(tokio::time::timeout(Duration::from_millis(2), lane.admit()).await.is_ok(), "room again after 10 ms");
        let mut dropped = 0;
        for parcel in 0..10 {
            dropped += u32::from(!lane.push_or_drop(1_250, parcel));
        }
        assert!((5..=8).contains(&dropped), "room for about 25 ms above the mark, dropped {dropped} of 10");
    }

    #[test]
    fn delivers_on_its_own_thread_until_closed() {
        let lane = std::sync::Arc::new(lane());
        let (sender, received) = std::sync::mpsc::channel();
        let delivering = lane.clone();
        let thread = std::thread::spawn(move || delivering.deliver(|parcel| sender.send(parcel).unwrap()));
        lane.push(1_250, 7);
        lane.push(1_250, 8);
        assert_eq!((received.recv().unwrap(), received.recv().unwrap()), (7, 8));
        lane.close();
        thread.join().unwrap();
        assert!(received.recv().is_err(), "nobody delivers any more");
    }
}
