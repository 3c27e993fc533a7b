//! A download that may not exceed a budget: the receiver bounds what can be on its way.

/// A budget below this measures nothing: TLS sends whole records, and a window needs some segments.
pub(crate) const BUDGET_MIN_BYTES: u64 = ON_THE_WAY * WINDOW_MIN_BYTES;
/// Part of a budget that may be on its way at once, over all flows.
const ON_THE_WAY: u64 = 4;
/// Least receive window of a flow: some segments, or TCP cannot move.
const WINDOW_MIN_BYTES: u64 = 16 * 1024;
/// Greatest worth setting: beyond, the system's own limit is lower.
const WINDOW_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A hard budget cannot rest on the sender's courtesy: what a sender may have on its way is what the receiver's windows
/// allow, so the windows of all flows together are a quarter of the budget, and reading ends when the budget less that
/// quarter is read. At a given budget a run of a second never needs more than that up to 250 ms of round trip.
///
/// Receive window of each flow, flows at most, and bytes that may be read; `None` when the budget is too small to open
/// even one flow under.
pub(crate) fn window_bytes(budget_bytes: u64, flows_max: u8) -> Option<(usize, u8, u64)> {
    let on_the_way = budget_bytes / ON_THE_WAY;
    let flows = u8::try_from(on_the_way / WINDOW_MIN_BYTES).unwrap_or(u8::MAX).min(flows_max);
    if flows == 0 {
        return None;
    }
    let window = (on_the_way / u64::from(flows)).clamp(WINDOW_MIN_BYTES, WINDOW_MAX_BYTES);
    let readable = budget_bytes - window * u64::from(flows);
    Some((usize::try_from(window).ok()?, flows, readable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_and_what_is_on_its_way_stay_within_the_budget() {
        for budget in [70_000, 300_000, 1_000_000, 20_000_000, 40_000_000_000] {
            let (window, flows, readable) = window_bytes(budget, 16).unwrap();
            assert!(window as u64 * u64::from(flows) + readable <= budget, "{budget}");
            assert!(readable >= budget / 2, "{budget}");
        }
        assert_eq!(window_bytes(1_000, 16), None);
        assert_eq!(window_bytes(70_000, 16).unwrap().1, 1);
        assert_eq!(window_bytes(2_000_000, 4).unwrap().1, 4);
    }
}
