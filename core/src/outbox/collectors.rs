//! Collectors: their addresses, the keys they are known by, and how long to leave them alone.

use ispeed_protocol::UtcMicros;
use ispeed_protocol::signing::PublicKey;
use reqwest::Url;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::answer::ProblemKind;
use super::samples::{parse_id, requeue_in};
use super::{Outbox, retry};
use crate::error::{Error, Result};

/// How a key came to be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KeySource {
    /// It signed the first receipt this device got from the collector.
    FirstUse,
    /// A person or the program's settings named it.
    Explicit,
}

/// A key a collector is known by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CollectorKey {
    /// Base URL of the collector.
    pub collector: String,
    /// Public key, base64url.
    pub key: String,
    /// How it came to be trusted.
    pub source: KeySource,
    /// Since when.
    pub since: UtcMicros,
}

/// The one spelling of a collector's address: `https://host[:port][/path]`, no query, no trailing slash. Plain `http` only to
/// this machine, since a sample holds a position.
pub fn collector_url(text: &str) -> Result<String> {
    let wrong = || Error::input("collector", text, "https://host[:port], or http:// to this machine");
    let url = Url::parse(text).map_err(|_| wrong())?;
    let host = url.host_str().ok_or_else(wrong)?;
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    let here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    let plain = url.scheme() == "http" && here;
    let bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !(url.scheme() == "https" || plain) || !bare || url.password().is_some() {
        return Err(wrong());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

impl Outbox {
    /// Trusts `key` of a collector from now on, beside those it is known by. Samples that were quarantined because of an
    /// unknown key go back to the queue. Errors: `input` for an address or a key that is none.
    pub fn trust_collector(&self, collector: &str, key: &str, now: UtcMicros) -> Result<()> {
        let url = collector_url(collector)?;
        let key = PublicKey::parse(key).map_err(|e| Error::input("key", key, e.to_string()))?;
        self.write(|tx| {
            let known = trusted_keys(tx, &url)?.contains(&key);
            tx.execute(
                "INSERT INTO collector_keys (url, key, source, since) VALUES (?1, ?2, 'explicit', ?3) \
                 ON CONFLICT (url, key) DO UPDATE SET source = 'explicit'",
                params![url, key.text(), now.as_micros()],
            )?;
            if known {
                return Ok(());
            }
            let mut statement = tx.prepare(
                "SELECT id FROM samples WHERE state = 'quarantined' AND collector = ?1 AND problem_kind = ?2",
            )?;
            let ids = statement
                .query_map(params![url, ProblemKind::CollectorKeyChanged.text()], |row| row.get::<_, String>(0))?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            ids.iter().try_for_each(|id| requeue_in(tx, parse_id(id)?, now))
        })
    }

    /// Takes back a key; without any left, the next receipt decides again.
    pub fn distrust_collector(&self, collector: &str, key: &str) -> Result<()> {
        let url = collector_url(collector)?;
        self.write(|tx| {
            tx.execute("DELETE FROM collector_keys WHERE url = ?1 AND key = ?2", params![url, key])?;
            Ok(())
        })
    }

    /// The keys collectors are known by: of one, or of all.
    pub fn collector_keys(&self, collector: Option<&str>) -> Result<Vec<CollectorKey>> {
        let url = collector.map(collector_url).transpose()?;
        self.read(|connection| {
            let mut statement = connection.prepare(
                "SELECT url, key, source, since FROM collector_keys WHERE ?1 IS NULL OR url = ?1 ORDER BY url, since",
            )?;
            let rows = statement.query_map([url], |row| {
                let source =
                    if row.get::<_, String>(2)? == "explicit" { KeySource::Explicit } else { KeySource::FirstUse };
                Ok(CollectorKey { collector: row.get(0)?, key: row.get(1)?, source, since: UtcMicros(row.get(3)?) })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// The keys a collector signs with, as far as they are known.
    pub(crate) fn trusted_keys(&self, collector: &str) -> Result<Vec<PublicKey>> {
        let url = collector_url(collector)?;
        self.read(|connection| trusted_keys(connection, &url))
    }

    /// Forgets all back-off, because a person asks or the network came back. What a collector itself asked for stays.
    pub fn retry_now(&self) -> Result<()> {
        self.write(|tx| {
            tx.execute("UPDATE samples SET next_at = 0 WHERE state = 'waiting'", [])?;
            tx.execute("UPDATE collectors SET blocked_until = 0", [])?;
            Ok(())
        })
    }
}

/// Keys a receipt of this collector may be signed with; empty before the first one.
pub(super) fn trusted_keys(connection: &Connection, url: &str) -> Result<Vec<PublicKey>> {
    let mut statement = connection.prepare_cached("SELECT key FROM collector_keys WHERE url = ?1")?;
    let keys = statement.query_map([url], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    keys.iter().map(|key| PublicKey::parse(key).map_err(Error::storage)).collect()
}

/// Remembers the key of a first receipt.
pub(super) fn pin_first(connection: &Connection, url: &str, key: &str, now: UtcMicros) -> Result<()> {
    connection.execute(
        "INSERT INTO collector_keys (url, key, source, since) SELECT ?1, ?2, 'first_use', ?3 \
         WHERE NOT EXISTS (SELECT 1 FROM collector_keys WHERE url = ?1)",
        params![url, key, now.as_micros()],
    )?;
    Ok(())
}

/// A receipt came: whatever was wrong is over.
pub(super) fn succeeded(connection: &Connection, url: &str) -> Result<()> {
    connection.execute("DELETE FROM collectors WHERE url = ?1", [url])?;
    Ok(())
}

/// An upload failed: leave the collector alone for a while, longer each time in a row.
pub(super) fn failed(connection: &Connection, url: &str, now: UtcMicros, demanded_micros: Option<i64>) -> Result<()> {
    let failures: u32 = connection
        .query_row("SELECT failures FROM collectors WHERE url = ?1", [url], |row| row.get(0))
        .optional()?
        .unwrap_or(0);
    let failures = failures.saturating_add(1);
    let backoff = retry::backoff_micros(failures, retry::random_fraction());
    let demanded_until = demanded_micros.map_or(0, |wait| now.plus_micros(wait).as_micros());
    connection.execute(
        "INSERT INTO collectors (url, failures, blocked_until, demanded_until) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (url) DO UPDATE SET failures = ?2, blocked_until = ?3, demanded_until = ?4",
        params![url, failures, now.plus_micros(backoff).as_micros(), demanded_until],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_spelling() {
        for text in ["https://a.vn", "https://a.vn/", "HTTPS://A.VN:443/"] {
            assert_eq!(collector_url(text).unwrap(), "https://a.vn", "{text}");
        }
        assert_eq!(collector_url("http://127.0.0.1:8080/").unwrap(), "http://127.0.0.1:8080");
        assert_eq!(collector_url("http://[::1]:8080").unwrap(), "http://[::1]:8080");
        assert_eq!(collector_url("https://a.vn/ispeed/").unwrap(), "https://a.vn/ispeed");
    }

    #[test]
    fn a_position_is_never_sent_in_the_clear() {
        for text in ["http://a.vn", "ftp://a.vn", "a.vn", "https://a.vn?x=1", "https://u@a.vn", "http://10.0.0.1", ""] {
            let error = collector_url(text).unwrap_err();
            assert_eq!(error.kind(), "input", "{text}");
        }
    }
}
