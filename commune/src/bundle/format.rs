//! The layout of a bundle.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | [`MAGIC`] |
//! | 2 | [`VERSION`], little-endian |
//! | 8 | length of the whole file, little-endian |
//! | 32 | SHA-256 of everything before and after these 32 bytes |
//! | rest | payload |
//!
//! The payload is a run of LEB128 numbers (signed ones in zigzag), texts (length, UTF-8) and bit fields:
//! table name, valid-from, source; displacement in mm; number of communes and communes; number of nodes and nodes; number of
//! arcs, number of their vertices with their ends, and arcs.
//! A commune: code and province as differences of their numeric value, name, area in 10⁻⁴ km².
//! A node: x and y in units (see `plane`) as differences from the node before.
//! An arc, a stretch of border between two nodes with the same communes on either side: start node as a difference, end
//! node relative to the start, commune on the left and on the right (index + 1, 0 is none), number of vertices between the
//! nodes, then their coarse coordinates as differences, in blocks of [`BLOCK`]: two bit widths of [`WIDTH_BITS`] bits, then
//! the zigzag codes of x and y in those widths. The bit fields of an arc end on a whole byte.

/// First bytes of every bundle. The first is not ASCII, so that no text file begins so.
pub(crate) const MAGIC: [u8; 8] = *b"\x89ispeedB";

/// Version of the layout.
pub(crate) const VERSION: u16 = 1;

/// Bytes before the payload.
pub(crate) const HEADER_BYTES: usize = DIGEST_AT + DIGEST_BYTES;

/// Where the digest stands.
pub(crate) const DIGEST_AT: usize = 18;

/// Bytes of the digest.
pub(crate) const DIGEST_BYTES: usize = 32;

/// Vertices that share a pair of bit widths.
pub(crate) const BLOCK: usize = 16;

/// Bits of a bit width.
pub(crate) const WIDTH_BITS: u32 = 5;

/// Most communes a bundle can hold: owners are 16 bit and one value means none.
pub(crate) const MAX_COMMUNES: usize = u16::MAX as usize - 1;

/// SHA-256 of a bundle, leaving out the 32 bytes that hold it.
pub(crate) fn digest(bundle: &[u8]) -> [u8; DIGEST_BYTES] {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    hash.update(&bundle[..DIGEST_AT]);
    hash.update(&bundle[HEADER_BYTES..]);
    hash.finalize().into()
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}
