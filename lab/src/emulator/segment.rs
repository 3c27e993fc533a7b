//! Splits what the kernel hands over as one piece (TCP or UDP segmentation offload) into the packets a wire would carry.
//!
//! The kernel leaves segmentation and checksums to the device, as to any network card. Each packet is then served, logged
//! and delivered alone; its transport checksum stays partial, which the receiving kernel accepts from a virtual device.

/// Bytes of the header before every packet (virtio specification 1.2, section 5.1.6, without `num_buffers`).
pub(super) const OFFLOAD_HEADER_BYTES: usize = 10;
/// The transport checksum is partial: sum from `checksum_start` into `checksum_start + checksum_offset`.
const NEEDS_CHECKSUM: u8 = 1;
const SEGMENT_TCP_IPV4: u8 = 1;
const SEGMENT_TCP_IPV6: u8 = 4;
const SEGMENT_UDP: u8 = 5;
/// Set beside the kind when the first segment bears CWR.
const WITH_ECN: u8 = 0x80;
/// IPv6, a few extension headers, and TCP with all its options.
const MOST_HEAD_BYTES: usize = 256;

const TCP_FIN_PSH: u8 = 0x09;
const TCP_CWR: u8 = 0x80;

/// The header before a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Offload {
    flags: u8,
    kind: u8,
    segment_bytes: usize,
    checksum_start: u16,
    checksum_offset: u16,
}

impl Offload {
    /// Header and packet of what was read from the device; `None` if it is too short for both.
    pub(super) fn parse(read: &[u8]) -> Option<(Self, &[u8])> {
        let (header, packet) = read.split_first_chunk::<OFFLOAD_HEADER_BYTES>()?;
        let u16_at = |i: usize| u16::from_ne_bytes([header[i], header[i + 1]]);
        let offload = Self {
            flags: header[0],
            kind: header[1] & !WITH_ECN,
            segment_bytes: usize::from(u16_at(4)),
            checksum_start: u16_at(6),
            checksum_offset: u16_at(8),
        };
        (!packet.is_empty()).then_some((offload, packet))
    }

    /// The header of one packet on its own.
    pub(super) fn of_one_packet(&self) -> [u8; OFFLOAD_HEADER_BYTES] {
        let mut out = [0; OFFLOAD_HEADER_BYTES];
        if self.flags & NEEDS_CHECKSUM != 0 {
            out[0] = NEEDS_CHECKSUM;
            out[6..8].copy_from_slice(&self.checksum_start.to_ne_bytes());
            out[8..10].copy_from_slice(&self.checksum_offset.to_ne_bytes());
        }
        out
    }

    /// Calls `each` with head and payload of every packet in `packet`, in order.
    pub(super) fn split(&self, packet: &[u8], mut each: impl FnMut(&[u8], &[u8])) {
        let Some(plan) = self.plan(packet) else { return each(packet, &[]) };
        let mut head = [0; MOST_HEAD_BYTES];
        let (whole_head, payload) = packet.split_at(plan.head_bytes);
        let mut offset = 0;
        let pieces = payload.len().div_ceil(self.segment_bytes);
        for (i, piece) in payload.chunks(self.segment_bytes).enumerate() {
            let head = &mut head[..plan.head_bytes];
            head.copy_from_slice(whole_head);
            plan.patch(head, i, offset, piece.len(), payload.len(), i + 1 == pieces);
            each(head, piece);
            offset += piece.len();
        }
    }

    /// How to split, if there is anything to split and the headers are where they are said to be.
    fn plan(&self, packet: &[u8]) -> Option<Plan> {
        let transport = usize::from(self.checksum_start);
        let (is_tcp, head_bytes) = match self.kind {
            SEGMENT_TCP_IPV4 | SEGMENT_TCP_IPV6 => {
                (true, transport + usize::from(*packet.get(transport + 12)? >> 4) * 4)
            }
            SEGMENT_UDP => (false, transport + 8),
            _ => return None,
        };
        let is_ipv4 = packet.first()? >> 4 == 4;
        let sound = self.segment_bytes > 0
            && transport >= if is_ipv4 { 20 } else { 40 }
            && head_bytes <= MOST_HEAD_BYTES
            && head_bytes >= transport + if is_tcp { 20 } else { 8 }
            && packet.len() > head_bytes;
        sound.then_some(Plan { is_ipv4, is_tcp, transport, head_bytes })
    }
}

#[derive(Clone, Copy)]
struct Plan {
    is_ipv4: bool,
    is_tcp: bool,
    transport: usize,
    head_bytes: usize,
}

impl Plan {
    /// Makes the head of the whole that of the `index`-th packet, whose payload starts at `offset`.
    fn patch(&self, head: &mut [u8], index: usize, offset: usize, bytes: usize, all_bytes: usize, last: bool) {
        let transport_bytes = |payload: usize| (self.head_bytes - self.transport + payload) as u16;
        if self.is_ipv4 {
            let id = u16::from_be_bytes([head[4], head[5]]).wrapping_add(index as u16);
            head[2..4].copy_from_slice(&((self.head_bytes + bytes) as u16).to_be_bytes());
            head[4..6].copy_from_slice(&id.to_be_bytes());
            head[10..12].fill(0);
            let sum = !folded_sum(&head[..self.transport]);
            head[10..12].copy_from_slice(&sum.to_be_bytes());
        } else {
            head[4..6].copy_from_slice(&((self.head_bytes + bytes - 40) as u16).to_be_bytes());
        }
        let at = self.transport;
        let check = if self.is_tcp {
            let sequence = u32::from_be_bytes([head[at + 4], head[at + 5], head[at + 6], head[at + 7]]);
            head[at + 4..at + 8].copy_from_slice(&sequence.wrapping_add(offset as u32).to_be_bytes());
            if !last {
                head[at + 13] &= !TCP_FIN_PSH;
            }
            if index > 0 {
                head[at + 13] &= !TCP_CWR;
            }
            at + 16
        } else {
            head[at + 4..at + 6].copy_from_slice(&transport_bytes(bytes).to_be_bytes());
            at + 6
        };
        // The partial checksum is the sum of the pseudo header, of which only the length changes (RFC 1624).
        let partial = [head[check], head[check + 1]];
        let without = (!transport_bytes(all_bytes)).to_be_bytes();
        let with = transport_bytes(bytes).to_be_bytes();
        let sum = folded_sum(&[partial[0], partial[1], without[0], without[1], with[0], with[1]]);
        head[check..check + 2].copy_from_slice(&sum.to_be_bytes());
    }
}

/// The one's complement sum of the 16 bit words of `bytes` (RFC 1071).
fn folded_sum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes.chunks(2).map(|w| u32::from(u16::from_be_bytes([w[0], *w.get(1).unwrap_or(&0)]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A TCP packet of 32 bytes of TCP header with the partial checksum the kernel writes.
    fn whole(version: u8, payload: &[u8], flags: u8) -> (Vec<u8>, usize) {
        let transport = if version == 4 { 20 } else { 40 };
        let mut out = vec![0u8; transport + 32];
        let total = out.len() + payload.len();
        let tcp_bytes = (total - transport) as u16;
        let mut pseudo = Vec::new();
        if version == 4 {
            out[0] = 0x45;
            out[2..4].copy_from_slice(&(total as u16).to_be_bytes());
            out[4..6].copy_from_slice(&0xffff_u16.to_be_bytes());
            out[9] = 6;
            out[12..20].copy_from_slice(&[10, 78, 1, 2, 10, 78, 0, 2]);
            pseudo.extend_from_slice(&out[12..20]);
        } else {
            out[0] = 0x60;
            out[4..6].copy_from_slice(&((total - 40) as u16).to_be_bytes());
            out[6] = 6;
            out[8..40].copy_from_slice(&[0xfd; 32]);
            pseudo.extend_from_slice(&out[8..40]);
        }
        pseudo.extend_from_slice(&[0, 6]);
        pseudo.extend_from_slice(&tcp_bytes.to_be_bytes());
        let at = transport;
        out[at..at + 4].copy_from_slice(&[0x23, 0x2a, 0x9c, 0x40]);
        out[at + 4..at + 8].copy_from_slice(&0xffff_fff0_u32.to_be_bytes());
        out[at + 12] = 8 << 4;
        out[at + 13] = flags;
        out[at + 16..at + 18].copy_from_slice(&folded_sum(&pseudo).to_be_bytes());
        out.extend_from_slice(payload);
        (out, transport)
    }

    fn offload(kind: u8, segment: u16, transport: usize) -> Offload {
        let mut header = [0u8; OFFLOAD_HEADER_BYTES + 1];
        header[0] = NEEDS_CHECKSUM;
        header[1] = kind | WITH_ECN;
        header[4..6].copy_from_slice(&segment.to_ne_bytes());
        header[6..8].copy_from_slice(&(transport as u16).to_ne_bytes());
        header[8..10].copy_from_slice(&16u16.to_ne_bytes());
        Offload::parse(&header).unwrap().0
    }

    #[test]
    fn a_super_packet_becomes_the_packets_a_wire_would_carry() {
        for (version, kind) in [(4, SEGMENT_TCP_IPV4), (6, SEGMENT_TCP_IPV6)] {
            let payload: Vec<u8> = (0..3500u32).map(|i| (i % 251) as u8).collect();
            let (packet, at) = whole(version, &payload, 0x10 | TCP_CWR | TCP_FIN_PSH);
            let offload = offload(kind, 1448, at);
            let mut parts: Vec<Vec<u8>> = Vec::new();
            offload.split(&packet, |head, payload| parts.push([head, payload].concat()));
            assert_eq!(parts.len(), 3);
            let joined: Vec<u8> = parts.iter().flat_map(|part| part[at + 32..].to_vec()).collect();
            assert_eq!(joined, payload);
            for (i, part) in parts.iter().enumerate() {
                // Every packet by itself is what the kernel would have sent of its part of the payload.
                let flags = 0x10 | if i == 0 { TCP_CWR } else { 0 } | if i == 2 { TCP_FIN_PSH } else { 0 };
                let (mut alone, _) = whole(version, &part[at + 32..], flags);
                let sequence = 0xffff_fff0_u32.wrapping_add(i as u32 * 1448);
                alone[at + 4..at + 8].copy_from_slice(&sequence.to_be_bytes());
                if version == 4 {
                    alone[4..6].copy_from_slice(&0xffff_u16.wrapping_add(i as u16).to_be_bytes());
                    assert_eq!(folded_sum(&part[..20]), 0xffff, "the IP checksum is valid");
                    alone[10..12].copy_from_slice(&part[10..12]);
                }
                assert_eq!(part, &alone, "packet {i} of IPv{version}");
            }
            assert_eq!(offload.of_one_packet()[..2], [NEEDS_CHECKSUM, 0]);
        }
    }

    #[test]
    fn datagrams_of_one_call_become_datagrams() {
        let mut packet = vec![0u8; 28];
        packet[0] = 0x45;
        packet[2..4].copy_from_slice(&2528u16.to_be_bytes());
        packet[9] = 17;
        packet[24..26].copy_from_slice(&2508u16.to_be_bytes());
        packet[26..28].copy_from_slice(&2508u16.to_be_bytes());
        packet.extend([9; 2500]);
        let mut parts: Vec<Vec<u8>> = Vec::new();
        offload(SEGMENT_UDP, 1200, 20).split(&packet, |head, payload| parts.push([head, payload].concat()));
        let said = |part: &Vec<u8>, at: usize| usize::from(u16::from_be_bytes([part[at], part[at + 1]]));
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [1228, 1228, 128]);
        for part in &parts {
            // The sum of this pseudo header is its length alone.
            assert_eq!([said(part, 2), said(part, 24), said(part, 26)], [part.len(), part.len() - 20, part.len() - 20]);
            assert_eq!(folded_sum(&part[..20]), 0xffff);
        }
    }

    #[test]
    fn what_is_one_packet_or_makes_no_sense_stays_as_it_is() {
        let (packet, at) = whole(4, &[7; 3000], 0x10);
        let untouched = |offload: Offload, packet: &[u8]| {
            let mut parts = Vec::new();
            offload.split(packet, |head, payload| parts.push([head, payload].concat()));
            assert_eq!(parts, [packet.to_vec()]);
        };
        untouched(offload(0, 0, at), &packet);
        untouched(offload(SEGMENT_TCP_IPV4, 0, at), &packet);
        untouched(offload(SEGMENT_TCP_IPV4, 1448, 4000), &packet);
        untouched(offload(SEGMENT_TCP_IPV4, 1448, 0), &packet);
        untouched(offload(SEGMENT_TCP_IPV4, 1448, at), &packet[..40]);
        assert_eq!(Offload::parse(&[0; OFFLOAD_HEADER_BYTES]), None);
    }
}
