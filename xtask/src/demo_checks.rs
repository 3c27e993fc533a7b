//! What the document of a demo has to say.

use serde_json::Value;

/// A named check and what came of it.
pub(crate) type Check = (String, Result<(), String>);

/// TCP payload of an IP packet of 1,500 bytes: what the demo's link (rates of IP packets) can carry at most.
const PAYLOAD_SHARE: f64 = 1_448.0 / 1_500.0;
/// The demo's default link, bit/s of IP.
const DOWN_BPS: f64 = 40e6;
const UP_BPS: f64 = 20e6;
const TOLERANCE: f64 = 0.05;
/// How many bytes of the document are changed, one at a time.
const CHANGES: usize = 24;

/// The checks of a sample that was measured over the default link.
pub(crate) fn sample(document: &Value) -> Vec<Check> {
    let sample = &document["sample"];
    let complete = if sample["outcome"] == "complete" {
        Ok(())
    } else {
        Err(format!("{} ({})", sample["outcome"], sample["outcome_reason"]))
    };
    vec![
        ("the outcome is complete".into(), complete),
        ("down is within 5 % of the link".into(), within(&sample["down"]["goodput_bps"], DOWN_BPS * PAYLOAD_SHARE)),
        ("up is within 5 % of the link".into(), within(&sample["up"]["goodput_bps"], UP_BPS * PAYLOAD_SHARE)),
        ("the facts are marked simulated".into(), truth(&sample["simulated"], "sample.simulated")),
        ("there is a receipt".into(), truth(&Value::from(document["receipt"].is_object()), "receipt")),
    ]
}

fn truth(value: &Value, what: &str) -> Result<(), String> {
    if value == &Value::from(true) { Ok(()) } else { Err(format!("{what} is {value}")) }
}

fn within(measured: &Value, link_bps: f64) -> Result<(), String> {
    let Some(measured_bps) = measured.as_f64() else { return Err(format!("the figure is {measured}")) };
    let error = measured_bps / link_bps - 1.0;
    if error.abs() <= TOLERANCE {
        Ok(())
    } else {
        Err(format!("{:.2} Mbit/s, {:+.1} % off", measured_bps / 1e6, error * 100.0))
    }
}

/// Letters and digits spread evenly over a document: a changed space between members would not be a change.
pub(crate) fn places_to_change(document: &[u8]) -> Vec<usize> {
    let candidates: Vec<usize> = (0..document.len()).filter(|at| document[*at].is_ascii_alphanumeric()).collect();
    let step = (candidates.len() / CHANGES).max(1);
    candidates.into_iter().step_by(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_figure_is_held_to_the_payload_share_of_the_link() {
        let document = |down: Value, up: f64| {
            let sample = json!({
                "outcome": "complete", "simulated": true, "down": {"goodput_bps": down}, "up": {"goodput_bps": up},
            });
            json!({"sample": sample, "receipt": {}})
        };
        let failed = |document: Value| sample(&document).into_iter().filter(|(_, result)| result.is_err()).count();
        assert_eq!(failed(document(json!(38.6e6), 19.3e6)), 0);
        assert_eq!(failed(document(json!(36.6e6), 19.3e6)), 1);
        assert_eq!(failed(document(json!(null), 20.5e6)), 2);
        assert_eq!(failed(json!({})), 5);
    }

    #[test]
    fn changes_are_spread_and_never_between_members() {
        let document = format!("{{ {} }}", "\"a1\": true, ".repeat(200));
        let places = places_to_change(document.as_bytes());
        assert!(places.len() >= CHANGES);
        assert!(places.iter().all(|at| document.as_bytes()[*at].is_ascii_alphanumeric()));
        assert!(places.last().is_some_and(|at| *at > document.len() * 9 / 10));
    }
}
