//! The text form of the 200 m cell; the arithmetic is `commune::cell`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A cell of the 200 m equal-area grid: `row` counts 200 m steps north of the equator, `column` 200 m steps east of
/// Greenwich at the latitude of the row's centre. Text form `c<row>_<column>`, e.g. `c6423_58211`; south and west are
/// negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Cell {
    /// Steps of 200 m north of the equator.
    pub row: i32,
    /// Steps of 200 m east of Greenwich.
    pub column: i32,
}

impl Cell {
    /// Side of a cell in metres.
    pub const SIDE_M: f64 = 200.0;
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}_{}", self.row, self.column)
    }
}

impl FromStr for Cell {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("{text:?} is not a cell; expected c<row>_<column>, such as c6423_58211");
        let (row, column) = text.strip_prefix('c').and_then(|t| t.split_once('_')).ok_or_else(wrong)?;
        let cell = Self { row: row.parse().map_err(|_| wrong())?, column: column.parse().map_err(|_| wrong())? };
        // One text per cell, so that cells can be compared and grouped as strings.
        if cell.to_string() == text { Ok(cell) } else { Err(wrong()) }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'_, str>::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_per_cell() {
        let cell = Cell { row: -3, column: 58211 };
        assert_eq!(cell.to_string().parse::<Cell>().unwrap(), cell);
        for wrong in ["c1", "c+1_2", "c01_2", "1_2", "c1_2_3", "c1_ 2", ""] {
            assert!(wrong.parse::<Cell>().is_err(), "{wrong}");
        }
    }
}
