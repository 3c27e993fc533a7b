//! Why a run did not reach its end, and which outcome that is.

use std::error::Error as StdError;
use std::io;

use ispeed_protocol::sample::Outcome;
use thiserror::Error;

/// Stable kinds; `reason()` is what the sample carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// No route, no radio, no such interface.
    NoRoute,
    /// There is a route, and no answer from the name service.
    Dns,
    /// The host refused the connection.
    Refused,
    /// Nothing came in time.
    Timeout,
    /// The peer closed or reset a connection before the run was admitted.
    Reset,
    /// The TLS handshake failed.
    Tls,
    /// The token was refused.
    TokenRefused,
    /// The server has no room now.
    Busy,
    /// The server accepts only newer clients.
    Outdated,
    /// No test point, or none of that id.
    NoServer,
    /// The peer does not speak this protocol, or an address of the plan cannot be used.
    Protocol,
    /// The server says that it failed.
    Server,
    /// The path or the server was lost while the run went on.
    LostMidRun,
    /// Everything answered, and a cap ended the load before anything could be estimated.
    NoEstimate,
    /// The network changed under the run.
    NetworkChanged,
    /// The person ended it.
    Cancelled,
    /// The system forbids what the plan asks for.
    Permission,
    /// The plan cannot be carried out: a certificate, an address or a limit in it is not usable.
    Plan,
    /// The person's byte or time budget left nothing for a direction.
    Budget,
}

impl Kind {
    /// As the sample's `outcome_reason`.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::NoRoute => "no_route",
            Self::Dns => "dns",
            Self::Refused => "connection_refused",
            Self::Timeout => "timeout",
            Self::Reset => "connection_reset",
            Self::Tls => "tls",
            Self::TokenRefused => "token_refused",
            Self::Busy => "busy",
            Self::Outdated => "client_outdated",
            Self::NoServer => "no_server",
            Self::Protocol => "protocol",
            Self::Server => "server_error",
            Self::LostMidRun => "lost_mid_run",
            Self::NoEstimate => "no_estimate",
            Self::NetworkChanged => "network_changed",
            Self::Cancelled => "cancelled",
            Self::Permission => "permission",
            Self::Plan => "plan",
            Self::Budget => "budget",
        }
    }
}

/// What ended a run, or made a candidate useless.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{detail}")]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    pub(crate) detail: String,
}

impl Failure {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// An I/O error while doing `what`; TLS errors travel inside I/O errors.
    pub(crate) fn io(what: &str, error: &io::Error) -> Self {
        Self::new(kind_of_io(error), format!("{what}: {error}"))
    }

    /// Any error with an I/O or TLS error somewhere among its causes; the deepest is what is told.
    pub(crate) fn caused(what: &str, error: &(dyn StdError + 'static), otherwise: Kind) -> Self {
        let mut deepest = error.to_string();
        let mut kind = None;
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(io) = error.downcast_ref::<io::Error>() {
                kind = Some(kind_of_io(io));
            } else if error.is::<rustls::Error>() {
                kind = Some(Kind::Tls);
            }
            cause = error.source();
            // What lies between (client, connector, stream) tells a person nothing that `what` does not.
            if let Some(deeper) = cause {
                deepest = deeper.to_string();
            }
        }
        Self::new(kind.unwrap_or(otherwise), format!("{what}: {deepest}"))
    }

    /// The same, once the run was admitted: from then on what breaks is a run lost on the way.
    pub(crate) fn mid_run(self) -> Self {
        let kept = matches!(self.kind, Kind::Cancelled | Kind::NetworkChanged | Kind::Busy | Kind::TokenRefused);
        let kind = if kept { self.kind } else { Kind::LostMidRun };
        Self { kind, ..self }
    }
}

fn kind_of_io(error: &io::Error) -> Kind {
    // An I/O error may only wrap another one, which `source` skips.
    let inner = error.get_ref();
    if inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
        return Kind::Tls;
    }
    if let Some(inner) = inner.and_then(|inner| inner.downcast_ref::<io::Error>()) {
        return kind_of_io(inner);
    }
    match error.kind() {
        io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::AddrNotAvailable => Kind::NoRoute,
        io::ErrorKind::ConnectionRefused => Kind::Refused,
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Kind::Timeout,
        io::ErrorKind::PermissionDenied => Kind::Permission,
        _ => Kind::Reset,
    }
}

/// The outcome of a run that measured `valid` of the `wanted` directions and ended by `failure`.
pub(crate) fn outcome(failure: Option<&Failure>, valid: usize, wanted: usize) -> Outcome {
    match failure.map(|failure| failure.kind) {
        Some(Kind::Cancelled | Kind::NetworkChanged | Kind::Permission | Kind::Plan) => Outcome::Aborted,
        _ if valid == wanted && wanted > 0 => Outcome::Complete,
        _ if valid > 0 => Outcome::Partial,
        // A limit ended it, the person's or the method's, and nobody failed.
        Some(Kind::Budget | Kind::NoEstimate) => Outcome::Aborted,
        Some(Kind::NoRoute) => Outcome::NoService,
        _ => Outcome::ServerFailed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_follow_the_table() {
        let outcome_of = |kind, valid| outcome(Some(&Failure::new(kind, "")), valid, 2);
        assert_eq!(outcome(None, 2, 2), Outcome::Complete);
        assert_eq!(outcome(None, 1, 1), Outcome::Complete);
        assert_eq!(outcome_of(Kind::NoRoute, 0), Outcome::NoService);
        assert_eq!(outcome_of(Kind::Refused, 0), Outcome::ServerFailed);
        assert_eq!(outcome_of(Kind::LostMidRun, 0), Outcome::ServerFailed);
        assert_eq!(outcome_of(Kind::LostMidRun, 1), Outcome::Partial);
        assert_eq!(outcome_of(Kind::Cancelled, 1), Outcome::Aborted);
        assert_eq!(outcome_of(Kind::NoEstimate, 0), Outcome::Aborted, "a cap is no failure of the server");
        assert_eq!(outcome_of(Kind::NoEstimate, 1), Outcome::Partial);
        assert_eq!(outcome_of(Kind::NetworkChanged, 2), Outcome::Aborted);
        // Both directions were measured and only the echo logs were lost: the result stands.
        assert_eq!(outcome_of(Kind::LostMidRun, 2), Outcome::Complete);
    }

    #[test]
    fn causes_are_found_at_any_depth() {
        let tls = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::DecryptError);
        assert_eq!(Failure::io("TLS", &tls).kind, Kind::Tls);
        let refused = Failure::io("connect", &io::Error::from(io::ErrorKind::ConnectionRefused));
        assert_eq!((refused.kind, refused.kind.reason()), (Kind::Refused, "connection_refused"));
        let nested = io::Error::other(io::Error::from(io::ErrorKind::NetworkUnreachable));
        assert_eq!(Failure::caused("get", &nested, Kind::Server).kind, Kind::NoRoute);
        let plain = Failure::new(Kind::Protocol, "x");
        assert_eq!(Failure::caused("get", &plain, Kind::Server).kind, Kind::Server);
        assert_eq!(plain.mid_run().kind, Kind::LostMidRun);
    }
}
