//! The address of a database: what of it goes to the driver, how it is encrypted, and how it is named without its password.

use std::path::PathBuf;
use std::str::FromStr as _;
use std::sync::Arc;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_rustls::rustls::ClientConfig;

use super::tls::Rustls;
use crate::limits;
use crate::store::StoreError;

/// Where a database is.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) tls: Rustls,
    /// Without the password: for errors and logs.
    pub(super) shown: String,
}

/// Session settings every statement relies on: a commit is on the disk when it is answered, whatever the server's default is.
const SESSION: &str = "-c synchronous_commit=on -c default_transaction_isolation=read\\ committed \
     -c idle_in_transaction_session_timeout=60s -c client_min_messages=warning";

impl Address {
    /// Reads `postgres://user:password@host:port/database?sslmode=…&sslrootcert=FILE`.
    pub(super) fn parse(text: &str) -> Result<Self, StoreError> {
        let shown = redacted(text);
        let wrong = |cause: String| StoreError::Address { address: shown.clone(), cause };
        if !(text.starts_with("postgres://") || text.starts_with("postgresql://")) {
            return Err(wrong("expected postgres://user@host/database".into()));
        }
        let (plain, mode, roots) = take_tls(text);
        let mut config =
            Config::from_str(&plain).map_err(|e| wrong(format!("expected postgres://user@host/database ({e})")))?;
        if config.get_hosts().is_empty() || config.get_dbname().is_none() {
            return Err(wrong("expected a host and a database, postgres://user@host/database".into()));
        }
        let encrypted = match mode.as_deref() {
            Some("disable") => false,
            Some("require" | "verify-ca" | "verify-full") => true,
            None => !config.get_hosts().iter().all(is_local),
            Some(other) => {
                return Err(wrong(format!(
                    "sslmode={other}; expected disable or require (which verifies the certificate)"
                )));
            }
        };
        let tls = tls(roots).map_err(wrong)?;
        config.ssl_mode(if encrypted { SslMode::Require } else { SslMode::Disable });
        let own = config.get_options().map(|options| format!("{options} ")).unwrap_or_default();
        config.options(format!("{own}{SESSION}"));
        if config.get_application_name().is_none() {
            config.application_name("ispeed");
        }
        config
            .connect_timeout(limits::DATABASE_CONNECT_TIMEOUT)
            .tcp_user_timeout(limits::DATABASE_SILENCE)
            .keepalives_idle(limits::DATABASE_SILENCE);
        Ok(Self { config, tls, shown })
    }
}

/// A socket file or the loopback: nobody in between.
fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

fn tls(roots: Option<PathBuf>) -> Result<Rustls, String> {
    let pem = roots
        .map(|path| std::fs::read(&path).map_err(|e| format!("sslrootcert {}: {e}", path.display())))
        .transpose()?;
    let config = ispeed_wire::tls::client_config(pem.as_deref()).map_err(|e| format!("sslrootcert: {e}"))?;
    // What is spoken is not HTTP.
    let mut config: ClientConfig = (*config).clone();
    config.alpn_protocols.clear();
    Ok(Rustls(Arc::new(config)))
}

/// Takes the parameters that are ours to read out of the address: the driver knows fewer modes, and no file of roots.
fn take_tls(text: &str) -> (String, Option<String>, Option<PathBuf>) {
    let Some((head, query)) = text.split_once('?') else { return (text.to_owned(), None, None) };
    let (mut mode, mut roots, mut rest) = (None, None, Vec::new());
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("sslmode", value)) => mode = Some(value.to_owned()),
            Some(("sslrootcert", value)) => roots = Some(PathBuf::from(value.replace("%2F", "/").replace("%2f", "/"))),
            _ => rest.push(pair),
        }
    }
    let plain = if rest.is_empty() { head.to_owned() } else { format!("{head}?{}", rest.join("&")) };
    (plain, mode, roots)
}

/// The address without anything that may be a secret: no password, no parameters.
pub(super) fn redacted(text: &str) -> String {
    let head = text.split_once('?').map_or(text, |(head, _)| head);
    let Some((scheme, rest)) = head.split_once("://") else { return "…".to_owned() };
    match rest.rsplit_once('@') {
        Some((user, host)) => format!("{scheme}://{}@{host}", user.split(':').next().unwrap_or_default()),
        None => format!("{scheme}://{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for address in [
            "postgres://a:s3cret@db.example/ispeed",
            "postgres://a:s3@cret@db/ispeed?password=s3cret",
            "s3cret",
            "a:s3cret@b",
        ] {
            assert!(!redacted(address).contains("cret"), "{}", redacted(address));
        }
        assert_eq!(redacted("postgres://a:b@db:5433/x?y=z"), "postgres://a@db:5433/x");
        let error = Address::parse("postgres://a:s3cret@db").err().unwrap().to_string();
        assert!(error.contains("a database") && !error.contains("s3cret"), "{error}");
    }

    #[test]
    fn the_network_is_encrypted_unless_somebody_says_otherwise() {
        let mode = |address: &str| Address::parse(address).map(|a| a.config.get_ssl_mode());
        assert_eq!(mode("postgres://a@db.example/x").unwrap(), SslMode::Require);
        assert_eq!(mode("postgres://a@db.example/x?sslmode=disable").unwrap(), SslMode::Disable);
        assert_eq!(mode("postgres://a@127.0.0.1/x").unwrap(), SslMode::Disable);
        assert_eq!(mode("postgres://a@127.0.0.1/x?sslmode=require").unwrap(), SslMode::Require);
        assert_eq!(mode("postgres://a@%2Frun%2Fpostgresql/x").unwrap(), SslMode::Disable);
        for wrong in ["postgres://a@db/x?sslmode=prefer", "mysql://a@b/c", "postgres://a@db/x?sslrootcert=/no/such"] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn commits_are_flushed_whatever_the_server_says() {
        let address = Address::parse("postgres://a@db/x?options=-c%20search_path%3Dispeed&sslmode=disable").unwrap();
        let options = address.config.get_options().unwrap();
        assert!(options.contains("search_path=ispeed") && options.contains("synchronous_commit=on"), "{options}");
    }
}
