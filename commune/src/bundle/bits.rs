//! Bytes, variable-length integers and bit fields out of a bundle, never past its end.

use super::BundleError;

/// Reads forward through a bundle's payload.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(super) fn take(&mut self, count: usize, what: &str) -> Result<&'a [u8], BundleError> {
        let taken = self.bytes[self.at..].get(..count).ok_or_else(|| BundleError::ends_in(what))?;
        self.at += count;
        Ok(taken)
    }

    /// LEB128, at most 64 bits.
    pub(super) fn varint(&mut self, what: &str) -> Result<u64, BundleError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at).ok_or_else(|| BundleError::ends_in(what))?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(BundleError::malformed(what, "a number of more than 64 bits"))
    }

    /// A number of at most `limit`.
    pub(super) fn varint_up_to(&mut self, limit: u64, what: &str) -> Result<u64, BundleError> {
        let value = self.varint(what)?;
        if value > limit {
            return Err(BundleError::malformed(what, &format!("{value}, expected at most {limit}")));
        }
        Ok(value)
    }

    /// A signed number in zigzag form.
    pub(super) fn signed(&mut self, what: &str) -> Result<i64, BundleError> {
        self.varint(what).map(unzigzag)
    }

    /// Text with its length before it.
    pub(super) fn text(&mut self, what: &str) -> Result<String, BundleError> {
        let length = self.varint_up_to(self.remaining() as u64, what)?;
        let bytes = self.take(length as usize, what)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| BundleError::malformed(what, "text that is not UTF-8"))
    }

    /// Begins a run of bit fields at the present byte.
    pub(super) fn bits(&mut self) -> Bits<'a, '_> {
        Bits { reader: self, taken: 0 }
    }
}

/// Bit fields, least significant first. They end on a whole byte: see [`Bits::finish`].
pub(super) struct Bits<'a, 'r> {
    reader: &'r mut Reader<'a>,
    /// Bits taken since the reader's place.
    taken: usize,
}

impl Bits<'_, '_> {
    /// Fails unless that many more bits are there.
    pub(super) fn need(&self, count: usize, what: &str) -> Result<(), BundleError> {
        if (self.taken + count).div_ceil(8) > self.reader.remaining() {
            Err(BundleError::ends_in(what))
        } else {
            Ok(())
        }
    }

    /// A field of `width` ≤ 32 bits; beyond the end there are zeros.
    #[inline]
    pub(super) fn take(&mut self, width: u32) -> u64 {
        let rest = &self.reader.bytes[(self.reader.at + self.taken / 8).min(self.reader.bytes.len())..];
        let word = match rest.first_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            None => {
                let mut word = [0; 8];
                word[..rest.len()].copy_from_slice(rest);
                u64::from_le_bytes(word)
            }
        };
        let value = (word >> (self.taken % 8)) & ((1 << width) - 1);
        self.taken += width as usize;
        value
    }

    /// Goes on after the last byte begun.
    pub(super) fn finish(self) {
        self.reader.at += self.taken.div_ceil(8);
    }
}

/// The signed number of a zigzag code (0, −1, 1, −2, …).
pub(super) fn unzigzag(code: u64) -> i64 {
    (code >> 1) as i64 ^ -((code & 1) as i64)
}
