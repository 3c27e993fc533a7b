//! Positions on the command line, and which boundary table resolves them.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use ispeed_commune::{Boundaries, Place, Point, gazetteer};
use ispeed_server::collect::Communes;
use ispeed_verdict::Lang;

use crate::error::{CliError, Result};
use crate::files;

/// Environment variable that names a boundary bundle.
pub(crate) const BOUNDARIES_ENV: &str = "ISPEED_BOUNDARIES";
/// A bundle of the whole country is at most 3 MB; anything this large is another file.
const BUNDLE_MAX_BYTES: u64 = 64 << 20;

/// `LAT,LON[,ACC_M]`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct At {
    /// The position.
    pub(crate) point: Point,
    /// Radius in metres that holds it with 68 %.
    pub(crate) accuracy_m: Option<f64>,
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a position; expected LAT,LON or LAT,LON,ACCURACY_M in degrees and metres, such as 11.5209,106.899,10"
            )
        };
        let numbers: Vec<f64> = text
            .split(|c: char| c == ',' || c == ';' || c.is_whitespace())
            .filter(|part| !part.is_empty())
            .map(|part| part.parse().map_err(|_| wrong()))
            .collect::<std::result::Result<_, _>>()?;
        let (lat, lon, accuracy_m) = match numbers.as_slice() {
            [lat, lon] => (*lat, *lon, None),
            [lat, lon, accuracy_m] => (*lat, *lon, Some(*accuracy_m)),
            _ => return Err(wrong()),
        };
        if accuracy_m.is_some_and(|accuracy_m| !(0.0..=1e6).contains(&accuracy_m)) {
            return Err(format!("the accuracy of {text:?} is not a distance; expected 0 to 1000000 metres"));
        }
        let point = Point::new(lat, lon).map_err(|error| format!("{text:?}: {error}"))?;
        Ok(Self { point, accuracy_m })
    }
}

/// What resolves positions: a bundle of borders, or the gazetteer of centres.
#[derive(Clone, Debug)]
pub(crate) enum Table {
    /// Real borders.
    Bundle(Arc<Boundaries>),
    /// Centres only: always approximate.
    Gazetteer,
}

impl Table {
    /// What [`bundle_path`] finds, else the gazetteer.
    pub(crate) fn find(asked: Option<&Path>, data: Option<&Path>) -> Result<Self> {
        Self::load(bundle_path(asked, data).as_deref())
    }

    /// A bundle, else the gazetteer. A bundle that does not load is an error: silence would make every answer approximate.
    pub(crate) fn load(bundle: Option<&Path>) -> Result<Self> {
        match bundle {
            Some(path) => load(path).map(|boundaries| Self::Bundle(Arc::new(boundaries))),
            None => Ok(Self::Gazetteer),
        }
    }

    /// The bundle, if that is what answers.
    pub(crate) fn bundle(&self) -> Option<Arc<Boundaries>> {
        match self {
            Self::Bundle(boundaries) => Some(boundaries.clone()),
            Self::Gazetteer => None,
        }
    }

    /// The commune of a position, with its doubt.
    pub(crate) fn resolve(&self, at: At) -> Place {
        match self {
            Self::Bundle(boundaries) => boundaries.resolve(at.point, at.accuracy_m),
            Self::Gazetteer => gazetteer::resolve(at.point),
        }
    }
}

/// The bundle asked for, else of `$ISPEED_BOUNDARIES`, else of the data folder, else of the user's data folder.
pub(crate) fn bundle_path(asked: Option<&Path>, data: Option<&Path>) -> Option<PathBuf> {
    let of_environment = || std::env::var_os(BOUNDARIES_ENV).filter(|value| !value.is_empty()).map(PathBuf::from);
    asked.map(Path::to_owned).or_else(of_environment).or_else(|| {
        let user = files::user_data_dir().ok();
        let found = [data, user.as_deref()].into_iter().flatten().map(|dir| dir.join(files::BUNDLE_FILE));
        found.into_iter().find(|path| path.is_file())
    })
}

/// Reads a bundle, or says what is wrong with the file and how to get one.
pub(crate) fn load(path: &Path) -> Result<Boundaries> {
    let bytes = files::read_all(path, BUNDLE_MAX_BYTES)?;
    Boundaries::load(&bytes).map_err(|error| broken(path, error))
}

/// The communes a collector knows: those of what [`bundle_path`] finds, else of the gazetteer.
pub(crate) fn communes(asked: Option<&Path>, data: &Path) -> Result<Arc<Communes>> {
    let path = bundle_path(asked, Some(data));
    let bytes = path.as_deref().map(|path| files::read_all(path, BUNDLE_MAX_BYTES)).transpose()?;
    let communes = Communes::new(bytes).map_err(|error| broken(&path.unwrap_or_default(), error))?;
    Ok(Arc::new(communes))
}

fn broken(path: &Path, error: impl std::fmt::Display) -> CliError {
    CliError::failed(
        format_args!("{}: {error}", path.display()),
        "make it with `ispeed boundaries build` or `ispeed boundaries fetch`",
    )
}

/// Reads the code of a province for clap.
pub(crate) fn parse_province(text: &str) -> std::result::Result<String, String> {
    match gazetteer::province(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err(format!("{text:?} is not the code of a province; expected two digits, such as 75 for Đồng Nai")),
    }
}

/// Five digits that the table knows.
pub(crate) fn known_commune(communes: &Communes, code: &str) -> Result<()> {
    if communes.get(code).is_some() {
        return Ok(());
    }
    Err(CliError::usage(
        format_args!("--commune is {code:?}, which is no commune"),
        "give five digits, such as 25195 for Phường Bình Phước",
    ))
}

/// A commune as people name it, always with its province (245 full names occur in more than one): `Phường Bình Phước,
/// thành phố Đồng Nai`. A code that is not in the table stands for itself.
pub(crate) fn name(code: &str) -> String {
    let Some(commune) = gazetteer::commune(code) else { return code.to_owned() };
    match gazetteer::province(commune.province) {
        Some(province) => format!("{}, {}", commune.name, lower_first(province.name)),
        None => commune.name.to_owned(),
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// How many of the gazetteer's answers are right, in words.
pub(crate) fn hit_rate(lang: Lang) -> String {
    let quarters = (gazetteer::HIT_RATE * 4.0).round();
    match lang {
        Lang::Vi => format!("khoảng {quarters} trên 4"),
        Lang::En => format!("about {quarters} in 4"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_positions_and_names_what_is_none() {
        let at: At = "11.5209,106.899,10".parse().unwrap();
        assert_eq!((at.point.lat, at.point.lon, at.accuracy_m), (11.5209, 106.899, Some(10.0)));
        assert_eq!(" 11.5209, 106.899 ".parse::<At>().unwrap().accuracy_m, None);
        for wrong in ["", "11", "11,106,10,4", "a,b", "91,0", "0,181", "NaN,0", "1,2,-3", "1,2,inf"] {
            assert!(wrong.parse::<At>().unwrap_err().contains(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_commune_is_named_with_its_province() {
        let named = name("25195");
        assert!(named.starts_with("Phường Bình Phước, ") && named.ends_with("Đồng Nai"), "{named}");
        assert_eq!(name("99999"), "99999");
    }

    #[test]
    fn a_named_bundle_that_is_none_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.bundle");
        std::fs::write(&path, b"hello").unwrap();
        let line = Table::find(Some(&path), None).unwrap_err().line().unwrap();
        assert!(line.contains("x.bundle") && line.contains("boundaries build"), "{line}");
        std::fs::rename(&path, dir.path().join(files::BUNDLE_FILE)).unwrap();
        assert!(Table::find(None, Some(dir.path())).is_err(), "found and broken is no silence");
    }
}
