//! The table itself, parsed once from the embedded text.

use crate::Point;
use std::sync::OnceLock;

/// Header lines begin with `# `; a line of two fields is a province, one of six a commune.
static TEXT: &str = include_str!("../../data/gazetteer.tsv");

/// A commune of the gazetteer.
#[derive(Debug, Clone, PartialEq)]
pub struct Commune {
    /// Commune code, five digits.
    pub code: &'static str,
    /// Province code, two digits.
    pub province: &'static str,
    /// Official name with its type, such as `Phường Bình Phước`.
    pub name: &'static str,
    /// Centre.
    pub centre: Point,
    /// Area in km² where the source knows it.
    pub area_km2: Option<f64>,
    /// The name folded for search.
    pub(crate) folded: String,
}

/// A province of the gazetteer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Province {
    /// Province code, two digits.
    pub code: &'static str,
    /// Official name with its type, such as `Thành phố Đồng Nai`.
    pub name: &'static str,
}

struct Table {
    name: &'static str,
    provinces: Vec<Province>,
    communes: Vec<Commune>,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| parse(TEXT).expect("the embedded gazetteer is checked by a test"))
}

fn parse(text: &'static str) -> Option<Table> {
    let mut parsed = Table { name: "", provinces: Vec::new(), communes: Vec::new() };
    for line in text.lines() {
        if let Some(note) = line.strip_prefix("# ") {
            if let Some(name) = note.strip_prefix("table\t") {
                parsed.name = name;
            }
            continue;
        }
        let fields: Vec<&'static str> = line.split('\t').collect();
        match fields[..] {
            [code, name] => parsed.provinces.push(Province { code, name }),
            [code, province, name, lat, lon, area] => parsed.communes.push(Commune {
                code,
                province,
                name,
                centre: Point::new(lat.parse().ok()?, lon.parse().ok()?).ok()?,
                area_km2: if area.is_empty() { None } else { Some(area.parse().ok()?) },
                folded: super::fold(name),
            }),
            _ => return None,
        }
    }
    Some(parsed)
}

/// Name of the table, as stored with a sample it placed.
pub fn table_name() -> &'static str {
    table().name
}

/// All communes in order of their code.
pub fn all() -> &'static [Commune] {
    &table().communes
}

/// All provinces in order of their code.
pub fn provinces() -> &'static [Province] {
    &table().provinces
}

/// The commune of a code.
pub fn commune(code: &str) -> Option<&'static Commune> {
    let communes = all();
    communes.binary_search_by(|commune| commune.code.cmp(code)).ok().map(|at| &communes[at])
}

/// The province of a code.
pub fn province(code: &str) -> Option<&'static Province> {
    let provinces = provinces();
    provinces.binary_search_by(|province| province.code.cmp(code)).ok().map(|at| &provinces[at])
}
