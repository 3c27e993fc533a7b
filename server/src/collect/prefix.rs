//! The network a request comes from, as far as limits care.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;

use super::error::ApiError;
use crate::Peer;

/// IPv4 /24 or IPv6 /48 of a peer; an IPv4 address mapped into IPv6 is IPv4. Only ever the address the connection was
/// accepted from: forwarded-for headers can be written by anybody.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct NetworkPrefix(IpAddr);

impl NetworkPrefix {
    pub(crate) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                Ipv4Addr::new(a, b, c, 0).into()
            }
            IpAddr::V6(v6) => {
                let [a, b, c, ..] = v6.segments();
                Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).into()
            }
        })
    }
}

/// The peer's address, from the extensions the accept loop fills in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerAddress(pub(crate) IpAddr);

impl PeerAddress {
    pub(crate) fn prefix(self) -> NetworkPrefix {
        NetworkPrefix::of(self.0)
    }
}

impl<S: Sync> FromRequestParts<S> for PeerAddress {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        // Without a peer there would be no limits, so this fails closed.
        parts.extensions.get::<Peer>().map(|peer| Self(peer.addr.ip().to_canonical())).ok_or_else(|| {
            ApiError::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "peer_unknown",
                "The server does not know who asks",
                "the accept loop did not state the peer of this connection",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_wide_enough_for_carrier_nat() {
        let of = |text: &str| NetworkPrefix::of(text.parse().unwrap());
        assert_eq!(of("203.0.113.77"), of("203.0.113.1"));
        assert_eq!(of("::ffff:203.0.113.77"), of("203.0.113.1"));
        assert_ne!(of("203.0.113.77"), of("203.0.114.77"));
        assert_eq!(of("2001:ee0:4f12:9::1"), of("2001:ee0:4f12:8::2"));
        assert_ne!(of("2001:ee0:4f12::1"), of("2001:ee0:4f13::1"));
    }
}
