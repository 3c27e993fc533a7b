//! The integer plane all borders live on, and metres in it.
//!
//! Coordinates are counts of 10⁻⁷ degree (at most 1.1 cm), x east and y north: the decimals of GeoJSON in practice fit
//! without loss, any place on earth fits in 32 bits, and integers make the predicates exact.

/// Units in one degree.
pub(crate) const UNITS_PER_DEGREE: f64 = 1e7;

/// Between nodes borders keep every 128th unit (at most 1.43 m), as a power of two; nodes keep all of them.
pub(crate) const COARSE_SHIFT: u32 = 7;

/// A vertex of the plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Vertex {
    /// Units east of Greenwich.
    pub(crate) x: i32,
    /// Units north of the equator.
    pub(crate) y: i32,
}

impl Vertex {
    /// The vertex as a position.
    pub(crate) fn point(self) -> crate::Point {
        crate::Point { lat: f64::from(self.y) / UNITS_PER_DEGREE, lon: f64::from(self.x) / UNITS_PER_DEGREE }
    }
}

/// Metres per unit around one latitude: there the plane is flat enough for distances of some kilometres.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Metric {
    /// Metres per unit east.
    pub(crate) x_m: f64,
    /// Metres per unit north.
    pub(crate) y_m: f64,
}

impl Metric {
    /// The metric at a latitude in degrees: series of the meridian and parallel arcs of the WGS 84 ellipsoid (NGA TR8350.2).
    pub(crate) fn at(lat: f64) -> Self {
        let phi = lat.to_radians();
        let north = 111_132.954 - 559.822 * (2.0 * phi).cos() + 1.175 * (4.0 * phi).cos();
        let east = 111_412.84 * phi.cos() - 93.5 * (3.0 * phi).cos() + 0.118 * (5.0 * phi).cos();
        Self { x_m: east.max(1e-6) / UNITS_PER_DEGREE, y_m: north / UNITS_PER_DEGREE }
    }

    /// The metric at a vertex.
    #[cfg(feature = "build")]
    pub(crate) fn at_vertex(vertex: Vertex) -> Self {
        Self::at(f64::from(vertex.y) / UNITS_PER_DEGREE)
    }

    /// Squared distance in m² from `(x, y)` in units to the segment from `a` to `b`.
    pub(crate) fn distance2_m2(self, (x, y): (f64, f64), a: Vertex, b: Vertex) -> f64 {
        let (ax, ay) = ((f64::from(a.x) - x) * self.x_m, (f64::from(a.y) - y) * self.y_m);
        let (dx, dy) = ((f64::from(b.x) - f64::from(a.x)) * self.x_m, (f64::from(b.y) - f64::from(a.y)) * self.y_m);
        let length2 = dx * dx + dy * dy;
        let along = if length2 > 0.0 { (-(ax * dx + ay * dy) / length2).clamp(0.0, 1.0) } else { 0.0 };
        let (px, py) = (ax + along * dx, ay + along * dy);
        px * px + py * py
    }
}

/// Calls `visit(column, row)` for every square of side `2^shift` units the segment touches, perhaps a few more beside it.
pub(crate) fn squares_along(a: Vertex, b: Vertex, shift: u32, mut visit: impl FnMut(i32, i32)) {
    let (first, last) = if a.y <= b.y { (a, b) } else { (b, a) };
    let (row_first, row_last) = (first.y >> shift, last.y >> shift);
    if row_first == row_last {
        for column in first.x.min(last.x) >> shift..=first.x.max(last.x) >> shift {
            visit(column, row_first);
        }
        return;
    }
    let (dx, dy) = (i64::from(last.x) - i64::from(first.x), i64::from(last.y) - i64::from(first.y));
    let x_at = |y: i64| i64::from(first.x) + (dx * (y - i64::from(first.y))).div_euclid(dy);
    for row in row_first..=row_last {
        let south = i64::from(first.y).max(i64::from(row) << shift);
        let north = i64::from(last.y).min((i64::from(row) + 1) << shift);
        let (x_south, x_north) = (x_at(south), x_at(north));
        // div_euclid rounds down, so the true x may be one unit further east.
        for column in (x_south.min(x_north) >> shift)..=((x_south.max(x_north) + 1) >> shift) {
            visit(column as i32, row);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn metric_matches_the_ellipsoid() {
        // One degree at the equator and at 45°: 110,574 / 111,320 m and 111,132 / 78,847 m (WGS 84).
        for (lat, north, east) in [(0.0, 110_574.3, 111_319.5), (45.0, 111_131.8, 78_846.8)] {
            let metric = Metric::at(lat);
            assert!((metric.y_m * UNITS_PER_DEGREE - north).abs() < 1.0);
            assert!((metric.x_m * UNITS_PER_DEGREE - east).abs() < 1.0);
        }
    }

    proptest! {
        #[test]
        fn squares_cover_the_segment(
            ax in -5000..5000i32, ay in -5000..5000i32, bx in -5000..5000i32, by in -5000..5000i32, t in 0.0..1.0f64,
        ) {
            let mut squares = Vec::new();
            squares_along(Vertex { x: ax, y: ay }, Vertex { x: bx, y: by }, 8, |column, row| squares.push((column, row)));
            let x = (f64::from(ax) + t * f64::from(bx - ax)).floor() as i32;
            let y = (f64::from(ay) + t * f64::from(by - ay)).floor() as i32;
            prop_assert!(squares.contains(&(x >> 8, y >> 8)));
        }
    }
}
