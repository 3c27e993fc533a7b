//! What only the phone's shell (or the person with a modem) can know about a run: pushed into the core as records.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::device::{Measurer, RadioSpan, Surroundings, Transport};
use crate::place::Fixes;

/// The record of fix, radio and transport that phones push and `ispeed test --facts FILE` reads.
///
/// Every member may be absent: a missing permission or API is a missing member, never a crash or a zero.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Facts {
    /// Positions.
    pub fixes: Fixes,
    /// Radio of the data subscription.
    pub radio: RadioSpan,
    /// The network in use.
    pub transport: Transport,
    /// Indoor, outdoor or moving, if known.
    pub surroundings: Option<Surroundings>,
    /// Role of the person.
    pub measurer: Option<Measurer>,
    /// Campaign the run belongs to.
    pub campaign: Option<String>,
    /// Pair of a paired measurement (two phones, one per operator).
    pub pair_id: Option<String>,
    /// Version of the operating system.
    pub os_version: Option<String>,
    /// Maker's model name.
    pub model: Option<String>,
    /// Build of the app around the core.
    pub app_build: Option<String>,
    /// Position, radio and operator were made up (demo).
    pub simulated: bool,
}
