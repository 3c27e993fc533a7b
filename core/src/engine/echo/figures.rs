//! From the logs of the trains to the figures of the sample.

use std::ops::RangeInclusive;

use ispeed_meter::{latency, loss, pdv};
use ispeed_protocol::control::EchoTrain;
use ispeed_protocol::latency::{EchoTransport, Latency, PathQuality, RoundTrips};

use super::{EchoAnswer, LATE, TrainLog};

/// What one train says.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) round_trips: Option<RoundTrips>,
    pub(crate) path: Option<PathQuality>,
}

/// Figures of a train. Round trips and delay variation are those of answers within `window_us` on the run's time line;
/// loss counts the whole train, for a packet has no time of arrival when it is lost. `seen` is the server's own log:
/// without it the two ways cannot be told apart, and no loss is stated.
pub(crate) fn figures(
    log: &TrainLog,
    window_us: &RangeInclusive<u64>,
    transport: EchoTransport,
    seen: Option<&EchoTrain>,
) -> Figures {
    let within: Vec<_> = log.answers.iter().filter(|answer| window_us.contains(&answer.received_us)).collect();
    let rtts_us: Vec<u64> = within.iter().map(|answer| answer.rtt_us).collect();
    let round_trips = latency::summary(&rtts_us);
    if transport != EchoTransport::Udp || log.sent == 0 {
        return Figures { round_trips, path: None };
    }
    let stamped = || within.iter().filter_map(|answer| Some((answer, answer.server_us?)));
    let delay = |arrived: u64, left: u64| (i128::from(arrived) - i128::from(left)) as i64;
    let up_us: Vec<i64> = stamped().map(|(answer, (received, _))| delay(received, answer.sent_us)).collect();
    let down_us: Vec<i64> = stamped().map(|(answer, (_, sent))| delay(answer.received_us, sent)).collect();
    // The socket hears as long as its train lasts: what comes later than a lost packet would be waited for is lost all the same.
    let in_time = |answer: &&EchoAnswer| answer.received_us.saturating_sub(answer.sent_us) <= LATE.as_micros() as u64;
    let answered = u32::try_from(log.answers.iter().filter(in_time).count()).unwrap_or(u32::MAX);
    let (loss_up, loss_down) =
        seen.map_or((None, None), |seen| loss::both_ways(log.sent, arrived(seen, log.sent), answered));
    let path = PathQuality {
        loss_down,
        loss_up,
        pdv95_down_ms: pdv::pdv95_ms(&down_us),
        pdv95_up_ms: pdv::pdv95_ms(&up_us),
        jitter_rfc3550_ms: pdv::jitter_rfc3550(&down_us).map(|jitter| jitter.last_ms),
        mean_abs_difference_ms: pdv::mean_abs_difference_ms(&rtts_us),
    };
    Figures { round_trips, path: (path != PathQuality::default()).then_some(path) }
}

/// Packets of the train the server saw, as its ranges say; numbers never sent are not believed.
fn arrived(seen: &EchoTrain, sent: u32) -> u32 {
    let mut next = 0u64;
    let mut ranges: Vec<(u64, u64)> = seen
        .received
        .iter()
        .filter(|[first, last]| first <= last && *first < sent)
        .map(|[first, last]| (u64::from(*first), u64::from((*last).min(sent - 1))))
        .collect();
    ranges.sort_unstable();
    let mut count = 0;
    for (first, last) in ranges {
        let first = first.max(next);
        if first <= last {
            count += last - first + 1;
            next = last + 1;
        }
    }
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The idle round trip as the estimator takes it: the sample's own figure, so that a collector that has only the sample
/// computes with the same number.
pub(crate) fn idle_rtt_us(latency: &Latency) -> Option<u64> {
    latency.idle_ms.map(|ms| (ms * 1000.0).round() as u64)
}

/// Short responsiveness of the loaded trains together.
pub(crate) fn rpm<'a>(trains: impl Iterator<Item = (&'a TrainLog, &'a RangeInclusive<u64>)>) -> Option<f64> {
    let rtts_us: Vec<u64> = trains
        .flat_map(|(log, window_us)| log.answers.iter().filter(|answer| window_us.contains(&answer.received_us)))
        .map(|answer| answer.rtt_us)
        .collect();
    latency::rpm_short(&rtts_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten packets a 50 ms; numbers 3 and 7 lost on the way down, 8 on the way up; 40 ms round trips, 60 ms from 5 on.
    fn log() -> TrainLog {
        let answers = (0..10u32)
            .filter(|sequence| ![3, 7, 8].contains(sequence))
            .map(|sequence| {
                let sent_us = 1_000_000 + u64::from(sequence) * 50_000;
                let up_us = 20_000;
                let down_us = if sequence < 5 { 20_000 } else { 40_000 };
                let server = 77_000_000_000 + sent_us + up_us;
                EchoAnswer {
                    sequence,
                    sent_us,
                    received_us: sent_us + up_us + down_us,
                    rtt_us: up_us + down_us,
                    server_us: Some((server, server)),
                }
            })
            .collect();
        TrainLog { train: 2, sent: 10, answers }
    }

    fn seen() -> EchoTrain {
        EchoTrain { train: 2, received: vec![[0, 7], [9, 9]] }
    }

    #[test]
    fn loss_is_told_apart_by_way_and_variation_by_one_way_delay() {
        let all = 0..=u64::MAX;
        let figures = figures(&log(), &all, EchoTransport::Udp, Some(&seen()));
        let path = figures.path.unwrap();
        assert_eq!(path.loss_up.as_ref().map(|loss| (loss.sent, loss.lost)), Some((10, 1)));
        assert_eq!(path.loss_down.as_ref().map(|loss| (loss.sent, loss.lost)), Some((9, 2)));
        assert_eq!((path.pdv95_up_ms, path.pdv95_down_ms), (Some(0.0), Some(20.0)));
        let trips = figures.round_trips.unwrap();
        assert_eq!((trips.n, trips.min_ms, trips.p95_ms), (7, 40.0, 60.0));
    }

    #[test]
    fn an_answer_that_took_more_than_a_second_is_lost_on_its_way_down() {
        let lost_down = |rtt_us: u64| {
            let mut log = log();
            let answer = &mut log.answers[0];
            answer.received_us = answer.sent_us + rtt_us;
            figures(&log, &(0..=u64::MAX), EchoTransport::Udp, Some(&seen())).path.unwrap().loss_down.unwrap().lost
        };
        assert_eq!((lost_down(1_000_000), lost_down(1_000_001)), (2, 3));
    }

    #[test]
    fn the_window_bounds_round_trips_and_not_loss() {
        let early = 0..=1_250_000;
        let figures = figures(&log(), &early, EchoTransport::Udp, Some(&seen()));
        assert_eq!(figures.round_trips.map(|trips| (trips.n, trips.p95_ms)), Some((4, 40.0)));
        assert_eq!(figures.path.unwrap().loss_up.map(|loss| loss.sent), Some(10));
    }

    #[test]
    fn what_was_not_measured_is_not_stated() {
        let all = 0..=u64::MAX;
        let over_tcp = figures(&log(), &all, EchoTransport::Websocket, Some(&seen()));
        assert_eq!(over_tcp.path, None);
        assert!(over_tcp.round_trips.is_some());
        let without_server = figures(&log(), &all, EchoTransport::Udp, None).path.unwrap();
        assert_eq!((without_server.loss_up, without_server.loss_down), (None, None));
        assert_eq!(figures(&TrainLog::default(), &all, EchoTransport::Udp, Some(&seen())), Figures::default());
        assert_eq!(idle_rtt_us(&Latency { idle_ms: Some(10.003), ..Latency::default() }), Some(10_003));
    }

    #[test]
    fn ranges_that_overlap_or_invent_packets_count_no_more_than_were_sent() {
        let ranges = |received: Vec<[u32; 2]>| arrived(&EchoTrain { train: 0, received }, 10);
        assert_eq!(ranges(vec![[0, 4], [3, 6]]), 7);
        assert_eq!(ranges(vec![[0, u32::MAX]]), 10);
        assert_eq!(ranges(vec![[50, 60], [4, 2]]), 0);
        assert_eq!(ranges(vec![[5, 6], [0, 1]]), 4);
        assert_eq!(ranges(Vec::new()), 0);
    }
}
