//! The other side of other speed tests: what `ispeed serve --interop …` adds, for clients that are already installed.
//!
//! Off unless asked for, because none of these protocols carries a token: whoever reaches the server may load it.

mod answers;
mod cloudflare;
mod librespeed;
mod load;
mod ndt7;
mod nq;
mod query;
mod rmbt;

use std::fmt;
use std::str::FromStr;

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use thiserror::Error;

use crate::measure::{Connection, Measure};

/// A protocol of another speed test that this server can speak.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Interop {
    /// Measurement Lab's ndt7.
    Ndt7,
    /// LibreSpeed's `garbage`, `empty` and `getIP`.
    LibreSpeed,
    /// The shape of Cloudflare's speed test: `__down`, `__up`.
    Cloudflare,
    /// Network quality, draft-ietf-ippm-responsiveness.
    Nq,
    /// Open-RMBT.
    Rmbt,
}

/// A name that is none of the protocols.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{0:?} is not a protocol of another speed test; expected some of ndt7, librespeed, cloudflare, nq, rmbt")]
pub struct UnknownInterop(String);

impl Interop {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Ndt7, Self::LibreSpeed, Self::Cloudflare, Self::Nq, Self::Rmbt];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ndt7 => "ndt7",
            Self::LibreSpeed => "librespeed",
            Self::Cloudflare => "cloudflare",
            Self::Nq => "nq",
            Self::Rmbt => "rmbt",
        }
    }
}

impl fmt::Display for Interop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Interop {
    type Err = UnknownInterop;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|known| known.name() == text).ok_or_else(|| UnknownInterop(text.to_owned()))
    }
}

/// The protocols that are on, and what they need to know of this server. Clones, one an address, are the same one.
#[derive(Clone, Debug)]
pub(crate) struct InteropEnd {
    on: Vec<Interop>,
    public_name: Option<String>,
    rmbt: rmbt::Rmbt,
}

impl InteropEnd {
    /// `public_name` is what clients reach this server by, if it was told.
    pub(crate) fn new(on: Vec<Interop>, public_name: Option<String>) -> Self {
        Self { on, public_name, rmbt: rmbt::Rmbt::default() }
    }

    /// The protocol that a path belongs to, among those that are on.
    pub(crate) fn finds(&self, path: &str) -> Option<Interop> {
        self.on.iter().copied().find(|known| known.serves(path))
    }

    /// Answers a request that [`InteropEnd::finds`] found; a download or an upgraded connection runs on after it.
    pub(crate) async fn answer(
        &self,
        found: Interop,
        measure: &Measure,
        request: Request<Incoming>,
        connection: Connection,
    ) -> Response<Body> {
        match found {
            Interop::Ndt7 => ndt7::answer(measure, request, connection),
            Interop::LibreSpeed => librespeed::answer(measure, request, &connection).await,
            Interop::Cloudflare => cloudflare::answer(measure, request, &connection).await,
            Interop::Nq => nq::answer(measure, request, &connection, self.public_name.as_deref()).await,
            Interop::Rmbt => self.rmbt.answer(measure, request, connection).await,
        }
    }
}

impl Interop {
    fn serves(self, path: &str) -> bool {
        match self {
            Self::Ndt7 => ndt7::serves(path),
            Self::LibreSpeed => librespeed::serves(path),
            Self::Cloudflare => cloudflare::serves(path),
            Self::Nq => nq::serves(path),
            Self::Rmbt => rmbt::Rmbt::serves(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways_and_a_wrong_one_is_told_with_those_allowed() {
        for known in Interop::ALL {
            assert_eq!(known.to_string().parse(), Ok(known));
        }
        let error = "NDT5".parse::<Interop>().unwrap_err().to_string();
        assert!(Interop::ALL.iter().all(|known| error.contains(known.name())) && error.contains("NDT5"), "{error}");
    }
}
