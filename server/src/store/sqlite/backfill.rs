//! Rows for the samples of a store that was made before there were rows: computed from their bodies and from what the
//! collector had answered.

use ispeed_commune::gazetteer;
use ispeed_protocol::UtcMicros;
use ispeed_protocol::receipt::Receipt;
use ispeed_protocol::sample::Sample;
use ispeed_protocol::verdict::Verdict;
use rusqlite::{Connection, Row};

use super::{database, rows};
use crate::facts::{self, Found};
use crate::store::StoreError;
use crate::store::words::{parse, text_or_none};

/// Writes the row of every sample. The network an upload came from was not kept, so the operator is what the sample and its
/// evidence name; the province is the gazetteer's.
pub(super) fn rows(tx: &Connection) -> Result<(), StoreError> {
    let mut statement = tx
        .prepare(
            "SELECT position, sample.sha256, started_us, received_us, commune, unattested, bytes, counts, reasons, rules,
                    receipt.json
             FROM sample JOIN body USING (position) JOIN verdict USING (position)
             JOIN receipt ON receipt.sample_id = sample.id AND receipt.deletion = 0 ORDER BY position",
        )
        .map_err(database)?;
    let mut found = statement.query([]).map_err(database)?;
    while let Some(row) = found.next().map_err(database)? {
        one(tx, row)?;
    }
    Ok(())
}

fn one(tx: &Connection, row: &Row<'_>) -> Result<(), StoreError> {
    let text = |i: usize| row.get::<_, String>(i).map_err(database);
    let position: i64 = row.get(0).map_err(database)?;
    let body: Vec<u8> = row.get(6).map_err(database)?;
    let sample: Sample = serde_json::from_slice(&body)
        .map_err(|e| StoreError::Unreadable { what: "sample body", cause: format!("position {position}: {e}") })?;
    let commune = text_or_none(text(4)?);
    let verdict = Verdict {
        counts: row.get(7).map_err(database)?,
        reasons: parse("reasons", &text(8)?)?,
        rules: row.get(9).map_err(database)?,
    };
    let receipt: Receipt = parse("receipt", &text(10)?)?;
    let found = Found {
        sha256: &text(1)?,
        started_at: UtcMicros(row.get(2).map_err(database)?),
        received_at: UtcMicros(row.get(3).map_err(database)?),
        attested: !row.get::<_, bool>(5).map_err(database)?,
        province: commune.as_deref().and_then(gazetteer::commune).map(|commune| commune.province),
        commune: commune.as_deref(),
        upload_asn: None,
    };
    rows::insert(tx, position, &facts::decided(facts::of(&sample, &found), &verdict, &receipt))
}
