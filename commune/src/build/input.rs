//! Reading GeoJSON: a FeatureCollection or one Feature a line, plain, gzip or zstd.

use std::fmt;
use std::io::{BufRead, BufReader, Read};

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::BuildError;
use crate::plane::{UNITS_PER_DEGREE, Vertex};

/// Most bytes of one JSON document (after decompression); Vietnam's 2025 communes are 163 MB, a Feature a line.
const MAX_DOCUMENT_BYTES: u64 = 4 << 30;

/// A ring on the integer plane, first vertex not repeated.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ring {
    pub(super) vertices: Vec<Vertex>,
    pub(super) is_hole: bool,
    /// The source repeats the first position at the end, as RFC 7946 section 3.1.6 demands.
    pub(super) is_closed: bool,
}

/// A commune of the source.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SourceCommune {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) province: String,
    pub(super) area_km2: Option<f64>,
    pub(super) rings: Vec<Ring>,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(borrow)]
    features: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Feature<'a> {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    properties: Option<Properties>,
    #[serde(borrow)]
    geometry: Option<Geometry<'a>>,
}

#[derive(Deserialize)]
struct Properties {
    code: Option<String>,
    name: Option<String>,
    province: Option<String>,
    area_km2: Option<f64>,
}

#[derive(Deserialize)]
struct Geometry<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    coordinates: Option<&'a RawValue>,
}

/// Reads all communes, in order of their code; a code that comes twice is an error.
pub(super) fn read(input: impl BufRead) -> Result<Vec<SourceCommune>, BuildError> {
    let mut input = decompressed(input)?;
    let mut communes = read_features(&mut input)?;
    if communes.is_empty() {
        return Err(BuildError::input("input", "features", "none", "at least one Feature"));
    }
    communes.sort_by(|a, b| a.code.cmp(&b.code));
    if let Some(pair) = communes.windows(2).find(|pair| pair[0].code == pair[1].code) {
        return Err(BuildError::input(
            &format!("feature {}", pair[0].code),
            "id",
            "used twice",
            "one Feature a commune",
        ));
    }
    Ok(communes)
}

/// Looks through gzip (RFC 1952) and zstd (RFC 8878) by their magic numbers.
fn decompressed<'a>(mut input: impl BufRead + 'a) -> Result<Box<dyn BufRead + 'a>, BuildError> {
    let start = input.fill_buf()?;
    Ok(if start.starts_with(&[0x1f, 0x8b]) {
        Box::new(BufReader::with_capacity(1 << 16, flate2::bufread::MultiGzDecoder::new(input)))
    } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Box::new(BufReader::with_capacity(1 << 16, zstd::Decoder::with_buffer(input)?))
    } else {
        Box::new(input)
    })
}

fn read_features(input: &mut dyn BufRead) -> Result<Vec<SourceCommune>, BuildError> {
    let mut communes = Vec::new();
    let mut line = Vec::new();
    let mut number = 0usize;
    while next_line(input, &mut line)? {
        number += 1;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let at = format!("line {number}");
        match serde_json::from_slice::<Document<'_>>(&line) {
            Ok(document) if document.kind.as_deref() == Some("Feature") => communes.push(parse_feature(&line, &at)?),
            // What is no whole document on its first line goes on over the next ones.
            Ok(_) | Err(_) if communes.is_empty() => return read_collection(input, line),
            Ok(document) => return Err(wrong_kind(&at, document.kind)),
            Err(error) => return Err(json_error(&at, &error)),
        }
    }
    Ok(communes)
}

fn next_line(input: &mut dyn BufRead, line: &mut Vec<u8>) -> Result<bool, BuildError> {
    line.clear();
    let read = input.take(MAX_DOCUMENT_BYTES).read_until(b'\n', line)?;
    if read as u64 == MAX_DOCUMENT_BYTES {
        return Err(too_large());
    }
    Ok(read > 0)
}

fn too_large() -> BuildError {
    BuildError::input("input", "length", "more than 4 GiB in one document", "one Feature a line")
}

fn read_collection(input: &mut dyn BufRead, mut text: Vec<u8>) -> Result<Vec<SourceCommune>, BuildError> {
    let read = input.take(MAX_DOCUMENT_BYTES).read_to_end(&mut text)?;
    if read as u64 == MAX_DOCUMENT_BYTES {
        return Err(too_large());
    }
    let document: Document<'_> = serde_json::from_slice(&text).map_err(|error| json_error("document", &error))?;
    match (document.kind.as_deref(), document.features) {
        (Some("FeatureCollection"), Some(features)) => features
            .iter()
            .enumerate()
            .map(|(index, feature)| parse_feature(feature.get().as_bytes(), &format!("feature {}", index + 1)))
            .collect(),
        (Some("FeatureCollection"), None) => {
            Err(BuildError::input("document", "features", "absent", "an array of Features"))
        }
        (Some("Feature"), _) => Ok(vec![parse_feature(&text, "feature 1")?]),
        _ => Err(wrong_kind("document", document.kind)),
    }
}

fn wrong_kind(at: &str, kind: Option<String>) -> BuildError {
    let found = kind.map_or_else(|| "absent".to_owned(), |kind| format!("{kind:?}"));
    BuildError::input(at, "type", &found, "\"Feature\" or \"FeatureCollection\"")
}

fn json_error(at: &str, error: &serde_json::Error) -> BuildError {
    BuildError::Json { at: at.to_owned(), message: error.to_string() }
}

fn parse_feature(text: &[u8], at: &str) -> Result<SourceCommune, BuildError> {
    let feature: Feature<'_> = serde_json::from_slice(text).map_err(|error| json_error(at, &error))?;
    if feature.kind.as_deref() != Some("Feature") {
        return Err(wrong_kind(at, feature.kind));
    }
    let Some(properties) = feature.properties else {
        return Err(BuildError::input(at, "properties", "absent", "an object with code, name, province"));
    };
    let code = code_of(feature.id, properties.code, at)?;
    let at = format!("{at} (commune {code})");
    let name = properties.name.filter(|name| !name.trim().is_empty());
    let Some(name) = name else { return Err(BuildError::input(&at, "properties.name", "absent", "a name")) };
    let province = digits(properties.province, 2, &at, "properties.province")?;
    if let Some(area) = properties.area_km2.filter(|area| !(0.0..1e8).contains(area)) {
        return Err(BuildError::input(&at, "properties.area_km2", &area.to_string(), "an area in km²"));
    }
    let Some(geometry) = feature.geometry else {
        return Err(BuildError::input(&at, "geometry", "absent", "a Polygon or MultiPolygon"));
    };
    let rings = rings_of(&geometry, &at)?;
    Ok(SourceCommune { code, name, province, area_km2: properties.area_km2, rings })
}

fn code_of(id: Option<&RawValue>, code: Option<String>, at: &str) -> Result<String, BuildError> {
    let id = match id.map(RawValue::get) {
        None | Some("null") => None,
        Some(text) => Some(serde_json::from_str::<String>(text).map_err(|_| {
            BuildError::input(at, "id", text, "the commune code as text of five digits, such as \"25195\"")
        })?),
    };
    let Some(id) = id else { return digits(code, 5, at, "properties.code") };
    let id = digits(Some(id), 5, at, "id")?;
    match code {
        Some(code) if id != code => {
            Err(BuildError::input(at, "properties.code", &format!("{code:?}"), &format!("the id, {id:?}")))
        }
        _ => Ok(id),
    }
}

fn digits(text: Option<String>, count: usize, at: &str, field: &str) -> Result<String, BuildError> {
    let expected = format!("text of {count} digits");
    match text {
        None => Err(BuildError::input(at, field, "absent", &expected)),
        Some(text) if text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(text),
        Some(text) => Err(BuildError::input(at, field, &format!("{text:?}"), &expected)),
    }
}

fn rings_of(geometry: &Geometry<'_>, at: &str) -> Result<Vec<Ring>, BuildError> {
    const FIELD: &str = "geometry.coordinates";
    let Some(coordinates) = geometry.coordinates else {
        return Err(BuildError::input(at, FIELD, "absent", "an array of rings"));
    };
    let wrong =
        |error: serde_json::Error| BuildError::Json { at: format!("{at}, {FIELD}"), message: error.to_string() };
    let polygons: Vec<Vec<Vec<Position>>> = match geometry.kind.as_str() {
        "Polygon" => vec![serde_json::from_str(coordinates.get()).map_err(wrong)?],
        "MultiPolygon" => serde_json::from_str(coordinates.get()).map_err(wrong)?,
        other => {
            let expected = "\"Polygon\" or \"MultiPolygon\"";
            return Err(BuildError::input(at, "geometry.type", &format!("{other:?}"), expected));
        }
    };
    let rings = polygons.iter().flat_map(|rings| rings.iter().enumerate());
    Ok(rings.map(|(place, positions)| ring(positions, place > 0)).collect())
}

fn ring(positions: &[Position], is_hole: bool) -> Ring {
    let mut vertices: Vec<Vertex> = positions.iter().map(|position| position.0).collect();
    let is_closed = vertices.len() > 1 && vertices.first() == vertices.last();
    vertices.dedup();
    while vertices.len() > 1 && vertices.first() == vertices.last() {
        vertices.pop();
    }
    Ring { vertices, is_hole, is_closed }
}

/// A GeoJSON position, brought onto the integer plane; a height is passed over.
struct Position(Vertex);

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PositionVisitor;

        impl<'de> Visitor<'de> for PositionVisitor {
            type Value = Position;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a position [longitude, latitude]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Position, A::Error> {
                let lon: f64 = sequence.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let lat: f64 = sequence.next_element()?.ok_or_else(|| de::Error::invalid_length(1, &self))?;
                while sequence.next_element::<IgnoredAny>()?.is_some() {}
                if !(-180.0..=180.0).contains(&lon) {
                    return Err(de::Error::custom(format_args!("longitude is {lon}, expected -180 to 180")));
                }
                if !(-90.0..=90.0).contains(&lat) {
                    return Err(de::Error::custom(format_args!("latitude is {lat}, expected -90 to 90")));
                }
                let unit = |degrees: f64| (degrees * UNITS_PER_DEGREE).round() as i32;
                Ok(Position(Vertex { x: unit(lon), y: unit(lat) }))
            }
        }

        deserializer.deserialize_seq(PositionVisitor)
    }
}
