//! Which cells there are.

use super::{Cell, Condition, Cross, End, Group, Kind, Queue};
use crate::emulator::Loss;
use crate::traces::PROFILES;

/// Rates of the grid, download, Mbit/s of IP; the upload is half of it.
pub const RATES_MBIT: [f64; 8] = [0.5, 2.0, 5.0, 20.0, 50.0, 100.0, 300.0, 1000.0];
/// Round-trip times of the grid, ms.
pub const RTTS_MS: [f64; 4] = [10.0, 40.0, 100.0, 300.0];
/// Depths of the grid.
pub const QUEUES: [Queue; 3] = [Queue::HalfBdp, Queue::OneBdp, Queue::Ms250];
/// Congestion controls a phone may have.
pub const CONGESTION_CONTROLS: [&str; 3] = ["cubic", "bbr", "reno"];
/// Counters the program falls back to, in the words of its results.
pub const FALLBACK_COUNTERS: [&str; 2] = ["tcp_info_bytes", "app_bytes"];

/// Shares of packets lost at random, or in bursts of the same mean.
const RANDOM_LOSS: [f64; 4] = [0.001, 0.005, 0.01, 0.02];
const BURSTY_LOSS: [f64; 3] = [0.005, 0.01, 0.02];
/// In a burst every second packet is lost, and it lasts five packets: fading that outlives the radio's own repair.
const LOSS_IN_BURST: f64 = 0.5;
const LEAVE_BURST: f64 = 0.2;
/// A receive buffer far below the bandwidth-delay product of the cells that have it.
const SMALL_BUFFER_BYTES: u64 = 64 * 1024;
/// Part of a core. At 300 Mbit/s either program needs about 0.03 of one here.
const QUOTA_SHARE: f64 = 0.01;

/// Everything but the forced counters and recorded traces.
pub fn full() -> Vec<Cell> {
    let mut cells = grid();
    for cc in CONGESTION_CONTROLS {
        cells.extend(RANDOM_LOSS.map(|loss| random_loss(loss, cc)));
        cells.extend(BURSTY_LOSS.map(|loss| bursty_loss(loss, cc)));
    }
    for profile in &PROFILES {
        cells.extend(["cubic", "bbr"].map(|cc| Cell {
            down_mbit: profile.down_mbit,
            up_mbit: profile.up_mbit,
            rtt_ms: profile.rtt_ms,
            queue: Queue::Ms250,
            ..Cell::named(format!("trace-{}-{cc}", profile.name), Group::Trace, Kind::Generated(profile), cc)
        }));
    }
    cells.extend(link_faults());
    cells.extend(end_faults());
    cells
}

/// The fixed grid with each fallback counter.
pub fn counters() -> Vec<Cell> {
    FALLBACK_COUNTERS.iter().flat_map(|counter| grid().into_iter().map(|cell| with_counter(cell, counter))).collect()
}

/// Some of each kind: says within minutes whether something broke.
pub fn subset() -> Vec<Cell> {
    let grid = [(2.0, 40.0), (5.0, 100.0), (20.0, 40.0), (50.0, 10.0), (50.0, 100.0), (100.0, 40.0)];
    let mut cells: Vec<Cell> =
        grid.into_iter().map(|(mbit, rtt)| Cell::fixed(mbit, rtt, Queue::OneBdp, "cubic")).collect();
    cells.push(Cell::fixed(100.0, 40.0, Queue::Ms250, "bbr"));
    cells.push(with_counter(Cell::fixed(20.0, 40.0, Queue::OneBdp, "cubic"), "app_bytes"));
    const NAMES: [&str; 9] = [
        "loss-1-cubic",
        "trace-lte-static-cubic",
        "trace-lte-driving-cubic",
        "bucket-5mb",
        "outage-1s",
        "policer-100kb-cubic",
        "small-buffer-client",
        "ipv6-only",
        "udp-blocked",
    ];
    cells.extend(full().into_iter().filter(|cell| NAMES.contains(&cell.name.as_str())));
    cells
}

fn grid() -> Vec<Cell> {
    let mut cells = Vec::new();
    for mbit in RATES_MBIT {
        for rtt in RTTS_MS {
            for queue in QUEUES {
                cells.extend(CONGESTION_CONTROLS.map(|cc| Cell::fixed(mbit, rtt, queue, cc)));
            }
        }
    }
    cells
}

fn with_counter(cell: Cell, counter: &'static str) -> Cell {
    Cell {
        name: format!("counter-{counter}-{}", cell.name),
        group: Group::Counter,
        forced_counter: Some(counter),
        ..cell
    }
}

fn random_loss(loss: f64, cc: &'static str) -> Cell {
    Cell::named(format!("loss-{}-{cc}", loss * 100.0), Group::Loss, Kind::Lossy(Loss::Random(loss)), cc)
}

fn bursty_loss(loss: f64, cc: &'static str) -> Cell {
    // Share of packets in bursts, from which the chance to enter one follows.
    let bad = loss / LOSS_IN_BURST;
    let bursts = Loss::GilbertElliott {
        to_bad: LEAVE_BURST * bad / (1.0 - bad),
        to_good: LEAVE_BURST,
        loss_in_bad: LOSS_IN_BURST,
    };
    Cell::named(format!("burst-loss-{}-{cc}", loss * 100.0), Group::Loss, Kind::Lossy(bursts), cc)
}

/// Faults of the link itself.
fn link_faults() -> Vec<Cell> {
    let base_station = |cell: Cell| Cell { queue: Queue::Ms250, ..cell };
    let mut cells = Vec::new();
    for megabytes in [1, 5, 20, 60] {
        let kind = Kind::Bucket(megabytes * 1_000_000);
        let cell = Cell::named(format!("bucket-{megabytes}mb"), Group::Bucket, kind, "cubic");
        cells.push(base_station(Cell { down_mbit: 20.0, ..cell }));
    }
    for seconds in [0.3, 1.0, 1.8] {
        let cell = Cell::named(format!("outage-{seconds}s"), Group::Outage, Kind::Outage(seconds), "cubic");
        cells.push(base_station(cell));
    }
    cells.push(base_station(Cell::named("hand-over", Group::HandOver, Kind::HandOver, "cubic")));
    cells.push(base_station(Cell::named("reorder", Group::Reorder, Kind::Reorder, "cubic")));
    cells
}

/// Faults of the ends, and of what stands beside the link.
fn end_faults() -> Vec<Cell> {
    let named = |name: String, group, condition, cc| Cell { condition, ..Cell::named(name, group, Kind::Fixed, cc) };
    let mut cells = Vec::new();
    for cc in ["cubic", "bbr"] {
        for (burst, burst_bytes) in [("100kb", 100_000), ("1mb", 1_000_000)] {
            let condition = Condition::Policer { mbit: 20.0, burst_bytes };
            let cell = named(format!("policer-{burst}-{cc}"), Group::Policer, condition, cc);
            cells.push(Cell { down_mbit: 100.0, up_mbit: 50.0, ..cell });
        }
    }
    for (name, at) in [("client", End::Client), ("server", End::Server)] {
        let condition = Condition::SmallReceiveBuffer { at, bytes: SMALL_BUFFER_BYTES };
        let cell = named(format!("small-buffer-{name}"), Group::SmallBuffer, condition, "cubic");
        cells.push(Cell { down_mbit: 100.0, up_mbit: 100.0, rtt_ms: 100.0, ..cell });
        let condition = Condition::CpuQuota { at, share: QUOTA_SHARE };
        let cell = named(format!("cpu-quota-{name}"), Group::CpuQuota, condition, "cubic");
        cells.push(Cell { down_mbit: 300.0, up_mbit: 300.0, rtt_ms: 20.0, ..cell });
    }
    for (name, cross) in [("udp", Cross::Udp), ("tcp", Cross::Tcp)] {
        let condition = Condition::CrossTraffic(cross);
        cells.push(named(format!("cross-traffic-{name}"), Group::CrossTraffic, condition, "cubic"));
    }
    cells.push(named("ipv6-only".into(), Group::Ipv6, Condition::Ipv6Only, "cubic"));
    cells.push(named("udp-blocked".into(), Group::UdpBlocked, Condition::UdpBlocked, "cubic"));
    cells
}

#[cfg(test)]
mod tests {
    use ispeed_meter::params::Fault;

    use super::*;

    #[test]
    fn only_the_fastest_long_paths_of_the_grid_are_cut_short_by_the_methods_own_byte_cap() {
        let grid: Vec<Cell> = full().into_iter().filter(Cell::is_grid).collect();
        for down in [true, false] {
            let cut = |cell: &&Cell| cell.fault(down) == Some(Fault::ByteBudget);
            let mut at: Vec<_> =
                grid.iter().filter(cut).map(|cell| (cell.down_mbit as u32, cell.rtt_ms as u32)).collect();
            at.dedup();
            let expected: &[(u32, u32)] = if down { &[(1000, 300)] } else { &[(300, 300), (1000, 100), (1000, 300)] };
            assert!(
                at.iter().all(|link| expected.contains(link)) && expected.iter().all(|link| at.contains(link)),
                "{at:?}"
            );
        }
    }

    #[test]
    fn the_grid_has_every_combination_once() {
        let cells = full();
        let mut names: Vec<_> = cells.iter().chain(&counters()).map(|c| c.name.clone()).collect();
        assert_eq!(cells.iter().filter(|c| c.is_grid()).count(), 8 * 4 * 3 * 3);
        assert!(counters().iter().all(|c| !c.is_grid() && c.forced_counter.is_some()));
        assert_eq!(counters().len(), 2 * 288);
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn the_subset_has_one_of_each_kind_it_names() {
        assert_eq!(subset().len(), 8 + 9, "a name of the subset is not in the list");
    }

    #[test]
    fn bursts_lose_the_share_their_name_says() {
        for loss in BURSTY_LOSS {
            let Kind::Lossy(Loss::GilbertElliott { to_bad, to_good, loss_in_bad }) = bursty_loss(loss, "cubic").kind
            else {
                panic!("not bursty");
            };
            assert!((to_bad / (to_bad + to_good) * loss_in_bad / loss - 1.0).abs() < 1e-9);
        }
    }
}
