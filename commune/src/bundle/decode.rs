//! From the bytes of a bundle to communes and arcs; every number is checked before it is used.

use super::bits::{Reader, unzigzag};
use super::error::BundleError;
use super::format::{BLOCK, DIGEST_AT, HEADER_BYTES, MAGIC, MAX_COMMUNES, VERSION, WIDTH_BITS, digest, hex};
use crate::plane::{COARSE_SHIFT, UNITS_PER_DEGREE, Vertex};

/// Owner of what belongs to no commune.
pub(crate) const NOBODY: u16 = u16::MAX;

/// Most vertices a bundle may hold, so that a hostile one cannot fill a phone's memory: ten times Vietnam's.
const MAX_VERTICES: u64 = 1 << 23;

/// One commune as stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredCommune {
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) province: String,
    pub(crate) area_km2: f64,
}

/// The communes on either side of an arc, seen along it; [`NOBODY`] is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sides {
    pub(crate) left: u16,
    pub(crate) right: u16,
}

/// A decoded bundle: arcs are `vertices[starts[i]..starts[i + 1]]` with `sides[i]`.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) name: String,
    pub(super) valid_from: String,
    pub(super) source: String,
    pub(super) sha256: String,
    pub(super) displacement_m: f64,
    pub(super) communes: Vec<StoredCommune>,
    pub(super) vertices: Vec<Vertex>,
    pub(super) starts: Vec<u32>,
    pub(super) sides: Vec<Sides>,
}

/// Decodes a whole bundle.
pub(super) fn decode(bytes: &[u8]) -> Result<Content, BundleError> {
    let sha256 = check_header(bytes)?;
    let mut reader = Reader::new(&bytes[HEADER_BYTES..]);
    let name = reader.text("table name")?;
    let valid_from = reader.text("valid_from")?;
    let source = reader.text("source")?;
    let displacement_m = reader.varint_up_to(1_000_000, "displacement")? as f64 / 1000.0;
    let communes = read_communes(&mut reader)?;
    let nodes = read_nodes(&mut reader)?;
    let mut content = Content {
        name,
        valid_from,
        source,
        sha256,
        displacement_m,
        communes,
        vertices: Vec::new(),
        starts: vec![0],
        sides: Vec::new(),
    };
    read_arcs(&mut reader, &nodes, &mut content)?;
    if reader.remaining() > 0 {
        return Err(BundleError::malformed("end", &format!("followed by {} bytes, expected none", reader.remaining())));
    }
    Ok(content)
}

fn check_header(bytes: &[u8]) -> Result<String, BundleError> {
    let foreign = |found: &[u8]| BundleError::Foreign {
        found: found.escape_ascii().to_string(),
        expected: MAGIC.escape_ascii().to_string(),
    };
    if !bytes.starts_with(&MAGIC) {
        return Err(foreign(&bytes[..bytes.len().min(MAGIC.len())]));
    }
    let found = bytes.len() as u64;
    let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else {
        return Err(BundleError::Length { found, expected: HEADER_BYTES as u64 });
    };
    let version = u16::from_le_bytes([header[8], header[9]]);
    if version != VERSION {
        return Err(BundleError::Version { found: version, supported: VERSION });
    }
    let mut length = [0; 8];
    length.copy_from_slice(&header[10..DIGEST_AT]);
    let expected = u64::from_le_bytes(length);
    if found != expected {
        return Err(BundleError::Length { found, expected });
    }
    let (found, expected) = (hex(&digest(bytes)), hex(&header[DIGEST_AT..]));
    if found != expected {
        return Err(BundleError::Checksum { found, expected });
    }
    Ok(expected)
}

fn read_communes(reader: &mut Reader<'_>) -> Result<Vec<StoredCommune>, BundleError> {
    let count = reader.varint_up_to(MAX_COMMUNES as u64, "number of communes")? as usize;
    let mut communes = Vec::with_capacity(count.min(reader.remaining()));
    let mut code = 0u64;
    for index in 0..count {
        let step = reader.varint_up_to(99_999, "commune code")?;
        code += step;
        if code > 99_999 || (step == 0 && index > 0) {
            return Err(BundleError::malformed("commune code", &format!("{code}, expected ascending up to 99999")));
        }
        let province = reader.varint_up_to(99, "province code")?;
        communes.push(StoredCommune {
            code: format!("{code:05}"),
            province: format!("{province:02}"),
            name: reader.text("commune name")?,
            area_km2: reader.varint_up_to(1 << 44, "commune area")? as f64 / 1e4,
        });
    }
    Ok(communes)
}

fn read_nodes(reader: &mut Reader<'_>) -> Result<Vec<Vertex>, BundleError> {
    // A node takes at least two bytes, which bounds what a false count can make us reserve.
    let count = reader.varint_up_to(reader.remaining() as u64 / 2, "number of nodes")? as usize;
    let mut nodes = Vec::with_capacity(count);
    let (mut x, mut y) = (0i64, 0i64);
    for _ in 0..count {
        x = x.saturating_add(reader.signed("node x")?);
        y = y.saturating_add(reader.signed("node y")?);
        nodes.push(on_earth(x, y)?);
    }
    Ok(nodes)
}

fn on_earth(x: i64, y: i64) -> Result<Vertex, BundleError> {
    let half = 180 * UNITS_PER_DEGREE as i64;
    if x.abs() > half + (1 << COARSE_SHIFT) || y.abs() > half / 2 + (1 << COARSE_SHIFT) {
        return Err(BundleError::malformed("vertex", &format!("({x}, {y}), expected one on earth")));
    }
    Ok(Vertex { x: x as i32, y: y as i32 })
}

fn read_arcs(reader: &mut Reader<'_>, nodes: &[Vertex], content: &mut Content) -> Result<(), BundleError> {
    let count = reader.varint_up_to(reader.remaining() as u64, "number of arcs")? as usize;
    let total = reader.varint_up_to(MAX_VERTICES, "number of vertices")? as usize;
    content.vertices.reserve_exact(total);
    content.starts.reserve_exact(count);
    content.sides.reserve_exact(count);
    let commune_count = content.communes.len() as u64;
    let mut start = 0i64;
    for _ in 0..count {
        start = start.saturating_add(reader.varint("start node")? as i64);
        let end = start.saturating_add(reader.signed("end node")?);
        let (from, to) = (node(nodes, start)?, node(nodes, end)?);
        // 0 stands for nobody, so the wrap-around turns it into NOBODY.
        let mut side = || -> Result<u16, BundleError> {
            Ok((reader.varint_up_to(commune_count, "side of an arc")? as u16).wrapping_sub(1))
        };
        content.sides.push(Sides { left: side()?, right: side()? });
        content.vertices.push(from);
        let room = total.saturating_sub(content.vertices.len() + 1);
        read_interior(reader, from, room, &mut content.vertices)?;
        content.vertices.push(to);
        content.starts.push(content.vertices.len() as u32);
    }
    if content.vertices.len() != total {
        return Err(BundleError::malformed(
            "number of vertices",
            &format!("{total}, expected {}", content.vertices.len()),
        ));
    }
    Ok(())
}

fn node(nodes: &[Vertex], index: i64) -> Result<Vertex, BundleError> {
    usize::try_from(index)
        .ok()
        .and_then(|index| nodes.get(index))
        .copied()
        .ok_or_else(|| BundleError::malformed("node of an arc", &format!("{index}, expected one of {}", nodes.len())))
}

fn read_interior(
    reader: &mut Reader<'_>,
    from: Vertex,
    room: usize,
    into: &mut Vec<Vertex>,
) -> Result<(), BundleError> {
    const WHAT: &str = "vertices of an arc";
    let mut left = reader.varint_up_to(room as u64, WHAT)? as usize;
    let (mut x, mut y) = (coarse(from.x), coarse(from.y));
    let mut bits = reader.bits();
    while left > 0 {
        let count = left.min(BLOCK);
        bits.need(2 * WIDTH_BITS as usize, WHAT)?;
        let (x_width, y_width) = (bits.take(WIDTH_BITS) as u32, bits.take(WIDTH_BITS) as u32);
        bits.need(count * (x_width + y_width) as usize, WHAT)?;
        for _ in 0..count {
            x += unzigzag(bits.take(x_width));
            y += unzigzag(bits.take(y_width));
            into.push(on_earth(x << COARSE_SHIFT, y << COARSE_SHIFT)?);
        }
        left -= count;
    }
    bits.finish();
    Ok(())
}

/// The coarse coordinate nearest to a full one.
pub(crate) fn coarse(full: i32) -> i64 {
    (i64::from(full) + (1 << (COARSE_SHIFT - 1))) >> COARSE_SHIFT
}
