//! Plots as SVG: panels with axes side by side, one legend. Numbers go in, text comes out; what lies outside an axis is
//! drawn at its edge.

use std::fmt::Write as _;

const PANEL_WIDTH: f64 = 420.0;
const PANEL_HEIGHT: f64 = 260.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 48.0;
/// Width of a letter at 11 px, on average: where the next word of a legend begins.
const LETTER: f64 = 6.2;

/// Colours that stay apart for colour-blind readers (Okabe and Ito, 2008).
pub const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const INK: &str = "#333333";
const GRID: &str = "#dddddd";

/// How values are laid along an axis.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scale {
    /// Equal steps.
    Linear,
    /// Equal factors; values from zero down lie at the lower edge.
    Log,
}

/// One axis.
#[derive(Clone, Debug)]
pub struct Axis {
    /// What is laid along it, with its unit.
    pub label: String,
    /// How.
    pub scale: Scale,
    /// Lower and upper edge.
    pub range: (f64, f64),
    /// Where lines are drawn and what stands beside them.
    pub ticks: Vec<(f64, String)>,
}

impl Axis {
    /// An axis whose ticks say their own value.
    pub fn new(label: &str, scale: Scale, range: (f64, f64), ticks: &[f64]) -> Self {
        let ticks = ticks.iter().map(|tick| (*tick, format!("{tick}"))).collect();
        Self { label: label.to_owned(), scale, range, ticks }
    }

    /// An axis of names, the first at 0.
    pub fn names<'a>(label: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        let ticks: Vec<_> = names.into_iter().enumerate().map(|(i, name)| (i as f64, name.to_owned())).collect();
        let range = (-0.5, ticks.len() as f64 - 0.5);
        Self { label: label.to_owned(), scale: Scale::Linear, range, ticks }
    }

    /// Place of a value, 0 at the lower and 1 at the upper edge. NaN has no place.
    fn place(&self, value: f64) -> Option<f64> {
        let along = |v: f64| match self.scale {
            Scale::Linear => v,
            Scale::Log => v.max(f64::MIN_POSITIVE).log10(),
        };
        let (low, high) = (along(self.range.0), along(self.range.1));
        let place = ((along(value) - low) / (high - low)).clamp(0.0, 1.0);
        (!value.is_nan() && place.is_finite()).then_some(place)
    }
}

/// Something drawn in a panel.
#[derive(Clone, Debug)]
pub enum Mark {
    /// Straight lines from point to point.
    Line(Vec<(f64, f64)>, &'static str),
    /// A line that goes right, then up: an empirical distribution.
    Steps(Vec<(f64, f64)>, &'static str),
    /// Points.
    Dots(Vec<(f64, f64)>, &'static str),
    /// A vertical stroke at `x` from the first to the second value.
    Stroke(f64, (f64, f64), &'static str),
    /// A dashed line across the panel, and what it means.
    Limit(f64, String),
}

/// One pair of axes.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Above it.
    pub title: String,
    /// To the right.
    pub x: Axis,
    /// Upwards.
    pub y: Axis,
    /// In the order they are drawn.
    pub marks: Vec<Mark>,
}

/// A picture.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What it shows.
    pub title: String,
    /// What the colours mean.
    pub legend: Vec<(String, &'static str)>,
    /// From left to right.
    pub panels: Vec<Panel>,
}

impl Figure {
    /// The picture as a document of its own.
    pub fn svg(&self) -> String {
        let width = self.panels.len() as f64 * PANEL_WIDTH;
        let mut out = String::new();
        let _ = write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {PANEL_HEIGHT}\" width=\"{width}\" \
             height=\"{PANEL_HEIGHT}\" font-family=\"sans-serif\" font-size=\"11\" fill=\"{INK}\" role=\"img\">\n\
             <title>{title}</title>\n<rect width=\"{width}\" height=\"{PANEL_HEIGHT}\" fill=\"#ffffff\"/>\n\
             <text x=\"{LEFT}\" y=\"18\" font-size=\"13\" font-weight=\"bold\">{title}</text>\n",
            title = escaped(&self.title)
        );
        let mut x = LEFT;
        for (name, colour) in &self.legend {
            let _ = write!(
                out,
                "<rect x=\"{x:.1}\" y=\"27\" width=\"9\" height=\"9\" fill=\"{colour}\"/>\n\
                 <text x=\"{:.1}\" y=\"35\">{}</text>\n",
                x + 13.0,
                escaped(name)
            );
            x += 31.0 + name.chars().count() as f64 * LETTER;
        }
        for (i, panel) in self.panels.iter().enumerate() {
            panel.draw(&mut out, i as f64 * PANEL_WIDTH);
        }
        out.push_str("</svg>\n");
        out
    }
}

impl Panel {
    fn draw(&self, out: &mut String, offset: f64) {
        let frame = Frame { panel: self, left: offset + LEFT, right: offset + PANEL_WIDTH - RIGHT };
        frame.axes(out);
        for mark in &self.marks {
            frame.mark(out, mark);
        }
    }
}

struct Frame<'a> {
    panel: &'a Panel,
    left: f64,
    right: f64,
}

impl Frame<'_> {
    const FLOOR: f64 = PANEL_HEIGHT - BOTTOM;

    fn x(&self, value: f64) -> Option<f64> {
        Some(self.left + self.panel.x.place(value)? * (self.right - self.left))
    }

    fn y(&self, value: f64) -> Option<f64> {
        Some(Self::FLOOR - self.panel.y.place(value)? * (Self::FLOOR - TOP))
    }

    fn points(&self, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        points.iter().filter_map(|(x, y)| Some((self.x(*x)?, self.y(*y)?))).collect()
    }

    fn axes(&self, out: &mut String) {
        let (left, right, floor) = (self.left, self.right, Self::FLOOR);
        // Words that would run into each other stand on two lines by turns.
        let letters: usize = self.panel.x.ticks.iter().map(|(_, label)| label.chars().count() + 2).sum();
        let is_crowded = letters as f64 * LETTER > right - left;
        for (i, (value, label)) in self.panel.x.ticks.iter().enumerate() {
            let Some(x) = self.x(*value) else { continue };
            let lower = if is_crowded && i % 2 == 1 { 13.0 } else { 0.0 };
            let _ = writeln!(out, "<path d=\"M{x:.1} {TOP:.1}V{floor:.1}\" stroke=\"{GRID}\"/>");
            text(out, (x, floor + 14.0 + lower), "middle", label);
        }
        for (value, label) in &self.panel.y.ticks {
            let Some(y) = self.y(*value) else { continue };
            let _ = writeln!(out, "<path d=\"M{left:.1} {y:.1}H{right:.1}\" stroke=\"{GRID}\"/>");
            text(out, (left - 5.0, y + 4.0), "end", label);
        }
        let _ = writeln!(out, "<path d=\"M{left:.1} {TOP:.1}V{floor:.1}H{right:.1}\" stroke=\"{INK}\" fill=\"none\"/>");
        let middle = (left + right) / 2.0;
        text(out, (middle, TOP - 8.0), "middle", &self.panel.title);
        text(out, (middle, floor + 34.0), "middle", &self.panel.x.label);
        let (x, y) = (left - LEFT + 14.0, (TOP + floor) / 2.0);
        let label = escaped(&self.panel.y.label);
        let _ = writeln!(
            out,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\" transform=\"rotate(-90 {x:.1} {y:.1})\">{label}</text>"
        );
    }

    fn mark(&self, out: &mut String, mark: &Mark) {
        match mark {
            Mark::Line(points, colour) => path(out, &self.points(points), colour),
            Mark::Steps(points, colour) => path(out, &stepped(&self.points(points)), colour),
            Mark::Dots(points, colour) => {
                for (x, y) in self.points(points) {
                    let _ = writeln!(
                        out,
                        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\" fill-opacity=\"0.75\"/>"
                    );
                }
            }
            Mark::Stroke(x, (from, to), colour) => {
                if let (Some(x), Some(from), Some(to)) = (self.x(*x), self.y(*from), self.y(*to)) {
                    let d = format!("M{x:.1} {from:.1}V{to:.1}");
                    let _ = writeln!(out, "<path d=\"{d}\" stroke=\"{colour}\" stroke-width=\"1.5\"/>");
                }
            }
            Mark::Limit(value, meaning) => {
                let Some(y) = self.y(*value) else { return };
                let d = format!("M{:.1} {y:.1}H{:.1}", self.left, self.right);
                let _ = writeln!(out, "<path d=\"{d}\" stroke=\"{INK}\" stroke-dasharray=\"4 3\"/>");
                text(out, (self.right - 3.0, y - 4.0), "end", meaning);
            }
        }
    }
}

fn text(out: &mut String, (x, y): (f64, f64), anchor: &str, words: &str) {
    let words = escaped(words);
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>");
}

fn path(out: &mut String, points: &[(f64, f64)], colour: &str) {
    if points.is_empty() {
        return;
    }
    let mut d = String::new();
    for (i, (x, y)) in points.iter().enumerate() {
        let _ = write!(d, "{}{x:.1} {y:.1}", if i == 0 { "M" } else { "L" });
    }
    let _ = writeln!(out, "<path d=\"{d}\" stroke=\"{colour}\" stroke-width=\"1.8\" fill=\"none\"/>");
}

fn stepped(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut out: Vec<(f64, f64)> = Vec::with_capacity(points.len() * 2);
    for (x, y) in points {
        if let Some((_, before)) = out.last().copied() {
            out.push((*x, before));
        }
        out.push((*x, *y));
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Fails unless `svg` is balanced markup whose every number is finite.
    pub(crate) fn assert_sane(svg: &str) {
        let mut open = Vec::new();
        for tag in svg.split('<').skip(1) {
            let (tag, text) = tag.split_once('>').expect("a tag ends");
            assert!(!text.contains('>'), "unescaped in {text:?}");
            assert_eq!(tag.matches('"').count() % 2, 0, "an attribute ends: {tag}");
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name.to_owned()), "closes what was opened last");
            } else if !tag.ends_with('/') {
                open.push(tag.split(' ').next().expect("a name").to_owned());
            }
            for attribute in ["x", "y", "cx", "cy", "d", "width", "height"] {
                let Some((_, value)) = tag.split_once(&format!(" {attribute}=\"")) else { continue };
                let value = value.split('"').next().expect("a value");
                for number in value.split(['M', 'L', 'H', 'V', ' ']).filter(|n| !n.is_empty()) {
                    assert!(number.parse::<f64>().is_ok_and(f64::is_finite), "{number} in <{tag}>");
                }
            }
        }
        assert!(open.is_empty(), "left open: {open:?}");
    }

    fn figure(marks: Vec<Mark>) -> Figure {
        let x = Axis::new("Mbit/s", Scale::Log, (1.0, 100.0), &[1.0, 10.0, 100.0]);
        let y = Axis::new("error & <doubt>, %", Scale::Linear, (0.0, 4.0), &[0.0, 2.0, 4.0]);
        let panel = Panel { title: "down".into(), x, y, marks };
        Figure { title: "A < B".into(), legend: vec![("RTT 10 ms".into(), COLOURS[0])], panels: vec![panel] }
    }

    #[test]
    fn any_value_gives_a_well_formed_picture_of_finite_numbers() {
        let wild = vec![(1.0, 1.0), (0.0, f64::INFINITY), (-3.0, f64::NEG_INFINITY), (f64::NAN, 2.0), (1e300, 9.0)];
        let svg = figure(vec![
            Mark::Line(wild.clone(), COLOURS[0]),
            Mark::Steps(wild.clone(), COLOURS[1]),
            Mark::Dots(wild, COLOURS[2]),
            Mark::Stroke(10.0, (f64::NEG_INFINITY, f64::INFINITY), COLOURS[3]),
            Mark::Limit(3.0, "goal ≤ 3 %".into()),
            Mark::Line(vec![], COLOURS[4]),
        ])
        .svg();
        assert_sane(&svg);
        assert!(svg.contains("error &amp; &lt;doubt&gt;") && svg.contains("goal ≤ 3 %"));
        assert_eq!(svg.matches("<circle").count(), 4, "only NaN has no place");
    }

    #[test]
    fn values_lie_where_the_axes_say() {
        let svg = figure(vec![Mark::Dots(vec![(10.0, 2.0), (100.0, 99.0)], COLOURS[0])]).svg();
        let (left, right, floor) = (LEFT, PANEL_WIDTH - RIGHT, PANEL_HEIGHT - BOTTOM);
        let middle = format!("cx=\"{:.1}\" cy=\"{:.1}\"", (left + right) / 2.0, (TOP + floor) / 2.0);
        assert!(svg.contains(&middle), "{middle} in {svg}");
        assert!(svg.contains(&format!("cx=\"{right:.1}\" cy=\"{TOP:.1}\"")), "beyond the edge is at the edge");
    }

    #[test]
    fn names_too_long_for_one_line_stand_on_two() {
        let with = |names: &[&str]| {
            let mut figure = figure(vec![]);
            figure.panels[0].x = Axis::names("", names.iter().copied());
            figure.svg()
        };
        let (first, second) = (PANEL_HEIGHT - BOTTOM + 14.0, PANEL_HEIGHT - BOTTOM + 27.0);
        let lower = format!("y=\"{second:.1}\" text-anchor=\"middle\">");
        assert!(!with(&["a", "b", "c"]).contains(&lower));
        let long = "a-client-with-a-very-long-name";
        let svg = with(&[long, long, long]);
        assert_eq!(svg.matches(&lower).count(), 1);
        assert_eq!(svg.matches(&format!("y=\"{first:.1}\" text-anchor=\"middle\">{long}")).count(), 2);
    }

    #[test]
    fn a_distribution_goes_right_then_up() {
        assert_eq!(stepped(&[(0.0, 1.0), (2.0, 3.0)]), [(0.0, 1.0), (2.0, 1.0), (2.0, 3.0)]);
    }

    #[test]
    #[should_panic(expected = "NaN")]
    fn the_check_of_pictures_sees_a_number_that_is_none() {
        assert_sane("<svg><circle cx=\"NaN\" cy=\"1\"/></svg>");
    }
}
