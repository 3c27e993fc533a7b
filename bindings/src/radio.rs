//! The radio and the network, as the phone tells them.

use ispeed_core::protocol::device as core;

use crate::mirror::mirror_enum;

mirror_enum! {
    /// Radio access technology that carried the data.
    RadioTechnology = core::RadioTechnology {
        /// GSM, GPRS, EDGE.
        G2,
        /// UMTS, HSPA.
        G3,
        /// LTE.
        G4,
        /// NR with an LTE anchor.
        G5Nsa,
        /// NR stand-alone.
        G5Sa,
        /// The platform says 5G and not which.
        G5,
        /// Not known.
        Unknown,
    }
}

mirror_enum! {
    /// What carried the packets.
    TransportKind = core::TransportKind {
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
}

/// The radio at one moment, of the subscription that carries data. What the platform does not give is absent.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct Radio {
    /// Technology.
    pub technology: RadioTechnology,
    /// Reference signal received power (LTE RSRP, NR SS-RSRP), dBm.
    #[uniffi(default = None)]
    pub rsrp_dbm: Option<f64>,
    /// Reference signal received quality, dB.
    #[uniffi(default = None)]
    pub rsrq_db: Option<f64>,
    /// Signal to interference and noise ratio, dB.
    #[uniffi(default = None)]
    pub sinr_db: Option<f64>,
    /// Cell identity (ECI or NCI), as text since NCI has 36 bits.
    #[uniffi(default = None)]
    pub cell_id: Option<String>,
    /// Physical cell identity.
    #[uniffi(default = None)]
    pub pci: Option<u32>,
    /// Tracking or location area code.
    #[uniffi(default = None)]
    pub area_code: Option<u32>,
    /// Channel number (EARFCN, NR-ARFCN).
    #[uniffi(default = None)]
    pub arfcn: Option<u32>,
    /// Band, such as `B3`, `n78`.
    #[uniffi(default = None)]
    pub band: Option<String>,
    /// Why a value is missing: `permission_denied`, `api_missing`, `no_signal`.
    #[uniffi(default = None)]
    pub missing: Option<String>,
}

impl From<Radio> for core::Radio {
    fn from(ours: Radio) -> Self {
        let Radio { technology, rsrp_dbm, rsrq_db, sinr_db, cell_id, pci, area_code, arfcn, band, missing } = ours;
        let technology = technology.into();
        Self { technology, rsrp_dbm, rsrq_db, sinr_db, cell_id, pci, area_code, arfcn, band, missing }
    }
}

impl From<core::Radio> for Radio {
    fn from(core: core::Radio) -> Self {
        let core::Radio { technology, rsrp_dbm, rsrq_db, sinr_db, cell_id, pci, area_code, arfcn, band, missing } =
            core;
        let technology = technology.into();
        Self { technology, rsrp_dbm, rsrq_db, sinr_db, cell_id, pci, area_code, arfcn, band, missing }
    }
}

/// The radio at the start and the end of a run.
#[derive(Clone, PartialEq, Debug, uniffi::Record)]
pub struct RadioSpan {
    /// At the start.
    #[uniffi(default = None)]
    pub start: Option<Radio>,
    /// At the end.
    #[uniffi(default = None)]
    pub end: Option<Radio>,
}

impl From<RadioSpan> for core::RadioSpan {
    fn from(ours: RadioSpan) -> Self {
        Self { start: ours.start.map(Into::into), end: ours.end.map(Into::into) }
    }
}

impl From<core::RadioSpan> for RadioSpan {
    fn from(core: core::RadioSpan) -> Self {
        Self { start: core.start.map(Into::into), end: core.end.map(Into::into) }
    }
}

/// The network a run uses.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Transport {
    /// What carries the packets; absent: the platform did not say, or nothing new is said of it.
    #[uniffi(default = None)]
    pub kind: Option<TransportKind>,
    /// A VPN is active; absent where the platform cannot tell.
    #[uniffi(default = None)]
    pub vpn: Option<bool>,
    /// The subscription is roaming.
    #[uniffi(default = None)]
    pub roaming: Option<bool>,
    /// The network is metered.
    #[uniffi(default = None)]
    pub metered: Option<bool>,
    /// The network holds users in a captive portal.
    #[uniffi(default = None)]
    pub captive_portal: Option<bool>,
    /// Cell technology, interface or address changed while the run went on.
    #[uniffi(default = false)]
    pub changed: bool,
    /// PLMN of the network in use, `452-04`.
    #[uniffi(default = None)]
    pub serving_plmn: Option<String>,
    /// PLMN of the SIM, `452-08`.
    #[uniffi(default = None)]
    pub sim_plmn: Option<String>,
    /// Service provider name of the SIM.
    #[uniffi(default = None)]
    pub sim_brand: Option<String>,
}

impl From<Transport> for core::Transport {
    fn from(ours: Transport) -> Self {
        Self {
            kind: ours.kind.map_or(core::TransportKind::Unknown, Into::into),
            vpn: ours.vpn,
            roaming: ours.roaming,
            metered: ours.metered,
            captive_portal: ours.captive_portal,
            changed: ours.changed,
            serving_plmn: ours.serving_plmn,
            sim_plmn: ours.sim_plmn,
            sim_brand: ours.sim_brand,
        }
    }
}

impl From<core::Transport> for Transport {
    fn from(core: core::Transport) -> Self {
        Self {
            kind: Some(core.kind.into()),
            vpn: core.vpn,
            roaming: core.roaming,
            metered: core.metered,
            captive_portal: core.captive_portal,
            changed: core.changed,
            serving_plmn: core.serving_plmn,
            sim_plmn: core.sim_plmn,
            sim_brand: core.sim_brand,
        }
    }
}
