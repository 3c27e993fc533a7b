//! Mobile network codes of Vietnam (MCC 452).

use super::Operator;

/// A PLMN in the form `452-04`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Plmn {
    /// Mobile country code.
    pub mcc: u16,
    /// Mobile network code.
    pub mnc: u16,
    /// Digits of the network code: `01` and `001` are different networks.
    pub mnc_digits: u8,
}

/// Mobile country code of Vietnam (ITU-T E.212).
const MCC_VIETNAM: u16 = 452;

impl Plmn {
    /// Reads `MCC-MNC`: three digits, a hyphen, two or three digits.
    pub fn parse(text: &str) -> Option<Self> {
        let (mcc, mnc) = text.split_once('-')?;
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if mcc.len() != 3 || !(2..=3).contains(&mnc.len()) || !digits(mcc) || !digits(mnc) {
            return None;
        }
        let mnc_digits = u8::try_from(mnc.len()).ok()?;
        Some(Self { mcc: mcc.parse().ok()?, mnc: mnc.parse().ok()?, mnc_digits })
    }

    /// Whether the network is Vietnamese.
    pub fn is_vietnamese(self) -> bool {
        self.mcc == MCC_VIETNAM
    }

    /// The radio network behind the code: a virtual operator's code stands for its host.
    pub fn operator(self) -> Operator {
        match plmn_entry(self) {
            Some(entry) => entry.operator,
            None if self.is_vietnamese() => Operator::Other,
            None => Operator::Unknown,
        }
    }
}

/// Whether a code is in use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PlmnState {
    /// A network with radio of its own.
    Live,
    /// A virtual operator on another's radio.
    Virtual,
    /// Withdrawn.
    Withdrawn,
}

/// One row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlmnEntry {
    /// Network code under MCC 452, two digits.
    pub mnc: u16,
    /// Brand.
    pub brand: &'static str,
    /// The radio network it is reported under.
    pub operator: Operator,
    /// Whether it is in use.
    pub state: PlmnState,
}

/// The codes of MCC 452 (V 8.1; ITU-T E.212 lists and operators' own pages).
pub const PLMNS: &[PlmnEntry] = &[
    PlmnEntry { mnc: 1, brand: "MobiFone", operator: Operator::Mobifone, state: PlmnState::Live },
    PlmnEntry { mnc: 2, brand: "VinaPhone", operator: Operator::Vinaphone, state: PlmnState::Live },
    PlmnEntry { mnc: 3, brand: "S-Fone", operator: Operator::Unknown, state: PlmnState::Withdrawn },
    PlmnEntry { mnc: 4, brand: "Viettel", operator: Operator::Viettel, state: PlmnState::Live },
    PlmnEntry { mnc: 5, brand: "Vietnamobile", operator: Operator::Vietnamobile, state: PlmnState::Live },
    // EVNTelecom's code; sources differ between "withdrawn" and "Viettel", which took the network over.
    PlmnEntry { mnc: 6, brand: "Viettel", operator: Operator::Viettel, state: PlmnState::Live },
    PlmnEntry { mnc: 7, brand: "Gmobile", operator: Operator::Gmobile, state: PlmnState::Live },
    PlmnEntry { mnc: 8, brand: "iTel", operator: Operator::Vinaphone, state: PlmnState::Virtual },
    PlmnEntry { mnc: 9, brand: "Wintel", operator: Operator::Vinaphone, state: PlmnState::Virtual },
];

/// The row of a code.
pub fn plmn_entry(plmn: Plmn) -> Option<&'static PlmnEntry> {
    if !plmn.is_vietnamese() || plmn.mnc_digits != 2 {
        return None;
    }
    PLMNS.iter().find(|entry| entry.mnc == plmn.mnc)
}
