//! The device's secret and what is derived from it: no account, no name, one unlinkable key a month.
//!
//! The secret is one row of the outbox, in a file only its owner may read (mode 0600). It never leaves the device;
//! whoever copies the file is the device.

use ispeed_protocol::identity::{device_id, device_key};
use ispeed_protocol::signing::SecretKey;
use ispeed_protocol::{Month, UtcMicros};
use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// The secret of this installation.
pub struct Identity {
    secret: Zeroizing<[u8; 32]>,
}

impl Identity {
    /// An identity from 32 secret bytes.
    pub fn from_secret(secret: [u8; 32]) -> Self {
        Self { secret: Zeroizing::new(secret) }
    }

    /// The signing key of a month (UTC+7).
    pub fn key(&self, month: Month) -> SecretKey {
        device_key(&self.secret, month)
    }

    /// The device id of a month: 32 hex digits.
    pub fn device_id(&self, month: Month) -> String {
        device_id(&self.key(month).public())
    }

    /// Reads the secret of an outbox, or makes it on first use. Runs inside the transaction that opens the outbox, so
    /// that two programs opening a new file at once agree on one secret.
    pub(crate) fn load_or_make(connection: &Connection, now: UtcMicros) -> Result<Self> {
        let stored: Option<Zeroizing<Vec<u8>>> = connection
            .query_row("SELECT secret FROM device WHERE only = 1", [], |row| row.get(0).map(Zeroizing::new))
            .optional()?;
        let mut secret = Zeroizing::new([0u8; 32]);
        if let Some(stored) = stored {
            let wrong = || Error::storage("the device secret is not 32 bytes: the file was changed by another program");
            secret.copy_from_slice(stored.get(..32).filter(|_| stored.len() == 32).ok_or_else(wrong)?);
        } else {
            getrandom::fill(secret.as_mut()).map_err(Error::internal)?;
            connection.execute(
                "INSERT INTO device (only, secret, made_at) VALUES (1, ?1, ?2)",
                params![secret.as_slice(), now.as_micros()],
            )?;
        }
        Ok(Self { secret })
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(secret)")
    }
}

/// Whether the next sample carries the first-run flag: no sample has been given it yet.
///
/// The flag is bound to one sample in the transaction that keeps that sample, so neither a crash nor a second program
/// makes two samples carry it; it is done with when that sample got its receipt, and free again when its owner
/// deletes the sample before.
pub(crate) fn first_run_is_free(connection: &Connection) -> Result<bool> {
    let bound = connection
        .query_row("SELECT first_run_sample IS NOT NULL FROM device WHERE only = 1", [], |row| row.get::<_, bool>(0))?;
    Ok(!bound)
}

pub(crate) fn bind_first_run(connection: &Connection, sample: Uuid) -> Result<()> {
    connection.execute(
        "UPDATE device SET first_run_sample = ?1 WHERE only = 1 AND first_run_sample IS NULL",
        [sample.to_string()],
    )?;
    Ok(())
}

pub(crate) fn settle_first_run(connection: &Connection, sample: Uuid) -> Result<()> {
    connection.execute(
        "UPDATE device SET first_run_done = 1 WHERE only = 1 AND first_run_sample = ?1",
        [sample.to_string()],
    )?;
    Ok(())
}

pub(crate) fn free_first_run(connection: &Connection, sample: Uuid) -> Result<()> {
    connection.execute(
        "UPDATE device SET first_run_sample = NULL WHERE only = 1 AND first_run_done = 0 AND first_run_sample = ?1",
        [sample.to_string()],
    )?;
    Ok(())
}
