//! From the fixes of a run to its commune, and from there to what may leave the device.
//!
//! Which fix places a run, and what its fixes say together, is `ispeed_verdict::fixes`; the collector calls the same.
//! [`shared`] takes away what the person did not agree to share.

use std::sync::Arc;

use ispeed_commune::{Boundaries, Point, gazetteer};
use ispeed_protocol::UtcMicros;
use ispeed_protocol::cell::Cell;
use ispeed_protocol::consent::Share;
use ispeed_protocol::device::{Radio, RadioSpan};
use ispeed_protocol::place::{Fix, Fixes, Place};
use ispeed_verdict::fixes::{Placed, Position};

use crate::error::{Error, Result};

/// With the point withheld, distances to borders are given in steps of this many metres: with the exact ones and the
/// shape of a border, the point could be found again to the metre.
pub const SHARED_DISTANCE_STEP_M: f64 = 50.0;

/// What a commune is called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CommuneName {
    /// Commune code.
    pub code: String,
    /// Official name with its type, such as `Phường Bình Phước`.
    pub commune: String,
    /// Province code.
    pub province_code: String,
    /// Official name of the province; `None` for a province nobody here knows.
    pub province: Option<String>,
}

/// What answers "which commune is this?": a boundary bundle, else the embedded gazetteer of centres.
#[derive(Clone, Debug, Default)]
pub struct Resolver {
    boundaries: Option<Arc<Boundaries>>,
}

impl Resolver {
    /// With a bundle, or with the gazetteer alone.
    pub fn new(boundaries: Option<Arc<Boundaries>>) -> Self {
        Self { boundaries }
    }

    /// The commune of a position in degrees; `accuracy_m` is the 68 % radius. `None` when it is no position.
    pub fn resolve(&self, lat: f64, lon: f64, accuracy_m: Option<f64>) -> Option<Place> {
        let point = Point::new(lat, lon).ok()?;
        Some(match &self.boundaries {
            Some(boundaries) => boundaries.resolve(point, accuracy_m),
            None => gazetteer::resolve(point),
        })
    }

    /// Area of a commune in km²; `None` without a bundle, or for a code that is not in it.
    pub fn area_km2(&self, code: &str) -> Option<f64> {
        Some(self.boundaries.as_ref()?.commune(code)?.area_km2)
    }

    /// Name of a commune: of the bundle, else of the gazetteer; `None` for a code neither knows.
    pub fn name(&self, code: &str) -> Option<CommuneName> {
        if let Some(commune) = self.boundaries.as_ref().and_then(|boundaries| boundaries.commune(code)) {
            return Some(CommuneName {
                code: commune.code,
                commune: commune.name,
                province_code: commune.province,
                province: commune.province_name,
            });
        }
        let commune = gazetteer::commune(code)?;
        Some(CommuneName {
            code: commune.code.to_owned(),
            commune: commune.name.to_owned(),
            province_code: commune.province.to_owned(),
            province: gazetteer::province(commune.province).map(|province| province.name.to_owned()),
        })
    }

    /// The bundle, if one is loaded.
    pub fn boundaries(&self) -> Option<&Arc<Boundaries>> {
        self.boundaries.as_ref()
    }
}

/// Where a run took place.
#[derive(Clone, PartialEq, Debug)]
pub struct Located {
    /// Commune and doubt.
    pub place: Place,
    /// 200 m cell of the chosen fix; `None` without a position.
    pub cell: Option<Cell>,
    /// Usable fixes lie with certainty in different communes.
    pub left_commune: bool,
}

/// The place of a run that ended at `ended_at`, by the rule of [`ispeed_verdict::fixes`].
pub fn locate(fixes: &Fixes, ended_at: UtcMicros, resolver: &Resolver) -> Located {
    let resolve = |p: &Position| resolver.resolve(p.lat, p.lon, p.accuracy_m).unwrap_or_else(Place::unknown);
    match ispeed_verdict::fixes::place(fixes, ended_at, resolve) {
        None => Located { place: Place::unknown(), cell: None, left_commune: false },
        Some(Placed { position, place, left_commune }) => {
            Located { place, cell: Some(ispeed_commune::cell(position.lat, position.lon)), left_commune }
        }
    }
}

/// What of a place leaves the device.
#[derive(Clone, PartialEq, Debug)]
pub struct Shared {
    /// Commune.
    pub place: Place,
    /// 200 m cell.
    pub cell: Option<Cell>,
    /// Fixes, with or without their points, or none.
    pub fixes: Fixes,
    /// Radio, with or without what names its cell.
    pub radio: RadioSpan,
}

/// Takes away what `share` does not allow. With [`Share::None`] the identity of the serving cell goes too: anyone can
/// look up where it stands.
pub fn shared(share: Share, located: &Located, fixes: &Fixes, radio: &RadioSpan) -> Shared {
    match share {
        Share::Precise => {
            Shared { place: located.place.clone(), cell: located.cell, fixes: fixes.clone(), radio: radio.clone() }
        }
        Share::Commune => {
            let bare = |fix: &Option<Fix>| fix.as_ref().map(Fix::without_point);
            Shared {
                place: coarse(&located.place),
                cell: located.cell,
                fixes: Fixes { start: bare(&fixes.start), mid: bare(&fixes.mid), end: bare(&fixes.end) },
                radio: radio.clone(),
            }
        }
        Share::None => Shared { place: Place::unknown(), cell: None, fixes: Fixes::default(), radio: placeless(radio) },
    }
}

/// Distances rounded to [`SHARED_DISTANCE_STEP_M`]; 0 (inside) stays 0, what is not inside never becomes so.
fn coarse(place: &Place) -> Place {
    let step = |m: f64| (m / SHARED_DISTANCE_STEP_M).ceil() * SHARED_DISTANCE_STEP_M;
    let mut place = place.clone();
    place.border_m = place.border_m.map(step);
    place.candidates.iter_mut().for_each(|candidate| candidate.distance_m = step(candidate.distance_m));
    place
}

/// The radio without what names its cell.
pub(crate) fn placeless(radio: &RadioSpan) -> RadioSpan {
    let without = |radio: &Option<Radio>| {
        radio.as_ref().map(|radio| Radio { cell_id: None, pci: None, area_code: None, ..radio.clone() })
    };
    RadioSpan { start: without(&radio.start), end: without(&radio.end) }
}

/// Refuses fixes that are none: latitude and longitude are degrees, and both or neither is there.
pub fn check_fixes(fixes: &Fixes) -> Result<()> {
    for (name, fix) in [("start", &fixes.start), ("mid", &fixes.mid), ("end", &fixes.end)] {
        let Some(fix) = fix else { continue };
        let field = |member: &str| format!("fixes.{name}.{member}");
        match (fix.lat, fix.lon) {
            (None, None) => {}
            (Some(lat), Some(lon)) => {
                if !(-90.0..=90.0).contains(&lat) {
                    return Err(Error::input(field("lat"), lat, "degrees from -90 to 90"));
                }
                if !(-180.0..=180.0).contains(&lon) {
                    return Err(Error::input(field("lon"), lon, "degrees from -180 to 180"));
                }
            }
            (Some(_), None) => return Err(Error::input(field("lon"), "absent", "degrees, since lat is given")),
            (None, Some(_)) => return Err(Error::input(field("lat"), "absent", "degrees, since lon is given")),
        }
        for (member, value) in
            [("accuracy_m", fix.accuracy_m), ("speed_mps", fix.speed_mps), ("altitude_m", fix.altitude_m)]
        {
            if let Some(value) = value.filter(|v| !v.is_finite()) {
                return Err(Error::input(field(member), value, "a finite number"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ispeed_protocol::device::RadioTechnology;
    use ispeed_protocol::place::{Candidate, FixSource, PlaceVerdict};
    use proptest::prelude::*;

    fn fix(lat: f64, lon: f64, accuracy_m: f64, age_ms: u64) -> Fix {
        Fix {
            lat: Some(lat),
            lon: Some(lon),
            accuracy_m: Some(accuracy_m),
            at: None,
            age_ms: Some(age_ms),
            speed_mps: Some(1.0),
            altitude_m: Some(20.0),
            mock: Some(false),
            source: FixSource::Gnss,
        }
    }

    fn certain(code: &str) -> Place {
        Place {
            verdict: PlaceVerdict::Certain,
            code: Some(code.into()),
            candidates: vec![Candidate { code: code.into(), distance_m: 0.0 }],
            border_m: Some(800.0),
            table: Some("t".into()),
        }
    }

    fn resolve_at(lat: f64, lon: f64) -> Place {
        Resolver::default().resolve(lat, lon, Some(10.0)).unwrap()
    }

    const END: UtcMicros = UtcMicros(1_790_000_000_000_000);
    const HERE: (f64, f64) = (11.5209, 106.899);

    #[test]
    fn an_old_fix_that_claims_a_metre_loses_to_a_fresh_one() {
        let fixes =
            Fixes { start: Some(fix(21.0, 105.8, 1.0, 600_000)), mid: Some(fix(HERE.0, HERE.1, 30.0, 500)), end: None };
        let located = locate(&fixes, END, &Resolver::default());
        assert_eq!(located.cell, Some(ispeed_commune::cell(HERE.0, HERE.1)));
    }

    #[test]
    fn no_fix_is_unknown_and_a_fix_without_a_point_too() {
        let unknown = locate(&Fixes::default(), END, &Resolver::default());
        assert_eq!((unknown.place.verdict, unknown.cell), (PlaceVerdict::Unknown, None));
        let bare = Fixes { start: Some(fix(1.0, 1.0, 1.0, 1).without_point()), ..Fixes::default() };
        assert_eq!(locate(&bare, END, &Resolver::default()).place.verdict, PlaceVerdict::Unknown);
    }

    #[test]
    fn without_a_bundle_it_stays_approximate() {
        let fixes =
            Fixes { start: Some(fix(HERE.0, HERE.1, 10.0, 0)), mid: None, end: Some(fix(21.0285, 105.8542, 10.0, 0)) };
        let located = locate(&fixes, END, &Resolver::default());
        assert_eq!(located.place.verdict, PlaceVerdict::Approximate);
        let alone = resolve_at(21.0285, 105.8542);
        let code = alone.code.expect("the gazetteer knows Hà Nội");
        assert!(located.place.candidates.iter().any(|candidate| candidate.code == code), "{:?}", located.place);
        assert!(!located.left_commune, "centres alone prove nothing");
    }

    #[test]
    fn nothing_of_the_place_leaves_without_consent() {
        let fixes = Fixes { start: Some(fix(HERE.0, HERE.1, 10.0, 0)), ..Fixes::default() };
        let radio = Radio {
            technology: RadioTechnology::G4,
            rsrp_dbm: Some(-90.0),
            rsrq_db: None,
            sinr_db: None,
            cell_id: Some("123".into()),
            pci: Some(7),
            area_code: Some(8),
            arfcn: Some(1),
            band: Some("B3".into()),
            missing: None,
        };
        let span = RadioSpan { start: Some(radio), end: None };
        let located = Located { place: certain("25195"), cell: None, left_commune: false };
        let none = shared(Share::None, &located, &fixes, &span);
        assert_eq!((none.place, none.fixes), (Place::unknown(), Fixes::default()));
        let radio = none.radio.start.unwrap();
        assert_eq!((radio.cell_id, radio.pci, radio.area_code), (None, None, None));
        assert_eq!(radio.rsrp_dbm, Some(-90.0));

        let commune = shared(Share::Commune, &located, &fixes, &span);
        let start = commune.fixes.start.unwrap();
        assert_eq!((start.lat, start.lon, start.altitude_m), (None, None, None));
        assert_eq!(start.accuracy_m, Some(10.0));
        assert_eq!(shared(Share::Precise, &located, &fixes, &span).fixes, fixes);
    }

    #[test]
    fn a_wrong_fix_is_named() {
        let wrong = |fix| check_fixes(&Fixes { mid: Some(fix), ..Fixes::default() }).unwrap_err().to_string();
        assert!(wrong(fix(91.0, 0.0, 1.0, 0)).contains("fixes.mid.lat is \"91\""));
        assert!(wrong(fix(f64::NAN, 0.0, 1.0, 0)).contains("fixes.mid.lat"));
        assert!(wrong(Fix { lon: None, ..fix(1.0, 0.0, 1.0, 0) }).contains("fixes.mid.lon"));
        assert!(wrong(fix(1.0, 0.0, f64::INFINITY, 0)).contains("fixes.mid.accuracy_m"));
    }

    proptest! {
        #[test]
        fn coarse_distances_hide_the_exact_one(m in 0.0..50_000.0f64) {
            let place = Place { border_m: Some(m), ..certain("00001") };
            let coarse = coarse(&place).border_m.unwrap();
            prop_assert!(coarse >= m && coarse - m < SHARED_DISTANCE_STEP_M);
            prop_assert_eq!(coarse % SHARED_DISTANCE_STEP_M, 0.0);
        }

        #[test]
        fn any_fixes_give_a_place(coordinates in prop::collection::vec((any::<f64>(), any::<f64>(), any::<f64>(), any::<u64>()), 0..4)) {
            let mut all = coordinates.into_iter().map(|(lat, lon, accuracy, age)| fix(lat, lon, accuracy, age));
            let fixes = Fixes { start: all.next(), mid: all.next(), end: all.next() };
            let located = locate(&fixes, END, &Resolver::default());
            prop_assert_eq!(located.cell.is_some(), located.place.verdict != PlaceVerdict::Unknown);
        }
    }
}
