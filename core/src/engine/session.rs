//! An admitted run: the control channel is open and the server has said who it is.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ispeed_protocol::control::ServerMessage;
use ispeed_protocol::servers::UsedServer;
use ispeed_protocol::token::TokenClaims;
use tokio::time::timeout;

use super::clock::{ClockOffset, RunClock};
use super::control::{Control, Event, of_server_error};
use super::echo::{UdpEcho, WebsocketEcho};
use super::failure::{Failure, Kind};
use super::flow::Site;
use super::limits;
use super::net::Network;
use super::select::{Candidate, Offer};

/// Everything the phases need of the server.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) site: Arc<Site>,
    pub(crate) control: Control,
    pub(crate) claims: TokenClaims,
    /// This machine's address on the path.
    pub(crate) local: IpAddr,
    /// Congestion control of the server's load sockets.
    pub(crate) congestion_control: Option<String>,
    echo_id: u64,
    echo_key: [u8; 32],
    udp_port: u16,
}

impl Session {
    /// Tries the candidates in order; the first that admits the run is used. What became of each is in the offer, who
    /// was chosen in `used`.
    pub(crate) async fn open(
        offer: &mut Offer,
        network: &Network,
        clock: &RunClock,
        offset: &mut ClockOffset,
        used: &mut Option<UsedServer>,
    ) -> Result<Self, Failure> {
        let mut failure: Option<Failure> = None;
        for candidate in std::mem::take(&mut offer.candidates) {
            match Self::admit(&candidate, network, clock, offset).await {
                Ok((session, network_prefix, asn)) => {
                    offer.mark(&candidate.id, "chosen");
                    *used = Some(UsedServer {
                        id: candidate.id,
                        class: candidate.class,
                        automatic: offer.automatic,
                        candidates: offer.considered.clone(),
                        family: Some(if session.site.peer.is_ipv4() { "ipv4" } else { "ipv6" }.to_owned()),
                        network_prefix: Some(network_prefix),
                        asn,
                        cipher: None,
                    });
                    return Ok(session);
                }
                Err(why) => {
                    let refused = matches!(why.kind, Kind::Refused | Kind::TokenRefused | Kind::Busy | Kind::Tls);
                    offer.mark(&candidate.id, if refused { "refused" } else { "no_answer" });
                    let known = used.get_or_insert_with(|| unreached(&candidate, offer));
                    known.candidates.clone_from(&offer.considered);
                    // A server that is there and says no tells more than one that cannot be reached.
                    failure = Some(failure.filter(|first| first.kind != Kind::NoRoute).unwrap_or(why));
                }
            }
        }
        Err(failure.unwrap_or_else(|| Failure::new(Kind::NoServer, "there is no test point to measure against")))
    }

    async fn admit(
        candidate: &Candidate,
        network: &Network,
        clock: &RunClock,
        offset: &mut ClockOffset,
    ) -> Result<(Self, String, Option<u32>), Failure> {
        let connected = network.connect_any(&candidate.addresses).await?;
        let peer = connected.peer;
        let local = connected.stream.local_addr().map_err(|error| Failure::io("no local address", &error))?.ip();
        let stream = candidate.endpoint.secure(connected).await?;
        let sent = Instant::now();
        let socket = candidate.endpoint.websocket(stream, "/v1/measure", &candidate.granted.token).await?;
        let mut control = Control::start(socket);
        let welcome = timeout(limits::WELCOME, control.next())
            .await
            .map_err(|_| Failure::new(Kind::Timeout, format!("{} does not admit the run in time", candidate.id)))?;
        let (at, message) = match welcome {
            Event::Message { at, message } => (at, *message),
            Event::Closed(failure) => return Err(failure),
        };
        let ServerMessage::Welcome {
            session,
            echo_id,
            echo_key,
            udp_port,
            server_time,
            network_prefix,
            asn,
            congestion_control,
            ..
        } = message
        else {
            return Err(match message {
                ServerMessage::Error { kind, detail } => of_server_error(&kind, &detail),
                _ => Failure::new(Kind::Protocol, "the server's first message is no welcome"),
            });
        };
        offset.exchange(clock, sent, server_time, at);
        let site = Site { endpoint: candidate.endpoint.clone(), network: network.clone(), peer, session };
        let admitted = Self {
            site: Arc::new(site),
            control,
            claims: candidate.granted.claims.clone(),
            local,
            congestion_control,
            echo_id,
            echo_key: key_bytes(&echo_key)?,
            udp_port,
        };
        Ok((admitted, network_prefix, asn))
    }

    /// The echo by UDP.
    pub(crate) fn udp_echo(&self, clock: RunClock) -> UdpEcho {
        let peer = SocketAddr::new(self.site.peer.ip(), self.udp_port);
        UdpEcho { network: self.site.network.clone(), peer, echo_id: self.echo_id, key: self.echo_key, clock }
    }

    /// The echo by WebSocket, on a connection of its own.
    pub(crate) async fn websocket_echo(&self, clock: RunClock) -> Result<WebsocketEcho, Failure> {
        let site = &self.site;
        let stream = site.endpoint.secure(site.network.connect(site.peer).await?).await?;
        let socket = site.endpoint.websocket(stream, "/v1/echo", &site.session).await?;
        Ok(WebsocketEcho::new(socket, self.echo_id, self.echo_key, clock))
    }
}

/// A server that was the target and did not admit the run.
fn unreached(candidate: &Candidate, offer: &Offer) -> UsedServer {
    UsedServer {
        id: candidate.id.clone(),
        class: candidate.class,
        automatic: offer.automatic,
        candidates: Vec::new(),
        family: None,
        network_prefix: None,
        asn: None,
        cipher: None,
    }
}

fn key_bytes(text: &str) -> Result<[u8; 32], Failure> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| Failure::new(Kind::Protocol, "the echo key of the welcome is not 32 bytes in base64url"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_key_is_thirty_two_bytes() {
        assert_eq!(key_bytes(&URL_SAFE_NO_PAD.encode([7; 32])).unwrap(), [7; 32]);
        assert_eq!(key_bytes("AAAA").unwrap_err().kind, Kind::Protocol);
        assert!(key_bytes("!").is_err());
    }
}
