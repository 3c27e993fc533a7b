//! What the builder reads, and what it says of what it cannot read.

use std::io::{BufReader, Write};

use ispeed_commune::build::{BuildOptions, build};
use serde_json::{Value, json};

use crate::shapes::{commune, lines, options, rectangle, twins};

fn bundle_of(input: &[u8]) -> Vec<u8> {
    build(BufReader::with_capacity(16, input), &options()).expect("it builds").0
}

fn error_of(input: &str) -> String {
    build(input.as_bytes(), &options()).expect_err("it does not build").to_string()
}

/// The twins with something changed in the second.
fn with(change: impl FnOnce(&mut Value)) -> String {
    let mut communes = twins();
    change(&mut communes[1]);
    error_of(&lines(&communes))
}

#[test]
fn all_containers_give_the_same_bundle() {
    let plain = lines(&twins());
    let expected = bundle_of(plain.as_bytes());
    let collection = json!({ "type": "FeatureCollection", "name": "made up", "features": twins() });

    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(plain.as_bytes()).unwrap();
    assert_eq!(bundle_of(&gzip.finish().unwrap()), expected);
    assert_eq!(bundle_of(&zstd::encode_all(plain.as_bytes(), 3).unwrap()), expected);
    assert_eq!(bundle_of(collection.to_string().as_bytes()), expected);
    assert_eq!(bundle_of(serde_json::to_string_pretty(&collection).unwrap().as_bytes()), expected);
    assert_eq!(bundle_of(plain.trim_end().as_bytes()), expected, "without the last line feed");
    assert_eq!(bundle_of(plain.replace('\n', "\r\n\r\n").as_bytes()), expected, "with blank lines");
}

#[test]
fn polygons_heights_and_ids_in_properties_are_read_too() {
    let mut communes = twins();
    communes[0]["geometry"] = json!({ "type": "Polygon", "coordinates": [rectangle(0.0, 0.0, 2000.0, 2000.0)] });
    communes[1].as_object_mut().unwrap().remove("id");
    for position in communes[1]["geometry"]["coordinates"][0][0].as_array_mut().unwrap() {
        position.as_array_mut().unwrap().push(json!(12.5));
    }
    assert_eq!(bundle_of(lines(&communes).as_bytes()), bundle_of(lines(&twins()).as_bytes()));
}

#[test]
fn errors_name_the_line_the_field_the_value_and_what_was_expected() {
    for (error, parts) in [
        (with(|f| f["id"] = json!(10002)), ["line 2", "id is 10002", "text of five digits"]),
        (with(|f| f["id"] = json!("1002")), ["line 2", "id is \"1002\"", "5 digits"]),
        (with(|f| f["properties"]["code"] = json!("10003")), ["line 2", "properties.code is \"10003\"", "10002"]),
        (
            with(|f| f["properties"]["province"] = json!("7")),
            ["commune 10002", "properties.province is \"7\"", "2 digits"],
        ),
        (with(|f| f["properties"]["name"] = json!(" ")), ["commune 10002", "properties.name", "a name"]),
        (with(|f| f["properties"]["area_km2"] = json!(-1)), ["commune 10002", "properties.area_km2 is -1", "area"]),
        (with(|f| f["properties"] = Value::Null), ["line 2", "properties is absent", "code, name, province"]),
        (with(|f| f["geometry"] = Value::Null), ["commune 10002", "geometry is absent", "MultiPolygon"]),
        (with(|f| f["geometry"]["type"] = json!("Point")), ["commune 10002", "geometry.type is \"Point\"", "Polygon"]),
        (
            with(|f| f["geometry"]["coordinates"] = json!([[[[1, 91]]]])),
            ["commune 10002", "latitude is 91", "-90 to 90"],
        ),
        (
            with(|f| f["geometry"]["coordinates"] = json!([[[[1]]]])),
            ["commune 10002", "geometry.coordinates", "position"],
        ),
        (with(|f| f["id"] = json!("10001")), ["properties.code", "10002", "10001"]),
        (with(|f| f["type"] = json!("Topology")), ["line 2", "type is \"Topology\"", "Feature"]),
    ] {
        for part in parts {
            assert!(error.contains(part), "{error:?} says nothing of {part:?}");
        }
    }
    assert!(error_of(&lines(&[twins(), twins()].concat())).contains("used twice"));
    assert!(error_of("").contains("none"));
    assert!(error_of("[1, 2]").contains("document"));
    assert!(error_of(r#"{"type":"FeatureCollection"}"#).contains("features is absent"));
    assert!(error_of("{\"type\":\"Feature\"\n").contains("document"), "cut off");
    assert!(error_of(&format!("{}{{\"type\"\n", lines(&twins()))).contains("line 3"), "a broken later line");
}

#[test]
fn a_cut_compressed_file_is_an_error() {
    let whole = zstd::encode_all(lines(&twins()).as_bytes(), 3).unwrap();
    let error = build(&whole[..whole.len() / 2], &options()).expect_err("it is cut").to_string();
    assert!(error.starts_with("cannot read the input"), "{error}");
}

#[test]
fn options_are_checked() {
    for (wrong, field) in [
        (BuildOptions { valid_from: "30/4/2026".into(), ..options() }, "valid_from"),
        (BuildOptions { table: "a@b".into(), ..options() }, "table"),
        (BuildOptions { tolerance_m: 11.0, ..options() }, "tolerance_m"),
        (BuildOptions { tolerance_m: f64::NAN, ..options() }, "tolerance_m"),
    ] {
        let error = build(lines(&twins()).as_bytes(), &wrong).expect_err(field).to_string();
        assert!(error.contains(field), "{error}");
    }
}

#[test]
fn a_tighter_tolerance_keeps_more() {
    let wave = |n: u32| (40.0 * f64::from(n), 7.0 * f64::from(n % 2));
    let mut corners: Vec<(f64, f64)> = (0..100).map(wave).collect();
    corners.extend([(4000.0, 2000.0), (0.0, 2000.0)]);
    let communes = [commune("10001", &[&[crate::shapes::ring(&corners)]])];
    let vertices = |tolerance_m: f64| {
        let options = BuildOptions { tolerance_m, ..options() };
        let (_, report) = build(lines(&communes).as_bytes(), &options).unwrap();
        assert!(report.displacement_m <= tolerance_m + 0.1);
        report.vertices
    };
    assert!(vertices(9.0) < vertices(2.0));
}

#[test]
fn borders_that_are_none_of_communes_are_refused() {
    // A comb around the globe: every tooth crosses tens of thousands of squares of the raster.
    let mut corners: Vec<(f64, f64)> = vec![(-170.0, 0.0)];
    for tooth in 0..200 {
        let lat = 0.0001 * f64::from(tooth);
        corners.extend([(-169.0, lat), (170.0, lat + 0.00003), (170.0, lat + 0.00006), (-169.0, lat + 0.00009)]);
    }
    corners.extend([(-169.0, 0.03), (-170.0, 0.03), (-170.0, 0.0)]);
    let mut comb = twins().remove(0);
    comb["geometry"]["coordinates"] = json!([[corners]]);
    let error = error_of(&lines(&[comb]));
    assert!(error.contains("would not load") && error.contains("too many long segments"), "{error}");
}
