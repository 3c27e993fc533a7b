//! Every number of the method, with a sentence and its source.
//!
//! "M n" is section n of the project's measurement notes, "I n" an issue; both are summarised in `docs/METHOD.md`.
//! A number that simulation set says so; `cargo test -p ispeed-meter --release -- --ignored --nocapture` prints the
//! tables behind it. Changing a number that alters an estimate means raising [`METHOD_VERSION`].

use ispeed_protocol::direction::{Direction, Flag};

/// Version of the method; it travels with every sample, and the collector recomputes with the code of that version.
pub const METHOD_VERSION: u32 = 1;

// ---- bins ------------------------------------------------------------------------------------------------------

/// Length of a bin: 50 ms resolves a 100 ms ramp and holds several radio scheduling periods (M 5).
pub const BIN_US: u64 = 50_000;

/// A bin closes at the first reading at least this long after the last edge. Half a poll less than a bin, so that polls
/// that come a little early or late give bins of 50 ms and not of 60; the bin carries its real length either way.
pub const BIN_CLOSES_US: u64 = BIN_US - POLL_US / 2;

/// A bin that holds segments, but at most this many, waits for the next arrival before it closes: on a link of 0.5 Mbit/s a
/// packet comes every 24 ms, and edges that lie on arrivals count whole packet intervals, where edges at any time count one
/// packet too many or too few (derived: 8 packets in 50 ms are 1.9 Mbit/s, above which a poll rarely passes without one).
pub const BIN_SPARSE_SEGMENTS: u64 = 8;

/// ... but no longer than this, so that silence is seen.
pub const BIN_LATEST_US: u64 = 100_000;

/// Readings come about this often (M 5).
pub const POLL_US: u64 = 10_000;

/// The sender's side observations come about this often (M 5: "per 100 ms").
pub const HINT_US: u64 = 100_000;

/// Most bins of a series: 10 s of long mode and an extension of 1 s at the shortest bin. Later readings close no bin.
pub const BINS_MAX: usize = 256;

/// Most bytes a bin may claim: 1 TB in 50 ms is beyond any link, and below it sums of bytes are exact in `f64`.
pub const BIN_BYTES_MAX: u64 = 1_000_000_000_000;

/// Goodput is IP payload less TCP/IP headers: IPv4 20 + TCP 20 + timestamps 12 bytes (RFC 791, 9293, 7323).
pub const HEADER_BYTES_IPV4: u16 = 52;

/// The same with IPv6's 40 byte header (RFC 8200).
pub const HEADER_BYTES_IPV6: u16 = 72;

/// Payload of a full segment where no reading tells: 1500 - 52 bytes, used only as a unit of quantisation.
pub const SEGMENT_BYTES_TYPICAL: f64 = 1448.0;

// ---- counters --------------------------------------------------------------------------------------------------

/// Bytes per segment may differ by this part between batches before the segment counter is doubted (I 3).
pub const SEGMENT_STEADY_TOLERANCE: f64 = 0.05;

/// ... and given up only where they vary this much more than the bytes: bytes that lag behind a hole lie, segments do not, so
/// a close call is theirs (simulation).
pub const SEGMENT_SMOOTHER_FACTOR: f64 = 1.5;

/// Fewest segments for which a calibration of bytes per segment is meaningful; below it, bytes count (judgement).
pub const SEGMENTS_MIN: u64 = 4;

/// Bins with bytes that a full segment must be read from, at least.
pub const FULL_SEGMENT_BINS: usize = 3;

/// A full segment is at most this much above the floor that quotients of totals give: holes in all flows from the first
/// bin on leave the floor a quarter low (simulation), and below a factor of 2 half a segment cannot be taken for one.
pub const FULL_SEGMENT_RANGE: f64 = 1.9;

/// Most segments of a bin in that search: 50 ms at 23 Gbit/s.
pub const FULL_SEGMENTS_A_BIN: u64 = 100_000;

// ---- ramp ------------------------------------------------------------------------------------------------------

/// The trailing rate is taken over two bins (100 ms), or one idle RTT where that is longer: slow start delivers one
/// burst a round trip, and a shorter look sees the gaps between bursts (M 5; the RTT term is from simulation).
pub const RAMP_TRAIL_BINS: usize = 2;

/// The peak advances only when the trailing rate exceeds it by this factor (M 5; BBR's full-pipe test uses the same
/// 25 %, draft-ietf-ccwg-bbr section 5.3.1.2).
pub const RAMP_ADVANCE: f64 = 1.25;

/// A rise of fewer segments than this over the peak is quantisation, not growth: at 0.5 Mbit/s 100 ms hold 4 packets,
/// and one more would be "25 %" (derived).
pub const RAMP_QUANTUM_SEGMENTS: f64 = 2.0;

/// Checks (bins) without advance after which the pipe is taken for full (M 5).
pub const RAMP_HOLD_BINS: usize = 3;

/// ... and never fewer than this many idle RTTs: each window of slow start arrives at the rate of the link and leaves a gap
/// behind it, so the trailing rate grows only in the second half of the next round trip (derived; simulation).
pub const RAMP_HOLD_RTTS: f64 = 1.5;

/// An empty bin in that time shows an idle pipe where at the peak's rate it would hold this many segments (derived).
pub const RAMP_GAP_SEGMENTS: f64 = 2.0;

/// ... and doubles the checks needed; a path that stays bursty, or dead, for longer is measured as it is.
pub const RAMP_GAP_HOLDS: usize = 2;

/// A run that was ended before the test could look, on a path of which the first bin holds this many round trips, opens its
/// window behind that bin: slow start doubles each round trip, and ten doublings of ten segments are 15 MB (derived).
pub const RAMP_SHORT_RTTS: f64 = 10.0;

/// Most bins of such a run: two in which the peak may still advance, while flows join and a processor wakes, and the test's own
/// (lab: loopback at 25 Gbit/s, where the byte cap is spent in 0.1 to 0.3 s).
pub const RAMP_SHORT_BINS: usize = 2 + RAMP_HOLD_BINS + RAMP_SETTLE_BINS;

/// The window opens this many bins after the last advance (M 5: "time of that peak + 50 ms").
pub const RAMP_SETTLE_BINS: usize = 1;

// ---- recovery --------------------------------------------------------------------------------------------------

/// Least length of a level tail that a window may be cut to, behind stalls of a sender that recovers from its losses: ten bins, a
/// little more than the shortest window (lab: 1000 Mbit/s, 40 ms, one bandwidth-delay product).
pub const RECOVERY_TAIL_US: u64 = 500_000;

/// "Level": coefficient of variation of its bins at most this. A third of it is jitter of polls; no radio is so steady.
pub const RECOVERY_LEVEL_CV: f64 = 0.015;

/// ... and no bin of it farther from the level than so many of these deviations, and a packet: among many bins one that holds half
/// a stall of a slow link does not show in the deviation (lab: 3.5 % is the most that a late poll made of a level link).
pub const RECOVERY_LEVEL_SD: f64 = 5.0;

/// The last bins may be of no level: those of an upload that were on their way when it was stopped.
pub const RECOVERY_BINS_COMING: usize = 2;

/// Before it no bin crossed faster than its level by more than this part, which is two polls' jitter
/// (derived), unless one beside it lacks what it has too much.
pub const RECOVERY_CEILING: f64 = 0.03;

/// ... and no stall was longer than a round trip, which is the most that a sender waits until half its window is acknowledged, or
/// over a short path than a bin of which this part was used: what is silent for longer may be the link (lab: 39 % is the least).
pub const RECOVERY_FLOOR: f64 = 0.25;

/// ... nor shorter than so many segments take: of a slow link that varies by a packet or two no tail can be told from chance.
pub const RECOVERY_STALL_SEGMENTS: f64 = 3.0;

/// ... and in-order bytes were behind the arrivals by at least this many segments: an overrun queue loses tens, and three are
/// what reordering looks like (RFC 5681).
pub const RECOVERY_WAITING_SEGMENTS: f64 = 10.0;

// ---- interval --------------------------------------------------------------------------------------------------

/// Fewest batches in the interval (M 5); the t quantile of five degrees of freedom is 2.57, of one it would be 12.7.
pub const BATCHES: usize = 6;

/// Fewest batches at the end of a run that could not fill six of one RTT (simulation: RTT 300 ms).
pub const BATCHES_MIN: usize = 4;

/// A batch lasts at least this many idle RTTs: congestion control works on the scale of a round trip (M 5 says two; with one,
/// coverage and errors in simulation are no worse, and 100 ms cost 0.6 s less, I 4).
pub const BATCH_RTTS: f64 = 1.0;

/// ... and on a link below [`BATCH_SLOW_BPS`] this many: its round trips under load are longer than the idle one by half, for a
/// queue of few packets is already long, and of half a second a stall of 20 ms is 4 % (lab: 2 Mbit/s over 40 ms).
pub const BATCH_RTTS_SLOW: f64 = 1.5;

/// See [`BATCH_RTTS_SLOW`]; where also an initial window at once is not a burst.
pub const BATCH_SLOW_BPS: f64 = FLOWS_JOIN_BURST_BPS;

/// Bins by which a batch may fall short of that: a millisecond of processing in the round trip must not cost a bin a batch.
pub const BATCH_SLACK_BINS: f64 = 0.05;

/// Highest correlation of neighbouring bins that the interval is widened for (I 4 simulates up to 0.8).
pub const CORRELATION_MAX: f64 = 0.95;

/// The correlation assumed before any is seen: pessimistic, for where the rate hardly varies it costs nothing (set by
/// simulation, with the next three).
pub const CORRELATION_PRIOR: f64 = 0.9;

/// Bins that the prior weighs as much as.
pub const CORRELATION_PRIOR_BINS: f64 = 20.0;

/// Widening of the interval: looking after every bin and stopping at the first narrow one picks the lucky ones.
pub const WIDEN: f64 = 1.2;

/// Further widening of short windows, over their number of bins.
pub const WIDEN_SHORT: f64 = 5.0;

/// Calibration part of the least half-width: bytes per segment, poll jitter of 1 ms in 400 ms seen as a rate, and the
/// emulator's own 0.2 % (I 4: "a floor for quantisation and calibration").
pub const INTERVAL_FLOOR_SHARE: f64 = 0.005;

/// Quantisation part of the least half-width: one segment at the edges of the window; a count in a window is exact to
/// plus or minus one packet (derived; simulation of deterministic packets).
pub const INTERVAL_FLOOR_SEGMENTS: f64 = 1.0;

/// The link carried more than the load: echoes, reports and their acknowledgements, handshakes of flows that join. They are not
/// goodput, and what a link could carry lies above it by about this much; the interval reaches up to there (lab) ...
pub const INTERVAL_OWN_BPS: f64 = 60_000.0;

/// ... but by no more than this part: on slow links they are paced.
pub const INTERVAL_OWN_SHARE: f64 = 0.015;

// ---- stop rule -------------------------------------------------------------------------------------------------

/// Half-width over mean at which a direction is precise enough (I 3).
pub const STOP_HALF_WIDTH: f64 = 0.03;

/// Consecutive bins that must pass, because peeking at every bin inflates the error of each look (M 5).
pub const STOP_PASSES: u32 = 2;

/// ... and of an upload this many, where a bin is on its way when its sender is told to stop: the server's word and the order take a
/// round trip under load, the sender goes on that long, and what then comes is in the series and in the figure (I 4).
pub const STOP_PASSES_UP: u32 = 1;

/// Never before this long after the start of load (M 5).
pub const STOP_ELAPSED_MIN_US: u64 = 500_000;

/// Never with a window shorter than this: eight bins (M 5).
pub const STOP_WINDOW_MIN_US: u64 = 400_000;

/// ... and below [`SLOW_BPS`] than this: flows that join lose together half a second later, three missing packets of 75 are 4 %, and
/// seconds cost kilobytes there (I 4; lab: 2 Mbit/s over 10 ms).
pub const STOP_WINDOW_SLOW_US: u64 = 800_000;

/// Time cap of a direction (I 3).
pub const TIME_CAP_US: u64 = 3_000_000;

/// ... or this many idle RTTs, where that is longer: congestion control works on the scale of a round trip, and over
/// 300 ms three seconds are ten of them, of which slow start takes six (I 4; simulation).
pub const TIME_CAP_RTTS: u64 = 16;

/// Time cap above [`FAST_BPS`]: the radio is still adding carriers (I 3, M 3.1).
pub const TIME_CAP_FAST_US: u64 = 4_000_000;

/// Time cap below [`SLOW_BPS`]: a silence of a round trip after slow start is 3 % of three seconds, a second more costs 0.25 MB at
/// most, and the whole sample stays below ten seconds (I 4; lab: uploads of 1 Mbit/s over 100 ms).
pub const TIME_CAP_SLOW_US: u64 = 4_000_000;

/// The rate below which a link counts as slow (I 4).
pub const SLOW_BPS: f64 = 2e6;

/// Time cap in long mode (I 3).
pub const TIME_CAP_LONG_US: u64 = 10_000_000;

/// The rate above which a link counts as fast (I 3).
pub const FAST_BPS: f64 = 500e6;

/// An upward change-point extends the time cap once by this much (M 5).
pub const TIME_EXTENSION_US: u64 = 1_000_000;

/// A first arrival later than this moves the time cap back, so that a slow start of the radio does not eat the time to
/// measure (radio activation takes 1-2 s, M 3.1).
pub const START_GRACE_US: u64 = 1_000_000;

/// No arrival at all for this long after the start of load is a lost run (radio activation 1-2 s, twice; M 3.1).
pub const START_LOST_US: u64 = 5_000_000;

/// A gap in arrivals longer than this ends the run; up to it, it is an outage inside the run. A path that is away for 2 s
/// (I 3) is silent for up to 3.2 s: retransmission time-outs double from 200 ms (RFC 6298), tries are at 0.2, 0.6, 1.4, 3.0 s.
pub const GAP_LOST_US: u64 = 3_200_000;

// ---- byte caps -------------------------------------------------------------------------------------------------

/// Byte cap of a download up to [`BYTES_BASE_RATE_BPS`] (I 3).
pub const BYTES_BASE_DOWN: u64 = 60_000_000;

/// Byte cap of an upload up to [`BYTES_BASE_RATE_BPS`] (I 3).
pub const BYTES_BASE_UP: u64 = 30_000_000;

/// Up to this rate the base cap holds (I 3).
pub const BYTES_BASE_RATE_BPS: f64 = 150e6;

/// Above it: the bytes of this many seconds at the measured rate (I 3).
pub const BYTES_FAST_SECONDS: f64 = 1.5;

/// ... or of this many idle RTTs, where that is longer: a window of twelve behind a ramp of six, and two to decide (I 4).
pub const BYTES_FAST_RTTS: u64 = 20;

/// ... and at most this many down (I 3).
pub const BYTES_MAX_DOWN: u64 = 250_000_000;

/// ... and at most this many up (I 3).
pub const BYTES_MAX_UP: u64 = 100_000_000;

/// Byte cap of a long run, asked for by the person: 10 s at about 1.2 Gbit/s down.
pub const BYTES_LONG_DOWN: u64 = 1_500_000_000;

/// Byte cap of a long run up: 10 s at about 480 Mbit/s.
pub const BYTES_LONG_UP: u64 = 600_000_000;

/// Sockets are reset within 20 ms, and 100 ms bound what scheduling adds (I 3: tail at most rate x (RTT + 100 ms)).
pub const CLOSE_US: u64 = 100_000;

// ---- flows -----------------------------------------------------------------------------------------------------

/// Steps of load flows (I 3).
pub const FLOW_STEPS: [u8; 4] = [1, 4, 8, 16];

/// This many bytes within [`FLOWS_JOIN_US`] and the link is worth more than one flow (M 5; about 1.7 Mbit/s: below it
/// several flows only delay each other, M 0.9).
pub const FLOWS_JOIN_BYTES: u64 = 65_536;

/// See [`FLOWS_JOIN_BYTES`].
pub const FLOWS_JOIN_US: u64 = 300_000;

/// ... and only where the path holds this many segments, five a flow: what has fewer under way is told of a loss by time-outs
/// alone, and flows that wait for them leave a queue of ten packets empty (lab: half of the uploads of 2.5 Mbit/s over 10 and
/// 40 ms were not seen to be full, took eight flows and 1.6 to 2.3 s).
pub const FLOWS_JOIN_BDP_SEGMENTS: f64 = 20.0;

/// Or this many bytes at once, at ...
pub const FLOWS_JOIN_BURST_BYTES: u64 = 10_000;

/// ... this rate between two readings: the initial window of the first flow arrives at the rate of the link, and over a
/// long path the other three need not wait two more round trips for the rule above (simulation at 100-300 ms).
pub const FLOWS_JOIN_BURST_BPS: f64 = 8e6;

/// When eight flows join if saturation is not shown or the link is fast (M 5).
pub const FLOWS_8_AT_US: u64 = 600_000;

/// When sixteen flows join, under the same condition (M 5).
pub const FLOWS_16_AT_US: u64 = 1_200_000;

/// Over a path this long all flows of a fast link are opened before a direction begins, and while it still climbs each step
/// follows the one before after a round trip: waiting for the clock would cost the run its time (simulation at 100-300 ms).
pub const FLOWS_LONG_RTT_US: u64 = 90_000;

/// Over a path this long an initial window at the rate of [`FLOWS_JOIN_BURST_BPS`] asks for all flows of a BBR sender at once: a
/// flow that joins needs some seven round trips to its share of 1 Gbit/s, and there are sixteen in the run (lab, 300 ms).
pub const FLOWS_ALL_RTT_US: u64 = 180_000;

/// An upload over a path from [`FLOWS_LONG_RTT_US`] to [`FLOWS_ALL_RTT_US`] starts with four flows where the download's held
/// this many segments: then four initial windows (RFC 6928) fit a way up of a tenth of the rate (derived; at 100 ms 46 Mbit/s).
pub const FLOWS_START_BDP_SEGMENTS: f64 = 400.0;

/// Beyond four flows only where the path holds this many segments, or something is lost: four initial windows (RFC 6928) fill
/// a smaller one, and the handshakes of four more flows are 6 kB, 2 % of a run over 2 Mbit/s.
pub const FLOWS_BDP_SEGMENTS: f64 = 40.0;

/// Growth on loss with a flat RTT starts no earlier than this, so that loss of the first overshoot does not count.
pub const FLOWS_EARLY_AT_US: u64 = 250_000;

/// After flows joined, the rate is compared only from max(this, two RTTs) on: new flows start slowly too.
pub const FLOWS_SETTLE_US: u64 = 100_000;

/// ... and over at least this long before and after.
pub const FLOWS_COMPARE_US: u64 = 200_000;

/// More flows that raise the rate by less than this show that the link was full (M 5).
pub const FLOWS_GAIN: f64 = 0.03;

/// A gain must also exceed this many standard errors to move the window: taking every chance rise would bias the mean
/// upwards (simulation).
pub const FLOWS_GAIN_SE: f64 = 2.0;

// ---- saturation ------------------------------------------------------------------------------------------------

/// Least rise of the loaded over the idle RTT that shows a queue (M 5).
pub const SATURATION_RTT_US: u64 = 5_000;

/// ... or this part of the idle RTT, where that is more (M 5).
pub const SATURATION_RTT_SHARE: f64 = 0.10;

/// Where the rate is flat, this much rise is enough (or the same part of the idle RTT): half a bandwidth-delay product of
/// 10 ms is a queue of 5 ms, which never stands 5 ms high (I 4; lab, CUBIC uploads over 10 ms).
pub const SATURATION_SHALLOW_US: u64 = 1_500;

/// "Flat" for that: coefficient of variation of the batch means at most this. A sender that random loss keeps from filling
/// the link is neither flat nor does it build a queue.
pub const SATURATION_SHALLOW_CV: f64 = 0.02;

/// The lower quartile of the loaded RTTs must lie above the idle one as well, by at least this: a queue that is empty a
/// quarter of the time leaves the link idle (simulation: loss-based senders behind half a bandwidth-delay product).
pub const SATURATION_STANDING_US: u64 = 1_000;

/// ... or this part of the idle RTT.
pub const SATURATION_STANDING_SHARE: f64 = 0.02;

/// Fewest loaded RTTs for that median.
pub const SATURATION_RTT_SAMPLES: usize = 3;

/// The last of them may be older than the stretch looked at by this much: below 4 Mbit/s the trains that take them are slower
/// than [`SATURATION_LOOK_US`] allows for.
pub const SATURATION_RTT_AGE_US: u64 = 500_000;

/// The queue must stand in the RTTs of this long before now as well: the first overshoot of slow start passes.
pub const SATURATION_LOOK_US: u64 = 250_000;

/// Retransmitted part of the segments that shows a full link behind a sender that does not yield to loss (M 5).
pub const SATURATION_RETRANSMITS: f64 = 0.001;

/// "Flat arrivals" for that evidence: coefficient of variation of the batch means at most this (judgement, simulation).
pub const SATURATION_FLAT_CV: f64 = 0.05;

// ---- changes ---------------------------------------------------------------------------------------------------

/// Shortest stretch on either side of a change-point: 300 ms (M 5).
pub const CHANGE_SEGMENT_US: u64 = 300_000;

/// Least shift, as a part of the larger mean (M 5).
pub const CHANGE_SHARE: f64 = 0.15;

/// ... and in standard deviations of the bins within the stretches (M 5).
pub const CHANGE_SD: f64 = 4.0;

/// ... and in segments of the shorter stretch, so that a packet more or less on a slow link is no step (derived).
pub const CHANGE_QUANTUM_SEGMENTS: f64 = 3.0;

/// A gap of at least this long is an outage: longer than retransmission time-outs of 200 ms (RFC 6298 as Linux has it)
/// and than link-layer repair.
pub const OUTAGE_US: u64 = 250_000;

/// ... and than this many idle RTTs, for slow start leaves gaps of one.
pub const OUTAGE_RTTS: f64 = 2.0;

/// ... and than the time of this many packets at the mean rate: below 0.4 Mbit/s bins are empty in good order.
pub const OUTAGE_PACKETS: f64 = 8.0;

/// Coefficient of variation of batch means above which a run that ended by time is called variable (M 4: above 0.1 no
/// affordable test is enough).
pub const VARIABLE_CV: f64 = 0.10;

/// Half-width over mean above which a run is called variable whatever its batches look like: nobody should compare a figure
/// that is known to no better than a tenth.
pub const VARIABLE_HALF_WIDTH: f64 = 0.10;

// ---- limits that are not the link's ----------------------------------------------------------------------------

/// CPU seconds per second of the metering thread above which the device is the limit (M 3.6).
pub const CPU_LIMITED_SHARE: f64 = 0.85;

/// Part of the time a sender was held back by the receive window (or its own program) above which that is the limit.
pub const SENDER_LIMITED_SHARE: f64 = 0.20;

/// TCP connect below this part of the idle UDP RTT means that something nearer answered the SYN (M 3.9).
pub const PROXY_CONNECT_SHARE: f64 = 0.5;

/// ... and by at least this much, so that timer noise on short paths does not count.
pub const PROXY_CONNECT_GAP_US: u64 = 10_000;

// ---- latency ---------------------------------------------------------------------------------------------------

/// Best part of the loaded round trips in `rpm_short` (draft-ietf-ippm-responsiveness-09, TMP 95 %).
pub const RPM_BEST_SHARE: f64 = 0.95;

/// Gain of the interarrival jitter (RFC 3550 section 6.4.1).
pub const RFC3550_GAIN: f64 = 1.0 / 16.0;

// ---- faults ----------------------------------------------------------------------------------------------------

/// What can stand between a correct counter and the link's rate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A loss-based sender under random loss leaves the link idle.
    RandomLoss,
    /// A small receive buffer limits every flow.
    SmallReceiveBuffer,
    /// The device cannot read fast enough.
    CpuQuota,
    /// The server cannot send fast enough.
    ServerQuota,
    /// A token bucket that emptied during the run.
    TokenBucket,
    /// A policer that drops above a rate after a burst.
    Policer,
    /// Nothing arrived for a while.
    Outage,
    /// A step of rate in mid-run.
    HandOver,
    /// A split-connection proxy.
    Proxy,
    /// The byte budget ended the run.
    ByteBudget,
    /// The link's own variation.
    Variation,
}

/// The flags that answer for a fault: an error under that fault is "flagged" only by one of these (I 4).
pub const FAULT_FLAGS: [(Fault, &[Flag]); 11] = [
    (Fault::RandomLoss, &[Flag::Unsaturated]),
    (Fault::SmallReceiveBuffer, &[Flag::RwndLimited, Flag::Unsaturated]),
    (Fault::CpuQuota, &[Flag::CpuLimited]),
    (Fault::ServerQuota, &[Flag::ServerLimited]),
    (Fault::TokenBucket, &[Flag::Burst]),
    (Fault::Policer, &[Flag::Burst, Flag::Unsaturated]),
    (Fault::Outage, &[Flag::Outage]),
    (Fault::HandOver, &[Flag::Burst, Flag::Variable]),
    (Fault::Proxy, &[Flag::Proxy]),
    (Fault::ByteBudget, &[Flag::ByteCapped]),
    (Fault::Variation, &[Flag::Variable]),
];

/// The base byte cap of a direction.
pub const fn bytes_base(direction: Direction) -> u64 {
    match direction {
        Direction::Down => BYTES_BASE_DOWN,
        Direction::Up => BYTES_BASE_UP,
    }
}

/// The most bytes a run may move at all: what a token's budget has to allow for.
pub const fn bytes_most(direction: Direction, long: bool) -> u64 {
    match (direction, long) {
        (Direction::Down, false) => BYTES_MAX_DOWN,
        (Direction::Up, false) => BYTES_MAX_UP,
        (Direction::Down, true) => BYTES_LONG_DOWN,
        (Direction::Up, true) => BYTES_LONG_UP,
    }
}
