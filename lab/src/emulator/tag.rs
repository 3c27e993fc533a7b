//! Which packet this was, in 32 bits: enough to find an echo's request and reply, and the flow of anything else.

use super::log::PacketRecord;

const TCP: u8 = 6;
const UDP: u8 = 17;
/// First bytes of an echo (`protocol/src/echo.rs`): magic and version.
const ECHO: [u8; 5] = *b"iSPE\x01";
const ECHO_HEADER_BYTES: usize = 20;
const UDP_HEADER_BYTES: usize = 8;

const IS_ECHO: u32 = 1 << 31;
const KIND_SHIFT: u32 = 28;
const KIND_MOST: u8 = 7;
const TRAIN_SHIFT: u32 = 24;
const TRAIN_MOST: u16 = 15;
const SEQUENCE_MOST: u32 = (1 << TRAIN_SHIFT) - 1;

/// An echo packet, as its own header names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EchoTag {
    /// 1 request, 2 reply, 3 probe, 4 reply to a probe.
    pub kind: u8,
    /// Train.
    pub train: u16,
    /// Number in the train.
    pub sequence: u32,
}

impl PacketRecord {
    /// The echo this packet was, if it was one.
    pub fn echo(&self) -> Option<EchoTag> {
        (self.tag & IS_ECHO != 0).then_some(EchoTag {
            kind: ((self.tag >> KIND_SHIFT) as u8) & KIND_MOST,
            train: ((self.tag >> TRAIN_SHIFT) as u16) & TRAIN_MOST,
            sequence: self.tag & SEQUENCE_MOST,
        })
    }

    /// The lower of the two ports of any other TCP or UDP packet: that of the service, for clients take theirs above
    /// 32768.
    pub fn service_port(&self) -> Option<u16> {
        (self.tag & IS_ECHO == 0 && self.tag != 0).then_some(self.tag as u16)
    }
}

/// Protocol number and tag of an IP packet; 0 where it has none. A packet that came alone is all head; one that was split
/// from a larger piece has its payload apart.
pub(super) fn of(packet: &[u8], payload: &[u8]) -> (u8, u32) {
    let (protocol, header) = match packet.first() {
        Some(first) if first >> 4 == 4 => (packet.get(9).copied().unwrap_or(0), usize::from(first & 15) * 4),
        Some(first) if first >> 4 == 6 => (packet.get(6).copied().unwrap_or(0), 40),
        _ => return (0, 0),
    };
    if protocol != TCP && protocol != UDP {
        return (protocol, 0);
    }
    let Some([a, b, c, d]) = packet.get(header..).and_then(|transport| transport.first_chunk()) else {
        return (protocol, 0);
    };
    let lower_port = u16::from_be_bytes([*a, *b]).min(u16::from_be_bytes([*c, *d]));
    let rest = packet.get(header + UDP_HEADER_BYTES..).unwrap_or_default();
    let payload = if rest.is_empty() { payload } else { rest };
    let echo = if protocol == UDP { echo(payload) } else { None };
    (protocol, echo.unwrap_or(u32::from(lower_port)))
}

fn echo(payload: &[u8]) -> Option<u32> {
    let header: &[u8; ECHO_HEADER_BYTES] = payload.first_chunk()?;
    if header[..ECHO.len()] != ECHO {
        return None;
    }
    let kind = header[5].min(KIND_MOST);
    let train = u16::from_be_bytes([header[6], header[7]]).min(TRAIN_MOST);
    let sequence = u32::from_be_bytes([header[16], header[17], header[18], header[19]]).min(SEQUENCE_MOST);
    Some(IS_ECHO | u32::from(kind) << KIND_SHIFT | u32::from(train) << TRAIN_SHIFT | sequence)
}

#[cfg(test)]
mod tests {
    use super::super::log::Fate;
    use super::*;
    use ispeed_protocol::echo::{ECHO_TRAIN_BYTES, EchoKind, EchoPacket};

    fn record((protocol, tag): (u8, u32)) -> PacketRecord {
        PacketRecord { tag, protocol, fate: Fate::Delivered, ..PacketRecord::NONE }
    }

    fn packet(version: u8, protocol: u8, ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
        let mut out = vec![0; if version == 4 { 20 } else { 40 }];
        out[0] = version << 4 | 5;
        out[if version == 4 { 9 } else { 6 }] = protocol;
        out.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
        out.extend([0; 4]);
        out.extend(payload);
        out
    }

    #[test]
    fn an_echo_is_found_by_train_and_number_and_all_else_by_its_port() {
        for (kind, number) in [(EchoKind::Request, 1), (EchoKind::Reply, 2), (EchoKind::ProbeReply, 4)] {
            let echo = EchoPacket {
                kind,
                train: 3,
                echo_id: 99,
                sequence: 70_001,
                client_send_us: 5,
                server_receive_us: 6,
                server_send_us: 7,
            };
            let payload = echo.encode(&[1; 32], ECHO_TRAIN_BYTES, b"");
            for version in [4, 6] {
                let record = record(of(&packet(version, UDP, [50_000, 4433], &payload), &[]));
                assert_eq!(record.echo(), Some(EchoTag { kind: number, train: 3, sequence: 70_001 }));
                assert_eq!((record.protocol, record.service_port()), (UDP, None));
                let split = of(&packet(version, UDP, [50_000, 4433], &[]), &payload);
                assert_eq!(split.1, record.tag);
            }
        }
        let tcp = record(of(&packet(6, TCP, [5201, 40_000], b"iSPE\x01"), &[]));
        assert_eq!((tcp.protocol, tcp.echo(), tcp.service_port()), (TCP, None, Some(5201)));
        let udp = record(of(&packet(4, UDP, [40_000, 9000], &[0x5a; 1400]), &[]));
        assert_eq!((udp.echo(), udp.service_port()), (None, Some(9000)));
        for odd in [&[][..], &[0x45], &packet(4, UDP, [1, 2], b"iSPE")[..22], &packet(4, 1, [8, 0], b"ping")] {
            let record = record(of(odd, &[]));
            assert_eq!((record.echo(), record.service_port()), (None, None));
        }
    }
}
