//! The made-up country: for each commune where people measure and how good each network is there.
//!
//! It depends on the seed and not on the month, so that the months of one seed are months of one country.

use ispeed_commune::{Point, cell, gazetteer};
use ispeed_protocol::Cell;
use ispeed_verdict::limits::DENSE_COMMUNE_KM2;

use super::random::{Random, number_of, thousandth};
use crate::collect::Communes;

/// A network as the made-up country has it.
pub(super) struct Network {
    pub(super) plmn: &'static str,
    pub(super) asn: u32,
    pub(super) brand: &'static str,
    /// Brands of virtual operators on its radio, with the code of their SIM.
    pub(super) guests: &'static [(&'static str, &'static str)],
    /// Part of the devices.
    share: f64,
    /// Median download of 4G and of 5G where nothing is special, Mbit/s; no 5G: 0.
    pub(super) down_mbps: [f64; 2],
}

/// The networks: codes of `vietnam.md` 8.1; 5G apart as i-Speed published it for January 2026.
pub(super) const NETWORKS: [Network; 5] = [
    Network { plmn: "452-04", asn: 7552, brand: "Viettel", guests: &[], share: 0.52, down_mbps: [52.0, 520.0] },
    Network {
        plmn: "452-02",
        asn: 45899,
        brand: "VinaPhone",
        guests: &[("iTel", "452-08"), ("Wintel", "452-09")],
        share: 0.23,
        down_mbps: [45.0, 310.0],
    },
    Network {
        plmn: "452-01",
        asn: 131_429,
        brand: "MobiFone",
        guests: &[("Local", "452-01"), ("VNSKY", "452-01"), ("FPT", "452-01")],
        share: 0.18,
        down_mbps: [40.0, 200.0],
    },
    Network { plmn: "452-05", asn: 38247, brand: "Vietnamobile", guests: &[], share: 0.06, down_mbps: [17.0, 0.0] },
    Network { plmn: "452-07", asn: 45546, brand: "Gmobile", guests: &[], share: 0.01, down_mbps: [12.0, 0.0] },
];

/// Provinces with a land border, where phones catch foreign networks: the neighbour's code.
#[rustfmt::skip]
const BORDER: [(&str, &str); 22] = [
    ("04", "460-00"), ("08", "460-00"), ("11", "457-03"), ("12", "460-00"), ("14", "457-03"), ("15", "460-00"),
    ("20", "460-00"), ("22", "460-00"), ("38", "457-03"), ("40", "457-03"), ("42", "457-03"), ("44", "457-03"),
    ("46", "457-01"), ("48", "457-01"), ("51", "457-03"), ("52", "456-06"), ("66", "456-08"), ("68", "456-08"),
    ("75", "456-08"), ("80", "456-06"), ("82", "456-02"), ("91", "456-02"),
];

/// Places in a commune where people measure.
const SPOTS: std::ops::RangeInclusive<usize> = 4..=40;
/// Draws of a point before the centre is taken: islands and thin communes are hard to hit.
const TRIES: usize = 24;
/// Area of a commune whose area nobody states: the median, km².
const TYPICAL_KM2: f64 = 73.0;
const METRES_PER_DEGREE: f64 = 111_195.0;

/// A 200 m cell where people measure.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub(super) cell: Cell,
    /// How much better than the commune it is.
    pub(super) factor: f64,
    /// Networks that hardly reach it, by place in [`NETWORKS`].
    pub(super) weak: [bool; 5],
}

/// A commune.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) code: String,
    pub(super) province: String,
    pub(super) area_km2: Option<f64>,
    pub(super) key: u64,
    /// How many of the samples fall to it, against the others.
    pub(super) weight: u64,
    /// Part of the devices by network.
    pub(super) shares: [f64; 5],
    /// How much better than the country a network is here.
    pub(super) factors: [f64; 5],
    /// Part of the runs of a 5G phone that find 5G, by network.
    pub(super) coverage_5g: [f64; 5],
    /// Round trip to the test point, ms.
    pub(super) distance_ms: f64,
    /// Foreign network that reaches into it.
    pub(super) foreign: Option<&'static str>,
    /// A campaign runs here.
    pub(super) campaign: bool,
    /// One device taps at one desk.
    pub(super) desk: bool,
    /// Staff of an operator measure beside a tower.
    pub(super) staff: bool,
    pub(super) spots: Vec<Spot>,
}

/// The communes of the country or of one province, in order of their code.
pub(super) fn places(seed: u64, communes: &Communes, province: Option<&str>) -> Vec<Place> {
    let wanted = communes.all().iter().filter(|c| province.is_none_or(|code| c.province_code == code));
    wanted.map(|commune| place(seed, communes, &commune.code, &commune.province_code, commune.area_km2)).collect()
}

fn place(seed: u64, communes: &Communes, code: &str, province: &str, area_km2: Option<f64>) -> Place {
    let key = number_of(code);
    let mut random = Random::of(&[seed, key]);
    let mut of_province = Random::of(&[seed, number_of(province), 1]);
    let dense = area_km2.is_some_and(|area| area < DENSE_COMMUNE_KM2);
    let province_factors: [f64; 5] = std::array::from_fn(|_| of_province.factor(0.15));
    let distance_ms = 4.0 + 14.0 * of_province.unit();
    let factors = province_factors.map(|of_province| thousandth(of_province * random.factor(0.28)));
    let shares = std::array::from_fn(|i| NETWORKS[i].share * random.factor(0.35));
    let typical = if dense { 0.8 } else { 0.35 };
    let coverage_5g = std::array::from_fn(|i| {
        if NETWORKS[i].down_mbps[1] > 0.0 { (typical * random.factor(0.4)).min(0.97) } else { 0.0 }
    });
    let foreign = BORDER.iter().find(|(of, _)| *of == province).map(|(_, plmn)| *plmn);
    Place {
        code: code.to_owned(),
        province: province.to_owned(),
        area_km2,
        key,
        weight: (1_000.0 * random.factor(0.45)) as u64 + 1,
        shares,
        factors,
        coverage_5g,
        distance_ms,
        foreign: foreign.filter(|_| random.chance(0.25)),
        campaign: random.chance(0.2),
        desk: random.chance(0.02),
        staff: random.chance(0.03),
        spots: spots(&mut random, communes, code, area_km2.unwrap_or(TYPICAL_KM2)),
    }
}

fn spots(random: &mut Random, communes: &Communes, code: &str, area_km2: f64) -> Vec<Spot> {
    let Some(centre) = gazetteer::commune(code).map(|commune| commune.centre) else {
        return Vec::new();
    };
    let reach_m = 900.0 * (area_km2 / std::f64::consts::PI).sqrt();
    let count = ((3.0 * area_km2.sqrt()) as usize).clamp(*SPOTS.start(), *SPOTS.end());
    let villages: Vec<Point> = (0..2 + count / 8).map(|_| inside(random, communes, code, centre, reach_m)).collect();
    let mut spots: Vec<Spot> = Vec::with_capacity(count);
    for _ in 0..count {
        let village = villages[random.below(villages.len() as u64) as usize];
        let point = inside(random, communes, code, village, (reach_m / 4.0).min(900.0));
        let (factor, weak) = (thousandth(random.factor(0.3)), std::array::from_fn(|_| random.chance(0.07)));
        let cell = cell(point.lat, point.lon);
        // Two draws may meet in a cell; the network is what it was.
        match spots.iter().find(|spot| spot.cell == cell).cloned() {
            Some(same) => spots.push(same),
            None => spots.push(Spot { cell, factor, weak }),
        }
    }
    spots
}

/// A point of the commune around another one: by its borders where there is a bundle.
fn inside(random: &mut Random, communes: &Communes, code: &str, around: Point, reach_m: f64) -> Point {
    for _ in 0..TRIES {
        let distance_m = reach_m * random.unit().sqrt();
        let angle = std::f64::consts::TAU * random.unit();
        let (north_m, east_m) = (distance_m * libm::sin(angle), distance_m * libm::cos(angle));
        let per_degree_east = METRES_PER_DEGREE * libm::cos(around.lat.to_radians());
        let (lat, lon) = (around.lat + north_m / METRES_PER_DEGREE, around.lon + east_m / per_degree_east);
        let Ok(point) = Point::new(lat, lon) else { continue };
        // The middle of the cell, since the cell is all that a sample says of it.
        let middle = cell::centre(cell(point.lat, point.lon));
        if communes.holds(code, middle).unwrap_or(true) {
            return middle;
        }
    }
    around
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_province_has_its_communes_and_every_commune_its_spots() {
        let communes = Communes::new(None).unwrap();
        let all = places(1, &communes, None);
        assert_eq!(all.len(), communes.all().len());
        assert!(all.iter().all(|place| SPOTS.contains(&place.spots.len())));
        let dong_nai = places(1, &communes, Some("75"));
        assert!(dong_nai.len() > 80 && dong_nai.iter().all(|place| place.province == "75"));
        let same = all.iter().find(|place| place.code == dong_nai[3].code).unwrap();
        assert_eq!(same.factors, dong_nai[3].factors, "a commune is the same whoever else is made");
        for place in &dong_nai {
            let centre = gazetteer::commune(&place.code).unwrap().centre;
            for spot in &place.spots {
                let apart_m = cell::centre(spot.cell).distance_m(centre);
                let reach_m = 1_000.0 * (place.area_km2.unwrap_or(TYPICAL_KM2) / 3.0).sqrt() + 1_500.0;
                assert!(apart_m < reach_m, "{} {apart_m} {reach_m}", place.code);
            }
        }
        assert_ne!(places(2, &communes, Some("75"))[0].factors, dong_nai[0].factors);
    }
}
