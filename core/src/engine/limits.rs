//! Every bound of a run's waits. No await of the engine is without one of these.

use std::time::Duration;

/// Looking up a host's addresses: two tries of 2 s of a stub resolver, and some.
pub(crate) const DNS: Duration = Duration::from_secs(5);
/// TCP connect: SYN and three retransmissions (1 + 2 + 4 s, RFC 6298) reach across a radio that wakes; longer is no service.
pub(crate) const CONNECT: Duration = Duration::from_secs(7);
/// Between tries of a host's addresses (RFC 8305 section 5).
pub(crate) const CONNECT_STAGGER: Duration = Duration::from_millis(250);
/// TLS handshake and HTTP upgrade of a connection that is open.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(6);
/// One request to a collector, connect included.
pub(crate) const REQUEST: Duration = Duration::from_secs(12);
/// Largest answer read from a collector: a list of some thousand test points.
pub(crate) const ANSWER_MAX_BYTES: usize = 2 * 1024 * 1024;

/// Candidates probed at most (the issue), which is also what one token request may name.
pub(crate) const CANDIDATES_MAX: usize = 5;
/// Probes sent to a candidate: the median of five stands two lost ones.
pub(crate) const PROBES: u32 = 5;
/// Between two of them.
pub(crate) const PROBE_GAP: Duration = Duration::from_millis(15);
/// Answers after which a candidate's median is taken.
pub(crate) const PROBE_ANSWERS: usize = 3;
/// A candidate that has not answered in this time is not near.
pub(crate) const PROBE_WAIT: Duration = Duration::from_millis(1_000);
/// After the first candidate is known, the others get this much longer to be written down.
pub(crate) const PROBE_GRACE: Duration = Duration::from_millis(40);

/// From the WebSocket request to the server's `Welcome`.
pub(crate) const WELCOME: Duration = Duration::from_secs(5);
/// Opening the first load flow of a direction once the idle round trips are taken.
pub(crate) const FLOWS: Duration = Duration::from_secs(6);
/// The idle train: 100 packets of 30 ms in long mode, the patience of its end, and room.
pub(crate) const IDLE: Duration = Duration::from_secs(6);
/// By then the load connections are open on any but the slowest path, and the engine's own traffic is the idle train.
pub(crate) const OPENING: Duration = Duration::from_millis(250);
/// After the first flow is open, the others of the first step get this much longer.
pub(crate) const FLOWS_GRACE: Duration = Duration::from_millis(250);
/// Load flows opened ahead of time in each direction: the first step of growth is instant.
pub(crate) const FLOWS_AHEAD: u8 = 4;
/// All flows of a download over a long path are opened before it only where opening the first ones took at most this many round
/// trips: connect, TLS and upgrade are three, and on a link where the handshakes of eight flows (13 kB) take another quarter
/// of 300 ms, below 1.4 Mbit/s (4 Mbit/s at 100 ms), those of twelve more are a part of all its bytes, and it never needs them.
pub(crate) const OPENED_FAST_RTTS: f64 = 3.25;
/// Age at which a flow under BBR looks for the least round trip again: for 200 ms and a round trip it sends four packets a
/// round trip (Linux, `bbr_min_rtt_win_sec`; draft-ietf-ccwg-bbr, `MinRTTFilterLen`).
pub(crate) const BBR_PROBES_AT: Duration = Duration::from_secs(10);
/// TCP, TLS and upgrade are three round trips, and one is for what was lost.
pub(crate) const HANDSHAKE_RTTS: u64 = 4;
/// Closing the load sockets after a decision; the issue allows 20 ms, this bounds a runtime that has no thread to spare.
pub(crate) const RESET: Duration = Duration::from_millis(150);
/// From `Stop` to `Stopped`. A gap of 2 s in mid-air costs TCP up to another 2 s of back-off, and 1 s is for the server.
pub(crate) const STOPPED: Duration = Duration::from_secs(5);
/// The same after a cancel: what comes in this time is kept, nobody waits for more.
pub(crate) const STOPPED_ABORTED: Duration = Duration::from_millis(400);
/// From `Finish` to `Echoes`; all results are there already.
pub(crate) const ECHOES: Duration = Duration::from_secs(2);
/// A train's last answers once it sends no more: its own patience of 1 s and room.
pub(crate) const TRAIN_LOG: Duration = Duration::from_millis(1_300);
/// The same after a cancel.
pub(crate) const TRAIN_LOG_ABORTED: Duration = Duration::from_millis(150);
/// After an interrupt a direction gets this long to stop in order; its load ends within milliseconds of it.
pub(crate) const INTERRUPTED: Duration = Duration::from_millis(900);
/// Handing a message to the control channel's writer.
pub(crate) const CONTROL_SEND: Duration = Duration::from_secs(2);
/// An upload whose counters do not come for this long is lost: a gap of 2 s and TCP's back-off after it.
pub(crate) const ARRIVALS_SILENT: Duration = Duration::from_millis(4_500);
/// Slack over the method's caps before a direction is ended from outside the estimator.
pub(crate) const DIRECTION_SLACK: Duration = Duration::from_secs(8);

/// The whole run, whatever happens: every wait above in a row, twice.
pub(crate) const RUN: Duration = Duration::from_secs(120);
