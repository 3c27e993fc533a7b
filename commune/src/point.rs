//! A position on the earth.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Radius in metres of the sphere all lengths here are taken on: the mean radius R1 of the GRS 80
/// ellipsoid (IUGG 1980). Over Vietnam a length on it is within 0.5 % of the one on the ellipsoid.
pub(crate) const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// Metres in one degree of latitude.
pub(crate) const METRES_PER_DEGREE: f64 = EARTH_RADIUS_M * std::f64::consts::PI / 180.0;

/// A WGS 84 position in degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Latitude in degrees, north positive, −90 to 90.
    pub lat: f64,
    /// Longitude in degrees, east positive, −180 to 180.
    pub lon: f64,
}

/// A position that is none.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum PointError {
    /// Latitude is not a number from −90 to 90.
    #[error("latitude is {0}, expected degrees from -90 to 90")]
    Latitude(f64),
    /// Longitude is not a number from −180 to 180.
    #[error("longitude is {0}, expected degrees from -180 to 180")]
    Longitude(f64),
}

impl Point {
    /// A position from degrees; NaN, infinities and values out of range are refused.
    pub fn new(lat: f64, lon: f64) -> Result<Self, PointError> {
        if !(-90.0..=90.0).contains(&lat) {
            return Err(PointError::Latitude(lat));
        }
        if !(-180.0..=180.0).contains(&lon) {
            return Err(PointError::Longitude(lon));
        }
        Ok(Self { lat, lon })
    }

    /// Great-circle distance to `other` in metres (haversine formula).
    pub fn distance_m(self, other: Self) -> f64 {
        let half_lat = (other.lat - self.lat).to_radians() / 2.0;
        let half_lon = (other.lon - self.lon).to_radians() / 2.0;
        let h = half_lat.sin().powi(2)
            + self.lat.to_radians().cos() * other.lat.to_radians().cos() * half_lon.sin().powi(2);
        2.0 * EARTH_RADIUS_M * h.sqrt().min(1.0).asin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_position() {
        assert_eq!(Point::new(90.1, 0.0), Err(PointError::Latitude(90.1)));
        assert_eq!(Point::new(0.0, -180.5), Err(PointError::Longitude(-180.5)));
        assert!(Point::new(f64::NAN, 0.0).is_err());
        assert!(Point::new(0.0, f64::INFINITY).is_err());
        assert!(Point::new(-90.0, 180.0).is_ok());
    }

    #[test]
    fn distance_is_symmetric_and_scaled() {
        let hanoi = Point { lat: 21.0285, lon: 105.8542 };
        let saigon = Point { lat: 10.7769, lon: 106.7009 };
        let there = hanoi.distance_m(saigon);
        assert!((there - saigon.distance_m(hanoi)).abs() < 1e-6);
        assert!((1_137_000.0..1_145_000.0).contains(&there), "{there}");
        assert_eq!(hanoi.distance_m(hanoi), 0.0);
    }
}
