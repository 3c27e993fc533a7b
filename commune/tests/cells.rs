//! The cell grid against golden vectors made by another implementation (decimal arithmetic in Python).

use ispeed_commune::{Cell, cell};

#[derive(serde::Deserialize)]
struct Vectors {
    cells: Vec<Vector>,
}

#[derive(serde::Deserialize)]
struct Vector {
    name: String,
    lat: f64,
    lon: f64,
    cell: String,
}

#[test]
fn positions_fall_into_the_cells_of_the_vectors() {
    let vectors: Vectors = serde_json::from_str(include_str!("../../protocol/vectors/cells.json")).unwrap();
    assert!(vectors.cells.len() >= 40);
    for vector in vectors.cells {
        assert_eq!(cell(vector.lat, vector.lon).to_string(), vector.cell, "{}", vector.name);
        let parsed: Cell = vector.cell.parse().unwrap();
        assert_eq!(parsed, cell(vector.lat, vector.lon));
    }
}
