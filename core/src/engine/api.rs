//! The collector's side of a run: who it is, which test points it knows, a token.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use http::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use ispeed_protocol::problem::Problem;
use ispeed_protocol::servers::{Info, ServerList};
use ispeed_protocol::token::{TokenRequest, TokenResponse};
use ispeed_protocol::{PROTOCOL_VERSION, UtcMicros};
use reqwest::{Method, StatusCode, Url};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::control::Endpoint;
use super::failure::{Failure, Kind};
use super::limits;
use super::net::Network;

type Sender = SendRequest<Full<Bytes>>;

/// A collector and the connections that speak with it: through no proxy, following no redirect, and by the way out the load
/// takes, since the figures are of the path to this host and the address of a token has to be that of the load.
#[derive(Debug)]
pub(crate) struct Api {
    endpoint: Endpoint,
    addresses: Vec<SocketAddr>,
    network: Network,
    base: Url,
    /// Connections that wait for another request.
    idle: Mutex<Vec<Sender>>,
}

/// An answer and when it was asked for and got.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    pub(crate) value: T,
    pub(crate) sent: Instant,
    pub(crate) received: Instant,
}

/// Host and port of a base URL; only `https` is spoken.
pub(crate) fn host_and_port(url: &Url) -> Result<(&str, u16), Failure> {
    let host = url.host_str().filter(|_| url.scheme() == "https");
    host.zip(url.port_or_known_default()).ok_or_else(|| {
        Failure::new(Kind::Protocol, format!("{url} is not the address of a test point; expected https://host[:port]"))
    })
}

impl Api {
    /// Looks up the collector; connections are made when they are needed.
    pub(crate) async fn new(base: &Url, network: &Network, tls: Arc<rustls::ClientConfig>) -> Result<Self, Failure> {
        let (host, port) = host_and_port(base)?;
        let addresses = network.resolve(host, port).await?;
        let endpoint = Endpoint { host: host.to_owned(), port, tls };
        Ok(Self { endpoint, addresses, network: network.clone(), base: base.clone(), idle: Mutex::default() })
    }

    /// `GET /v1/info`.
    pub(crate) async fn info(&self) -> Result<Answer<Info>, Failure> {
        self.exchange(Method::GET, "v1/info", None::<&()>).await
    }

    /// `GET /v1/servers`.
    pub(crate) async fn servers(&self) -> Result<Answer<ServerList>, Failure> {
        self.exchange(Method::GET, "v1/servers", None::<&()>).await
    }

    /// `POST /v1/tokens`.
    pub(crate) async fn tokens(&self, request: &TokenRequest) -> Result<Answer<TokenResponse>, Failure> {
        self.exchange(Method::POST, "v1/tokens", Some(request)).await
    }

    async fn exchange<B: serde::Serialize, T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> Result<Answer<T>, Failure> {
        let url = self.url(path)?;
        let what = format!("{method} {url}");
        let body = match body {
            None => Bytes::new(),
            Some(body) => serde_json::to_vec(body)
                .map(Bytes::from)
                .map_err(|error| Failure::new(Kind::Protocol, format!("{what}: {error}")))?,
        };
        let asked = timeout(limits::REQUEST, self.ask(&method, &url, &body, &what)).await;
        let Asked { status, bytes, sent, received } =
            asked.unwrap_or_else(|_| Err(Failure::new(Kind::Timeout, format!("{what}: no answer in time"))))?;
        if !status.is_success() {
            return Err(of_status(&what, status, &bytes));
        }
        let value = serde_json::from_slice(&bytes).map_err(|error| {
            Failure::new(Kind::Protocol, format!("{what}: not the answer of an ispeed server: {error}"))
        })?;
        Ok(Answer { value, sent, received })
    }

    async fn ask(&self, method: &Method, url: &Url, body: &Bytes, what: &str) -> Result<Asked, Failure> {
        loop {
            let waiting = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let reused = waiting.is_some();
            let mut sender = match waiting {
                // It takes the next request a moment after the end of its last answer was read.
                Some(mut sender) => match sender.ready().await {
                    Ok(()) => sender,
                    Err(_) => continue,
                },
                None => self.open().await?,
            };
            let sent = Instant::now();
            let answer = match sender.send_request(self.request(method, url, body)?).await {
                Ok(answer) => answer,
                // The server may have closed what lay idle; it answered nothing, so the next connection asks again.
                Err(_) if reused => continue,
                Err(error) => return Err(Failure::caused(what, &error, Kind::Protocol)),
            };
            let (received, status) = (Instant::now(), answer.status());
            let bytes = read_bounded(answer.into_body(), what).await?;
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
            return Ok(Asked { status, bytes, sent, received });
        }
    }

    async fn open(&self) -> Result<Sender, Failure> {
        let connected = self.network.connect_any(&self.addresses).await?;
        let what = format!("HTTP with {}", self.endpoint.authority());
        let stream = self.endpoint.secure(connected).await?;
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|error| Failure::caused(&what, &error, Kind::Protocol))?;
        // Ends with its sender; what fails on it is told to whoever asks.
        tokio::spawn(connection);
        Ok(sender)
    }

    fn request(&self, method: &Method, url: &Url, body: &Bytes) -> Result<http::Request<Full<Bytes>>, Failure> {
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let mut request = http::Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, self.endpoint.authority())
            .header(USER_AGENT, crate::http::USER_AGENT)
            .header(ACCEPT, "application/json");
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let wrong = |error| Failure::new(Kind::Protocol, format!("{method} {url}: {error}"));
        request.body(Full::new(body.clone())).map_err(wrong)
    }

    fn url(&self, path: &str) -> Result<Url, Failure> {
        let mut base = self.base.clone();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        base.join(path).map_err(|error| Failure::new(Kind::Protocol, format!("{} with {path}: {error}", self.base)))
    }
}

/// An answer as it came.
struct Asked {
    status: StatusCode,
    bytes: Bytes,
    sent: Instant,
    received: Instant,
}

async fn read_bounded(body: Incoming, what: &str) -> Result<Bytes, Failure> {
    match Limited::new(body, limits::ANSWER_MAX_BYTES).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Failure::new(Kind::Protocol, format!("{what}: more than {} bytes", limits::ANSWER_MAX_BYTES)))
        }
        Err(error) => Err(Failure::caused(what, &*error, Kind::Protocol)),
    }
}

/// A refusal over HTTP; the problem's own words are for the person.
pub(crate) fn of_status(what: &str, status: StatusCode, body: &[u8]) -> Failure {
    let kind = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Kind::TokenRefused,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Kind::Busy,
        status if status.is_server_error() => Kind::Server,
        _ => Kind::Protocol,
    };
    let said = serde_json::from_slice::<Problem>(body).ok().map(|problem| problem.detail.unwrap_or(problem.title));
    Failure::new(kind, format!("{what}: {}", said.unwrap_or_else(|| status.to_string())))
}

/// Refuses to spend data on a server that would not count what this program measures.
pub(crate) fn check_version(info: &Info, method: u32, version: &str) -> Result<(), Failure> {
    let outdated = |what: String| {
        Err(Failure::new(
            Kind::Outdated,
            format!(
                "{} {what}; update this program, its kept samples stay and are handed in by the new version",
                info.name
            ),
        ))
    };
    if info.oldest_method > method {
        return outdated(format!(
            "counts method {} and later, this program measures by method {method}",
            info.oldest_method
        ));
    }
    if older(version, &info.oldest_version) {
        return outdated(format!("accepts version {} and later, this is {version}", info.oldest_version));
    }
    if info.protocol < PROTOCOL_VERSION {
        return Err(Failure::new(
            Kind::Protocol,
            format!("{} speaks protocol {}, this program {PROTOCOL_VERSION}", info.name, info.protocol),
        ));
    }
    Ok(())
}

/// Whether `version` comes before `oldest`, by the numbers of semantic versions; what is no version refuses nobody.
fn older(version: &str, oldest: &str) -> bool {
    let numbers = |text: &str| -> Option<Vec<u64>> {
        text.split(['-', '+']).next()?.split('.').map(|number| number.parse().ok()).collect()
    };
    numbers(version).zip(numbers(oldest)).is_some_and(|(version, oldest)| version < oldest)
}

/// Time an answer states of its server, for the clock offset.
pub(crate) trait ServerTime {
    fn server_time(&self) -> UtcMicros;
}

impl ServerTime for Info {
    fn server_time(&self) -> UtcMicros {
        self.time
    }
}

impl ServerTime for TokenResponse {
    fn server_time(&self) -> UtcMicros {
        self.server_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(oldest_method: u32, oldest_version: &str) -> Info {
        Info {
            name: "Thử".into(),
            server_id: "lab".into(),
            public_key: String::new(),
            evidence_key: String::new(),
            version: "0.1.0".into(),
            protocol: PROTOCOL_VERSION,
            oldest_method,
            oldest_version: oldest_version.into(),
            boundaries: None,
            simulated_accepted: false,
            udp_port: 1,
            time: UtcMicros(0),
        }
    }

    #[test]
    fn an_outdated_program_is_told_so_and_that_its_samples_stay() {
        assert_eq!(check_version(&info(1, "0.1.0"), 1, "0.1.0"), Ok(()));
        assert_eq!(check_version(&info(1, "0.1.0"), 1, "0.10.0-rc.1"), Ok(()));
        let method = check_version(&info(2, "0.1.0"), 1, "0.1.0").unwrap_err();
        let version = check_version(&info(1, "0.10.0"), 1, "0.9.3").unwrap_err();
        for failure in [method, version] {
            assert_eq!(failure.kind, Kind::Outdated);
            assert!(failure.detail.contains("kept samples stay"), "{failure}");
        }
        let older_server = Info { protocol: 0, ..info(1, "0.1.0") };
        assert_eq!(check_version(&older_server, 1, "0.1.0").unwrap_err().kind, Kind::Protocol);
    }

    #[test]
    fn refusals_carry_the_servers_own_words() {
        let problem =
            serde_json::to_vec(&Problem::new(401, "token_used", "Used", "the token was used before")).unwrap();
        let refused = of_status("GET x", StatusCode::UNAUTHORIZED, &problem);
        assert_eq!(refused, Failure::new(Kind::TokenRefused, "GET x: the token was used before"));
        assert_eq!(of_status("GET x", StatusCode::SERVICE_UNAVAILABLE, b"").kind, Kind::Busy);
        assert_eq!(of_status("GET x", StatusCode::NOT_FOUND, b"<html>").kind, Kind::Protocol);
    }

    #[test]
    fn only_https_is_a_test_point() {
        assert_eq!(host_and_port(&"https://[::1]:8443/x".parse().unwrap()).unwrap(), ("[::1]", 8443));
        assert_eq!(host_and_port(&"https://a.example".parse().unwrap()).unwrap(), ("a.example", 443));
        assert!(host_and_port(&"http://a.example".parse().unwrap()).is_err());
        assert!(host_and_port(&"data:x".parse().unwrap()).is_err());
    }
}
