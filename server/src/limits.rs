//! Every limit of the server, each with its reason.

use std::time::Duration;

use crate::collect::Rate;

// ---- connections -----------------------------------------------------------------------------------------------

/// Connections at once: 64 runs of 18 sockets are 1,152; the rest is for the collector and for strangers who send half
/// a header and hold a place for ten seconds.
pub const CONNECTIONS_MAX: usize = 16_384;

/// Descriptors kept free for the store, listeners and logs when the system allows fewer sockets than
/// [`CONNECTIONS_MAX`].
pub const DESCRIPTORS_KEPT: usize = 256;

/// Connections at once from one /24 or /48. Wide, because a carrier's NAT puts a province behind one address; below the
/// whole, so that no single network can take every place.
pub const CONNECTIONS_PER_PREFIX_MAX: usize = 8_192;

/// TLS handshake: three round trips of a satellite link and two retransmissions.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often the files of the certificate are looked at: two small reads, and a renewal that nobody announced is served
/// within a minute, a pair that stays wrong is told of within two looks.
pub const CERTIFICATE_LOOK_EVERY: Duration = Duration::from_secs(20);

/// A request's header, and the wait for the next request on a kept connection.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of a request's header and of hyper's read buffer; the longest honest header holds a token of 1,000.
pub const HEADER_MAX_BYTES: usize = 16 * 1024;

/// A request of the collector from its header to its answer's header, the body included.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A peer that takes none of the bytes waiting for it for this long is cut.
pub const ANSWER_PROGRESS_TIMEOUT: Duration = Duration::from_secs(12);

/// Pause after a failed accept: the usual cause is that the system has no more sockets, and trying at once would spin.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Shutdown waits this long for running tests: the most seconds a token carries (30) and the tail.
pub const SHUTDOWN_RUNS_WAIT: Duration = Duration::from_secs(35);

/// Shutdown then waits this long for the answers of the collector.
pub const SHUTDOWN_ANSWERS_WAIT: Duration = Duration::from_secs(5);

// ---- measuring -------------------------------------------------------------------------------------------------

/// Runs at once: what a server of 10 Gbit/s carries when every run takes what is reserved for it.
pub const RUNS_MAX: usize = 64;

/// Runs at once from one /24 or /48: wide for carrier NAT, and yet a quarter stays for all others.
pub const RUNS_PER_PREFIX_MAX: usize = 48;

/// Runs at once of one installation: the second is the one that replaces a run whose end has not reached us.
pub const RUNS_PER_DEVICE_MAX: usize = 2;

/// Egress reserved for a run at admission: the byte cap of an ordinary run, 60 MB in 3 s.
pub const RUN_RESERVED_BPS: u64 = 160_000_000;

/// Seconds after which a refused client may ask again: a run takes about five.
pub const BUSY_RETRY_AFTER_S: u32 = 5;

/// Used tokens remembered at most; a token is remembered for 62 s at most, so this allows 1,600 runs a second.
pub const USED_TOKENS_MAX: usize = 100_000;

/// A client that takes none of the load for this long is cut; the method ends a run after a gap of 2 s.
pub const LOAD_PROGRESS_TIMEOUT: Duration = Duration::from_secs(5);

/// An upgraded connection that does not come about in this time is given up.
pub const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);

/// After the client's stop its resets may still be behind what they cut off: five times a slow link's loaded RTT.
pub const TAIL_WAIT: Duration = Duration::from_millis(500);

/// Time between two sender reports of a download.
pub const SENDER_REPORT_US: u64 = 100_000;

/// Part of the link that reports may take: on a slow one they come more seldom, for what they take the load does not get.
pub const REPORT_SHARE: f64 = 0.002;

/// Bits of a sender report on the link: some 180 bytes of JSON, WebSocket, TLS, TCP and IP headers.
pub const SENDER_REPORT_BITS: f64 = 2_200.0;

/// Bits that an arrivals report costs an upload: its acknowledgement, 52 bytes. The reports themselves go the other way.
pub const ARRIVALS_ACK_BITS: f64 = 416.0;

/// An upload that falls silent this long or less before its stop is heard was stopped, not interrupted: a reset that was lost
/// is not sent again, and the order to stop may be, twice (RFC 6298). The method's own end of a silent path is at twice that.
pub const STOP_HEARD_US: u64 = 1_500_000;

/// Longest time between two sender reports, however slow the link.
pub const SENDER_REPORT_MAX_US: u64 = 1_000_000;

/// Longest time that arrivals of an upload wait to be told together: what a stop may be late on the slowest link.
pub const ARRIVALS_WAIT_MAX_US: u64 = 300_000;

/// Bytes of a control message from a client; the longest honest one has 60.
pub const CONTROL_MESSAGE_MAX_BYTES: usize = 4 * 1024;

/// Control messages from a client in a run; an honest run has five.
pub const CONTROL_MESSAGES_MAX: usize = 64;

/// Messages that may wait for a client's control connection: 12 s of arrivals and sender reports.
pub const CONTROL_QUEUE: usize = 512;

/// A control connection that takes no message for this long is broken.
pub const CONTROL_PROGRESS_TIMEOUT: Duration = Duration::from_secs(10);

/// Load flows a run may open in a direction over its life, as a multiple of those it may have at once: a flow that
/// broke may be opened again.
pub const FLOW_REOPENS: usize = 2;

/// The egress is at its ceiling from this part on.
pub const EGRESS_FULL_SHARE: f64 = 0.95;

/// The server is the bottleneck when all its cores are busy for this part of the time.
pub const CPU_FULL_SHARE: f64 = 0.90;
/// ... in the mean of two looks, neither of them less busy than this.
pub const CPU_BUSY_SHARE: f64 = 0.80;

/// Echo packets answered in a run, over UDP and the fallback together: 30 s at 500 a second, ten times what the method sends.
pub const ECHO_PACKETS_MAX: u32 = 15_000;

/// Trains a run may number; the method uses five.
pub const ECHO_TRAINS_MAX: usize = 16;

/// Ranges kept of a train: a train of 300 with every second packet lost has 150.
pub const ECHO_RANGES_MAX: usize = 256;

/// Probes answered for one token: a client sends three to five.
pub const PROBES_PER_TOKEN_MAX: u8 = 8;

/// Probes looked at from one /24 or /48 in a second; each costs a signature check of 50 µs.
pub const PROBES_PER_PREFIX_PER_S: u32 = 200;

/// Probes looked at in a second from everywhere: a tenth of a core.
pub const PROBES_PER_S: u32 = 2_000;

// ---- other speed tests' clients --------------------------------------------------------------------------------

/// Streams of one address that share a place for a run: as many as a token allows.
pub const INTEROP_STREAMS_PER_PLACE: usize = TOKEN_STREAMS as usize;

/// A place is kept for its address so long after the last stream: clients that measure by one request after another
/// must not lose it between two.
pub const INTEROP_PLACE_KEPT: Duration = Duration::from_secs(2);

/// Bodies up to this size, either way, are no load and take no place: the latency probes of all these clients.
pub const INTEROP_PROBE_MAX_BYTES: u64 = 1_000;

/// One download or upload over HTTP. The longest of these tests (responsiveness) loads a connection for 20 s, and a
/// slow link needs as long again for what is queued.
pub const INTEROP_LOAD_MAX: Duration = Duration::from_secs(60);

/// A client that sends none of the load it announced for this long is cut; as for answers it does not take.
pub const INTEROP_PROGRESS_TIMEOUT: Duration = ANSWER_PROGRESS_TIMEOUT;

/// Bytes of one upload over HTTP: what 1 Gbit/s carries in [`INTEROP_LOAD_MAX`], and as much as the large download.
pub const INTEROP_UPLOAD_MAX_BYTES: u64 = 8_000_000_000;

/// Bytes of a download that names its size: four times the largest step of the clients known (250 MB).
pub const CLOUDFLARE_DOWNLOAD_MAX_BYTES: u64 = 1_000_000_000;

/// MiB of a `garbage` that names no size; the protocol's default.
pub const LIBRESPEED_DEFAULT_MIB: u64 = 4;

/// ... and at most; the protocol's limit.
pub const LIBRESPEED_MAX_MIB: u64 = 1_024;

/// The large download of the responsiveness test: "at least 8 GB".
pub const NQ_LARGE_BYTES: u64 = 8_000_000_000;

/// An ndt7 test: ten seconds, as its specification has it.
pub const NDT7_TIME: Duration = Duration::from_secs(10);

/// An ndt7 connection, its closing included; clients give up at the same time.
pub const NDT7_TIME_MAX: Duration = Duration::from_secs(15);

/// Bytes of a message that the ndt7 specification allows. None is ever held, so it costs nothing.
pub const NDT7_MESSAGE_MAX_BYTES: u64 = 1 << 24;

/// Messages of a client that an ndt7 connection answers, in pings; an honest client sends one in a second at most.
pub const NDT7_PINGS_MAX: u32 = 64;

/// The query of an ndt7 address; the specification's limit.
pub const NDT7_QUERY_MAX_BYTES: usize = 4_096;

// ---- collector -------------------------------------------------------------------------------------------------

/// Writes that may wait for the store: two seconds of the load goal of 500 samples a second. What comes then is told to
/// come back (503) while it still has its sample.
pub const STORE_QUEUE: usize = 1_000;

/// Writes that share one commit: enough for the goal at one disk flush in 100 ms, few enough that one batch takes a few
/// milliseconds.
pub const STORE_BATCH: usize = 64;

/// Connections that read at once: reads are short and from memory, and each holds a few megabytes of cache.
pub const STORE_READERS: usize = 4;

/// Connections of a collector to a database on another machine: one writes, the others read; a hundred collectors fit into
/// the thousand a large server is set up for.
pub const DATABASE_CONNECTIONS: usize = 8;

/// Wait for one of them; after that the answer is "busy", while the client still has its sample.
pub const DATABASE_WAIT: Duration = Duration::from_secs(5);

/// Making a connection, TLS included, across the country.
pub const DATABASE_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A database that acknowledges nothing for this long is gone: below the time a request may take.
pub const DATABASE_SILENCE: Duration = Duration::from_secs(10);

/// One query. A page of a nation's month takes tens of milliseconds; a disk that wakes up may take seconds.
pub const DATABASE_READ_TIMEOUT: Duration = Duration::from_secs(60);

/// One transaction of [`STORE_BATCH`] samples, waits for other collectors included; below [`REQUEST_TIMEOUT`].
pub const DATABASE_WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// A sample body. The longest series (224 bins, three of them, four numbers each) are 25 KB compact and 50 KB when
/// somebody indents them.
pub const SAMPLE_MAX_BYTES: usize = 64 * 1024;

/// Any other body: a token request with five servers is below 1 KB.
pub const SMALL_BODY_MAX_BYTES: usize = 4 * 1024;

/// Time for a body to arrive: 64 KB at 64 kbit/s take 8 s.
pub const BODY_DEADLINE: std::time::Duration = std::time::Duration::from_secs(20);

/// Submissions being checked at once: each costs about a millisecond of CPU and 300 KB.
pub const SUBMISSIONS_AT_ONCE: usize = 256;

/// Wrong members listed in one answer; somebody who has more has another kind of problem.
pub const FIELD_ERRORS_MAX: usize = 16;

/// Attempts to read a wrong document further: each costs up to ten readings of 64 KB.
pub const FIELD_REPAIRS_MAX: usize = 48;

/// Servers in one token request: as many as a client probes.
pub const TOKEN_SERVERS_MAX: usize = 5;

/// Requests for tokens of one installation at once: a session of an official who walks a street.
pub const TOKENS_DEVICE_BURST: u32 = 60;

/// ... after which one more each two minutes: what comes faster does not count anyway (`ispeed_verdict::limits::SPACING`).
pub const TOKENS_DEVICE_PERIOD: std::time::Duration = std::time::Duration::from_secs(120);

/// Requests for tokens of one network prefix at once. Carrier NAT puts thousands of phones behind one IPv4 /24: 600
/// lets a class-room or a campaign start together.
pub const TOKENS_PREFIX_BURST: u32 = 600;

/// ... after which five a second: 100 times the mean of the whole country's quota (0.38 a second).
pub const TOKENS_PREFIX_PERIOD: std::time::Duration = std::time::Duration::from_millis(200);

/// How often limiters forget who has been quiet.
pub const LIMITER_SWEEP: std::time::Duration = std::time::Duration::from_secs(300);

/// Seconds from issue to start.
pub const TOKEN_START_SECONDS: u32 = 60;

/// Seconds a run may take: idle latency 3 s, then each way at most 1 s start, 4 s load, 1 s extension, 2 s of outage.
pub const TOKEN_RUN_SECONDS: u32 = 45;

/// The same for a long run: 10 s each way.
pub const TOKEN_LONG_RUN_SECONDS: u32 = 75;

/// Load flows at once: the method's sixteen, and four that are being replaced.
pub const TOKEN_STREAMS: u8 = 20;

/// Bytes on top of the method's cap for what is under way when the client stops: rate × (loaded RTT + 100 ms). The cap is
/// 1.5 s of the rate, so a third allows for 400 ms of queue.
pub const TOKEN_TAIL_SHARE: f64 = 1.0 / 3.0;

/// ... and never less than this, for slow links with long queues.
pub const TOKEN_TAIL_MIN_BYTES: u64 = 4_000_000;

/// Samples in one answer to `GET /v1/me`: at 64 KB each, 6.4 MB at most.
pub const OWN_SAMPLES_PAGE: u32 = 100;

/// Plans and campaigns one network prefix may ask for at once, and the time until one more: a class-room behind one address
/// opens the plan together, and each look at the map asks again.
pub const PLANS_PREFIX: Rate = Rate { burst: 300, period: Duration::from_millis(100) };

/// Plans being computed at once: each takes up to a tenth of a second of a core and some megabytes.
pub const PLANS_AT_ONCE: usize = 8;

/// A commune's board is this old at most: a plan of a few seconds ago sends nobody to a wrong place.
pub const PLAN_BOARD_LIVES: Duration = Duration::from_secs(5);

/// Boards kept: those of the largest province and a little more; some 20 KB each.
pub const PLAN_BOARDS_MAX: usize = 256;

/// A commune's cells are kept so long; they change with the bundle only, which needs a new process.
pub const PLAN_CELLS_LIVE: Duration = Duration::from_secs(3_600);

/// Communes whose cells are kept: the largest has 50,000 cells of 8 bytes, the median 1,800.
pub const PLAN_CELLS_MAX: usize = 64;

/// Rows read at once for a board: an ordinary month of a commune in one page.
pub const PLAN_ROWS_PAGE: u32 = 2_000;

/// Metres around a point in which communes are looked for: half an hour by motorbike there and back.
pub const PLAN_RADIUS_M: u32 = 10_000;

/// ... and at most: the resolver lists communes up to this distance.
pub const PLAN_RADIUS_MAX_M: u32 = 20_000;

/// Communes a point is compared with without borders; the resolver has the same limit with them.
pub const PLAN_NEAR_MAX: usize = 16;

/// Short communes in an answer unless told otherwise: a screen.
pub const PLAN_COMMUNES: u32 = 5;

/// ... and at most.
pub const PLAN_COMMUNES_MAX: u32 = 20;

/// Unmeasured cells of each commune in an answer unless told otherwise.
pub const PLAN_CELLS_LISTED: u32 = 20;

/// ... and at most: a team of ten measures a hundred cells in a day.
pub const PLAN_CELLS_LISTED_MAX: u32 = 100;

/// A plan pack: loads in ten seconds at 400 kbit/s.
pub const PACK_MAX_BYTES: usize = 512 * 1024;

/// Unmeasured cells of all communes of a pack together: 80 bytes each, a third of the pack.
pub const PACK_CELLS: usize = 2_000;

/// Oldest method whose samples still count.
pub const OLDEST_METHOD: u32 = 1;

/// Oldest version of the core whose samples still count, semantic.
pub const OLDEST_VERSION: &str = "0.1.0";
