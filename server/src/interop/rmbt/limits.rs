//! Every limit of RMBT, each with its reason.

use std::time::Duration;

/// Seconds a test takes in each direction when the client asks for no others; the specification's default.
pub(super) const TEST_SECONDS: u32 = 7;

/// Flows for a direction that a client is told of as its most. Clients of this protocol take three by themselves and
/// five from 100 Mbit/s on, if the server lets them.
pub(super) const TEST_FLOWS: u32 = 5;

/// Longest `GETTIME`: what other servers of this protocol allow.
pub(super) const GETTIME_SECONDS_MAX: u32 = 30;

/// Chunk size until a command names another; the specification's default.
pub(super) const CHUNK_BYTES: usize = 4 * 1024;

/// Least chunk. The specification's 4 KiB; below, framing would be a part of what is measured.
pub(super) const CHUNK_MIN_BYTES: usize = 4 * 1024;

/// Largest chunk; the specification's. Chunks are sent and received in parts, so none is ever held whole.
pub(super) const CHUNK_MAX_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of one `GETCHUNKS`. Pre-tests double what they ask for until two seconds have passed, so the longest honest
/// request is what 1 Gbit/s carries in that time.
pub(super) const GETCHUNKS_MAX_BYTES: u64 = 256 * 1024 * 1024;

/// One command from its line to its `TIME`: the longest `GETTIME` or an upload as long, and as much again for what
/// queues hold on a slow link.
pub(super) const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// A connection, whatever it does; a client asks for one load in each and then quits.
pub(super) const CONNECTION_TIMEOUT: Duration = Duration::from_secs(150);

/// Wait for the client's next line. Flows of a direction wait for one another before they begin, and the slowest may
/// need two retransmissions of its first packet and a handshake on a full link.
pub(super) const LINE_TIMEOUT: Duration = Duration::from_secs(15);

/// A peer that takes, or sends, none of a load for this long is cut. Longer than the own method's, because a client of
/// this protocol has no other way through an outage; below its own 30 s.
pub(super) const PROGRESS_TIMEOUT: Duration = Duration::from_secs(15);

/// After the last line: the client closes, or it is cut.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A line from the client; the longest honest one carries a token and has 101 bytes.
pub(super) const LINE_MAX_BYTES: usize = 256;

/// Commands on a connection: a pre-test of two seconds over loopback makes some thousands of the smallest chunks'
/// requests at most, the latency test a hundred to two hundred.
pub(super) const COMMANDS_MAX: u32 = 20_000;

/// Least time between two reports of a `PUT`. The specification allows 1 ms, which on a narrow return path is a load
/// of its own (TLS, TCP and IP make 130 bytes of each: 1 Mbit/s); 10 ms are a tenth of it and still finer than chunks.
pub(super) const PUT_REPORT_PERIOD: Duration = Duration::from_millis(10);

/// Bytes read from a connection at once: four TLS records, the buffer of all reading.
pub(super) const READ_BYTES: usize = 64 * 1024;

/// Bytes written at once: four full TLS records in one system call.
pub(super) const WRITE_BYTES: usize = 64 * 1024;

/// A token opens connections for this long: on the slowest links a test of both directions takes half a minute, and
/// `test_wait` is always 0. Then whoever finds it in a log can do nothing with it.
pub(super) const TOKEN_SECONDS: u64 = 120;

/// Connections of one token at once: the most flows a client of this protocol has (20), and two being closed.
pub(super) const CONNECTIONS_AT_ONCE_MAX: u32 = 22;

/// Connections of one token in all: pre-test, latency, the most flows each way, and as many again that broke.
pub(super) const CONNECTIONS_MAX: u32 = 84;

/// Tokens in use remembered at most: what 80 new tests a second make in the life of a token.
pub(super) const TOKENS_MAX: usize = 10_000;

/// A request's body but for results: what a client tells of itself is below 1 KB.
pub(super) const REQUEST_MAX_BYTES: usize = 16 * 1024;

/// A result's body, which is read and forgotten: a sample each 40 ms of 20 flows in two directions of 30 s is 2.4 MB.
pub(super) const RESULT_MAX_BYTES: usize = 4 * 1024 * 1024;
