//! What the person agreed to.

use ispeed_core::protocol::UtcMicros;
use ispeed_core::protocol::consent as core;

use crate::mirror::mirror_enum;

mirror_enum! {
    /// What of the place leaves the device.
    Share = core::Share {
        /// Nothing: no commune, no cell, no point.
        None,
        /// Commune code and 200 m cell, resolved on the device.
        Commune,
        /// The point as well.
        Precise,
    }
}

/// A choice that was made.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Consent {
    /// Version of the text the person saw.
    pub version: String,
    /// When.
    pub at_micros: i64,
    /// To run a measurement and store its result here.
    pub run: bool,
    /// What of the place may be shared.
    pub share: Share,
    /// To hand the result in.
    pub upload: bool,
}

impl From<core::Consent> for Consent {
    fn from(core: core::Consent) -> Self {
        Self {
            version: core.version,
            at_micros: core.at.as_micros(),
            run: core.run,
            share: core.share.into(),
            upload: core.upload,
        }
    }
}

/// A choice a person makes now.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct ConsentChoice {
    /// Version of the text the person sees.
    pub version: String,
    /// To run a measurement and store its result here.
    pub run: bool,
    /// What of the place may be shared.
    pub share: Share,
    /// To hand the result in.
    pub upload: bool,
}

impl ConsentChoice {
    pub(crate) fn at(self, now: UtcMicros) -> core::Consent {
        core::Consent { version: self.version, at: now, run: self.run, share: self.share.into(), upload: self.upload }
    }
}
