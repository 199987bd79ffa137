//! Frames of HTTP/2, written and read by hand: a client that keeps no rule it is not told to keep (RFC 9113, RFC 7541).

use std::collections::BTreeMap;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The longest payload that every server takes.
const MAX_PAYLOAD: usize = 16_384;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 0x1;
const ACK: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

const CANCEL: u32 = 8;

/// The preface, and settings that forbid the other side to refer to what it has sent before, and to push.
pub(super) fn open() -> Vec<u8> {
    let settings = [0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0];
    [PREFACE, &raw(SETTINGS, 0, 0, &settings)].concat()
}

pub(super) fn acknowledge_settings() -> Vec<u8> {
    raw(SETTINGS, ACK, 0, &[])
}

pub(super) fn ping() -> Vec<u8> {
    raw(PING, 0, 0, b"conform!")
}

pub(super) fn reset(stream: u32) -> Vec<u8> {
    raw(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
}

pub(super) fn raw(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut frame = length.to_be_bytes().get(1..).unwrap_or_default().to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

pub(super) fn data(stream: u32, end: bool, bytes: &[u8]) -> Vec<u8> {
    let mut pieces = bytes.chunks(MAX_PAYLOAD).peekable();
    if pieces.peek().is_none() {
        return raw(DATA, if end { END_STREAM } else { 0 }, stream, &[]);
    }
    let mut out = Vec::new();
    while let Some(piece) = pieces.next() {
        let is_last = end && pieces.peek().is_none();
        out.extend(raw(DATA, u8::from(is_last), stream, piece));
    }
    out
}

/// Lines of `name: value`, each with CR and LF behind it.
pub(super) fn headers(stream: u32, end: bool, lines: &[u8]) -> Vec<u8> {
    let mut block = Vec::new();
    let mut rest = lines;
    while let Some(at) = rest.windows(2).position(|two| two == b"\r\n") {
        let (line, after) = rest.split_at_checked(at).unwrap_or((rest, b""));
        field(line, &mut block);
        rest = after.get(2..).unwrap_or_default();
    }
    let mut pieces = block.chunks(MAX_PAYLOAD).peekable();
    let mut out = Vec::new();
    let mut kind = HEADERS;
    while let Some(piece) = pieces.next() {
        let mut flags = 0;
        if pieces.peek().is_none() {
            flags |= END_HEADERS;
        }
        if end && kind == HEADERS {
            flags |= END_STREAM;
        }
        out.extend(raw(kind, flags, stream, piece));
        kind = CONTINUATION;
    }
    out
}

/// A literal field without indexing, its texts as they are: RFC 7541, section 6.2.2.
fn field(line: &[u8], block: &mut Vec<u8>) {
    let colon = line.iter().skip(1).position(|byte| *byte == b':');
    let colon = colon.map_or(line.len(), |at| at.saturating_add(1));
    let (name, value) = line.split_at_checked(colon).unwrap_or((line, b""));
    let value = value.strip_prefix(b": ").unwrap_or(value);
    block.push(0);
    for text in [name, value] {
        integer(text.len(), block);
        block.extend_from_slice(text);
    }
}

/// With a prefix of seven bits: RFC 7541, section 5.1.
fn integer(number: usize, block: &mut Vec<u8>) {
    let Some(mut rest) = number.checked_sub(127) else {
        block.push(u8::try_from(number).unwrap_or_default());
        return;
    };
    block.push(127);
    while rest >= 128 {
        block.push(u8::try_from(rest % 128).unwrap_or_default() | 128);
        rest /= 128;
    }
    block.push(u8::try_from(rest).unwrap_or_default());
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Was the first frame one of settings? `None` while it is not there.
    pub(super) is_spoken: Option<bool>,
    pub(super) streams: BTreeMap<u32, Stream>,
    /// The other side ends the connection: the last stream that it still serves.
    pub(super) last_stream: Option<u32>,
    pub(super) has_pong: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stream {
    pub(super) status: Option<u16>,
    pub(super) is_reset: bool,
}

impl Seen {
    /// Is there nothing more to wait for on the stream?
    pub(super) fn is_over(&self, stream: u32) -> bool {
        let known = self.streams.get(&stream).copied().unwrap_or_default();
        let is_left_out = self.last_stream.is_some_and(|last| last < stream);
        known.status.is_some() || known.is_reset || is_left_out
    }
}

/// Reads frames, as far as they are complete.
pub(super) fn read(bytes: &[u8]) -> Seen {
    let mut seen = Seen::default();
    let mut rest = bytes;
    // Nine bytes of a frame, and nothing that begins like HTTP/1.1.
    if rest.len() >= 9 {
        let is_settings = rest.get(3) == Some(&SETTINGS) && !rest.starts_with(b"HTTP");
        seen.is_spoken = Some(is_settings);
        if !is_settings {
            return seen;
        }
    }
    while let Some((frame, after)) = split(rest) {
        seen.take(&frame);
        rest = after;
    }
    seen
}

struct Received<'b> {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: &'b [u8],
}

fn split(bytes: &[u8]) -> Option<(Received<'_>, &[u8])> {
    let (head, rest) = bytes.split_at_checked(9)?;
    let &[a, b, c, kind, flags, d, e, f, g] = head else {
        return None;
    };
    let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()?;
    let (payload, rest) = rest.split_at_checked(length)?;
    let stream = u32::from_be_bytes([d, e, f, g]) & 0x7fff_ffff;
    let frame = Received {
        kind,
        flags,
        stream,
        payload,
    };
    Some((frame, rest))
}

impl Seen {
    fn take(&mut self, frame: &Received<'_>) {
        match frame.kind {
            HEADERS => {
                let status = block(frame).and_then(status);
                let stream = self.streams.entry(frame.stream).or_default();
                if let Some(status) = status.filter(|status| *status >= 200) {
                    stream.status.get_or_insert(status);
                }
            }
            RST_STREAM => self.streams.entry(frame.stream).or_default().is_reset = true,
            PING if frame.flags & ACK != 0 && frame.payload == b"conform!" => self.has_pong = true,
            GOAWAY => {
                if let Some(&[a, b, c, d, e, f, g, h]) = frame.payload.get(..8) {
                    let last = u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff;
                    let is_error = u32::from_be_bytes([e, f, g, h]) != 0;
                    self.last_stream = Some(if is_error { 0 } else { last });
                }
            }
            _ => {}
        }
    }
}

/// The header block of a frame, without padding and priority.
fn block<'b>(frame: &Received<'b>) -> Option<&'b [u8]> {
    let mut block = frame.payload;
    if frame.flags & PADDED != 0 {
        let (padding, rest) = block.split_first()?;
        block = rest.get(..rest.len().checked_sub(usize::from(*padding))?)?;
    }
    if frame.flags & PRIORITY != 0 {
        block = block.get(5..)?;
    }
    Some(block)
}

/// The status, which is the first field of a response.
fn status(block: &[u8]) -> Option<u16> {
    let mut block = block;
    // Changes of the table's size come first.
    while let Some((0x20..=0x3f, rest)) = block.split_first() {
        block = rest;
    }
    let (first, rest) = block.split_first()?;
    match first {
        0x88..=0x8e => [200, 204, 206, 304, 400, 404, 500]
            .get(usize::from(*first).checked_sub(0x88)?)
            .copied(),
        // A literal with the name of the static table's entries 8 to 14.
        0x08..=0x0e | 0x18..=0x1e | 0x48..=0x4e => {
            let (length, rest) = rest.split_first()?;
            let text = rest.get(..usize::from(length & 0x7f))?;
            let digits = match length & 0x80 {
                0 => text.to_vec(),
                _ => huffman_digits(text)?,
            };
            std::str::from_utf8(&digits).ok()?.parse().ok()
        }
        _ => None,
    }
}

/// Digits alone, as RFC 7541, appendix B, writes them: 0 to 2 have five bits, the others six.
fn huffman_digits(text: &[u8]) -> Option<Vec<u8>> {
    let mut bits = text
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    let mut digits = Vec::new();
    while digits.len() < 3 {
        let mut code = 0_u8;
        for _ in 0..5 {
            code = code << 1 | bits.next()?;
        }
        digits.push(match code {
            0..=2 => b'0'.checked_add(code)?,
            // 3 is 011001, and so on to 9, which is 011111.
            0b01100..=0b01111 => {
                let code = code << 1 | bits.next()?;
                b'3'.checked_add(code.checked_sub(0b011001)?)?
            }
            _ => return None,
        });
    }
    Some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_read_however_they_are_written() {
        for (block, expected) in [
            (&[0x88][..], Some(200)),
            (&[0x20, 0x89], Some(204)),
            (&[0x8c, 0x00], Some(400)),
            (&[0x48, 3, b'4', b'0', b'1'], Some(401)),
            // 401 is 011010 00000 00001, then ones.
            (&[0x48, 0x82, 0x68, 0x01], Some(401)),
            // 503: 011011 00000 011001 and seven ones.
            (&[0x08, 0x83, 0x6c, 0x0c, 0xff], Some(503)),
            (&[0x40, 1, b'a', 1, b'b'], None),
            (&[0x48, 3, b'4'], None),
            (&[], None),
        ] {
            assert_eq!(status(block), expected, "{block:x?}");
        }
    }

    #[test]
    fn fields_are_literals() {
        let long = "v".repeat(300);
        let lines = format!(":path: /a:b\r\nx: a\nb\r\ny: {long}\r\n");
        let frame = headers(1, true, lines.as_bytes());
        assert_eq!(frame[..9], [0, 1, 69, 1, 5, 0, 0, 0, 1]);
        assert_eq!(frame[9..21], *b"\0\x05:path\x04/a:b");
        assert_eq!(frame[21..28], *b"\0\x01x\x03a\nb");
        assert_eq!(frame[28..34], [0, 1, b'y', 127, 173, 1]);
    }

    #[test]
    fn long_heads_and_bodies_are_several_frames() {
        let lines = format!("x: {}\r\n", "a".repeat(20_000));
        let frames = headers(3, true, lines.as_bytes());
        assert_eq!(frames[..9], [0, 0x40, 0, 1, 1, 0, 0, 0, 3]);
        let (second, rest) = split(&frames[9 + 16_384..]).unwrap();
        assert_eq!((second.kind, second.flags, rest.len()), (9, 4, 0));
        let frames = data(3, true, &[0; 20_000]);
        assert_eq!(frames[3..5], [0, 0]);
        let (second, _) = split(&frames[9 + 16_384..]).unwrap();
        assert_eq!(
            (second.kind, second.flags, second.payload.len()),
            (0, 1, 3_616)
        );
        assert_eq!(data(1, true, b""), [0, 0, 0, 0, 1, 0, 0, 0, 1]);
    }

    #[test]
    fn what_came_back_is_told_apart() {
        let mut bytes = raw(SETTINGS, 0, 0, &[]);
        bytes.extend(raw(HEADERS, END_HEADERS, 1, &[0x88]));
        bytes.extend(raw(HEADERS, END_HEADERS | PADDED, 3, &[1, 0x8c, 0]));
        bytes.extend(raw(RST_STREAM, 0, 5, &[0; 4]));
        bytes.extend(raw(PING, ACK, 0, b"conform!"));
        let seen = read(&bytes);
        assert_eq!((seen.is_spoken, seen.has_pong), (Some(true), true));
        let at = |stream| (seen.streams[&stream].status, seen.streams[&stream].is_reset);
        assert_eq!(
            (at(1), at(3), at(5)),
            ((Some(200), false), (Some(400), false), (None, true))
        );
        assert!(seen.is_over(5) && !seen.is_over(7));
        bytes.extend(raw(GOAWAY, 0, 0, &[0, 0, 0, 5, 0, 0, 0, 0]));
        assert!(read(&bytes).is_over(7));

        assert_eq!(read(b"HTTP/1.1 400 Bad Request").is_spoken, Some(false));
        assert_eq!(read(b"").is_spoken, None);
    }
}
