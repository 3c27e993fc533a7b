//! `places.csv`: the communes the month was computed for, so that a folder can be checked without the boundary table.

use std::path::Path;

use ispeed_report::Place;

use crate::error::{MonthError, Result};

/// Its name in the folder.
pub(crate) const PLACES_FILE: &str = "places.csv";
const HEADER: [&str; 5] = ["code", "name", "province_code", "province", "area_km2"];

/// The bytes of the file: communes by code.
pub(crate) fn bytes(places: &[Place]) -> Result<Vec<u8>> {
    let mut sorted: Vec<&Place> = places.iter().collect();
    sorted.sort_by(|a, b| a.code.cmp(&b.code));
    let wrong = |error: &dyn std::fmt::Display| MonthError::malformed(PLACES_FILE, error.to_string());
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(HEADER).map_err(|e| wrong(&e))?;
    for place in sorted {
        let area = place.area_km2.map_or_else(String::new, |area| area.to_string());
        let row = [&place.code, &place.name, &place.province_code, &place.province_name, &area];
        csv.write_record(row).map_err(|e| wrong(&e))?;
    }
    csv.into_inner().map_err(|e| wrong(&e))
}

/// Reads the file of a folder.
pub(crate) fn read(folder: &Path) -> Result<Vec<Place>> {
    let path = folder.join(PLACES_FILE);
    let bytes = std::fs::read(&path).map_err(MonthError::io("read", &path))?;
    let wrong = |cause: String| MonthError::malformed(PLACES_FILE, cause);
    let mut csv = csv::Reader::from_reader(bytes.as_slice());
    if csv.headers().map_err(|error| wrong(error.to_string()))? != HEADER.as_slice() {
        return Err(wrong(format!("the first line; expected {}", HEADER.join(","))));
    }
    let mut places = Vec::new();
    for row in csv.records() {
        let row = row.map_err(|error| wrong(error.to_string()))?;
        let field = |at: usize| row.get(at).unwrap_or_default().to_owned();
        let area = field(4);
        let area_km2 = match area.as_str() {
            "" => None,
            text => Some(text.parse().map_err(|_| wrong(format!("area_km2 {text:?}; expected a number")))?),
        };
        places.push(Place {
            code: field(0),
            name: field(1),
            province_code: field(2),
            province_name: field(3),
            area_km2,
        });
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_survive_the_file() {
        let place = |code: &str, area_km2| Place {
            code: code.into(),
            name: "Phường \"Bình, Phước\"".into(),
            province_code: "75".into(),
            province_name: "Thành phố Đồng Nai".into(),
            area_km2,
        };
        let places = [place("25195", Some(1.0 / 3.0)), place("25200", None)];
        let dir = tempfile::tempdir().unwrap();
        let reversed = [places[1].clone(), places[0].clone()];
        std::fs::write(dir.path().join(PLACES_FILE), bytes(&reversed).unwrap()).unwrap();
        assert_eq!(read(dir.path()).unwrap(), places);
    }
}
