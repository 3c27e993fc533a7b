//! Every input of a link as JSON, so that a line of a file of runs needs no other to be repeated.

use serde_json::{Value, json};

use crate::cells::{Cell, Condition, Kind, fault_name, order};
use crate::emulator::{DirectionConfig, LinkConfig, Loss, QueueLimit, Rate};

/// Inputs of both directions.
pub(super) fn of_link(cell: &Cell, link: &LinkConfig) -> Value {
    json!({
        "seed": link.seed,
        "condition": condition(cell.condition),
        "down": direction(cell, &link.down), "up": direction(cell, &link.up),
    })
}

/// The fault as records name it; `None` of a run as a whole is `null`.
pub(super) fn fault(cell: &Cell) -> Option<&'static str> {
    cell.fault(true).or_else(|| cell.fault(false)).map(fault_name)
}

/// Where in its schedule a direction begins.
pub(super) fn offset_ms(config: &DirectionConfig) -> Option<u64> {
    if let Rate::Schedule { offset_ms, .. } = config.rate { Some(offset_ms) } else { None }
}

fn direction(cell: &Cell, config: &DirectionConfig) -> Value {
    let queue = match config.queue {
        QueueLimit::Bytes(bytes) => json!({"bytes": bytes}),
        QueueLimit::Packets(packets) => json!({"packets": packets}),
    };
    json!({
        "rate": rate(cell, &config.rate),
        "delay_ms": config.delay_ns.iter().map(|(at, delay)| [*at as f64 / 1e6, *delay as f64 / 1e6]).collect::<Vec<_>>(),
        "queue": queue,
        "loss": loss(config.loss),
        "reorder": config.reorder.map(|r| json!({"probability": r.probability, "hold_ms": r.hold_ns as f64 / 1e6})),
    })
}

fn rate(cell: &Cell, rate: &Rate) -> Value {
    match rate {
        Rate::Steps(steps) => {
            json!({"steps_ms_bps": steps.iter().map(|(at, bps)| [*at as f64 / 1e6, *bps]).collect::<Vec<_>>()})
        }
        Rate::Schedule { at_ms, offset_ms } => {
            let source = if let Kind::Generated(profile) = cell.kind { profile.name } else { cell.name.as_str() };
            let text: String = at_ms.iter().map(|ms| format!("{ms}\n")).collect();
            json!({
                "schedule": source, "offset_ms": offset_ms, "opportunities": at_ms.len(), "length_ms": at_ms.last(),
                "fnv1a": format!("{:016x}", order::hash(&text)),
            })
        }
        Rate::Bucket { sustained_bps, peak_bps, bucket_bytes } => {
            json!({"sustained_bps": sustained_bps, "peak_bps": peak_bps, "bucket_bytes": bucket_bytes})
        }
    }
}

fn loss(loss: Loss) -> Value {
    match loss {
        Loss::None => Value::Null,
        Loss::Random(probability) => json!({"random": probability}),
        Loss::GilbertElliott { to_bad, to_good, loss_in_bad } => {
            json!({"to_bad": to_bad, "to_good": to_good, "loss_in_bad": loss_in_bad})
        }
    }
}

fn condition(condition: Condition) -> Value {
    match condition {
        Condition::None => Value::Null,
        Condition::Policer { mbit, burst_bytes } => {
            json!({"policer": {"down_mbit": mbit, "up_mbit": mbit / 2.0, "burst_bytes": burst_bytes}})
        }
        Condition::SmallReceiveBuffer { at, bytes } => {
            json!({"receive_buffer": {"at": format!("{at:?}"), "bytes": bytes}})
        }
        Condition::CpuQuota { at, share } => json!({"cpu_quota": {"at": format!("{at:?}"), "share": share}}),
        Condition::CrossTraffic(kind) => json!({"cross_traffic": format!("{kind:?}")}),
        Condition::Ipv6Only => json!("ipv6_only"),
        Condition::UdpBlocked => json!("udp_blocked"),
    }
}
