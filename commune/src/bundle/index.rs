//! The raster over the arcs: which owner holds the middle of each square, and which borders pass through it.
//!
//! Most squares meet no border and answer without geometry. The others list runs, stretches of consecutive segments of one
//! arc. A query walks from the point to the square's reference point, first along its parallel, then along the reference
//! meridian; the first border it meets names the owner by its side, and if it meets none the reference's owner holds.
//!
//! Query and reference points have odd coordinates in doubled units, vertices even ones, so no vertex ever lies on a walk.
//! A border through such a point itself counts as lying east of it: every point belongs to exactly one owner. A point is
//! asked for half a unit north-east of the unit nearest to it, so one on a border belongs to the commune north-east of it.

use std::cmp::Ordering;

use super::decode::{NOBODY, Sides};
use super::error::BundleError;
use crate::plane::{Vertex, squares_along};

/// Side of a square in units, as a power of two, for a country: about 1.45 km.
const SMALLEST_SHIFT: u32 = 17;

/// Squares are made larger until there are no more of them than this: 6 bytes each.
const MAX_SQUARES: u64 = 1 << 21;

/// Most runs of a bundle; Vietnam has about 100,000. Bounds what a hostile bundle can make us hold.
const MAX_RUNS: usize = 1 << 22;

/// Most squares one segment touches before its runs are no longer prolonged.
const MAX_OPEN: usize = 64;

/// Segments `vertices[first..=first + count]` of one arc.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) first: u32,
    pub(super) count: u32,
    pub(super) sides: Sides,
}

/// Runs with their square while they are being found.
#[derive(Default)]
struct Runs {
    done: Vec<(u32, Run)>,
    /// The squares the last segment touched, with their runs: the next segment mostly prolongs one of them.
    open: Vec<((i32, i32), usize)>,
}

impl Runs {
    /// Adds segments within one square, if it is the one the last segment ended in.
    fn prolong_by(&mut self, count: u32, square: (i32, i32)) -> bool {
        match self.open[..] {
            [(open, run)] if open == square => {
                self.done[run].1.count += count;
                true
            }
            _ => false,
        }
    }
}

/// The raster.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) shift: u32,
    /// South-western square.
    column: i32,
    row: i32,
    columns: i32,
    rows: i32,
    /// Owner of each square's reference point.
    owners: Vec<u16>,
    /// Runs of square `i` are `runs[offsets[i]..offsets[i + 1]]`.
    offsets: Vec<u32>,
    runs: Vec<Run>,
}

/// Doubled coordinate of a square's reference point along one axis.
fn reference(square: i32, shift: u32) -> i64 {
    (i64::from(square) << (shift + 1)) + (1 << shift) + 1
}

/// On which side of the way from `a` to `b` the point `p` in doubled units lies: greater is left, less right.
fn side(a: Vertex, b: Vertex, p: (i64, i64)) -> Ordering {
    let (dx, dy) = (i64::from(b.x) - i64::from(a.x), i64::from(b.y) - i64::from(a.y));
    let (px, py) = (p.0 - 2 * i64::from(a.x), p.1 - 2 * i64::from(a.y));
    (i128::from(dx) * i128::from(py)).cmp(&(i128::from(dy) * i128::from(px)))
}

impl Index {
    /// Builds the raster over `arcs`, each a slice of `vertices` with its sides.
    pub(super) fn build(vertices: &[Vertex], starts: &[u32], sides: &[Sides]) -> Result<Self, BundleError> {
        let mut index = Self::empty(vertices);
        let mut runs = Runs::default();
        let mut crossings: Vec<Crossing> = Vec::new();
        for (arc, sides) in sides.iter().enumerate() {
            runs.open.clear();
            let (mut first, last) = (starts[arc], starts[arc + 1].saturating_sub(1));
            while first < last {
                let rest = &vertices[first as usize..=last as usize];
                let quiet = index.quiet_segments(rest);
                if quiet > 0 && runs.prolong_by(quiet, index.square_of(rest[0])) {
                    first += quiet;
                    continue;
                }
                index.extend_runs((first, rest[0], rest[1], *sides), &mut runs);
                index.push_crossings(rest[0], rest[1], *sides, &mut crossings);
                first += 1;
                if runs.done.len() > MAX_RUNS || crossings.len() > MAX_RUNS {
                    return Err(BundleError::malformed(
                        "borders",
                        "too many long segments, expected those of communes",
                    ));
                }
            }
        }
        index.fill_owners(crossings);
        index.sort_runs(&runs.done);
        Ok(index)
    }

    fn empty(vertices: &[Vertex]) -> Self {
        let (mut low, mut high) = (Vertex { x: i32::MAX, y: i32::MAX }, Vertex { x: i32::MIN, y: i32::MIN });
        for vertex in vertices {
            low = Vertex { x: low.x.min(vertex.x), y: low.y.min(vertex.y) };
            high = Vertex { x: high.x.max(vertex.x), y: high.y.max(vertex.y) };
        }
        if vertices.is_empty() {
            (low, high) = (Vertex::default(), Vertex::default());
        }
        let mut shift = SMALLEST_SHIFT;
        let span = |low: i32, high: i32, shift: u32| (high >> shift) - (low >> shift) + 1;
        while span(low.x, high.x, shift) as u64 * span(low.y, high.y, shift) as u64 > MAX_SQUARES {
            shift += 1;
        }
        Self {
            shift,
            column: low.x >> shift,
            row: low.y >> shift,
            columns: span(low.x, high.x, shift),
            rows: span(low.y, high.y, shift),
            owners: Vec::new(),
            offsets: Vec::new(),
            runs: Vec::new(),
        }
    }

    /// Number of the square, `None` beyond the raster.
    pub(super) fn square(&self, column: i32, row: i32) -> Option<usize> {
        let (column, row) = (column - self.column, row - self.row);
        let inside = (0..self.columns).contains(&column) && (0..self.rows).contains(&row);
        inside.then(|| row as usize * self.columns as usize + column as usize)
    }

    /// Columns and rows of the raster.
    pub(super) fn extent(&self) -> (std::ops::Range<i32>, std::ops::Range<i32>) {
        (self.column..self.column + self.columns, self.row..self.row + self.rows)
    }

    /// The runs through a square.
    pub(super) fn runs(&self, column: i32, row: i32) -> &[Run] {
        match self.square(column, row) {
            Some(square) => &self.runs[self.offsets[square] as usize..self.offsets[square + 1] as usize],
            None => &[],
        }
    }

    /// Column and row of the square a vertex lies in.
    fn square_of(&self, vertex: Vertex) -> (i32, i32) {
        (vertex.x >> self.shift, vertex.y >> self.shift)
    }

    /// Row of the last reference parallel south of a vertex.
    fn parallel_south_of(&self, vertex: Vertex) -> i32 {
        ((i64::from(vertex.y) - (1 << (self.shift - 1)) - 1) >> self.shift) as i32
    }

    /// How many segments from the first vertex on leave neither its square nor its side of the reference parallel.
    fn quiet_segments(&self, vertices: &[Vertex]) -> u32 {
        let (square, parallel) = (self.square_of(vertices[0]), self.parallel_south_of(vertices[0]));
        let is_quiet = |v: &&Vertex| self.square_of(**v) == square && self.parallel_south_of(**v) == parallel;
        vertices[1..].iter().take_while(is_quiet).count() as u32
    }

    /// Adds one segment to the runs of the squares it touches.
    fn extend_runs(&self, (first, a, b, sides): (u32, Vertex, Vertex, Sides), runs: &mut Runs) {
        // A segment across so many squares is none of a commune; not to look for its runs bounds the time a hostile
        // bundle can take, since its runs then soon are too many.
        if runs.open.len() > MAX_OPEN {
            runs.open.clear();
        }
        let before = runs.open.len();
        squares_along(a, b, self.shift, |column, row| {
            let place = (column, row);
            let Some(square) = self.square(column, row) else { return };
            let run = match runs.open[..before].iter().find(|(open, _)| *open == place) {
                Some((_, run)) => *run,
                None => {
                    runs.done.push((square as u32, Run { first, count: 0, sides }));
                    runs.done.len() - 1
                }
            };
            runs.done[run].1.count += 1;
            runs.open.push((place, run));
        });
        runs.open.drain(..before);
    }

    /// Records where a segment crosses the reference parallels of the rows it spans.
    fn push_crossings(&self, a: Vertex, b: Vertex, sides: Sides, crossings: &mut Vec<Crossing>) {
        let (south, north, east) = if a.y < b.y { (a, b, sides.right) } else { (b, a, sides.left) };
        for row in self.parallel_south_of(south) + 1..=self.parallel_south_of(north) {
            let y = reference(row, self.shift);
            let across = i128::from(y - 2 * i64::from(south.y)) * (i128::from(north.x) - i128::from(south.x));
            let height = i128::from(north.y) - i128::from(south.y);
            crossings.push(Crossing {
                row: row - self.row,
                x: 2 * i64::from(south.x) + across.div_euclid(height) as i64,
                rest: across.rem_euclid(height) as f64 / height as f64,
                east,
            });
        }
    }

    /// Owners of all reference points, by sweeping each row from the west.
    fn fill_owners(&mut self, mut crossings: Vec<Crossing>) {
        crossings.sort_unstable_by(|a, b| (a.row, a.x).cmp(&(b.row, b.x)).then(a.rest.total_cmp(&b.rest)));
        let columns = self.columns as usize;
        self.owners = vec![NOBODY; columns * self.rows as usize];
        for (at, crossing) in crossings.iter().enumerate() {
            let end = match crossings.get(at + 1) {
                Some(next) if next.row == crossing.row => self.first_column_east_of(next.x),
                _ => columns,
            };
            let begin = self.first_column_east_of(crossing.x).min(end);
            let row = crossing.row as usize * columns;
            self.owners[row + begin..row + end].fill(crossing.east);
        }
    }

    /// Number within its row of the first square whose reference lies east of doubled `x`.
    fn first_column_east_of(&self, x: i64) -> usize {
        let column = (x >> (self.shift + 1)) as i32;
        let column = if x < reference(column, self.shift) { column } else { column + 1 };
        (column - self.column).clamp(0, self.columns) as usize
    }

    /// Counting sort of the runs by square.
    fn sort_runs(&mut self, runs: &[(u32, Run)]) {
        let mut offsets = vec![0u32; self.owners.len() + 1];
        for (square, _) in runs {
            offsets[*square as usize] += 1;
        }
        let mut end = 0;
        for offset in &mut offsets {
            end += *offset;
            *offset = end;
        }
        // Each offset is the end of its square's runs now, and filling from the back makes it their beginning.
        let nothing = Run { first: 0, count: 0, sides: Sides { left: NOBODY, right: NOBODY } };
        self.runs = vec![nothing; runs.len()];
        for (square, run) in runs.iter().rev() {
            let offset = &mut offsets[*square as usize];
            *offset -= 1;
            self.runs[*offset as usize] = *run;
        }
        self.offsets = offsets;
    }

    /// Columns and rows of the squares some border passes through.
    pub(super) fn border_squares(&self) -> impl Iterator<Item = (i32, i32)> {
        let bordered = self.offsets.windows(2).enumerate().filter(|(_, ends)| ends[0] < ends[1]);
        bordered.map(|(square, _)| {
            let square = square as i32;
            (self.column + square % self.columns, self.row + square / self.columns)
        })
    }

    /// Whether a part of the square may be the commune's: a border passes through, or it owns the whole.
    pub(super) fn may_hold(&self, column: i32, row: i32, commune: u16) -> bool {
        let owns = self.square(column, row).is_some_and(|square| self.owners[square] == commune);
        owns || self.runs(column, row).iter().any(|run| run.sides.left == commune || run.sides.right == commune)
    }

    /// The owner of the point `(x, y)` in units.
    pub(super) fn owner(&self, vertices: &[Vertex], x: f64, y: f64) -> u16 {
        let (x, y) = (x.round() as i32, y.round() as i32);
        let (column, row) = (x >> self.shift, y >> self.shift);
        let Some(square) = self.square(column, row) else { return NOBODY };
        let runs = self.runs(column, row);
        if runs.is_empty() {
            return self.owners[square];
        }
        let from = (2 * i64::from(x) + 1, 2 * i64::from(y) + 1);
        let to = (reference(column, self.shift), reference(row, self.shift));
        along_parallel(runs, vertices, from, to.0)
            .or_else(|| along_meridian(runs, vertices, (to.0, from.1), to.1))
            .unwrap_or(self.owners[square])
    }
}

struct Crossing {
    row: i32,
    /// Whole doubled units, and the rest, of where the segment crosses the row's reference parallel.
    x: i64,
    rest: f64,
    east: u16,
}

/// The owner facing `from` across the nearest border between it and the meridian `to_x`, if any.
fn along_parallel(runs: &[Run], vertices: &[Vertex], from: (i64, i64), to_x: i64) -> Option<u16> {
    let westward = to_x < from.0;
    let mut nearest = f64::INFINITY;
    let mut owner = None;
    for_segments(runs, vertices, |a, b, sides| {
        if (2 * i64::from(a.y) < from.1) == (2 * i64::from(b.y) < from.1) {
            return;
        }
        let (south, north, west, east) =
            if a.y < b.y { (a, b, sides.left, sides.right) } else { (b, a, sides.right, sides.left) };
        // Strictly west of the point lies what has it on its right hand going north; the rest counts as east.
        let is_west_of = |x: i64| side(south, north, (x, from.1)).is_lt();
        if is_west_of(from.0) == is_west_of(to_x) {
            return;
        }
        let share = (from.1 - 2 * i64::from(south.y)) as f64 / (2 * (i64::from(north.y) - i64::from(south.y))) as f64;
        let x =
            (2 * i64::from(south.x) - from.0) as f64 + share * (2 * (i64::from(north.x) - i64::from(south.x))) as f64;
        if x.abs() < nearest {
            nearest = x.abs();
            owner = Some(if westward { east } else { west });
        }
    });
    owner
}

/// The owner facing `from` across the nearest border between it and the parallel `to_y`, if any.
///
/// As on the parallel the walk runs a hair west of its meridian, so that both agree on a border through the corner.
fn along_meridian(runs: &[Run], vertices: &[Vertex], from: (i64, i64), to_y: i64) -> Option<u16> {
    let southward = to_y < from.1;
    let mut nearest = f64::INFINITY;
    let mut owner = None;
    for_segments(runs, vertices, |a, b, sides| {
        if (2 * i64::from(a.x) < from.0) == (2 * i64::from(b.x) < from.0) {
            return;
        }
        let (west, east, north_owner, south_owner) =
            if a.x < b.x { (a, b, sides.left, sides.right) } else { (b, a, sides.right, sides.left) };
        let is_south_of = |y: i64| {
            let side = side(west, east, (from.0, y));
            side.is_gt() || (side.is_eq() && east.y > west.y)
        };
        if is_south_of(from.1) == is_south_of(to_y) {
            return;
        }
        let share = (from.0 - 2 * i64::from(west.x)) as f64 / (2 * (i64::from(east.x) - i64::from(west.x))) as f64;
        let y = (2 * i64::from(west.y) - from.1) as f64 + share * (2 * (i64::from(east.y) - i64::from(west.y))) as f64;
        if y.abs() < nearest {
            nearest = y.abs();
            owner = Some(if southward { north_owner } else { south_owner });
        }
    });
    owner
}

/// Calls `visit` for every segment of the runs.
pub(super) fn for_segments(runs: &[Run], vertices: &[Vertex], mut visit: impl FnMut(Vertex, Vertex, Sides)) {
    for run in runs {
        let first = run.first as usize;
        for pair in vertices[first..=first + run.count as usize].windows(2) {
            visit(pair[0], pair[1], run.sides);
        }
    }
}
