//! Who and what measured: device, program, radio, network, and the role of the person. No name, no account, no number.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The device as far as a report needs it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Device {
    /// Monthly Ed25519 public key, base64url without padding.
    pub key: String,
    /// Monthly identifier derived from `key` (`crate::identity`): 32 lower-case hex digits.
    pub id: String,
    /// Operating system family: `android`, `ios`, `linux`, `macos`, `windows`.
    pub platform: String,
    /// Version of the operating system.
    #[serde(default)]
    pub os_version: Option<String>,
    /// Maker's model name.
    #[serde(default)]
    pub model: Option<String>,
    /// True once per installation, in its first sample: counts installs without naming one.
    #[serde(default)]
    pub first_run: bool,
}

/// The program that measured.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Program {
    /// `ispeed-cli`, `ispeed-android`, `ispeed-ios`.
    pub name: String,
    /// Version of the core, semantic.
    pub version: String,
    /// Build of the app around the core.
    #[serde(default)]
    pub build: Option<String>,
}

/// In which role the person measured.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MeasurerKind {
    /// A citizen.
    Citizen,
    /// An official or community digital team in field sampling.
    Official,
    /// Staff of an operator; reported with and without them.
    Operator,
    /// An unattended probe.
    Probe,
}

/// The person's role; a code, never a name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Measurer {
    /// The role.
    pub kind: MeasurerKind,
    /// Role code of an official in a campaign.
    #[serde(default)]
    pub role_code: Option<String>,
}

impl Default for Measurer {
    fn default() -> Self {
        Self { kind: MeasurerKind::Citizen, role_code: None }
    }
}

/// Radio access technology that carried the data.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RadioTechnology {
    /// GSM, GPRS, EDGE.
    #[serde(rename = "2g")]
    G2,
    /// UMTS, HSPA.
    #[serde(rename = "3g")]
    G3,
    /// LTE.
    #[serde(rename = "4g")]
    G4,
    /// NR with an LTE anchor.
    #[serde(rename = "5g_nsa")]
    G5Nsa,
    /// NR stand-alone.
    #[serde(rename = "5g_sa")]
    G5Sa,
    /// The platform says 5G and not which.
    #[serde(rename = "5g")]
    G5,
    /// Not known.
    Unknown,
}

/// The radio at one moment, of the subscription that carries data.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Radio {
    /// Technology.
    pub technology: RadioTechnology,
    /// Reference signal received power (LTE RSRP, NR SS-RSRP), dBm.
    #[serde(default)]
    pub rsrp_dbm: Option<f64>,
    /// Reference signal received quality, dB.
    #[serde(default)]
    pub rsrq_db: Option<f64>,
    /// Signal to interference and noise ratio, dB.
    #[serde(default)]
    pub sinr_db: Option<f64>,
    /// Cell identity (ECI or NCI), as text since NCI has 36 bits.
    #[serde(default)]
    pub cell_id: Option<String>,
    /// Physical cell identity.
    #[serde(default)]
    pub pci: Option<u32>,
    /// Tracking or location area code.
    #[serde(default)]
    pub area_code: Option<u32>,
    /// Channel number (EARFCN, NR-ARFCN).
    #[serde(default)]
    pub arfcn: Option<u32>,
    /// Band, such as `B3`, `n78`.
    #[serde(default)]
    pub band: Option<String>,
    /// Why a value is missing, as the platform said: `permission_denied`, `api_missing`, `no_signal`.
    #[serde(default)]
    pub missing: Option<String>,
}

/// The radio at the start and the end of a run.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct RadioSpan {
    /// At the start.
    #[serde(default)]
    pub start: Option<Radio>,
    /// At the end.
    #[serde(default)]
    pub end: Option<Radio>,
}

/// What carried the packets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransportKind {
    /// Mobile radio.
    Cellular,
    /// Wi-Fi.
    Wifi,
    /// Cable.
    Ethernet,
    /// Another one, or several.
    Other,
    /// The platform did not say.
    Unknown,
}

/// The network the run used.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Transport {
    /// What carried the packets.
    pub kind: TransportKind,
    /// A VPN was active; `null` where the platform cannot tell.
    #[serde(default)]
    pub vpn: Option<bool>,
    /// The subscription was roaming.
    #[serde(default)]
    pub roaming: Option<bool>,
    /// The network is metered.
    #[serde(default)]
    pub metered: Option<bool>,
    /// The network holds users in a captive portal.
    #[serde(default)]
    pub captive_portal: Option<bool>,
    /// Cell technology, interface or address changed while the run went on.
    #[serde(default)]
    pub changed: bool,
    /// PLMN of the network in use, `452-04`.
    #[serde(default)]
    pub serving_plmn: Option<String>,
    /// PLMN of the SIM, `452-08`.
    #[serde(default)]
    pub sim_plmn: Option<String>,
    /// Service provider name of the SIM.
    #[serde(default)]
    pub sim_brand: Option<String>,
}

impl Default for Transport {
    fn default() -> Self {
        Self {
            kind: TransportKind::Unknown,
            vpn: None,
            roaming: None,
            metered: None,
            captive_portal: None,
            changed: false,
            serving_plmn: None,
            sim_plmn: None,
            sim_brand: None,
        }
    }
}

/// Where the device was, as far as it is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Surroundings {
    /// In a building.
    Indoor,
    /// Outside, standing.
    Outdoor,
    /// On the way.
    Moving,
}
