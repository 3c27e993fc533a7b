//! Into a store: receipts by the folder's own key, chained in the order of arrival.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Scope;

use ispeed_protocol::evidence::evidence_sha256;
use ispeed_protocol::receipt::{CHAIN_START, Receipt, ReceiptKind};
use ispeed_protocol::signing::{SecretKey, SignatureError};
use ispeed_protocol::{Month, PROTOCOL_VERSION, UtcMicros};
use ispeed_report::sample::ChainHead;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{Synth, SynthError, Unsigned};
use crate::facts;
use crate::store::{ChainLink, KeyUse, Store, StoredSample, UsedKey};

/// Samples that are handed over at once: some 10 MB.
const BATCH: usize = 2_000;
/// Batches that wait for the store.
const WAITING: usize = 2;

/// Kind and key of the record that says what was made here; `ispeed admin synth` writes into a store that is empty or
/// has it, and where its heads are still those of the chains.
const RECORD: (&str, &str) = ("synthetic", "months");

/// What was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    /// Samples.
    pub samples: u64,
    /// Devices they come from.
    pub devices: u64,
}

#[derive(Serialize, Deserialize, Default)]
struct MadeHere {
    months: Vec<MadeMonth>,
    heads: Vec<ChainHead>,
}

#[derive(Serialize, Deserialize)]
struct MadeMonth {
    month: Month,
    samples: u64,
    seed: u64,
    province: Option<String>,
}

/// Writes a planned month; `progress` is told how many samples the store has taken or waits to take.
///
/// # Errors
/// The store holds other samples, or has this month already; nothing is written then. Or the store fails.
pub async fn write(
    store: &dyn Store,
    key: &SecretKey,
    collector: &str,
    synth: Arc<Synth>,
    mut progress: impl FnMut(u64),
) -> Result<Written, SynthError> {
    let (mut made_here, revision) = admit(store, &synth).await?;
    let public = key.public().text();
    let since = UtcMicros(synth.spec().month.start().as_micros());
    store.register_key(UsedKey { purpose: KeyUse::Receipt, key: public.clone(), since }).await?;
    let head = made_here.heads.iter().find(|head| head.key == public);
    let link = head.map_or(ChainLink { sequence: 1, previous: CHAIN_START.to_owned() }, |head| ChainLink {
        sequence: head.sequence + 1,
        previous: head.sha256.clone(),
    });
    let (sender, batches) = mpsc::channel(WAITING);
    let (made, mut counts) = mpsc::unbounded_channel();
    let maker = {
        let (synth, key, collector) = (Arc::clone(&synth), key.clone(), collector.to_owned());
        tokio::task::spawn_blocking(move || make_all(&synth, &key, &collector, link, &sender, &made))
    };
    let told = async {
        while let Some(samples) = counts.recv().await {
            progress(samples);
        }
    };
    let (imported, ()) = tokio::join!(store.import_all(synth.len() as u64, batches), told);
    let imported = imported?;
    maker.await.map_err(|_| SynthError::Panicked)??;
    let spec = synth.spec().clone();
    made_here.heads = store.chain_heads().await?;
    made_here.months.push(MadeMonth {
        month: spec.month,
        samples: spec.samples,
        seed: spec.seed,
        province: spec.province,
    });
    let json = serde_json::to_string(&made_here).expect("text keys only");
    store.put_record(RECORD.0, RECORD.1, json, Some(revision)).await?;
    Ok(Written { samples: imported.stored, devices: synth.devices() as u64 })
}

/// Whether made-up samples may go into this store; what was made before.
async fn admit(store: &dyn Store, synth: &Synth) -> Result<(MadeHere, u64), SynthError> {
    let record = store.record(RECORD.0, RECORD.1).await?;
    let revision = record.as_ref().map_or(0, |record| record.revision);
    let made_here: MadeHere = record.and_then(|record| serde_json::from_str(&record.json).ok()).unwrap_or_default();
    let heads = store.chain_heads().await?;
    if heads != made_here.heads {
        let sum = |heads: &[ChainHead]| heads.iter().map(|head| head.sequence).sum::<u64>();
        return Err(SynthError::Real(sum(&heads).abs_diff(sum(&made_here.heads)).max(1)));
    }
    let spec = synth.spec();
    let overlaps = |made: &MadeMonth| {
        made.month == spec.month
            && made.seed == spec.seed
            && (made.province.is_none() || spec.province.is_none() || made.province == spec.province)
    };
    if made_here.months.iter().any(overlaps) {
        return Err(SynthError::Again(spec.month, spec.seed));
    }
    Ok((made_here, revision))
}

/// Hands over the month in batches, in order, and says each time how many samples that makes: made on all cores, signed
/// here, since each receipt names the one before it.
fn make_all(
    synth: &Synth,
    key: &SecretKey,
    collector: &str,
    mut link: ChainLink,
    sender: &mpsc::Sender<Vec<StoredSample>>,
    made: &mpsc::UnboundedSender<u64>,
) -> Result<(), SynthError> {
    let makers = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        let unsigned: Vec<_> = (0..makers).map(|maker| start_maker(scope, synth, maker, makers)).collect();
        let mut samples = 0;
        for at in 0..batches(synth) {
            // One that panicked hands over nothing more.
            let batch = unsigned[at % makers].recv().map_err(|_| SynthError::Panicked)?;
            samples += batch.len() as u64;
            let signed = batch.into_iter().map(|unsigned| signed(unsigned, key, collector, &mut link));
            if sender.blocking_send(signed.collect::<Result<_, _>>()?).is_err() {
                // The store failed, and whoever waits is told so.
                return Ok(());
            }
            // Nobody who listens is no reason to stop.
            let _ = made.send(samples);
        }
        Ok(())
    })
}

fn batches(synth: &Synth) -> usize {
    synth.len().div_ceil(BATCH)
}

/// Makes every `makers`th batch, of which one waits to be taken; ends when nobody takes them.
fn start_maker<'scope>(
    scope: &'scope Scope<'scope, '_>,
    synth: &'scope Synth,
    maker: usize,
    makers: usize,
) -> Receiver<Vec<Unsigned>> {
    let (sender, made) = sync_channel(1);
    scope.spawn(move || {
        for at in (maker..batches(synth)).step_by(makers) {
            let batch = synth.samples(at * BATCH..((at + 1) * BATCH).min(synth.len()));
            if sender.send(batch).is_err() {
                return;
            }
        }
    });
    made
}

/// Signs for the next place in the chain, and moves on to the one after it.
fn signed(
    unsigned: Unsigned,
    key: &SecretKey,
    collector: &str,
    link: &mut ChainLink,
) -> Result<StoredSample, SignatureError> {
    let receipt = Receipt {
        v: PROTOCOL_VERSION,
        kind: ReceiptKind::Sample,
        sample_id: unsigned.facts.id,
        sample_sha256: unsigned.facts.sha256.clone(),
        device_signature: None,
        evidence_sha256: evidence_sha256(&[]),
        attested: unsigned.facts.attested,
        received_at: unsigned.facts.received_at,
        collector: collector.to_owned(),
        sequence: link.sequence,
        previous: std::mem::take(&mut link.previous),
        key: String::new(),
        signature: String::new(),
    }
    .sign(key)?;
    *link = ChainLink { sequence: link.sequence + 1, previous: receipt.sha256() };
    let row = facts::decided(unsigned.facts, &unsigned.verdict, &receipt);
    Ok(StoredSample { row, body: unsigned.body, receipt, verdict: unsigned.verdict, place: None })
}
