//! When more load flows join: 1, 4, 8, 16.

use std::collections::VecDeque;

use crate::params;

/// What the plan looks at after a reading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) t_us: u64,
    pub(crate) bytes: u64,
    pub(crate) rate_bps: f64,
    pub(crate) window_us: Option<u64>,
    pub(crate) saturated: bool,
    pub(crate) lossy_and_flat: bool,
    pub(crate) lossy: bool,
    pub(crate) varies: bool,
    pub(crate) idle_rtt_us: u64,
    pub(crate) sender_bbr: bool,
    pub(crate) sender_reno: bool,
}

impl Moment {
    /// Whether flows may join at once without ending each other's slow start.
    fn minds_no_delay(&self) -> bool {
        self.sender_bbr || self.sender_reno
    }

    /// Bytes since an earlier reading, and their rate; readings are a poll apart at least.
    fn since(&self, (t_us, bytes): (u64, u64)) -> (u64, f64) {
        let arrived_bytes = self.bytes.saturating_sub(bytes);
        let elapsed_us = self.t_us.saturating_sub(t_us).max(params::POLL_US);
        (arrived_bytes, arrived_bytes as f64 * 8e6 / elapsed_us as f64)
    }
}

/// How fast bytes come while one flow carries load.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Pace {
    Slow,
    /// Enough for four flows.
    Busy,
    /// An initial window at the rate of a fast link.
    Burst,
}

/// Which step was asked for, and what is needed to decide on the next.
#[derive(Debug)]
pub(crate) struct FlowPlan {
    asked: u8,
    most: u8,
    asked_us: u64,
    recent: VecDeque<(u64, u64)>,
    last: Option<(u64, u64)>,
}

impl FlowPlan {
    pub(crate) fn new(start: u8, most: u8) -> Self {
        Self { asked: start.max(1), most: most.max(1), asked_us: 0, recent: VecDeque::new(), last: None }
    }

    /// The number of flows to grow to now, if it is time.
    pub(crate) fn next(&mut self, moment: &Moment) -> Option<u8> {
        let pace = self.pace(moment);
        let wanted = self.wanted(moment, pace)?.min(self.most);
        if wanted <= self.asked {
            return None;
        }
        self.asked = wanted;
        self.asked_us = moment.t_us;
        Some(wanted)
    }

    /// Whether 64 KiB came within any 300 ms so far, or a burst that only a fast link delivers, and the path has room for four flows.
    fn pace(&mut self, moment: &Moment) -> Pace {
        let before = self.last.replace((moment.t_us, moment.bytes));
        let burst = before.map(|before| moment.since(before)).is_some_and(|(bytes, rate_bps)| {
            bytes >= params::FLOWS_JOIN_BURST_BYTES
                && rate_bps >= params::FLOWS_JOIN_BURST_BPS
                && has_room(rate_bps, moment.idle_rtt_us)
        });
        while self.recent.front().is_some_and(|&(t_us, _)| t_us.saturating_add(params::FLOWS_JOIN_US) < moment.t_us) {
            self.recent.pop_front();
        }
        // Readings closer than a poll add nothing, and a flood of them must not grow the queue.
        if self.recent.back().is_none_or(|&(t_us, _)| t_us.saturating_add(params::POLL_US / 2) <= moment.t_us) {
            self.recent.push_back((moment.t_us, moment.bytes));
        }
        let busy = self.recent.front().map(|&oldest| moment.since(oldest)).is_some_and(|(bytes, rate_bps)| {
            bytes >= params::FLOWS_JOIN_BYTES && has_room(rate_bps, moment.idle_rtt_us)
        });
        if burst {
            Pace::Burst
        } else if busy {
            Pace::Busy
        } else {
            Pace::Slow
        }
    }

    fn wanted(&self, moment: &Moment, pace: Pace) -> Option<u8> {
        let [_, few, many, most] = params::FLOW_STEPS;
        if self.asked < few {
            // Each step there costs as many round trips of slow start as the flows that joined need to catch up.
            if pace == Pace::Burst && moment.minds_no_delay() && moment.idle_rtt_us >= params::FLOWS_ALL_RTT_US {
                return Some(most);
            }
            let busy = pace != Pace::Slow;
            // On a slow link a second flow would only delay the first; it joins late, for the evidence it gives.
            return (busy || (moment.t_us >= params::FLOWS_16_AT_US && !moment.saturated)).then_some(few);
        }
        if moment.rate_bps < params::FLOWS_JOIN_BYTES as f64 * 8e6 / params::FLOWS_JOIN_US as f64 {
            return None;
        }
        let held_segments = held_segments(moment.rate_bps, moment.idle_rtt_us);
        let small = held_segments < params::FLOWS_BDP_SEGMENTS && moment.rate_bps < params::FLOWS_JOIN_BURST_BPS;
        if small && !moment.lossy_and_flat && (self.asked >= many || moment.t_us < params::FLOWS_16_AT_US) {
            return None;
        }
        let next = if self.asked < many { many } else { most };
        let at_us = if next == many { params::FLOWS_8_AT_US } else { params::FLOWS_16_AT_US };
        let climbing = moment.window_us.is_none() && moment.rate_bps >= params::FLOWS_JOIN_BURST_BPS;
        // CUBIC leaves slow start at the first sign of delay, and more flows make that sign.
        if climbing && moment.minds_no_delay() && !moment.saturated && moment.idle_rtt_us >= params::FLOWS_LONG_RTT_US {
            return (moment.t_us >= self.asked_us.saturating_add(moment.idle_rtt_us)).then_some(next);
        }
        let between_us =
            params::FLOWS_SETTLE_US.max(moment.idle_rtt_us.saturating_mul(2)).saturating_add(params::FLOWS_COMPARE_US);
        if self.asked_us > 0 && moment.t_us < self.asked_us.saturating_add(between_us) && self.asked >= many {
            return None;
        }
        // On a link that varies flows that are full now are not when the rate rises; a joining one takes what they leave.
        if (moment.lossy_and_flat || moment.varies) && moment.t_us >= params::FLOWS_EARLY_AT_US {
            return Some(next);
        }
        // Where the window has just opened, wait for the "before" that growth is compared with.
        let comparable = moment.window_us.is_none_or(|window_us| window_us >= params::FLOWS_COMPARE_US);
        if moment.t_us < at_us || !comparable {
            return None;
        }
        // A few flows of BBR that fill a queue lose together, and together let a fast link idle; sixteen do not. Nor is there time
        // for a step between.
        if moment.rate_bps > params::FAST_BPS && moment.sender_bbr && (moment.lossy || !moment.saturated) {
            return Some(most);
        }
        (!moment.saturated).then_some(next)
    }
}

/// Load flows a direction starts with: one, until the link is seen to be worth more. An upload over a long path has seen it, by
/// the goodput of the download before it, and the receiver's first word that it is fast comes two round trips late. Over a very
/// long one four at once would be taken for a queue by a loss-based sender (lab: CUBIC uploads of 500 Mbit/s over 300 ms read a
/// quarter low, HyStart had ended slow start).
pub fn flows_to_start_with(idle_rtt_us: u64, download_bps: Option<f64>) -> u8 {
    let [one, few, ..] = params::FLOW_STEPS;
    let long = (params::FLOWS_LONG_RTT_US..params::FLOWS_ALL_RTT_US).contains(&idle_rtt_us);
    let held_segments = held_segments(download_bps.unwrap_or(0.0), idle_rtt_us);
    if long && held_segments >= params::FLOWS_START_BDP_SEGMENTS { few } else { one }
}

/// Whether an upload has to be sent by Reno to fill its link before its bytes are used up. Behind a fast download over a very
/// long path HyStart ends CUBIC's slow start by the queues that sixteen flows make for each other, and they stay where they are
/// for the rest of the run (lab, 500 Mbit/s up over 300 ms: 10 to 15 % low, or without a figure, in five of twelve runs); BBR (version 1) behind half a
/// bandwidth-delay product loses all the time and lets the link idle (3 to 4 % low). Reno goes on until it loses.
pub fn upload_needs_reno(idle_rtt_us: u64, download_bps: Option<f64>) -> bool {
    idle_rtt_us >= params::FLOWS_ALL_RTT_US && download_bps.is_some_and(|bps| bps > params::FAST_BPS)
}

/// Whether an upload that the system would send by Reno has to be sent by CUBIC. Behind half a bandwidth-delay product half of the
/// window that fills path and queue does not fill the path, seven tenths of it do (lab: one in six uploads of 50 to 150 Mbit/s over
/// 100 ms 5 % low). Over a very long path that is fast HyStart would end its slow start too soon.
pub fn upload_needs_cubic(idle_rtt_us: u64, download_bps: Option<f64>) -> bool {
    idle_rtt_us < params::FLOWS_ALL_RTT_US || download_bps.is_some_and(|bps| bps < params::FLOWS_JOIN_BURST_BPS)
}

/// Whether four flows have room in the path. Where it is not known they have, and on a fast link: that is as short in a building or
/// within a machine, and there several flows keep several cores busy.
fn has_room(rate_bps: f64, idle_rtt_us: u64) -> bool {
    idle_rtt_us == 0
        || rate_bps > params::FAST_BPS
        || held_segments(rate_bps, idle_rtt_us) >= params::FLOWS_JOIN_BDP_SEGMENTS
}

/// Bandwidth-delay product in full segments.
fn held_segments(rate_bps: f64, idle_rtt_us: u64) -> f64 {
    rate_bps * idle_rtt_us as f64 / 8e6 / params::SEGMENT_BYTES_TYPICAL
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(t_us: u64, bytes: u64) -> Moment {
        Moment {
            t_us,
            bytes,
            rate_bps: 50e6,
            window_us: Some(300_000),
            saturated: false,
            lossy_and_flat: false,
            lossy: false,
            varies: false,
            idle_rtt_us: 40_000,
            sender_bbr: false,
            sender_reno: false,
        }
    }

    #[test]
    fn the_other_three_join_on_sixty_four_kilobytes_in_three_hundred_milliseconds() {
        let mut plan = FlowPlan::new(1, 16);
        let fast = (0..30).find_map(|poll| plan.next(&moment(poll * 10_000, poll * 9_000)).map(|flows| (poll, flows)));
        assert_eq!(fast, Some((8, 4)));
        let mut plan = FlowPlan::new(1, 16);
        // 1.6 Mbit/s: 60 kB in 300 ms.
        let slow = (0..110).find_map(|poll| plan.next(&moment(poll * 10_000, poll * 2_000)));
        assert_eq!(slow, None);
    }

    #[test]
    fn they_do_not_join_where_the_path_has_no_room_for_them() {
        // 4.8 Mbit/s, read every 10 ms; 20 segments are 48 ms of it.
        let joined = |idle_rtt_us: u64| {
            let mut plan = FlowPlan::new(1, 16);
            let full = |poll: u64| Moment { idle_rtt_us, saturated: true, ..moment(poll * 10_000, poll * 6_000) };
            (0..200).find_map(|poll| plan.next(&full(poll)))
        };
        assert_eq!(joined(40_000), None);
        assert_eq!(joined(50_000), Some(4));
        assert_eq!(joined(0), Some(4), "a path that nobody measured");
        let mut plan = FlowPlan::new(1, 16);
        let burst = |t_us: u64, bytes: u64| Moment { idle_rtt_us: 10_000, saturated: true, ..moment(t_us, bytes) };
        assert_eq!(plan.next(&burst(300_000, 0)), None);
        assert_eq!(plan.next(&burst(310_000, 14_480)), None, "an initial window at 12 Mbit/s fills 10 ms");
        let near = |t_us: u64, bytes: u64| Moment { idle_rtt_us: 20, ..burst(t_us, bytes) };
        assert_eq!(plan.next(&near(320_000, 24_480)), None);
        assert_eq!(plan.next(&near(330_000, 1_024_480)), Some(4), "a fast link may be as short");
    }

    #[test]
    fn an_upload_behind_a_fast_download_over_a_long_path_starts_with_four() {
        assert_eq!(flows_to_start_with(100_000, Some(50e6)), 4);
        assert_eq!(flows_to_start_with(100_000, Some(40e6)), 1, "a way up of a tenth of it would overflow");
        assert_eq!(flows_to_start_with(40_000, Some(950e6)), 1, "the receiver's word comes soon");
        assert_eq!(flows_to_start_with(300_000, Some(950e6)), 1, "CUBIC would take them for a queue");
        assert_eq!(flows_to_start_with(100_000, None), 1);
    }

    #[test]
    fn only_an_upload_behind_a_fast_download_over_a_very_long_path_is_sent_by_reno() {
        assert!(upload_needs_reno(300_000, Some(950e6)));
        assert!(!upload_needs_reno(100_000, Some(950e6)), "there is time to grow");
        assert!(!upload_needs_reno(300_000, Some(290e6)), "and bytes");
        assert!(!upload_needs_reno(300_000, None), "nobody knows");
    }

    #[test]
    fn a_phone_with_reno_sends_by_cubic_but_over_a_very_long_path_that_is_fast() {
        assert!(upload_needs_cubic(100_000, Some(290e6)));
        assert!(upload_needs_cubic(100_000, None));
        assert!(upload_needs_cubic(300_000, Some(5e6)), "there is no HyStart to fear for 2.5 Mbit/s");
        assert!(!upload_needs_cubic(300_000, Some(20e6)));
    }

    #[test]
    fn an_initial_window_at_once_is_a_fast_link() {
        let mut plan = FlowPlan::new(1, 16);
        assert_eq!(plan.next(&moment(300_000, 0)), None);
        assert_eq!(plan.next(&moment(310_000, 14_480)), Some(4));
        let mut plan = FlowPlan::new(1, 16);
        assert_eq!(plan.next(&moment(300_000, 0)), None);
        assert_eq!(plan.next(&moment(350_000, 14_480)), None, "2.3 Mbit/s over 50 ms say nothing yet");
    }

    #[test]
    fn over_a_long_path_an_initial_window_at_once_asks_for_all_flows_of_a_sender_without_hystart() {
        let after_burst = |idle_rtt_us: u64, sender: &str, arrived: u64| {
            let mut plan = FlowPlan::new(1, 16);
            let (sender_bbr, sender_reno) = (sender == "bbr", sender == "reno");
            let at = |t_us: u64, bytes: u64| Moment {
                idle_rtt_us,
                sender_bbr,
                sender_reno,
                window_us: None,
                ..moment(t_us, bytes)
            };
            assert_eq!(plan.next(&at(300_000, 0)), None);
            plan.next(&at(310_000, arrived))
        };
        assert_eq!(after_burst(300_000, "bbr", 14_480), Some(16));
        assert_eq!(after_burst(300_000, "reno", 14_480), Some(16));
        assert_eq!(after_burst(300_000, "cubic", 14_480), Some(4), "it takes it for delay");
        assert_eq!(after_burst(100_000, "bbr", 14_480), Some(4), "a step costs little there");
        assert_eq!(after_burst(300_000, "bbr", 6_000), None, "5 Mbit/s are no burst");
    }

    #[test]
    fn eight_and_sixteen_join_while_saturation_is_not_shown() {
        let mut plan = FlowPlan::new(4, 16);
        let steps: Vec<(u64, u8)> =
            (0..200).filter_map(|poll| plan.next(&moment(poll * 10_000, 0)).map(|flows| (poll, flows))).collect();
        assert_eq!(steps, [(60, 8), (120, 16)]);
        let mut plan = FlowPlan::new(4, 16);
        let full = |poll: u64| Moment { saturated: true, ..moment(poll * 10_000, 0) };
        assert_eq!((0..200).find_map(|poll| plan.next(&full(poll))), None);
        let fast = |poll: u64| Moment { rate_bps: 800e6, ..full(poll) };
        assert_eq!(
            (0..200).find_map(|poll| plan.next(&fast(poll))),
            None,
            "a fast link that is full takes no more either"
        );
    }

    #[test]
    fn a_fast_link_that_loses_behind_bbr_takes_all_sixteen_at_once() {
        let asked = |rate_bps: f64, sender_bbr: bool| {
            let mut plan = FlowPlan::new(4, 16);
            let losing =
                |poll: u64| Moment { rate_bps, sender_bbr, saturated: true, lossy: true, ..moment(poll * 10_000, 0) };
            (0..200).find_map(|poll| plan.next(&losing(poll)).map(|flows| (poll, flows)))
        };
        assert_eq!(asked(800e6, true), Some((60, 16)));
        assert_eq!(asked(400e6, true), None, "a queue of so few packets is found again in a round trip");
        assert_eq!(asked(800e6, false), None, "more flows of a loss-based sender lose more");
    }

    #[test]
    fn a_link_that_varies_grows_early_though_it_is_full() {
        let mut plan = FlowPlan::new(4, 16);
        let varies = |poll: u64| Moment { varies: true, saturated: true, ..moment(poll * 10_000, 0) };
        let steps: Vec<(u64, u8)> =
            (0..200).filter_map(|poll| plan.next(&varies(poll)).map(|flows| (poll, flows))).collect();
        // The first comparison of before and after comes between them.
        assert_eq!(steps, [(25, 8), (55, 16)]);
        let slow = |poll: u64| Moment { rate_bps: 4e6, ..varies(poll) };
        let mut plan = FlowPlan::new(4, 16);
        assert_eq!((0..119).find_map(|poll| plan.next(&slow(poll))), None, "handshakes are a part of a slow link");
    }

    #[test]
    fn loss_with_a_flat_round_trip_grows_early_and_within_the_limit() {
        let mut plan = FlowPlan::new(4, 8);
        let lossy = |poll: u64| Moment { lossy_and_flat: true, ..moment(poll * 10_000, 0) };
        let steps: Vec<(u64, u8)> =
            (0..200).filter_map(|poll| plan.next(&lossy(poll)).map(|flows| (poll, flows))).collect();
        assert_eq!(steps, [(25, 8)]);
    }
}
