//! Writing a bundle; the layout is in `bundle/format.rs`.

use super::BuildOptions;
use super::input::SourceCommune;
use super::simplify::SimpleArc;
use crate::bundle::format::{BLOCK, DIGEST_AT, HEADER_BYTES, MAGIC, VERSION, WIDTH_BITS, digest};
use crate::bundle::{NOBODY, Sides, coarse};
use crate::plane::Vertex;

/// A stretch of an arc between two vertices of full resolution, running from the lesser node to the greater.
struct Piece {
    from: usize,
    to: usize,
    sides: Sides,
    /// Coarse coordinates.
    interior: Vec<(i64, i64)>,
}

/// Writes the bundle.
pub(super) fn encode(
    options: &BuildOptions,
    communes: &[SourceCommune],
    arcs: &[SimpleArc<'_>],
    displacement_m: f64,
) -> Vec<u8> {
    let mut out = Writer(vec![0; HEADER_BYTES]);
    out.text(&options.table);
    out.text(&options.valid_from);
    out.text(&options.source);
    out.varint((displacement_m * 1000.0).ceil() as u64);
    out.communes(communes);
    let nodes = nodes(arcs);
    out.nodes(&nodes);
    out.pieces(&pieces(arcs, &nodes), &nodes);

    let mut bundle = out.0;
    let length = (bundle.len() as u64).to_le_bytes();
    bundle[..MAGIC.len()].copy_from_slice(&MAGIC);
    bundle[MAGIC.len()..MAGIC.len() + 2].copy_from_slice(&VERSION.to_le_bytes());
    bundle[MAGIC.len() + 2..DIGEST_AT].copy_from_slice(&length);
    let digest = digest(&bundle);
    bundle[DIGEST_AT..HEADER_BYTES].copy_from_slice(&digest);
    bundle
}

/// All vertices kept at full resolution, in an order that keeps neighbours near each other (Morton 1966).
fn nodes(arcs: &[SimpleArc<'_>]) -> Vec<Vertex> {
    let full =
        |arc: &SimpleArc<'_>| arc.vertices().filter(|(_, full)| *full).map(|(vertex, _)| vertex).collect::<Vec<_>>();
    let mut nodes: Vec<Vertex> = arcs.iter().flat_map(full).collect();
    nodes.sort_unstable_by_key(|node| morton(*node));
    nodes.dedup();
    nodes
}

fn morton(vertex: Vertex) -> u64 {
    let spread = |coordinate: i32| {
        let mut bits = u64::from((coordinate as u32) ^ 0x8000_0000);
        for (shift, mask) in [
            (16, 0x0000_ffff_0000_ffff),
            (8, 0x00ff_00ff_00ff_00ff),
            (4, 0x0f0f_0f0f_0f0f_0f0f),
            (2, 0x3333_3333_3333_3333),
            (1, 0x5555_5555_5555_5555),
        ] {
            bits = (bits | (bits << shift)) & mask;
        }
        bits
    };
    spread(vertex.x) | (spread(vertex.y) << 1)
}

fn pieces(arcs: &[SimpleArc<'_>], nodes: &[Vertex]) -> Vec<Piece> {
    let number = |node: Vertex| {
        nodes
            .binary_search_by_key(&morton(node), |node| morton(*node))
            .expect("every vertex at full resolution is a node")
    };
    let mut pieces = Vec::new();
    for arc in arcs {
        let mut from = None;
        let mut interior = Vec::new();
        for (vertex, full) in arc.vertices() {
            if !full {
                interior.push((coarse(vertex.x), coarse(vertex.y)));
                continue;
            }
            let to = number(vertex);
            if let Some(from) = from {
                pieces.push(Piece { from, to, sides: arc.sides(), interior: std::mem::take(&mut interior) }.forward());
            }
            from = Some(to);
        }
    }
    pieces.sort_by_key(|piece| (piece.from, piece.to));
    pieces
}

impl Piece {
    fn forward(mut self) -> Self {
        if self.from > self.to {
            (self.from, self.to) = (self.to, self.from);
            self.sides = Sides { left: self.sides.right, right: self.sides.left };
            self.interior.reverse();
        }
        self
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

struct Writer(Vec<u8>);

impl Writer {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn signed(&mut self, value: i64) {
        self.varint(zigzag(value));
    }

    fn text(&mut self, text: &str) {
        self.varint(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn communes(&mut self, communes: &[SourceCommune]) {
        let number = |digits: &str| digits.parse::<u64>().expect("the reader lets only digits through");
        self.varint(communes.len() as u64);
        let mut before = 0;
        for commune in communes {
            let code = number(&commune.code);
            self.varint(code - before);
            before = code;
            self.varint(number(&commune.province));
            self.text(&commune.name);
            self.varint((commune.area_or_computed_km2() * 1e4).round() as u64);
        }
    }

    fn nodes(&mut self, nodes: &[Vertex]) {
        self.varint(nodes.len() as u64);
        let mut before = Vertex::default();
        for node in nodes {
            self.signed(i64::from(node.x) - i64::from(before.x));
            self.signed(i64::from(node.y) - i64::from(before.y));
            before = *node;
        }
    }

    fn pieces(&mut self, pieces: &[Piece], nodes: &[Vertex]) {
        self.varint(pieces.len() as u64);
        self.varint(pieces.iter().map(|piece| piece.interior.len() as u64 + 2).sum());
        let mut before = 0;
        for piece in pieces {
            self.varint((piece.from - before) as u64);
            before = piece.from;
            self.signed(piece.to as i64 - piece.from as i64);
            for side in [piece.sides.left, piece.sides.right] {
                self.varint(if side == NOBODY { 0 } else { u64::from(side) + 1 });
            }
            self.varint(piece.interior.len() as u64);
            self.interior(nodes[piece.from], &piece.interior);
        }
    }

    fn interior(&mut self, from: Vertex, interior: &[(i64, i64)]) {
        let mut before = (coarse(from.x), coarse(from.y));
        let mut bits = BitWriter { bytes: &mut self.0, held: 0, count: 0 };
        for block in interior.chunks(BLOCK) {
            let mut steps = Vec::with_capacity(BLOCK);
            for place in block {
                steps.push((zigzag(place.0 - before.0), zigzag(place.1 - before.1)));
                before = *place;
            }
            let width =
                |axis: fn(&(u64, u64)) -> u64| u64::BITS - steps.iter().map(axis).max().unwrap_or(0).leading_zeros();
            let (x_width, y_width) = (width(|step| step.0), width(|step| step.1));
            bits.put(u64::from(x_width), WIDTH_BITS);
            bits.put(u64::from(y_width), WIDTH_BITS);
            for (x, y) in steps {
                bits.put(x, x_width);
                bits.put(y, y_width);
            }
        }
        bits.finish();
    }
}

struct BitWriter<'a> {
    bytes: &'a mut Vec<u8>,
    held: u64,
    count: u32,
}

impl BitWriter<'_> {
    fn put(&mut self, value: u64, width: u32) {
        self.held |= value << self.count;
        self.count += width;
        while self.count >= 8 {
            self.bytes.push(self.held as u8);
            self.held >>= 8;
            self.count -= 8;
        }
    }

    fn finish(self) {
        if self.count > 0 {
            self.bytes.push(self.held as u8);
        }
    }
}
