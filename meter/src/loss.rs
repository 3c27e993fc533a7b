//! Packet loss: counts with Wilson's interval, for few packets say little and the figure must show it.

use ispeed_protocol::latency::Loss;

use crate::stats::Z975;

/// Loss one way; `None` when nothing was sent, or when more was lost than sent.
pub fn one_way(sent: u32, lost: u32) -> Option<Loss> {
    (sent > 0 && lost <= sent).then(|| Loss { sent, lost, interval: wilson95(lost, sent) })
}

/// Loss both ways from the logs of both ends of an echo, (up, down): what the client sent, what the server saw, and what
/// the client got back.
pub fn both_ways(sent: u32, seen_by_server: u32, answered: u32) -> (Option<Loss>, Option<Loss>) {
    let up = sent.checked_sub(seen_by_server).and_then(|lost| one_way(sent, lost));
    let down = seen_by_server.checked_sub(answered).and_then(|lost| one_way(seen_by_server, lost));
    (up, down)
}

/// Wilson's 95 % score interval of a proportion (Wilson 1927; Brown, Cai and DasGupta 2001); [0, 1] of no trials.
pub fn wilson95(hits: u32, trials: u32) -> [f64; 2] {
    if trials == 0 {
        return [0.0, 1.0];
    }
    let (n, z2) = (f64::from(trials), Z975 * Z975);
    let share = f64::from(hits.min(trials)) / n;
    let centre = share + z2 / (2.0 * n);
    let half = Z975 * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    // At the ends the bound is exact, and rounding must not push it off.
    let low = if hits == 0 { 0.0 } else { ((centre - half) / scale).max(0.0) };
    let high = if hits >= trials { 1.0 } else { ((centre + half) / scale).min(1.0) };
    [low, high]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn zero_of_a_hundred_is_only_below_four_percent() {
        let loss = one_way(100, 0).unwrap();
        assert_eq!(loss.interval[0], 0.0);
        assert!((loss.interval[1] - 0.0370).abs() < 1e-4);
        // Newcombe 1998, table I: 81 of 263 is [0.2553, 0.3662].
        let [low, high] = wilson95(81, 263);
        assert!((low - 0.2553).abs() < 5e-5 && (high - 0.3662).abs() < 5e-5);
    }

    #[test]
    fn both_ends_logs_part_the_ways() {
        let (up, down) = both_ways(100, 90, 81);
        assert_eq!(up.map(|l| (l.sent, l.lost)), Some((100, 10)));
        assert_eq!(down.map(|l| (l.sent, l.lost)), Some((90, 9)));
        assert_eq!(both_ways(0, 0, 0), (None, None));
        assert_eq!(both_ways(10, 11, 5).0, None, "a server that saw more than was sent is not believed");
        assert_eq!(one_way(3, 4), None);
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_share(trials in 1u32..5000, part in 0.0f64..=1.0) {
            let hits = (f64::from(trials) * part) as u32;
            let [low, high] = wilson95(hits, trials);
            let share = f64::from(hits) / f64::from(trials);
            prop_assert!((0.0..=share).contains(&low) && (share..=1.0).contains(&high));
        }
    }
}
