//! Which test point: tokens for at most five, probed by UDP, nearest first.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use ispeed_meter::latency::median_us;
use ispeed_meter::params::METHOD_VERSION;
use ispeed_protocol::echo::{ECHO_MAX_BYTES, ECHO_MIN_BYTES, EchoKind, EchoPacket, probe_key};
use ispeed_protocol::servers::{Info, ServerCandidate, ServerClass, ServerEntry};
use ispeed_protocol::token::{GrantedToken, TokenRequest};
use reqwest::Url;
use rustls::ClientConfig;
use tokio::time::{Instant as TokioInstant, sleep_until, timeout};

use super::api::{Answer, Api, ServerTime, check_version, host_and_port};
use super::clock::{ClockOffset, RunClock};
use super::control::Endpoint;
use super::echo::round_trip_us;
use super::failure::{Failure, Kind};
use super::limits;
use super::net::Network;
use super::plan::{EnginePlan, Target};

/// A test point with the right to measure against it.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) id: String,
    pub(crate) class: Option<ServerClass>,
    pub(crate) endpoint: Endpoint,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) udp_port: u16,
    pub(crate) granted: GrantedToken,
}

/// What a run may be made against, best first, and what becomes of it in the sample.
#[derive(Debug, Default)]
pub(crate) struct Offer {
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) considered: Vec<ServerCandidate>,
    pub(crate) automatic: bool,
}

impl Offer {
    /// Writes down what became of a candidate; nothing where the choice was the person's.
    pub(crate) fn mark(&mut self, id: &str, outcome: &str) {
        if let Some(candidate) = self.considered.iter_mut().find(|candidate| candidate.id == id) {
            outcome.clone_into(&mut candidate.outcome);
        }
    }
}

/// What is known of a test point before its token is.
#[derive(Debug)]
struct Point {
    id: String,
    class: Option<ServerClass>,
    url: Url,
    udp_port: Option<u16>,
}

/// Everything selection needs.
#[derive(Debug)]
pub(crate) struct Selection<'a> {
    pub(crate) plan: &'a EnginePlan,
    pub(crate) network: &'a Network,
    pub(crate) tls: &'a Arc<ClientConfig>,
    pub(crate) clock: &'a RunClock,
}

impl Selection<'_> {
    /// Asks the collector, or the server itself, and puts the nearest first.
    pub(crate) async fn offer(&self, offset: &mut ClockOffset) -> Result<Offer, Failure> {
        let api = Api::new(self.plan.target.issuer(), self.network, Arc::clone(self.tls)).await?;
        let (points, tokens) = match &self.plan.target {
            Target::Url(url) => self.own_issuer(&api, url, offset).await?,
            Target::Auto { collector } => self.listed(&api, collector, None, offset).await?,
            Target::Id { collector, id } => self.listed(&api, collector, Some(id), offset).await?,
        };
        let automatic = matches!(self.plan.target, Target::Auto { .. });
        let candidates = self.resolved(points, tokens).await?;
        if automatic { Ok(self.ranked(candidates).await) } else { Ok(Offer { candidates, ..Offer::default() }) }
    }

    /// A measuring end that issues its own tokens: everything at once, for nothing depends on anything.
    async fn own_issuer(
        &self,
        api: &Api,
        url: &Url,
        offset: &mut ClockOffset,
    ) -> Result<(Vec<Point>, Vec<GrantedToken>), Failure> {
        let request = self.token_request(Vec::new());
        let (info, servers, tokens) = tokio::join!(api.info(), api.servers(), api.tokens(&request));
        let info = self.checked(info?, offset)?;
        let tokens = self.timed(tokens?, offset).tokens;
        // The list only tells the class, and a single measuring end may have none.
        let listed = servers.map(|answer| answer.value.servers).unwrap_or_default();
        let points = tokens.iter().take(1).map(|granted| Point {
            class: listed.iter().find(|entry| entry.id == granted.server).map(|entry| entry.class),
            id: granted.server.clone(),
            url: url.clone(),
            udp_port: Some(info.udp_port),
        });
        Ok((points.collect(), tokens))
    }

    /// Test points of a collector's list.
    async fn listed(
        &self,
        api: &Api,
        collector: &Url,
        id: Option<&String>,
        offset: &mut ClockOffset,
    ) -> Result<(Vec<Point>, Vec<GrantedToken>), Failure> {
        let (info, servers) = tokio::join!(api.info(), api.servers());
        let info = self.checked(info?, offset)?;
        let entries = wanted(servers?.value.servers, id, collector)?;
        let points = if entries.is_empty() {
            // A collector without a list is its own test point.
            vec![Point { id: info.server_id, class: None, url: collector.clone(), udp_port: Some(info.udp_port) }]
        } else {
            entries.into_iter().map(point).collect::<Result<_, _>>()?
        };
        let request = self.token_request(points.iter().map(|point| point.id.clone()).collect());
        let tokens = self.timed(api.tokens(&request).await?, offset).tokens;
        Ok((points, tokens))
    }

    fn token_request(&self, servers: Vec<String>) -> TokenRequest {
        TokenRequest {
            sample_id: self.plan.sample_id,
            device_id: self.plan.device_id.clone(),
            servers,
            long: self.plan.long,
        }
    }

    fn checked(&self, answer: Answer<Info>, offset: &mut ClockOffset) -> Result<Info, Failure> {
        let info = self.timed(answer, offset);
        check_version(&info, METHOD_VERSION, env!("CARGO_PKG_VERSION"))?;
        Ok(info)
    }

    fn timed<T: ServerTime>(&self, answer: Answer<T>, offset: &mut ClockOffset) -> T {
        offset.exchange(self.clock, answer.sent, answer.value.server_time(), answer.received);
        answer.value
    }

    /// Pairs points with their tokens and looks up their addresses, all at once.
    async fn resolved(&self, points: Vec<Point>, tokens: Vec<GrantedToken>) -> Result<Vec<Candidate>, Failure> {
        let pairs = points.into_iter().filter_map(|point| {
            let granted = tokens.iter().find(|granted| granted.server == point.id)?.clone();
            Some((point, granted))
        });
        let looked_up = join_all(pairs.map(|(point, granted)| async move {
            let (host, port) = host_and_port(&point.url)?;
            let addresses = self.network.resolve(host, port).await?;
            let endpoint = Endpoint { host: host.to_owned(), port, tls: Arc::clone(self.tls) };
            let udp_port = point.udp_port.unwrap_or(port);
            Ok(Candidate { id: point.id, class: point.class, endpoint, addresses, udp_port, granted })
        }))
        .await;
        let mut candidates = Vec::new();
        let mut failure = Failure::new(Kind::TokenRefused, "no token was granted for any test point");
        for outcome in looked_up {
            match outcome {
                Ok(candidate) => candidates.push(candidate),
                Err(why) => failure = why,
            }
        }
        if candidates.is_empty() { Err(failure) } else { Ok(candidates) }
    }

    /// Nearest first by the median of the probes; who did not answer comes last, for UDP alone may be blocked.
    async fn ranked(&self, mut candidates: Vec<Candidate>) -> Offer {
        let medians = self.probe_all(&candidates).await;
        for (candidate, nearest) in candidates.iter_mut().zip(&medians) {
            if let Some((_, address)) = nearest {
                candidate.addresses.sort_by_key(|other| other != address);
            }
        }
        let considered = candidates
            .iter()
            .zip(&medians)
            .map(|(candidate, nearest)| ServerCandidate {
                id: candidate.id.clone(),
                rtt_ms: nearest.map(|(rtt_us, _)| rtt_us as f64 / 1e3),
                outcome: if nearest.is_some() { "slower" } else { "no_answer" }.to_owned(),
            })
            .collect();
        let mut order: Vec<(u64, Candidate)> =
            medians.iter().map(|nearest| nearest.map_or(u64::MAX, |(rtt_us, _)| rtt_us)).zip(candidates).collect();
        order.sort_by_key(|(rtt_us, _)| *rtt_us);
        Offer { candidates: order.into_iter().map(|(_, candidate)| candidate).collect(), considered, automatic: true }
    }

    /// All candidates at once: the first that is known is the nearest, and the others only get a little longer.
    async fn probe_all(&self, candidates: &[Candidate]) -> Vec<Option<(u64, SocketAddr)>> {
        let mut medians = vec![None; candidates.len()];
        let started = TokioInstant::now();
        let mut probes: FuturesUnordered<_> = candidates
            .iter()
            .enumerate()
            .flat_map(|(index, candidate)| {
                one_a_family(&candidate.addresses).map(move |address| (index, candidate, address))
            })
            .map(|(index, candidate, mut address)| async move {
                let reached = address;
                address.set_port(candidate.udp_port);
                (index, reached, self.probe(address, &candidate.granted.token).await)
            })
            .collect();
        let mut latest = started + limits::PROBE_WAIT;
        loop {
            let next = tokio::select! {
                next = probes.next() => next,
                () = sleep_until(latest) => None,
            };
            let Some((index, address, median)) = next else { return medians };
            if let Some(rtt_us) = median {
                if medians[index].is_none_or(|(best, _)| rtt_us < best) {
                    medians[index] = Some((rtt_us, address));
                }
                let longer = limits::PROBE_GRACE + Duration::from_micros(rtt_us / 2);
                latest = latest.min(TokioInstant::now() + longer);
            }
        }
    }

    /// Median round trip of a few probes, microseconds; `None` when too few came back.
    async fn probe(&self, address: SocketAddr, token: &str) -> Option<u64> {
        let socket = tokio::net::UdpSocket::from_std(self.network.udp(address).ok()?).ok()?;
        let key = probe_key(token);
        let answers = timeout(limits::PROBE_WAIT, async {
            let mut rtts_us = Vec::new();
            let mut sent = Vec::new();
            let mut buffer = [0; ECHO_MAX_BYTES];
            let mut due = TokioInstant::now();
            while rtts_us.len() < limits::PROBE_ANSWERS {
                let asking = sent.len() < limits::PROBES as usize;
                tokio::select! {
                    () = sleep_until(due), if asking => {
                        let packet = probe_packet(u32::try_from(sent.len()).unwrap_or(u32::MAX), self.clock.now_us());
                        sent.push(Instant::now());
                        // A packet the system does not take is a lost one.
                        let _ = socket.send(&packet.encode(&key, ECHO_MIN_BYTES, token.as_bytes())).await;
                        due += limits::PROBE_GAP;
                    }
                    received = socket.recv(&mut buffer) => {
                        let at = Instant::now();
                        // ICMP's "port unreachable" comes as an error; another answer may follow.
                        let Ok(len) = received else { continue };
                        let Some(reply) = EchoPacket::decode(&buffer[..len], &key) else { continue };
                        if let (EchoKind::ProbeReply, Some(asked)) = (reply.kind, sent.get(reply.sequence as usize)) {
                            rtts_us.push(round_trip_us(at.saturating_duration_since(*asked), &reply));
                        }
                    }
                }
            }
            rtts_us
        });
        median_us(&answers.await.ok()?)
    }
}

fn probe_packet(sequence: u32, client_send_us: u64) -> EchoPacket {
    EchoPacket {
        kind: EchoKind::Probe,
        train: 0,
        echo_id: 0,
        sequence,
        client_send_us,
        server_receive_us: 0,
        server_send_us: 0,
    }
}

/// The system's first choice of each family.
fn one_a_family(addresses: &[SocketAddr]) -> impl Iterator<Item = SocketAddr> + use<> {
    let four = addresses.iter().copied().find(SocketAddr::is_ipv4);
    let six = addresses.iter().copied().find(SocketAddr::is_ipv6);
    four.into_iter().chain(six)
}

/// The entry asked for, or the first five; those abroad come last, for they never count towards the quota.
fn wanted(mut entries: Vec<ServerEntry>, id: Option<&String>, collector: &Url) -> Result<Vec<ServerEntry>, Failure> {
    let Some(id) = id else {
        entries.sort_by_key(|entry| entry.class == ServerClass::Abroad);
        entries.truncate(limits::CANDIDATES_MAX);
        return Ok(entries);
    };
    let known: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    let unknown = format!("{collector} has no test point {id:?}; expected one of: {}", known.join(", "));
    let entry = entries.into_iter().find(|entry| entry.id == *id);
    Ok(vec![entry.ok_or_else(|| Failure::new(Kind::NoServer, unknown))?])
}

fn point(entry: ServerEntry) -> Result<Point, Failure> {
    let url = entry.url.parse().map_err(|error| {
        Failure::new(Kind::Protocol, format!("test point {}: {:?} is not a URL: {error}", entry.id, entry.url))
    })?;
    Ok(Point { id: entry.id, class: Some(entry.class), url, udp_port: entry.udp_port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, class: ServerClass) -> ServerEntry {
        ServerEntry {
            id: id.into(),
            name: id.into(),
            place: "Hà Nội".into(),
            host_network: "AS1".into(),
            class,
            url: "https://127.0.0.1:1".into(),
            udp_port: None,
            public_key: String::new(),
        }
    }

    #[test]
    fn at_most_five_and_those_abroad_last() {
        let collector: Url = "https://127.0.0.1:1".parse().unwrap();
        let mut list = vec![entry("far", ServerClass::Abroad)];
        list.extend(["a", "b", "c", "d", "e"].map(|id| entry(id, ServerClass::Vnix)));
        let chosen: Vec<String> = wanted(list.clone(), None, &collector).unwrap().into_iter().map(|e| e.id).collect();
        assert_eq!(chosen, ["a", "b", "c", "d", "e"]);
        assert_eq!(wanted(list.clone(), Some(&"far".to_owned()), &collector).unwrap().len(), 1);
        let missing = wanted(list, Some(&"x".to_owned()), &collector).unwrap_err();
        assert_eq!(missing.kind, Kind::NoServer);
        assert!(missing.detail.contains("far, a, b"), "{missing}");
    }

    #[test]
    fn both_families_are_probed_once() {
        let addresses: Vec<SocketAddr> =
            ["[::1]:1", "127.0.0.1:1", "127.0.0.2:1"].iter().map(|text| text.parse().unwrap()).collect();
        let probed: Vec<SocketAddr> = one_a_family(&addresses).collect();
        assert_eq!(probed, [addresses[1], addresses[0]]);
    }
}
