//! WebSocket frames (RFC 6455 section 5) as one end of a load: payload is counted, never kept, so that a message of any
//! length costs no memory and none is unmasked.

use thiserror::Error;

use crate::limits::NDT7_MESSAGE_MAX_BYTES;

/// Bytes of the longest header of a server's frame.
pub(super) const HEADER_MAX_BYTES: usize = 10;
/// ... and of a client's, which carries a mask.
const MASKED_HEADER_MAX_BYTES: usize = HEADER_MAX_BYTES + 4;
/// Payload of a control frame.
const CONTROL_MAX_BYTES: u64 = 125;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;

/// What a frame is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Opcode {
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xA,
}

impl Opcode {
    fn of(bits: u8) -> Option<Self> {
        [Self::Continuation, Self::Text, Self::Binary, Self::Close, Self::Ping, Self::Pong]
            .into_iter()
            .find(|known| *known as u8 == bits)
    }

    fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

/// The header of a whole message from this end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    bytes: [u8; HEADER_MAX_BYTES],
    len: usize,
}

impl Header {
    pub(super) fn new(opcode: Opcode, payload_bytes: usize) -> Self {
        let mut bytes = [0; HEADER_MAX_BYTES];
        bytes[0] = FIN | opcode as u8;
        let len = match (u8::try_from(payload_bytes), u16::try_from(payload_bytes)) {
            (Ok(short @ 0..=125), _) => {
                bytes[1] = short;
                2
            }
            (_, Ok(medium)) => {
                bytes[1] = 126;
                bytes[2..4].copy_from_slice(&medium.to_be_bytes());
                4
            }
            _ => {
                bytes[1] = 127;
                bytes[2..10].copy_from_slice(&(payload_bytes as u64).to_be_bytes());
                10
            }
        };
        Self { bytes, len }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// A short message from this end, whole.
pub(super) fn message(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    [Header::new(opcode, payload.len()).as_bytes(), payload].concat()
}

/// Something that came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Event {
    /// A message, or a further part of one, begins.
    Begins(Opcode),
    /// So many bytes of it.
    Payload(u64),
    /// To be answered with the same.
    Ping(Vec<u8>),
    /// The peer will send nothing more.
    Close,
}

/// What a client may not send.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub(super) enum FrameError {
    #[error("a frame without a mask; expected clients to mask")]
    NotMasked,
    #[error("reserved bits in a frame; expected none, for no extension was agreed on")]
    Reserved,
    #[error("opcode {0:#x}; expected one of RFC 6455")]
    Opcode(u8),
    #[error("a control frame that is long or in parts; expected one frame of at most {CONTROL_MAX_BYTES} bytes")]
    Control,
    #[error("a frame of {0} bytes; expected at most {NDT7_MESSAGE_MAX_BYTES}")]
    Length(u64),
}

/// Reads a client's frames from whatever parts they arrive in.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    header: [u8; MASKED_HEADER_MAX_BYTES],
    header_bytes: usize,
    current: Option<Frame>,
}

#[derive(Debug)]
struct Frame {
    opcode: Opcode,
    mask: [u8; 4],
    left: u64,
    control: Vec<u8>,
}

impl FrameReader {
    /// Takes what has arrived and tells what is in it.
    pub(super) fn read(
        &mut self,
        mut arrived: &[u8],
        mut tell: impl FnMut(Event) -> Result<(), FrameError>,
    ) -> Result<(), FrameError> {
        loop {
            match &mut self.current {
                Some(frame) => {
                    let here = usize::try_from(frame.left).map_or(arrived.len(), |left| left.min(arrived.len()));
                    let (payload, rest) = arrived.split_at(here);
                    arrived = rest;
                    frame.left -= here as u64;
                    if frame.opcode.is_control() {
                        frame.control.extend_from_slice(payload);
                    } else if here > 0 {
                        tell(Event::Payload(here as u64))?;
                    }
                    if frame.left > 0 {
                        return Ok(());
                    }
                    let event = frame.end();
                    self.current = None;
                    if let Some(event) = event {
                        tell(event)?;
                    }
                }
                None => {
                    let Some(frame) = self.read_header(&mut arrived)? else { return Ok(()) };
                    if !frame.opcode.is_control() {
                        tell(Event::Begins(frame.opcode))?;
                    }
                    self.current = Some(frame);
                }
            }
        }
    }

    /// A frame whose header is complete; takes its bytes from `arrived`.
    fn read_header(&mut self, arrived: &mut &[u8]) -> Result<Option<Frame>, FrameError> {
        loop {
            let wanted = self.header_wanted();
            if self.header_bytes == wanted {
                self.header_bytes = 0;
                return parse(&self.header[..wanted]).map(Some);
            }
            let here = (wanted - self.header_bytes).min(arrived.len());
            if here == 0 {
                return Ok(None);
            }
            let (bytes, rest) = arrived.split_at(here);
            *arrived = rest;
            self.header[self.header_bytes..self.header_bytes + here].copy_from_slice(bytes);
            self.header_bytes += here;
        }
    }

    /// Length of the header as far as its first two bytes tell it.
    fn header_wanted(&self) -> usize {
        if self.header_bytes < 2 {
            return 2;
        }
        let extended = match self.header[1] & !MASKED {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        2 + extended + if self.header[1] & MASKED != 0 { 4 } else { 0 }
    }
}

impl Frame {
    fn end(&mut self) -> Option<Event> {
        match self.opcode {
            Opcode::Close => Some(Event::Close),
            Opcode::Ping => {
                let mut payload = std::mem::take(&mut self.control);
                payload.iter_mut().zip(self.mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
                Some(Event::Ping(payload))
            }
            _ => None,
        }
    }
}

fn parse(header: &[u8]) -> Result<Frame, FrameError> {
    let (first, second) = (header[0], header[1]);
    if first & RESERVED != 0 {
        return Err(FrameError::Reserved);
    }
    let opcode = Opcode::of(first & 0x0f).ok_or(FrameError::Opcode(first & 0x0f))?;
    if second & MASKED == 0 {
        return Err(FrameError::NotMasked);
    }
    let (extended, mask) = header[2..].split_at(header.len() - 6);
    let left = match second & !MASKED {
        126 | 127 => extended.iter().fold(0, |length: u64, byte| length << 8 | u64::from(*byte)),
        short => u64::from(short),
    };
    if opcode.is_control() && (left > CONTROL_MAX_BYTES || first & FIN == 0) {
        return Err(FrameError::Control);
    }
    if left > NDT7_MESSAGE_MAX_BYTES {
        return Err(FrameError::Length(left));
    }
    // The header was read as long as its second byte says, so there are four.
    let mask = [mask[0], mask[1], mask[2], mask[3]];
    Ok(Frame { opcode, mask, left, control: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let mut frame = vec![first];
        match payload.len() {
            n @ 0..=125 => frame.push(MASKED | n as u8),
            n @ 126..=0xffff => {
                frame.push(MASKED | 126);
                frame.extend((n as u16).to_be_bytes());
            }
            n => {
                frame.push(MASKED | 127);
                frame.extend((n as u64).to_be_bytes());
            }
        }
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    fn events(stream: &[u8], step: usize) -> Result<Vec<Event>, FrameError> {
        let (mut reader, mut events) = (FrameReader::default(), Vec::new());
        for part in stream.chunks(step) {
            reader.read(part, |event| {
                match (events.last_mut(), &event) {
                    (Some(Event::Payload(sum)), Event::Payload(more)) => *sum += more,
                    _ => events.push(event),
                }
                Ok(())
            })?;
        }
        Ok(events)
    }

    #[test]
    fn frames_are_read_from_parts_of_any_size() {
        let stream = [
            masked(0x82, &vec![9; 70_000]),
            masked(0x89, b"ping"),
            masked(0x01, &[1; 300]),
            masked(0x80, b""),
            masked(0x8a, b"pong"),
            masked(0x88, &[3, 232]),
        ]
        .concat();
        let expected = vec![
            Event::Begins(Opcode::Binary),
            Event::Payload(70_000),
            Event::Ping(b"ping".to_vec()),
            Event::Begins(Opcode::Text),
            Event::Payload(300),
            Event::Begins(Opcode::Continuation),
            Event::Close,
        ];
        for step in [1, 2, 3, 7, 1000, 1 << 20] {
            assert_eq!(events(&stream, step).as_ref(), Ok(&expected), "{step}");
        }
    }

    #[test]
    fn what_no_client_sends_is_refused() {
        let too_long = [&[0x82, 0xff][..], &(NDT7_MESSAGE_MAX_BYTES + 1).to_be_bytes(), &[0; 4]].concat();
        for (frame, error) in [
            (vec![0x82, 0x01, 0], FrameError::NotMasked),
            (masked(0xc2, b"x"), FrameError::Reserved),
            (masked(0x83, b"x"), FrameError::Opcode(3)),
            (masked(0x09, b"x"), FrameError::Control),
            (masked(0x89, &[0; 126]), FrameError::Control),
            (too_long, FrameError::Length(NDT7_MESSAGE_MAX_BYTES + 1)),
        ] {
            assert_eq!(events(&frame, 3), Err(error));
        }
    }

    #[test]
    fn headers_have_the_shortest_form() {
        for (bytes, expected) in [
            (125, vec![0x82, 125]),
            (126, vec![0x82, 126, 0, 126]),
            (8192, vec![0x82, 126, 32, 0]),
            (1 << 20, vec![0x82, 127, 0, 0, 0, 0, 0, 16, 0, 0]),
        ] {
            assert_eq!(Header::new(Opcode::Binary, bytes).as_bytes(), expected, "{bytes}");
        }
        assert_eq!(message(Opcode::Close, &[3, 232]), [0x88, 2, 3, 232]);
    }
}
