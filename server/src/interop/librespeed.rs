//! LibreSpeed: `garbage`, `empty` and `getIP`, under the names that its clients are configured with.

use std::net::IpAddr;

use axum::body::Body;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use serde_json::json;

use super::load::Content;
use super::query::{number, parameter};
use super::{answers, load};
use crate::limits;
use crate::measure::{Connection, Measure};

const MIB: u64 = 1 << 20;

/// The three addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Address {
    Garbage,
    Empty,
    GetIp,
}

/// With and without the folder of the usual set-up, with and without the ending of its first implementation.
fn address(path: &str) -> Option<Address> {
    let name = path.strip_prefix("/backend/").or_else(|| path.strip_prefix('/'))?;
    match name.strip_suffix(".php").unwrap_or(name) {
        "garbage" => Some(Address::Garbage),
        "empty" => Some(Address::Empty),
        "getIP" => Some(Address::GetIp),
        _ => None,
    }
}

pub(super) fn serves(path: &str) -> bool {
    address(path).is_some()
}

pub(super) async fn answer(measure: &Measure, request: Request<Incoming>, connection: &Connection) -> Response<Body> {
    let cors = parameter(request.uri().query(), "cors").is_some();
    let asks_first = request.method() == Method::OPTIONS;
    let response = answer_without_cors(measure, request, connection).await.unwrap_or_else(|refusal| *refusal);
    if cors || asks_first { answers::for_any_origin(response) } else { response }
}

async fn answer_without_cors(
    measure: &Measure,
    request: Request<Incoming>,
    connection: &Connection,
) -> Result<Response<Body>, Box<Response<Body>>> {
    let query = request.uri().query();
    match (address(request.uri().path()), request.method()) {
        (_, &Method::OPTIONS) => Ok(answers::empty()),
        (Some(Address::Empty) | None, _) => {
            load::upload(measure, connection, request.into_body()).await?;
            Ok(answers::empty())
        }
        (Some(Address::Garbage), &Method::GET | &Method::HEAD) => {
            let asked = number(query, "ckSize").map_err(|wrong| Box::new(answers::bad_request(wrong)))?;
            // 0 and none are the default in this protocol, and what is above its limit is cut to it.
            let mib = asked.filter(|mib| *mib > 0).unwrap_or(limits::LIBRESPEED_DEFAULT_MIB);
            let bytes = mib.min(limits::LIBRESPEED_MAX_MIB) * MIB;
            Ok(answers::octets(load::download(measure, connection, bytes, Content::Bytes)?))
        }
        (Some(Address::GetIp), &Method::GET | &Method::HEAD) => {
            let ip = connection.peer.ip();
            let asn = parameter(query, "isp").and_then(|_| measure.asn(ip));
            Ok(answers::json(&who(ip, asn)))
        }
        (Some(Address::Garbage | Address::GetIp), method) => {
            Err(Box::new(answers::method(method, "GET, HEAD, OPTIONS")))
        }
    }
}

/// What the client shows of itself. The network is told by number where a table has it; nobody else is asked.
fn who(ip: IpAddr, asn: Option<u32>) -> serde_json::Value {
    match (kind(ip), asn) {
        (Some(kind), _) => json!({ "processedString": format!("{ip} - {kind}"), "rawIspInfo": "" }),
        (None, Some(asn)) => json!({
            "processedString": format!("{ip} - AS{asn}"),
            "rawIspInfo": { "ip": ip, "org": format!("AS{asn}") },
        }),
        (None, None) => json!({ "processedString": ip, "rawIspInfo": "" }),
    }
}

/// Addresses that belong to no provider.
fn kind(ip: IpAddr) -> Option<&'static str> {
    match ip {
        IpAddr::V4(v4) if v4.is_loopback() => Some("localhost IPv4 access"),
        IpAddr::V4(v4) if v4.is_private() => Some("private IPv4 access"),
        IpAddr::V4(v4) if v4.is_link_local() => Some("link-local IPv4 access"),
        // 100.64.0.0/10, RFC 6598.
        IpAddr::V4(v4) if v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64 => Some("CGNAT IPv4 access"),
        IpAddr::V6(v6) if v6.is_loopback() => Some("localhost IPv6 access"),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Some("link-local IPv6 access"),
        IpAddr::V6(v6) if v6.is_unique_local() => Some("unique local IPv6 access"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_name() {
        for name in ["/garbage", "/garbage.php", "/backend/garbage", "/backend/garbage.php"] {
            assert_eq!(address(name), Some(Address::Garbage), "{name}");
        }
        assert_eq!((address("/empty.php"), address("/backend/getIP")), (Some(Address::Empty), Some(Address::GetIp)));
        for other in ["/", "/getip", "/backend/", "/garbage/", "/backend/backend/empty", "/garbage.php.php"] {
            assert_eq!(address(other), None, "{other}");
        }
    }

    #[test]
    fn addresses_are_named_by_kind() {
        for (ip, expected) in [
            ("127.0.0.1", "127.0.0.1 - localhost IPv4 access"),
            ("100.64.1.2", "100.64.1.2 - CGNAT IPv4 access"),
            ("100.128.1.2", "100.128.1.2"),
            ("fe80::1", "fe80::1 - link-local IPv6 access"),
            ("203.0.113.9", "203.0.113.9"),
        ] {
            assert_eq!(who(ip.parse().unwrap(), None)["processedString"], expected);
        }
        assert_eq!(who("203.0.113.9".parse().unwrap(), Some(7552))["rawIspInfo"]["org"], "AS7552");
    }
}
