//! Round trips beside the load: trains of authenticated UDP packets, or a WebSocket where UDP is blocked.
//!
//! A train is one phase's packets. UDP trains run on a thread of their own: a runtime that moves a gigabit answers late.

mod figures;
mod udp;
mod websocket;

pub(crate) use figures::{figures, idle_rtt_us, rpm};
pub(crate) use udp::UdpEcho;
pub(crate) use websocket::WebsocketEcho;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ispeed_protocol::echo::EchoPacket;
use ispeed_protocol::latency::EchoTransport;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// Numbers of the trains, as the server's log names them.
pub(crate) const TRAIN_WAKE: u16 = 0;
/// Without load.
pub(crate) const TRAIN_IDLE: u16 = 1;
/// Without load once more, where opening the load connections delayed the first.
pub(crate) const TRAIN_IDLE_AGAIN: u16 = 4;
/// While downloading.
pub(crate) const TRAIN_DOWN: u16 = 2;
/// While uploading.
pub(crate) const TRAIN_UP: u16 = 3;

/// Packets that wake the radio, kept apart from all statistics (measurement.md section 6).
pub(crate) const WAKE_PACKETS: u32 = 3;
/// Packets of the idle train (section 6).
pub(crate) const IDLE_PACKETS: u32 = 20;
/// ... and in long mode: 0 of 100 lost is "below 4 %".
pub(crate) const IDLE_PACKETS_LONG: u32 = 100;
/// Between two idle packets (section 6), varied by [`GAP_JITTER`] so that no periodic neighbour is always met.
pub(crate) const IDLE_GAP: Duration = Duration::from_millis(25);
/// Between two packets under load (section 6).
const LOADED_GAP: Duration = Duration::from_millis(50);
/// ... and on the slowest link: two a second still see a queue that stands.
const LOADED_GAP_MAX: Duration = Duration::from_millis(400);
/// ... and while the rate is not known yet: twelve packets in the first half second are 2 % of an upload of 0.25 Mbit/s.
const LOADED_GAP_UNKNOWN: Duration = Duration::from_millis(100);
/// Part of the link the packets under load may take; what they take the load does not get, and the result is low by it.
const LOADED_SHARE: f64 = 0.0025;
/// Part of the gap by which it varies, both ways.
const GAP_JITTER: f64 = 0.2;
/// UDP is taken for blocked when nothing has come back in this time (section 6).
pub(crate) const UDP_WAIT: Duration = Duration::from_millis(500);
/// A packet later than this is lost (section 6).
const LATE: Duration = Duration::from_secs(1);
/// At the end of a train an answer is waited for this many times the longest round trip of the train ...
const PATIENCE_RTTS: u32 = 4;
/// ... and never less.
const PATIENCE_MIN: Duration = Duration::from_millis(100);
/// Where the last packets are all unanswered, so many, the path is silent and not lossy: then until they are late (lab: a way up that
/// was away for 0.6 s gave sixteen answers back that had been counted as lost).
const SILENT_PACKETS: u32 = 3;

/// One packet that came back, on the run's time line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct EchoAnswer {
    /// Its number in the train.
    pub(crate) sequence: u32,
    /// When it left, microseconds.
    pub(crate) sent_us: u64,
    /// When it was back, microseconds.
    pub(crate) received_us: u64,
    /// Round trip without the server's own time, microseconds.
    pub(crate) rtt_us: u64,
    /// When the server received and answered, by its own clock, microseconds; `None` over WebSocket.
    pub(crate) server_us: Option<(u64, u64)>,
}

/// Everything one train saw.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct TrainLog {
    /// Number.
    pub(crate) train: u16,
    /// Packets that were sent.
    pub(crate) sent: u32,
    /// Packets that came back, in the order they came.
    pub(crate) answers: Vec<EchoAnswer>,
}

/// How a train is paced.
#[derive(Clone, Debug)]
pub(crate) enum Pace {
    /// So many packets, one after each gap.
    Count {
        /// How many.
        packets: u32,
        /// Between them.
        gap: Duration,
    },
    /// Until stopped, at most a small part of the link.
    Loaded(LinkRate),
}

impl Pace {
    fn is_over(&self, sent: u32) -> bool {
        matches!(self, Self::Count { packets, .. } if sent >= *packets)
    }

    /// Until the next packet; `dice` is uniform in [0, 1).
    fn gap(&self, packet_bytes: usize, dice: f64) -> Duration {
        let gap = match self {
            Self::Count { gap, .. } => *gap,
            Self::Loaded(rate) => rate.loaded_gap(packet_bytes),
        };
        gap.mul_f64(1.0 + GAP_JITTER * (2.0 * dice - 1.0))
    }
}

/// The load's rate as it is known so far, shared with the train beside it.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinkRate(Arc<AtomicU64>);

impl LinkRate {
    pub(crate) fn set(&self, rate_bps: f64) {
        self.0.store(rate_bps.max(0.0) as u64, Ordering::Relaxed);
    }

    fn loaded_gap(&self, packet_bytes: usize) -> Duration {
        /// IPv6 and UDP headers.
        const HEADER_BYTES: usize = 48;
        let rate_bps = self.0.load(Ordering::Relaxed) as f64;
        if rate_bps <= 0.0 {
            return LOADED_GAP_UNKNOWN;
        }
        let bits = ((packet_bytes + HEADER_BYTES) * 8) as f64;
        Duration::from_secs_f64((bits / (LOADED_SHARE * rate_bps)).min(LOADED_GAP_MAX.as_secs_f64())).max(LOADED_GAP)
    }
}

/// What a train is.
#[derive(Clone, Debug)]
pub(crate) struct TrainPlan {
    /// Number.
    pub(crate) train: u16,
    /// Bytes of a packet.
    pub(crate) packet_bytes: usize,
    /// Pace.
    pub(crate) pace: Pace,
}

/// Called with every answer, on the train's own thread or task.
pub(crate) type OnAnswer = Box<dyn FnMut(&EchoAnswer) + Send>;

/// A train under way. Dropping it ends it without a log.
#[derive(Debug)]
pub(crate) struct Train {
    stop: CancellationToken,
    abandon: CancellationToken,
    log: oneshot::Receiver<TrainLog>,
}

impl Train {
    /// A handle and what the sending side needs.
    fn pair() -> (Self, TrainSide) {
        let (sender, log) = oneshot::channel();
        let (stop, abandon) = (CancellationToken::new(), CancellationToken::new());
        let side = TrainSide { stop: stop.clone(), abandon: abandon.clone(), log: sender };
        (Self { stop, abandon, log }, side)
    }

    /// Sends no more; answers still come.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until all packets are sent and answered, or answers are too late. Bounded: a counted train by its packets,
    /// any other by [`Train::stop`], and both by the patience.
    pub(crate) async fn log(mut self) -> TrainLog {
        (&mut self.log).await.unwrap_or_default()
    }
}

impl Drop for Train {
    fn drop(&mut self) {
        self.abandon.cancel();
    }
}

/// What the side that sends has of a [`Train`].
#[derive(Debug)]
struct TrainSide {
    stop: CancellationToken,
    abandon: CancellationToken,
    log: oneshot::Sender<TrainLog>,
}

/// How round trips of this run are taken; never both.
#[derive(Debug)]
pub(crate) enum Echo {
    /// UDP.
    Udp(UdpEcho),
    /// WebSocket.
    Websocket(WebsocketEcho),
}

impl Echo {
    pub(crate) fn transport(&self) -> EchoTransport {
        match self {
            Self::Udp(_) => EchoTransport::Udp,
            Self::Websocket(_) => EchoTransport::Websocket,
        }
    }

    /// Starts a train. Where a socket or a thread is refused, the train has an empty log.
    pub(crate) async fn start(&self, plan: TrainPlan, on_answer: OnAnswer) -> Train {
        match self {
            Self::Udp(echo) => echo.start(plan, on_answer),
            Self::Websocket(echo) => echo.start(plan, on_answer).await,
        }
    }
}

/// A round trip without the time the packet spent at the server, as far as that is believable.
pub(crate) fn round_trip_us(elapsed: Duration, reply: &EchoPacket) -> u64 {
    let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    let held_us = reply.server_send_us.saturating_sub(reply.server_receive_us);
    if held_us <= elapsed_us { elapsed_us - held_us } else { elapsed_us }
}

/// Whether an answer may still come, to a train of so many packets and this longest round trip of which these are unanswered.
fn waits(open: &BTreeMap<u32, Instant>, sent: u32, longest_rtt_us: Option<u64>) -> bool {
    let is_open = |back: u32| sent.checked_sub(back).is_some_and(|sequence| open.contains_key(&sequence));
    let silent = (1..=SILENT_PACKETS).all(is_open);
    let patience = if silent { LATE } else { patience(longest_rtt_us) };
    open.values().any(|sent| sent.elapsed() < patience)
}

/// How long an unanswered packet is waited for, given the longest round trip of its train.
fn patience(longest_rtt_us: Option<u64>) -> Duration {
    longest_rtt_us.map_or(LATE, |us| Duration::from_micros(us).saturating_mul(PATIENCE_RTTS).clamp(PATIENCE_MIN, LATE))
}

/// Dice for the gaps: quality matters little, and no lock is taken.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        // Without random numbers the gaps repeat from run to run, which harms nothing.
        Self(getrandom::u64().unwrap_or(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Uniform in [0, 1), by xorshift64* (Vigna 2016).
    fn roll(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ispeed_protocol::echo::{ECHO_MIN_BYTES, EchoKind};

    #[test]
    fn packets_under_load_never_take_more_than_their_share() {
        let rate = LinkRate::default();
        assert_eq!(rate.loaded_gap(ECHO_MIN_BYTES), LOADED_GAP_UNKNOWN);
        for rate_bps in [0.5e6, 1e6, 1.5e6, 20e6, 1e9] {
            rate.set(rate_bps);
            let gap = rate.loaded_gap(ECHO_MIN_BYTES);
            let taken_bps = ((ECHO_MIN_BYTES + 48) * 8) as f64 / gap.as_secs_f64();
            assert!(taken_bps / rate_bps <= 0.0045, "{rate_bps}: {taken_bps}");
            let within = taken_bps <= LOADED_SHARE * rate_bps * 1.001;
            assert!(within || gap == LOADED_GAP_MAX, "{rate_bps}: {taken_bps}");
            assert!(gap >= LOADED_GAP && gap <= LOADED_GAP_MAX);
        }
        rate.set(1.0);
        assert_eq!(rate.loaded_gap(ECHO_MIN_BYTES), LOADED_GAP_MAX);
    }

    #[test]
    fn gaps_vary_by_a_fifth_and_keep_their_mean() {
        let pace = Pace::Count { packets: 3, gap: IDLE_GAP };
        let mut dice = Dice::new();
        let gaps: Vec<f64> = (0..2000).map(|_| pace.gap(64, dice.roll()).as_secs_f64() * 1e3).collect();
        assert!(gaps.iter().all(|gap| (20.0..=30.0).contains(gap)));
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        assert!((mean - 25.0).abs() < 0.5, "{mean}");
        assert!(!pace.is_over(2) && pace.is_over(3));
    }

    #[test]
    fn the_servers_own_time_is_taken_out_unless_it_is_absurd() {
        let reply = EchoPacket {
            kind: EchoKind::Reply,
            train: 1,
            echo_id: 1,
            sequence: 0,
            client_send_us: 0,
            server_receive_us: 1_000,
            server_send_us: 1_300,
        };
        assert_eq!(round_trip_us(Duration::from_micros(20_000), &reply), 19_700);
        let absurd = EchoPacket { server_send_us: u64::MAX, ..reply };
        assert_eq!(round_trip_us(Duration::from_micros(20_000), &absurd), 20_000);
        assert_eq!(patience(None), LATE);
        assert_eq!(patience(Some(60_000)), Duration::from_millis(240));
        assert_eq!(patience(Some(u64::MAX)), LATE);
    }

    #[test]
    fn a_silent_path_is_waited_for_and_a_lossy_one_is_not() {
        let Some(sent_at) = Instant::now().checked_sub(Duration::from_millis(500)) else { return };
        let open = |unanswered: &[u32]| unanswered.iter().map(|&sequence| (sequence, sent_at)).collect();
        assert!(waits(&open(&[17, 18, 19]), 20, Some(60_000)), "the last three are unanswered");
        assert!(!waits(&open(&[16, 17, 19]), 20, Some(60_000)), "one of them came back");
        assert!(waits(&open(&[1]), 2, Some(200_000)), "four round trips are not over");
        assert!(!waits(&open(&[]), 20, None));
    }
}
