//! The links measurements are judged on: a fixed grid with equal weights, and named faults.
//!
//! - [`list`]: which cells there are;
//! - [`order`]: the order they run in, and parts of it;
//! - [`recorded`]: cells of the traces a person points to.

mod link;
pub mod list;
pub mod order;
pub mod recorded;

use std::sync::Arc;

use ispeed_meter::params::{self, Fault};
use ispeed_protocol::direction::Direction;

use crate::emulator::Loss;
use crate::traces::Profile;

pub use list::{counters, full, subset};

/// How deep the drop-tail queue is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Queue {
    /// Half a bandwidth-delay product.
    HalfBdp,
    /// One bandwidth-delay product.
    OneBdp,
    /// 250 ms at the link's rate: a base station.
    Ms250,
}

/// One end of the link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The phone.
    Client,
    /// The measuring end.
    Server,
}

/// What a link does.
#[derive(Clone, PartialEq, Debug)]
pub enum Kind {
    /// Constant rate.
    Fixed,
    /// Constant rate with loss before the queue, in both directions.
    Lossy(Loss),
    /// A generated cellular link, entered at an offset of the seed.
    Generated(&'static Profile),
    /// A recorded link, entered at an offset of the seed.
    Recorded {
        /// Mahimahi schedule towards the client.
        down: Arc<Vec<u64>>,
        /// ... and towards the server.
        up: Arc<Vec<u64>>,
    },
    /// Token bucket towards the client: five times the rate until so many bytes are spent.
    Bucket(u64),
    /// No service in both directions for so many seconds, from a moment of the seed on.
    Outage(f64),
    /// The rate is three times as high, and the delay half, from a moment of the seed on.
    HandOver,
    /// One packet in a hundred is overtaken by those of 10 ms.
    Reorder,
}

/// Who else uses the link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cross {
    /// A constant UDP stream at a share of the rate.
    Udp,
    /// One greedy TCP flow on CUBIC.
    Tcp,
}

/// What is done to the ends, beside the link.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Condition {
    /// Nothing.
    None,
    /// A policer (nft `limit`) behind each direction of the link: what exceeds rate and burst is dropped, not queued.
    Policer {
        /// Rate towards the client, Mbit/s of IP; half of it towards the server.
        mbit: f64,
        /// Burst it lets through.
        burst_bytes: u64,
    },
    /// The kernel of one end may not give a TCP socket a larger receive buffer.
    SmallReceiveBuffer {
        /// Which end.
        at: End,
        /// Most bytes (`net.ipv4.tcp_rmem`).
        bytes: u64,
    },
    /// One end's program may use only this part of a core (cgroup).
    CpuQuota {
        /// Which end.
        at: End,
        /// Part of a core.
        share: f64,
    },
    /// Somebody else's traffic in both directions during the whole test. Truth is what the link carries less what the
    /// others got of it in the window, by the log.
    CrossTraffic(Cross),
    /// The client has no IPv4 address at all, as behind NAT64.
    Ipv6Only,
    /// No UDP packet reaches either end.
    UdpBlocked,
}

/// What summaries put together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Group {
    /// The fixed grid.
    Fixed,
    /// Random and bursty loss.
    Loss,
    /// Cellular links, generated or recorded.
    Trace,
    /// Token buckets.
    Bucket,
    /// Policers.
    Policer,
    /// Outages.
    Outage,
    /// Hand-overs.
    HandOver,
    /// Reordering.
    Reorder,
    /// Small receive buffers.
    SmallBuffer,
    /// CPU quotas.
    CpuQuota,
    /// Cross-traffic.
    CrossTraffic,
    /// IPv6 only.
    Ipv6,
    /// No UDP.
    UdpBlocked,
    /// The fixed grid with a fallback counter.
    Counter,
}

impl Group {
    /// As in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Loss => "loss",
            Self::Trace => "trace",
            Self::Bucket => "bucket",
            Self::Policer => "policer",
            Self::Outage => "outage",
            Self::HandOver => "hand-over",
            Self::Reorder => "reorder",
            Self::SmallBuffer => "small-buffer",
            Self::CpuQuota => "cpu-quota",
            Self::CrossTraffic => "cross-traffic",
            Self::Ipv6 => "ipv6",
            Self::UdpBlocked => "udp-blocked",
            Self::Counter => "counter",
        }
    }
}

/// One link, the phone's congestion control, and what is wrong.
#[derive(Clone, PartialEq, Debug)]
pub struct Cell {
    /// Name, unique; the same for all seeds.
    pub name: String,
    /// What summaries put it with.
    pub group: Group,
    /// What the link does.
    pub kind: Kind,
    /// What is done to its ends.
    pub condition: Condition,
    /// Rate towards the client, Mbit/s of IP.
    pub down_mbit: f64,
    /// Rate towards the server, Mbit/s of IP.
    pub up_mbit: f64,
    /// Round trip without queues.
    pub rtt_ms: f64,
    /// Queue of both directions.
    pub queue: Queue,
    /// Congestion control of the client.
    pub client_cc: &'static str,
    /// Counter the program is told to use, in the words of its results.
    pub forced_counter: Option<&'static str>,
}

impl Cell {
    fn fixed(mbit: f64, rtt_ms: f64, queue: Queue, client_cc: &'static str) -> Self {
        let depth = match queue {
            Queue::HalfBdp => "0.5bdp",
            Queue::OneBdp => "1bdp",
            Queue::Ms250 => "250ms",
        };
        Self {
            name: format!("fixed-{mbit}-{rtt_ms}-{depth}-{client_cc}"),
            group: Group::Fixed,
            kind: Kind::Fixed,
            condition: Condition::None,
            down_mbit: mbit,
            up_mbit: mbit / 2.0,
            rtt_ms,
            queue,
            client_cc,
            forced_counter: None,
        }
    }

    /// 48/24 Mbit/s, 40 ms, one bandwidth-delay product: what a fault is added to.
    fn named(name: impl Into<String>, group: Group, kind: Kind, client_cc: &'static str) -> Self {
        Self { name: name.into(), group, kind, ..Self::fixed(48.0, 40.0, Queue::OneBdp, client_cc) }
    }

    /// Whether the cell belongs to the fixed grid (equal weights in every summary).
    pub fn is_grid(&self) -> bool {
        self.group == Group::Fixed
    }

    /// What stands between a correct counter and the rate towards the client (`down`) or the server; only the flags that
    /// `params::FAULT_FLAGS` lists for it answer for an error.
    pub fn fault(&self, down: bool) -> Option<Fault> {
        match (&self.kind, self.condition) {
            (_, Condition::Policer { .. }) => Some(Fault::Policer),
            (_, Condition::SmallReceiveBuffer { at, .. }) => {
                ((at == End::Client) == down).then_some(Fault::SmallReceiveBuffer)
            }
            (_, Condition::CpuQuota { at: End::Client, .. }) => Some(Fault::CpuQuota),
            (_, Condition::CpuQuota { at: End::Server, .. }) => Some(Fault::ServerQuota),
            (_, Condition::CrossTraffic(Cross::Tcp)) => Some(Fault::Variation),
            (Kind::Lossy(_), _) => Some(Fault::RandomLoss),
            (Kind::Generated(_) | Kind::Recorded { .. }, _) => Some(Fault::Variation),
            (Kind::Bucket(_), _) => down.then_some(Fault::TokenBucket),
            (Kind::Outage(_), _) => Some(Fault::Outage),
            (Kind::HandOver, _) => Some(Fault::HandOver),
            (Kind::Fixed, Condition::None) => self.is_cut_short(down).then_some(Fault::ByteBudget),
            _ => None,
        }
    }

    /// Whether the method's own byte cap ends a run before it has the round trips that `BYTES_FAST_RTTS` allows it: on such a
    /// link `byte_capped` says truthfully what is wrong with a figure.
    fn is_cut_short(&self, down: bool) -> bool {
        let (mbit, direction) = if down { (self.down_mbit, Direction::Down) } else { (self.up_mbit, Direction::Up) };
        let wanted_bytes = mbit * 1e6 / 8.0 * self.rtt_ms / 1e3 * params::BYTES_FAST_RTTS as f64;
        wanted_bytes > params::bytes_most(direction, false) as f64
    }
}

/// A fault as records name it.
pub fn fault_name(fault: Fault) -> &'static str {
    match fault {
        Fault::RandomLoss => "random_loss",
        Fault::SmallReceiveBuffer => "small_receive_buffer",
        Fault::CpuQuota => "cpu_quota",
        Fault::ServerQuota => "server_quota",
        Fault::TokenBucket => "token_bucket",
        Fault::Policer => "policer",
        Fault::Outage => "outage",
        Fault::HandOver => "hand_over",
        Fault::Proxy => "proxy",
        Fault::ByteBudget => "byte_budget",
        Fault::Variation => "variation",
    }
}
