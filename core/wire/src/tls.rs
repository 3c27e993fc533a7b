//! rustls configurations of both ends.
//!
//! The cryptography is ring, named explicitly: a process-wide default would make the outcome depend on who links what.
//! Sessions are resumed, so that sixteen load flows cost one full handshake and not sixteen.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache};
use rustls::{CipherSuite, ClientConfig, RootCertStore, ServerConfig};
use thiserror::Error;

/// The one application protocol of load and control connections.
const ALPN_HTTP11: &[u8] = b"http/1.1";
/// Servers a client remembers sessions of: more than it ever probes.
const CLIENT_SESSIONS: usize = 64;
/// TLS 1.3 tickets a handshake: each is used once, so the control connection's pay for the first four load flows, and
/// each flow's for four more. One costs about 200 bytes.
const TICKETS: usize = 4;
/// Sessions a server remembers where it cannot issue tickets.
const SERVER_SESSIONS: usize = 4_096;

/// Why a TLS configuration could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// Not PEM.
    #[error("{what} is not PEM: {cause}")]
    Pem {
        /// Which input.
        what: &'static str,
        /// What the reader said.
        cause: String,
    },
    /// PEM without a certificate.
    #[error("{0} holds no certificate; expected at least one block \"BEGIN CERTIFICATE\"")]
    NoCertificate(&'static str),
    /// A certificate or key that rustls does not take.
    #[error("the certificate or its key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// Neither a DNS name nor an IP address.
    #[error("{0:?} is not a server name; expected a DNS name or an IP address")]
    ServerName(String),
}

/// The provider used everywhere: ring, its cipher suites in the order of what they cost on this CPU.
///
/// Load is random bytes that are thrown away, so the cheapest suite is the right one. Servers of rustls take what their
/// client puts first.
pub fn provider() -> Arc<CryptoProvider> {
    let mut provider = rustls::crypto::ring::default_provider();
    // Stable: of two that cost the same, ring's order stands.
    provider.cipher_suites.sort_by_key(|suite| cost(suite.suite(), has_aes()));
    Arc::new(provider)
}

/// Rank of a cipher suite; TLS 1.3 first.
fn cost(suite: CipherSuite, has_aes: bool) -> (bool, u8) {
    let name = suite.as_str().unwrap_or_default();
    let rank = match (name.contains("AES_128_GCM"), name.contains("AES_256_GCM"), has_aes) {
        // Ten rounds against fourteen.
        (true, _, true) => 0,
        (_, true, true) => 1,
        (true, _, false) => 1,
        (_, true, false) => 2,
        (false, false, true) => 2,
        (false, false, false) => 0,
    };
    (!name.starts_with("TLS13_"), rank)
}

/// Whether the CPU computes AES; in software it costs a multiple of ChaCha20.
fn has_aes() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("pclmulqdq");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes") && std::arch::is_aarch64_feature_detected!("pmull");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    return false;
}

/// Certificates of a PEM text.
///
/// # Errors
/// When it is not PEM or holds no certificate; `what` names it in the message.
pub fn certificates(pem: &[u8], what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let list = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| TlsError::Pem { what, cause: e.to_string() })?;
    if list.is_empty() { Err(TlsError::NoCertificate(what)) } else { Ok(list) }
}

/// The client's configuration: the web's roots, and those of `extra_ca_pem` (`--ca`) if given. HTTP/1.1 only.
///
/// Share one configuration between all connections of a run: it holds the sessions to resume.
///
/// # Errors
/// When the extra PEM cannot be used.
pub fn client_config(extra_ca_pem: Option<&[u8]>) -> Result<Arc<ClientConfig>, TlsError> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots(extra_ca_pem)?)
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN_HTTP11.to_vec()];
    config.resumption = Resumption::in_memory_sessions(CLIENT_SESSIONS);
    // For `LoadStream::for_load`; the secrets stay in this program.
    config.enable_secret_extraction = true;
    Ok(Arc::new(config))
}

/// The web's roots and those of `extra_ca_pem`; for other users of rustls, such as reqwest.
///
/// # Errors
/// When the extra PEM cannot be used.
pub fn roots(extra_ca_pem: Option<&[u8]>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in extra_ca_pem.map(|pem| certificates(pem, "the CA file")).transpose()?.unwrap_or_default() {
        roots.add(certificate)?;
    }
    Ok(roots)
}

/// The server's configuration from its certificate chain and key in PEM. HTTP/1.1 only; issues tickets.
///
/// # Errors
/// When they are not PEM, do not belong together, or hold a key ring cannot use.
pub fn server_config(cert_pem: &[u8], key_pem: &[u8]) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates(cert_pem, "the certificate file")?;
    let key = PrivateKeyDer::from_pem_slice(key_pem)
        .map_err(|e| TlsError::Pem { what: "the key file", cause: e.to_string() })?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![ALPN_HTTP11.to_vec()];
    config.send_tls13_tickets = TICKETS;
    // For `LoadStream::for_load`; the secrets stay in this program.
    config.enable_secret_extraction = true;
    match rustls::crypto::ring::Ticketer::new() {
        Ok(ticketer) => {
            config.ticketer = ticketer;
            config.session_storage = Arc::new(NoServerSessionStorage {});
        }
        Err(_) => config.session_storage = ServerSessionMemoryCache::new(SERVER_SESSIONS),
    }
    Ok(Arc::new(config))
}

/// The name a certificate is checked against: the host part of a URL, with or without the brackets of IPv6.
///
/// # Errors
/// When it is neither a DNS name nor an IP address.
pub fn server_name(host: &str) -> Result<ServerName<'static>, TlsError> {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(bare.to_owned()).map_err(|_| TlsError::ServerName(host.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheapest_suite_comes_first() {
        let first = |has_aes| {
            let mut suites = rustls::crypto::ring::default_provider().cipher_suites;
            suites.sort_by_key(|suite| cost(suite.suite(), has_aes));
            (suites[0].suite(), suites.len())
        };
        let all = rustls::crypto::ring::default_provider().cipher_suites.len();
        assert_eq!(first(true), (CipherSuite::TLS13_AES_128_GCM_SHA256, all));
        assert_eq!(first(false), (CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, all));
        assert_eq!(provider().cipher_suites[0].suite(), first(has_aes()).0);
    }
}
