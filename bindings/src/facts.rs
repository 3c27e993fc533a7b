//! What only the phone knows: pushed into the core as records. A missing permission is a missing member.

use ispeed_core::protocol::{UtcMicros, device, facts as core, place};

use crate::mirror::mirror_enum;
use crate::radio::{RadioSpan, Transport};

mirror_enum! {
    /// Where a position came from.
    FixSource = place::FixSource {
        /// A GNSS receiver.
        Gnss,
        /// The platform's fusion of GNSS, cells and Wi-Fi.
        Fused,
        /// Cells or Wi-Fi only.
        Network,
        /// Typed by a person: never counts.
        Declared,
        /// Made up by a demonstration.
        Simulated,
        /// The platform did not say.
        Unknown,
    }
}

mirror_enum! {
    /// Where the device is.
    Surroundings = device::Surroundings {
        /// In a building.
        Indoor,
        /// Outside, standing.
        Outdoor,
        /// On the way.
        Moving,
    }
}

mirror_enum! {
    /// In which role the person measures.
    MeasurerKind = device::MeasurerKind {
        /// A citizen.
        Citizen,
        /// An official or community digital team in field sampling.
        Official,
        /// Staff of an operator.
        Operator,
        /// An unattended probe.
        Probe,
    }
}

/// One position fix.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct Fix {
    /// Where it came from.
    pub source: FixSource,
    /// Latitude, degrees north (WGS 84).
    #[uniffi(default = None)]
    pub lat: Option<f64>,
    /// Longitude, degrees east (WGS 84).
    #[uniffi(default = None)]
    pub lon: Option<f64>,
    /// Radius in metres that holds the true position with 68 %.
    #[uniffi(default = None)]
    pub accuracy_m: Option<f64>,
    /// When it was taken.
    #[uniffi(default = None)]
    pub at_micros: Option<i64>,
    /// Its age in milliseconds when it was pushed.
    #[uniffi(default = None)]
    pub age_ms: Option<u64>,
    /// Speed over ground, metres a second.
    #[uniffi(default = None)]
    pub speed_mps: Option<f64>,
    /// Altitude above the ellipsoid, metres.
    #[uniffi(default = None)]
    pub altitude_m: Option<f64>,
    /// The platform says that it is mocked; absent where it cannot tell.
    #[uniffi(default = None)]
    pub mock: Option<bool>,
}

impl From<Fix> for place::Fix {
    fn from(ours: Fix) -> Self {
        Self {
            lat: ours.lat,
            lon: ours.lon,
            accuracy_m: ours.accuracy_m,
            at: ours.at_micros.map(UtcMicros),
            age_ms: ours.age_ms,
            speed_mps: ours.speed_mps,
            altitude_m: ours.altitude_m,
            mock: ours.mock,
            source: ours.source.into(),
        }
    }
}

/// Fixes at the start, between the directions and at the end of a run.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct Fixes {
    /// At the start.
    #[uniffi(default = None)]
    pub start: Option<Fix>,
    /// Between download and upload.
    #[uniffi(default = None)]
    pub mid: Option<Fix>,
    /// At the end.
    #[uniffi(default = None)]
    pub end: Option<Fix>,
}

impl From<Fixes> for place::Fixes {
    fn from(ours: Fixes) -> Self {
        Self { start: ours.start.map(Into::into), mid: ours.mid.map(Into::into), end: ours.end.map(Into::into) }
    }
}

/// The person's role; a code, never a name.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Measurer {
    /// The role.
    pub kind: MeasurerKind,
    /// Role code of an official in a campaign.
    #[uniffi(default = None)]
    pub role_code: Option<String>,
}

impl From<Measurer> for device::Measurer {
    fn from(ours: Measurer) -> Self {
        Self { kind: ours.kind.into(), role_code: ours.role_code }
    }
}

/// Everything the shell knows of a run, or what it just learned of it. Absent members say nothing.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct Facts {
    /// Positions.
    #[uniffi(default)]
    pub fixes: Fixes,
    /// Radio of the data subscription.
    #[uniffi(default)]
    pub radio: RadioSpan,
    /// The network in use.
    #[uniffi(default)]
    pub transport: Transport,
    /// Indoor, outdoor or moving.
    #[uniffi(default = None)]
    pub surroundings: Option<Surroundings>,
    /// Role of the person.
    #[uniffi(default = None)]
    pub measurer: Option<Measurer>,
    /// Campaign the run belongs to.
    #[uniffi(default = None)]
    pub campaign: Option<String>,
    /// Pair of a paired measurement.
    #[uniffi(default = None)]
    pub pair_id: Option<String>,
    /// Version of the operating system.
    #[uniffi(default = None)]
    pub os_version: Option<String>,
    /// Maker's model name.
    #[uniffi(default = None)]
    pub model: Option<String>,
    /// Build of the app around the core.
    #[uniffi(default = None)]
    pub app_build: Option<String>,
    /// Position, radio and operator were made up.
    #[uniffi(default = false)]
    pub simulated: bool,
}

impl From<Facts> for core::Facts {
    fn from(ours: Facts) -> Self {
        Self {
            fixes: ours.fixes.into(),
            radio: ours.radio.into(),
            transport: ours.transport.into(),
            surroundings: ours.surroundings.map(Into::into),
            measurer: ours.measurer.map(Into::into),
            campaign: ours.campaign,
            pair_id: ours.pair_id,
            os_version: ours.os_version,
            model: ours.model,
            app_build: ours.app_build,
            simulated: ours.simulated,
        }
    }
}
