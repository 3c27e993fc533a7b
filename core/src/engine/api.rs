//! The collector's side of a run: who it is, which test points it knows, a token.

use std::time::{Duration, Instant};

use ispeed_protocol::problem::Problem;
use ispeed_protocol::servers::{Info, ServerList};
use ispeed_protocol::token::{TokenRequest, TokenResponse};
use ispeed_protocol::{PROTOCOL_VERSION, UtcMicros};
use reqwest::{Client, Method, StatusCode, Url};
use serde::de::DeserializeOwned;

use super::failure::{Failure, Kind};
use super::limits;
use super::net::Network;

/// A collector and the HTTP client that speaks with it.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    client: Client,
    base: Url,
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
    /// A client that connects to the collector's addresses by the plan's interface and family, through no proxy, and
    /// follows no redirect: the figures are of the path to this host.
    pub(crate) async fn new(base: &Url, network: &Network, tls: rustls::ClientConfig) -> Result<Self, Failure> {
        let (host, port) = host_and_port(base)?;
        let addresses = network.resolve(host, port).await?;
        let builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(limits::CONNECT)
            .timeout(limits::REQUEST)
            .pool_idle_timeout(Duration::from_secs(15))
            .user_agent(concat!("ispeed-core/", env!("CARGO_PKG_VERSION")))
            .resolve_to_addrs(host, &addresses);
        #[cfg(any(target_os = "linux", target_os = "android", target_os = "macos", target_os = "ios"))]
        let builder = match &network.interface {
            Some(interface) => builder.interface(interface),
            None => builder,
        };
        let client = builder.build().map_err(|error| Failure::caused("no HTTP client", &error, Kind::Protocol))?;
        Ok(Self { client, base: base.clone() })
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
        let url = self.endpoint(path)?;
        let what = format!("{method} {url}");
        let mut request = self.client.request(method, url);
        if let Some(body) = body {
            request = request.json(body);
        }
        let sent = Instant::now();
        let answer = request.send().await.map_err(|error| of_request(&what, &error))?;
        let received = Instant::now();
        let status = answer.status();
        let bytes = read_bounded(answer, &what).await?;
        if !status.is_success() {
            return Err(of_status(&what, status, &bytes));
        }
        let value = serde_json::from_slice(&bytes).map_err(|error| {
            Failure::new(Kind::Protocol, format!("{what}: not the answer of an ispeed server: {error}"))
        })?;
        Ok(Answer { value, sent, received })
    }

    fn endpoint(&self, path: &str) -> Result<Url, Failure> {
        let mut base = self.base.clone();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        base.join(path).map_err(|error| Failure::new(Kind::Protocol, format!("{} with {path}: {error}", self.base)))
    }
}

async fn read_bounded(mut answer: reqwest::Response, what: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| of_request(what, &error))? {
        if bytes.len() + chunk.len() > limits::ANSWER_MAX_BYTES {
            return Err(Failure::new(Kind::Protocol, format!("{what}: more than {} bytes", limits::ANSWER_MAX_BYTES)));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn of_request(what: &str, error: &reqwest::Error) -> Failure {
    let otherwise = if error.is_timeout() { Kind::Timeout } else { Kind::Protocol };
    Failure::caused(what, error, otherwise)
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
