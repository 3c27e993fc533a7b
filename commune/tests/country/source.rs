//! The unsimplified polygons, read and asked independently of the crate: the oracle.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use ispeed_commune::Point;

/// Side of an index square in degrees.
const SQUARE: f64 = 0.01;

/// A commune of the source; rings of (longitude, latitude) in degrees.
pub(crate) struct Commune {
    pub(crate) code: String,
    pub(crate) area_km2: f64,
    pub(crate) rings: Vec<Vec<(f64, f64)>>,
    bounds: [f64; 4],
}

/// An edge by commune, ring and place in the ring.
type EdgeName = (u32, u32, u32);

pub(crate) struct Source {
    pub(crate) communes: Vec<Commune>,
    by_bounds: HashMap<(i32, i32), Vec<u32>>,
    edges: HashMap<(i32, i32), Vec<EdgeName>>,
}

/// The shared file, or a line that says why there is none.
pub(crate) fn path() -> Option<PathBuf> {
    let folder = std::env::var_os("ISPEED_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let path = folder.join("vn-communes-2025.geojsonl.zst");
    if path.is_file() {
        return Some(path);
    }
    println!("SKIPPED: {} is absent (set ISPEED_SHARED to the folder that holds it)", path.display());
    None
}

/// The file as the builder reads it.
pub(crate) fn open() -> Option<BufReader<std::fs::File>> {
    path().map(|path| BufReader::with_capacity(1 << 20, std::fs::File::open(path).expect("the shared file opens")))
}

fn square(lon: f64, lat: f64) -> (i32, i32) {
    ((lon / SQUARE).floor() as i32, (lat / SQUARE).floor() as i32)
}

impl Source {
    pub(crate) fn read() -> Option<Self> {
        let reader = BufReader::with_capacity(1 << 20, zstd::Decoder::with_buffer(open()?).expect("zstd"));
        let mut source = Self { communes: Vec::new(), by_bounds: HashMap::new(), edges: HashMap::new() };
        for line in reader.lines() {
            source.add(&serde_json::from_str(&line.expect("a line")).expect("JSON"));
        }
        Some(source)
    }

    fn add(&mut self, feature: &serde_json::Value) {
        let index = self.communes.len() as u32;
        let polygons: Vec<Vec<Vec<(f64, f64)>>> =
            serde_json::from_value(feature["geometry"]["coordinates"].clone()).expect("a MultiPolygon");
        let rings: Vec<Vec<(f64, f64)>> = polygons.into_iter().flatten().collect();
        let mut bounds = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
        for (ring_index, ring) in rings.iter().enumerate() {
            for (at, pair) in ring.windows(2).enumerate() {
                let ((ax, ay), (bx, by)) = (pair[0], pair[1]);
                bounds = [bounds[0].min(ax), bounds[1].min(ay), bounds[2].max(ax), bounds[3].max(ay)];
                let (low, high) = (square(ax.min(bx), ay.min(by)), square(ax.max(bx), ay.max(by)));
                for x in low.0..=high.0 {
                    for y in low.1..=high.1 {
                        self.edges.entry((x, y)).or_default().push((index, ring_index as u32, at as u32));
                    }
                }
            }
        }
        let (low, high) = (square(bounds[0], bounds[1]), square(bounds[2], bounds[3]));
        for x in low.0..=high.0 {
            for y in low.1..=high.1 {
                self.by_bounds.entry((x, y)).or_default().push(index);
            }
        }
        let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
        let area_km2 = feature["properties"]["area_km2"].as_f64().expect("an area");
        self.communes.push(Commune { code: text(&feature["id"]), area_km2, rings, bounds });
    }

    /// The communes whose polygons hold the point by the even-odd rule.
    pub(crate) fn holding(&self, point: Point) -> Vec<&Commune> {
        let near = self.by_bounds.get(&square(point.lon, point.lat)).map_or(&[][..], Vec::as_slice);
        near.iter().map(|index| &self.communes[*index as usize]).filter(|commune| commune.holds(point)).collect()
    }

    /// The right code: of several the commune of the smallest area, then the lowest code.
    pub(crate) fn code(&self, point: Point) -> Option<&str> {
        let mut holding = self.holding(point);
        holding.sort_by(|a, b| a.area_km2.total_cmp(&b.area_km2).then(a.code.cmp(&b.code)));
        holding.first().map(|commune| commune.code.as_str())
    }

    /// Metres to the nearest border of the source, if within `reach_m`.
    pub(crate) fn border_m(&self, point: Point, reach_m: f64) -> Option<f64> {
        let reach = reach_m / 100_000.0;
        let (low, high) = (square(point.lon - reach, point.lat - reach), square(point.lon + reach, point.lat + reach));
        let mut nearest = f64::MAX;
        for x in low.0..=high.0 {
            for y in low.1..=high.1 {
                for (commune, ring, at) in self.edges.get(&(x, y)).map_or(&[][..], Vec::as_slice) {
                    let ring = &self.communes[*commune as usize].rings[*ring as usize];
                    nearest = nearest.min(distance_m(point, ring[*at as usize], ring[*at as usize + 1]));
                }
            }
        }
        (nearest <= reach_m).then_some(nearest)
    }
}

impl Commune {
    fn holds(&self, point: Point) -> bool {
        let [west, south, east, north] = self.bounds;
        if point.lon < west || point.lon > east || point.lat < south || point.lat > north {
            return false;
        }
        let mut inside = false;
        for ring in &self.rings {
            for pair in ring.windows(2) {
                let ((ax, ay), (bx, by)) = (pair[0], pair[1]);
                if (ay > point.lat) != (by > point.lat) && point.lon < ax + (point.lat - ay) / (by - ay) * (bx - ax) {
                    inside = !inside;
                }
            }
        }
        inside
    }
}

/// Whether a ring bounds anything; ten of the source lie on a line.
pub(crate) fn has_area(ring: &[(f64, f64)]) -> bool {
    let (x, y) = ring[0];
    let twice = |pair: &[(f64, f64)]| (pair[0].0 - x) * (pair[1].1 - y) - (pair[1].0 - x) * (pair[0].1 - y);
    ring.windows(2).map(twice).sum::<f64>().abs() > 1e-13
}

/// Metres per degree of latitude and longitude on the WGS 84 ellipsoid, from its radii of curvature.
pub(crate) fn metres_per_degree(lat: f64) -> (f64, f64) {
    let (a, e2) = (6_378_137.0, 0.006_694_379_990_14);
    let (sin, cos) = lat.to_radians().sin_cos();
    let w = 1.0 - e2 * sin * sin;
    let radian = std::f64::consts::PI / 180.0;
    (radian * a * (1.0 - e2) / w.powf(1.5), radian * a * cos / w.sqrt())
}

pub(crate) fn distance_m(point: Point, a: (f64, f64), b: (f64, f64)) -> f64 {
    let (north, east) = metres_per_degree(point.lat);
    let flat = |p: (f64, f64)| ((p.0 - point.lon) * east, (p.1 - point.lat) * north);
    let (a, b) = (flat(a), flat(b));
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length2 = dx * dx + dy * dy;
    let along = if length2 > 0.0 { (-(a.0 * dx + a.1 * dy) / length2).clamp(0.0, 1.0) } else { 0.0 };
    (a.0 + along * dx).hypot(a.1 + along * dy)
}

/// A reproducible source of chance (splitmix64, Steele et al. 2014).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + self.unit() * (high - low)
    }

    /// Uniform in area over all communes.
    pub(crate) fn point_in(&mut self, source: &Source, total_km2: f64) -> Point {
        let mut left = self.unit() * total_km2;
        let chosen = source.communes.iter().find(|commune| {
            left -= commune.area_km2;
            left < 0.0
        });
        self.point_in_commune(chosen.unwrap_or(&source.communes[0]))
    }

    /// Uniform in area over one commune.
    pub(crate) fn point_in_commune(&mut self, commune: &Commune) -> Point {
        let [west, south, east, north] = commune.bounds;
        loop {
            let sine = self.between(south.to_radians().sin(), north.to_radians().sin());
            let point = Point { lat: sine.asin().to_degrees(), lon: self.between(west, east) };
            if commune.holds(point) {
                return point;
            }
        }
    }

    /// Uniform along the borders of all communes, moved by up to `reach_m` in any direction.
    pub(crate) fn point_by_border(&mut self, source: &Source, reach_m: f64) -> Point {
        let commune = &source.communes[(self.unit() * source.communes.len() as f64) as usize];
        let ring = &commune.rings[(self.unit() * commune.rings.len() as f64) as usize];
        let at = (self.unit() * (ring.len() - 1) as f64) as usize;
        let (share, (a, b)) = (self.unit(), (ring[at], ring[at + 1]));
        let (north, east) = metres_per_degree(a.1);
        let (sin, cos) = (self.unit() * std::f64::consts::TAU).sin_cos();
        let away_m = self.unit() * reach_m;
        Point {
            lat: a.1 + share * (b.1 - a.1) + away_m * sin / north,
            lon: a.0 + share * (b.0 - a.0) + away_m * cos / east,
        }
    }

    /// Uniform in area over a box around Vietnam.
    pub(crate) fn point(&mut self) -> Point {
        let (south, north) = (7.0f64.to_radians().sin(), 23.5f64.to_radians().sin());
        Point { lat: self.between(south, north).asin().to_degrees(), lon: self.between(102.0, 118.0) }
    }

    /// `point` moved by a circular Gaussian error whose 68 % radius is `accuracy_m`; with the error in metres.
    pub(crate) fn fix(&mut self, point: Point, accuracy_m: f64) -> (Point, f64) {
        // 68 % of a Rayleigh distribution lies within σ √(−2 ln 0.32).
        let sigma_m = accuracy_m / (-2.0 * 0.32f64.ln()).sqrt();
        let error_m = sigma_m * (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        let (sin, cos) = (self.unit() * std::f64::consts::TAU).sin_cos();
        let (north, east) = metres_per_degree(point.lat);
        (Point { lat: point.lat + error_m * sin / north, lon: point.lon + error_m * cos / east }, error_m)
    }
}
