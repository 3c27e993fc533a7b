//! The plots.

use super::{Evidence, FIGURES_FOLDER, peers};
use crate::cells::list::{RATES_MBIT, RTTS_MS};
use crate::plot::{Axis, COLOURS, Figure, Mark, Panel, Scale};
use crate::stats::Scenario;
use crate::view::{SIDES, Side};

/// File name and what it shows.
const FIGURES: [(&str, &str); 5] = [
    ("errors.svg", "Distribution of the absolute error on fixed and on cellular links"),
    ("error-by-rate.svg", "Signed error on fixed links by rate: median, and p5 to p95"),
    ("seconds-by-rate.svg", "Seconds of load on fixed links by rate: median, and up to p90"),
    ("coverage.svg", "Share of 95 % intervals that hold the truth, fixed links"),
    ("peers.svg", "All tools on the same constant links: error and bytes, a point a run"),
];

/// The section that shows them.
pub(super) fn section() -> String {
    let shown = FIGURES.map(|(file, title)| format!("![{title}]({FIGURES_FOLDER}/{file})\n\n"));
    format!(
        "## Plots\n\nWhat lies outside an axis is drawn at its edge, runs without a figure too. Rates and round trips that were not \
             measured are left out.\n\n{}",
        shown.concat()
    )
}

/// (file name, SVG) of each.
pub(super) fn all(evidence: &Evidence) -> Vec<(&'static str, String)> {
    let make = [errors, error_by_rate, seconds_by_rate, coverage, by_tool];
    let drawn = FIGURES.iter().zip(make).map(|((file, title), make)| {
        let (legend, panels) = make(evidence);
        (*file, Figure { title: (*title).to_owned(), legend, panels }.svg())
    });
    drawn.collect()
}

/// What the colours mean, and the panels.
type Drawing = (Vec<(String, &'static str)>, Vec<Panel>);

fn errors(evidence: &Evidence) -> Drawing {
    let scenarios = [("fixed links", evidence.grid(|_, _| true)), ("cellular links", evidence.group("trace"))];
    let legend = scenarios.iter().zip(COLOURS).map(|((name, _), colour)| ((*name).to_owned(), colour)).collect();
    let panel = |side: Side| {
        let curve = |((_, scenario), colour): (&(&str, Scenario), &'static str)| {
            let points = scenario.errors(side).distribution();
            Mark::Steps(points.into_iter().map(|(error, share)| (error * 100.0, share * 100.0)).collect(), colour)
        };
        let mut marks: Vec<Mark> = scenarios.iter().zip(COLOURS).map(curve).collect();
        marks.push(Mark::Limit(99.0, String::new()));
        let x = Axis::new("absolute error, %", Scale::Log, (0.01, 100.0), &[0.01, 0.1, 0.5, 1.0, 3.0, 10.0, 100.0]);
        let y =
            Axis::new("share of runs, % (dashed: 99)", Scale::Linear, (0.0, 100.0), &[0.0, 25.0, 50.0, 75.0, 100.0]);
        Panel { title: side.name().to_owned(), x, y, marks }
    };
    (legend, SIDES.map(panel).into())
}

fn rates(label: &str) -> Axis {
    Axis::new(label, Scale::Log, (0.35, 1500.0), &RATES_MBIT)
}

fn by_rtt() -> Vec<(String, &'static str)> {
    RTTS_MS.iter().zip(COLOURS).map(|(rtt, colour)| (format!("RTT {rtt} ms"), colour)).collect()
}

/// (rate, runs at that rate) of one round trip; each round trip beside the others by a factor.
fn course<'a>(evidence: &Evidence<'a>, rtt_ms: f64, place: usize) -> Vec<(f64, Scenario<'a>)> {
    let beside = 1.09f64.powf(place as f64 - 1.5);
    let at = |mbit: f64| (mbit * beside, evidence.grid(|m, r| m == mbit && r == rtt_ms));
    RATES_MBIT.map(at).into_iter().filter(|(_, scenario)| scenario.is_measured()).collect()
}

/// A panel a direction, a course a round trip, drawn by `draw`.
fn panels_by_rtt(
    evidence: &Evidence,
    y: &Axis,
    limits: &[Mark],
    draw: impl Fn(&[(f64, Scenario)], Side, &'static str) -> Vec<Mark>,
) -> Vec<Panel> {
    let panel = |side: Side| {
        let mut marks = limits.to_vec();
        for (place, (rtt, colour)) in RTTS_MS.iter().zip(COLOURS).enumerate() {
            marks.extend(draw(&course(evidence, *rtt, place), side, colour));
        }
        let x = rates("rate towards the client, Mbit/s (the upload has half)");
        Panel { title: side.name().to_owned(), x, y: y.clone(), marks }
    };
    SIDES.map(panel).into()
}

fn error_by_rate(evidence: &Evidence) -> Drawing {
    let y = Axis::new("error, % (dashed: ±3)", Scale::Linear, (-6.0, 6.0), &[-6.0, -3.0, 0.0, 3.0, 6.0]);
    let limits = [Mark::Limit(3.0, String::new()), Mark::Limit(-3.0, String::new())];
    let draw = |course: &[(f64, Scenario)], side: Side, colour: &'static str| {
        let signed = |scenario: &Scenario, q: f64| {
            // No figure is no high figure: it lies at the lower edge.
            let errors = scenario.values(|run| Some(run.side(side).error().unwrap_or(f64::NEG_INFINITY)));
            errors.quantile(q).unwrap_or(f64::NAN) * 100.0
        };
        spread(course, colour, signed, [0.5, 0.05, 0.95])
    };
    (by_rtt(), panels_by_rtt(evidence, &y, &limits, draw))
}

fn seconds_by_rate(evidence: &Evidence) -> Drawing {
    let y = Axis::new("seconds of load", Scale::Linear, (0.0, 5.0), &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let draw = |course: &[(f64, Scenario)], side: Side, colour: &'static str| {
        let seconds = |scenario: &Scenario, q: f64| {
            let all = scenario.values(|run| Some(run.side(side).duration_s().unwrap_or(f64::INFINITY)));
            all.quantile(q).unwrap_or(f64::NAN)
        };
        spread(course, colour, seconds, [0.5, 0.5, 0.9])
    };
    (by_rtt(), panels_by_rtt(evidence, &y, &[], draw))
}

/// A line through one quantile, and a stroke between two others at each point.
fn spread(
    course: &[(f64, Scenario)],
    colour: &'static str,
    at: impl Fn(&Scenario, f64) -> f64,
    [middle, low, high]: [f64; 3],
) -> Vec<Mark> {
    let points: Vec<(f64, f64)> = course.iter().map(|(x, scenario)| (*x, at(scenario, middle))).collect();
    let mut marks = vec![Mark::Line(points.clone(), colour), Mark::Dots(points, colour)];
    marks.extend(course.iter().map(|(x, scenario)| Mark::Stroke(*x, (at(scenario, low), at(scenario, high)), colour)));
    marks
}

fn coverage(evidence: &Evidence) -> Drawing {
    let y = Axis::new(
        "intervals that hold the truth, %",
        Scale::Linear,
        (50.0, 100.0),
        &[50.0, 60.0, 70.0, 80.0, 90.0, 100.0],
    );
    let draw = |course: &[(f64, Scenario)], side: Side, colour: &'static str| {
        let held = |scenario: &Scenario| scenario.share(|run| run.side(side).covers()).unwrap_or(f64::NAN) * 100.0;
        let points: Vec<(f64, f64)> = course.iter().map(|(x, scenario)| (*x, held(scenario))).collect();
        vec![Mark::Line(points.clone(), colour), Mark::Dots(points, colour)]
    };
    (by_rtt(), panels_by_rtt(evidence, &y, &[Mark::Limit(93.0, "goal 93 %".into())], draw))
}

fn by_tool(evidence: &Evidence) -> Drawing {
    let tools = peers::tools(evidence);
    let runs = |tool: &str| Scenario::of(&evidence.peers, |run| run.tool() == tool && peers::is_plain(run));
    let names = || Axis::names("", tools.iter().copied());
    let panel = |title: &str, y: Axis, dots: &dyn Fn(f64, &Scenario) -> Vec<Mark>| {
        let marks = tools.iter().enumerate().flat_map(|(i, tool)| dots(i as f64, &runs(tool))).collect();
        Panel { title: title.to_owned(), x: names(), y, marks }
    };
    let error = Axis::new("absolute error, %", Scale::Log, (0.01, 100.0), &[0.01, 0.1, 1.0, 3.0, 10.0, 100.0]);
    let errors = |x: f64, scenario: &Scenario| {
        let points = SIDES.iter().zip([-0.12, 0.12]).zip(COLOURS).map(|((side, beside), colour)| {
            let all = scenario.valid.iter().map(|run| (x + beside, run.side(*side).abs_error() * 100.0)).collect();
            Mark::Dots(all, colour)
        });
        points.collect()
    };
    let bytes = Axis::new("MB on the wire, whole sample", Scale::Log, (0.1, 1000.0), &[0.1, 1.0, 10.0, 100.0, 1000.0]);
    let megabytes = |x: f64, scenario: &Scenario| {
        let all = scenario.valid.iter().filter_map(|run| Some((x, peers::megabytes(*run)?))).collect();
        vec![Mark::Dots(all, COLOURS[2])]
    };
    let legend = ["error down", "error up", "bytes"].iter().zip(COLOURS).map(|(n, c)| ((*n).to_owned(), c)).collect();
    (legend, vec![panel("error", error, &errors), panel("bytes", bytes, &megabytes)])
}
