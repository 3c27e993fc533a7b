//! What a figure is about: a place, an operator, a technology.

use std::fmt;

use ispeed_protocol::device::RadioTechnology;
use serde::{Deserialize, Serialize};

/// Size of a place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The country; its code is `VN`.
    Nation,
    /// A province or centrally-run city.
    Province,
    /// A commune, ward or special zone.
    Commune,
}

/// Code of the nation.
pub const NATION: &str = "VN";

/// Operators as reports list them (`vietnam.md` 8.1); small, unlisted and unknown networks share a line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperatorGroup {
    /// Every operator.
    All,
    /// Viettel.
    Viettel,
    /// VNPT's VinaPhone.
    Vinaphone,
    /// MobiFone.
    Mobifone,
    /// Vietnamobile.
    Vietnamobile,
    /// "Khác".
    Other,
}

impl OperatorGroup {
    /// In the order of reports.
    pub const EACH: [Self; 5] = [Self::Viettel, Self::Vinaphone, Self::Mobifone, Self::Vietnamobile, Self::Other];

    /// The group of an operator's code.
    pub fn of(operator: &str) -> Self {
        match operator {
            "viettel" => Self::Viettel,
            "vinaphone" => Self::Vinaphone,
            "mobifone" => Self::Mobifone,
            "vietnamobile" => Self::Vietnamobile,
            _ => Self::Other,
        }
    }

    /// Text in files.
    pub const fn code(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Viettel => "viettel",
            Self::Vinaphone => "vinaphone",
            Self::Mobifone => "mobifone",
            Self::Vietnamobile => "vietnamobile",
            Self::Other => "other",
        }
    }

    /// Vietnamese name in documents.
    pub const fn name_vi(self) -> &'static str {
        match self {
            Self::All => "Tất cả",
            Self::Viettel => "Viettel",
            Self::Vinaphone => "VinaPhone (VNPT)",
            Self::Mobifone => "MobiFone",
            Self::Vietnamobile => "Vietnamobile",
            Self::Other => "Khác",
        }
    }
}

/// Radio technologies as reports list them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum TechnologyGroup {
    /// Every technology.
    #[serde(rename = "all")]
    All,
    /// NR, stand-alone or not.
    #[serde(rename = "5g")]
    G5,
    /// LTE.
    #[serde(rename = "4g")]
    G4,
    /// UMTS.
    #[serde(rename = "3g")]
    G3,
    /// GSM and what the platform did not name.
    #[serde(rename = "other")]
    Other,
}

impl TechnologyGroup {
    /// In the order of reports.
    pub const EACH: [Self; 4] = [Self::G4, Self::G5, Self::G3, Self::Other];

    /// The group of a technology.
    pub const fn of(technology: RadioTechnology) -> Self {
        match technology {
            RadioTechnology::G5 | RadioTechnology::G5Nsa | RadioTechnology::G5Sa => Self::G5,
            RadioTechnology::G4 => Self::G4,
            RadioTechnology::G3 => Self::G3,
            RadioTechnology::G2 | RadioTechnology::Unknown => Self::Other,
        }
    }

    /// Text in files.
    pub const fn code(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::G5 => "5g",
            Self::G4 => "4g",
            Self::G3 => "3g",
            Self::Other => "other",
        }
    }

    /// Vietnamese name in documents.
    pub const fn name_vi(self) -> &'static str {
        match self {
            Self::All => "Tất cả",
            Self::G5 => "5G",
            Self::G4 => "4G",
            Self::G3 => "3G",
            Self::Other => "Khác",
        }
    }
}

/// What a figure is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Group {
    /// Size of the place.
    pub level: Level,
    /// Code of the place: `VN`, two digits, five digits.
    pub code: String,
    /// Operator.
    pub operator: OperatorGroup,
    /// Technology.
    pub technology: TechnologyGroup,
}

impl Group {
    /// Everything of a place.
    pub fn all(level: Level, code: &str) -> Self {
        Self { level, code: code.to_owned(), operator: OperatorGroup::All, technology: TechnologyGroup::All }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.code, self.operator.code(), self.technology.code())
    }
}
