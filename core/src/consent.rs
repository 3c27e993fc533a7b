//! Recorded consent: nothing runs, no position is used and nothing is handed in before a person chose.
//!
//! Every choice is kept with the version of the text that was shown and its time (Law 91/2025/QH15 asks for consent
//! that can be proved); the newest one rules. A sample states the consent it was made under, and is handed in only
//! while the newest choice still allows at least as much.

use ispeed_protocol::UtcMicros;
use ispeed_protocol::consent::{Consent, Share};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::error::{Error, Result};
use crate::outbox::Outbox;

/// What the command line shares unless told otherwise: the commune and its 200 m cell, never the point.
pub const CLI_DEFAULT_SHARE: Share = Share::Commune;

/// Longest version text of a consent: it travels with every sample.
pub const CONSENT_VERSION_MAX_BYTES: usize = 64;

/// How much a share lets out, for comparing: none 0, commune 1, precise 2.
pub(crate) fn share_rank(share: Share) -> i64 {
    match share {
        Share::None => 0,
        Share::Commune => 1,
        Share::Precise => 2,
    }
}

fn share_of_rank(rank: i64) -> rusqlite::Result<Share> {
    match rank {
        0 => Ok(Share::None),
        1 => Ok(Share::Commune),
        2 => Ok(Share::Precise),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(3, other)),
    }
}

impl Outbox {
    /// Records a choice; it rules from now on. Errors: `input` for an empty or overlong version, `storage`.
    pub fn record_consent(&self, consent: &Consent) -> Result<()> {
        if consent.version.is_empty() || consent.version.len() > CONSENT_VERSION_MAX_BYTES {
            let expected = format!("the version of the text that was shown, 1 to {CONSENT_VERSION_MAX_BYTES} bytes");
            return Err(Error::input("consent.version", &consent.version, expected));
        }
        self.write(|tx| {
            tx.execute(
                "INSERT INTO consents (version, at, run, share, upload) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    consent.version,
                    consent.at.as_micros(),
                    consent.run,
                    share_rank(consent.share),
                    consent.upload
                ],
            )?;
            Ok(())
        })
    }

    /// The choice that rules, if one was ever made.
    pub fn consent(&self) -> Result<Option<Consent>> {
        self.read(current)
    }

    /// Every choice ever made here, oldest first: the proof the law asks for.
    pub fn consents(&self) -> Result<Vec<Consent>> {
        self.read(|connection| {
            let mut statement =
                connection.prepare("SELECT version, at, run, share, upload FROM consents ORDER BY seq")?;
            let rows = statement.query_map([], from_row)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Withdraws: no run, no position, no upload until a new choice. What waits stays here, unsent.
    pub fn withdraw_consent(&self, now: UtcMicros) -> Result<()> {
        let version = self.consent()?.map_or_else(|| "withdrawn".to_owned(), |consent| consent.version);
        self.record_consent(&Consent { version, at: now, run: false, share: Share::None, upload: false })
    }
}

/// The newest choice.
pub(crate) fn current(connection: &Connection) -> Result<Option<Consent>> {
    let newest = "SELECT version, at, run, share, upload FROM consents ORDER BY seq DESC LIMIT 1";
    Ok(connection.query_row(newest, [], from_row).optional()?)
}

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Consent> {
    Ok(Consent {
        version: row.get(0)?,
        at: UtcMicros(row.get(1)?),
        run: row.get(2)?,
        share: share_of_rank(row.get(3)?)?,
        upload: row.get(4)?,
    })
}
