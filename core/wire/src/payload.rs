//! What load consists of: random bytes, which no middlebox can compress or remember.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Length of the block: longer than the windows of the compressors in modems and proxies (deflate 32 KiB), short enough
/// to stay in a phone's second-level cache.
pub const PAYLOAD_BYTES: usize = 1 << 20;
/// Plain bytes of a full TLS record (RFC 8446 section 5.1); writes are multiples of it, so that no record is short.
pub const RECORD_BYTES: usize = 16 * 1024;

/// How far each flow starts from the one before: a prime of records, so that flows of one run differ everywhere.
const FLOW_STRIDE_RECORDS: usize = 23;

/// A flow's place in the block of random bytes; the block is made once a process.
#[derive(Clone, Debug)]
pub struct Payload {
    block: &'static [u8],
    offset: usize,
}

impl Payload {
    /// The block at this flow's own offset.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn new() -> std::io::Result<Self> {
        static BLOCK: OnceLock<Vec<u8>> = OnceLock::new();
        static FLOWS: AtomicUsize = AtomicUsize::new(0);
        let block = match BLOCK.get() {
            Some(block) => block,
            None => {
                let mut bytes = vec![0; PAYLOAD_BYTES];
                getrandom::fill(&mut bytes).map_err(std::io::Error::from)?;
                BLOCK.get_or_init(|| bytes)
            }
        };
        let flow = FLOWS.fetch_add(FLOW_STRIDE_RECORDS, Ordering::Relaxed);
        Ok(Self { block, offset: flow % (PAYLOAD_BYTES / RECORD_BYTES) * RECORD_BYTES })
    }

    /// The next bytes to send: at most `max`, whole records as far as the block's end allows.
    pub fn chunk(&self, max: usize) -> &'static [u8] {
        let end = PAYLOAD_BYTES.min(self.offset + max);
        &self.block[self.offset..end]
    }

    /// Moves on by what was sent.
    pub fn advance(&mut self, bytes: usize) {
        self.offset = (self.offset + bytes) % PAYLOAD_BYTES;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flows_differ_and_the_block_is_random() {
        let (mut a, b) = (Payload::new().unwrap(), Payload::new().unwrap());
        assert_ne!(a.chunk(RECORD_BYTES), b.chunk(RECORD_BYTES));
        let mut counts = [0u32; 256];
        let mut seen = 0;
        while seen < PAYLOAD_BYTES {
            let chunk = a.chunk(3 * RECORD_BYTES);
            assert!(!chunk.is_empty());
            chunk.iter().for_each(|b| counts[usize::from(*b)] += 1);
            seen += chunk.len();
            a.advance(chunk.len());
        }
        let expected = seen as f64 / 256.0;
        // Chi squared of 255 degrees of freedom: mean 255, standard deviation 22.6; 500 is eleven of them away.
        let chi: f64 = counts.iter().map(|n| (f64::from(*n) - expected).powi(2) / expected).sum();
        assert!(chi < 500.0, "{chi}");
    }
}
