//! Latency and loss of a sample against the log of its link.

use std::collections::BTreeMap;

use ispeed_meter::{latency as rtt, pdv};
use serde_json::{Value, json};

use super::echoes::{Exchange, configured_ns, in_link_ns, trains};
use super::on_clock;
use crate::emulator::{Fate, LinkLog};

/// A train of the sample: its number on the wire, and what the sample calls its figures.
const TRAINS: [(u16, &str); 3] = [(1, "idle"), (2, "loaded_down"), (3, "loaded_up")];

/// The idle train once more: a client takes it where the first one met its own connections being opened (METHOD section 13).
const TRAIN_IDLE_AGAIN: u16 = 4;

/// What `ispeed test --format json` says of latency and loss beside what the log says; `null` where one of them does not
/// know. Round trips are those of replies the client got in the window the sample averages; loss counts whole trains, of
/// the phases for which the sample states it.
pub fn latency(log: &LinkLog, document: &Value) -> Value {
    let sample = &document["sample"];
    let mut exchanges = trains(log);
    replace_idle(&mut exchanges);
    let phases: Vec<Phase<'_>> = TRAINS
        .iter()
        .map(|&(train, name)| Phase {
            name,
            said: &sample["latency"],
            window_ns: if name == "idle" { Some((0, u64::MAX)) } else { window_ns(sample, name, log) },
            exchanges: exchanges.get(&train).map_or(&[][..], Vec::as_slice),
        })
        .collect();
    let mut out = json!({ "loss": { "down": loss(&phases, "down"), "up": loss(&phases, "up") } });
    for phase in &phases {
        let name = phase.name;
        out[format!("{name}_ms")] = phase.said[format!("{name}_ms")].clone();
        out[format!("{name}_truth_ms")] = json!(phase.truth_ms());
        for way in ["down", "up"] {
            let path = &phase.said[format!("{name}_path")];
            out["pdv95"][name][way] = json!({ "ms": path[format!("pdv95_{way}_ms")], "truth_ms": phase.pdv95_ms(way) });
        }
    }
    out["idle_configured_ms"] = json!(configured_ms(log, phases[0].exchanges));
    out
}

/// Puts the second idle train in place of the first where the client did: unless less than half as much of it came back.
fn replace_idle(trains: &mut BTreeMap<u16, Vec<Exchange>>) {
    let came_back = |train: &Vec<Exchange>| train.iter().filter_map(Exchange::round_trip_ns).count();
    let first = trains.get(&TRAINS[0].0).map_or(0, came_back);
    if let Some(again) = trains.remove(&TRAIN_IDLE_AGAIN).filter(|again| came_back(again) * 2 >= first) {
        trains.insert(TRAINS[0].0, again);
    }
}

/// One train, on both sides.
struct Phase<'a> {
    name: &'static str,
    /// The sample's latency.
    said: &'a Value,
    window_ns: Option<(u64, u64)>,
    exchanges: &'a [Exchange],
}

impl Phase<'_> {
    /// Exchanges whose reply the client got in the window.
    fn within(&self) -> impl Iterator<Item = (&Exchange, u64)> {
        let inside = |at: u64| self.window_ns.is_some_and(|(from, to)| (from..=to).contains(&at));
        self.exchanges.iter().filter_map(move |exchange| {
            exchange.round_trip_ns().filter(|(_, at)| inside(*at)).map(|(rtt_ns, _)| (exchange, rtt_ns))
        })
    }

    fn truth_ms(&self) -> Option<f64> {
        // Nanoseconds for microseconds: the summary's thousandth is taken twice.
        let rtts_ns: Vec<u64> = self.within().map(|(_, rtt_ns)| rtt_ns).collect();
        rtt::summary(&rtts_ns).map(|summary| summary.median_ms / 1e3)
    }

    fn pdv95_ms(&self, way: &str) -> Option<f64> {
        let one_way = |exchange: &Exchange| {
            let packet = if way == "up" { Some(exchange.request) } else { exchange.reply };
            packet.map(|packet| (in_link_ns(&packet) / 1000).cast_signed())
        };
        let delays_us: Vec<i64> = self.within().filter_map(|(exchange, _)| one_way(exchange)).collect();
        pdv::pdv95_ms(&delays_us)
    }

    /// Sent and lost one way, by the sample and by the log; `None` where the sample states no loss.
    fn loss(&self, way: &str) -> Option<[u64; 4]> {
        let stated = &self.said[format!("{}_path", self.name)][format!("loss_{way}")];
        let (sent, lost) = (stated["sent"].as_u64()?, stated["lost"].as_u64()?);
        let is_lost = |exchange: &Exchange| match way {
            "up" => Some(exchange.request.fate != Fate::Delivered),
            _ => exchange.reply.map(|reply| reply.fate != Fate::Delivered || exchange.is_late()),
        };
        let packets = self.exchanges.iter().filter_map(is_lost);
        let (truth_sent, truth_lost) =
            packets.fold((0, 0), |(all, lost), is_lost| (all + 1, lost + u64::from(is_lost)));
        (truth_sent > 0).then_some([sent, lost, truth_sent, truth_lost])
    }
}

fn loss(phases: &[Phase<'_>], way: &str) -> Value {
    let stated: Vec<(&str, [u64; 4])> = phases.iter().filter_map(|p| Some((p.name, p.loss(way)?))).collect();
    let sum = |i: usize| (!stated.is_empty()).then(|| stated.iter().map(|(_, counts)| counts[i]).sum::<u64>());
    // Sums of different phases may agree where the phases do not.
    let equal = stated.iter().all(|(_, [sent, lost, truth_sent, truth_lost])| sent == truth_sent && lost == truth_lost);
    json!({
        "sent": sum(0), "lost": sum(1), "truth_sent": sum(2), "truth_lost": sum(3),
        "equal": (!stated.is_empty()).then_some(equal),
        "phases": stated.iter().map(|(name, counts)| json!([name, counts])).collect::<Vec<_>>(),
    })
}

/// Median over the train of what the link is configured to take there and back for packets that meet no queue.
fn configured_ms(log: &LinkLog, exchanges: &[Exchange]) -> Option<f64> {
    let both = |exchange: &Exchange| {
        let reply = exchange.reply?;
        Some((configured_ns(&log.up, &exchange.request)? + configured_ns(&log.down, &reply)?) as u64)
    };
    let all_ns: Vec<u64> = exchanges.iter().filter_map(both).collect();
    rtt::summary(&all_ns).map(|summary| summary.median_ms / 1e3)
}

/// The window a loaded train is averaged over, on the clock of the log; all of the load where the direction has none.
fn window_ns(sample: &Value, phase: &str, log: &LinkLog) -> Option<(u64, u64)> {
    let result = &sample[if phase == "loaded_down" { "down" } else { "up" }];
    let (start_ms, length_ms) = match (result["window_start_ms"].as_f64(), result["window_ms"].as_f64()) {
        (Some(start_ms), Some(length_ms)) => (start_ms, length_ms),
        _ => (result["load_start_us"].as_f64()? / 1e3, result["duration_ms"].as_f64()?),
    };
    let from_ns = on_clock(sample, start_ms * 1e6, log)?;
    Some((from_ns, from_ns + (length_ms * 1e6) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::{DirectionConfig, DirectionLog, PacketRecord};
    use ispeed_protocol::UtcMicros;

    const MS: u64 = 1_000_000;
    const TRAIN_IDLE: u32 = 1;
    const TRAIN_DOWN: u32 = 2;

    fn packet(kind: u32, train: u32, sequence: u32, arrive_ms: u64, delay_ms: u64, fate: Fate) -> PacketRecord {
        let arrive_ns = arrive_ms * MS;
        let served = if fate == Fate::Delivered { arrive_ns + delay_ms * MS } else { 0 };
        let tag = 1 << 31 | kind << 28 | train << 24 | sequence;
        PacketRecord {
            arrive_ns,
            depart_ns: served,
            deliver_ns: served,
            late_ns: 0,
            tag,
            bytes: 200,
            protocol: 17,
            fate,
        }
    }

    /// Idle: 20 packets, 10 ms up and 20 ms down, number 4 lost on the way up and 5 on the way back. Loaded: from 1000 ms
    /// on every 50 ms, 10 ms up, down 20 ms and 60 ms from 1500 ms on; the queue drops reply 3.
    fn log() -> LinkLog {
        let lane = |config| DirectionLog { config: Some(config), ..DirectionLog::default() };
        let mut log = LinkLog {
            down: lane(DirectionConfig::fixed(10e6, 20.0, 50.0)),
            up: lane(DirectionConfig::fixed(2e6, 10.0, 50.0)),
            base_monotonic_ns: 0,
            base_utc_us: 1_795_792_500_000_000,
        };
        let fate = |lost| if lost { Fate::Lost } else { Fate::Delivered };
        for i in 0..20 {
            let at = 100 + 25 * u64::from(i);
            log.up.packets.push(packet(1, TRAIN_IDLE, i, at, 10, fate(i == 4)));
            if i != 4 {
                log.down.packets.push(packet(2, TRAIN_IDLE, i, at + 11, 20, fate(i == 5)));
            }
        }
        for i in 0..20 {
            let at = 1000 + 50 * u64::from(i);
            let down_ms = if at < 1500 { 20 } else { 60 };
            log.up.packets.push(packet(1, TRAIN_DOWN, i, at, 10, Fate::Delivered));
            let fate = if i == 3 { Fate::QueueFull } else { Fate::Delivered };
            log.down.packets.push(packet(2, TRAIN_DOWN, i, at + 10, down_ms, fate));
        }
        log
    }

    fn document(log: &LinkLog) -> Value {
        json!({"sample": {
            "started_at": UtcMicros(log.base_utc_us + 50_000).to_string(),
            "down": {"window_start_ms": 1450.0, "window_ms": 400.0},
            "latency": {
                "idle_ms": 30.1, "loaded_down_ms": 70.2, "loaded_up_ms": null,
                "idle_path": {"loss_up": {"sent": 20, "lost": 1}, "loss_down": {"sent": 19, "lost": 1}},
                "loaded_down_path": {"loss_up": {"sent": 20, "lost": 0}, "loss_down": {"sent": 20, "lost": 2}},
            },
        }})
    }

    #[test]
    fn medians_and_counts_are_the_logs_own() {
        let log = log();
        let out = latency(&log, &document(&log));
        assert_eq!((out["idle_ms"].as_f64(), out["idle_truth_ms"].as_f64()), (Some(30.1), Some(30.0)));
        // 200 bytes take 0.8 ms at 2 Mbit/s and 0.16 ms at 10 Mbit/s.
        assert!((out["idle_configured_ms"].as_f64().unwrap() - 30.96).abs() < 1e-6, "{out}");
        assert_eq!(out["loaded_down_truth_ms"], 70.0, "only replies in the window of the direction count");
        assert!(out["loaded_up_truth_ms"].is_null() && out["loaded_up_ms"].is_null());
        let counts =
            |way: &str| ["sent", "lost", "truth_sent", "truth_lost"].map(|name| out["loss"][way][name].as_u64());
        assert_eq!(counts("up"), [40, 1, 40, 1].map(Some));
        assert_eq!(counts("down"), [39, 3, 39, 2].map(Some));
        assert_eq!((&out["loss"]["up"]["equal"], &out["loss"]["down"]["equal"]), (&json!(true), &json!(false)));
        assert_eq!(out["pdv95"]["loaded_down"]["down"]["truth_ms"], 0.0);
    }

    #[test]
    fn an_idle_train_that_was_taken_again_is_the_one_that_counts() {
        let mut log = log();
        let again = |from: u32, packets: &mut Vec<PacketRecord>, kind: u32, delay_ms: u64| {
            for i in from..20 {
                let at = 700 + 25 * u64::from(i) + u64::from(kind);
                packets.push(packet(kind, u32::from(TRAIN_IDLE_AGAIN), i, at, delay_ms, Fate::Delivered));
            }
        };
        again(0, &mut log.up.packets, 1, 7);
        let few = log.down.packets.clone();
        again(0, &mut log.down.packets, 2, 8);
        assert_eq!(latency(&log, &document(&log))["idle_truth_ms"], 15.0);
        log.down.packets = few;
        again(12, &mut log.down.packets, 2, 8);
        assert_eq!(latency(&log, &document(&log))["idle_truth_ms"], 30.0, "too few came back");
    }

    #[test]
    fn a_reply_that_comes_after_a_second_is_lost() {
        let mut log = log();
        let late = log.down.packets.iter_mut().find(|p| p.fate == Fate::Delivered && p.echo().is_some()).unwrap();
        late.deliver_ns += 1_200_000_000;
        let document = document(&log);
        let lost = |log: &LinkLog| latency(log, &document)["loss"]["down"]["truth_lost"].as_u64().unwrap();
        assert_eq!(lost(&log), lost(&self::log()) + 1);
    }

    #[test]
    fn what_nobody_knows_is_null() {
        let mut log = log();
        // A second session in the log asks the same numbers again.
        let again = log.up.packets[0];
        log.up.packets.push(again);
        let out = latency(&log, &document(&log));
        assert!(out["idle_truth_ms"].is_null() && out["idle_configured_ms"].is_null());
        let out = latency(&log, &json!({"sample": {"outcome": "no_service"}}));
        for member in ["idle_ms", "loaded_down_truth_ms", "loaded_up_ms"] {
            assert!(out[member].is_null(), "{member}");
        }
        assert!(out["loss"]["down"]["sent"].is_null() && out["loss"]["up"]["equal"].is_null());
    }
}
