//! Compressed bodies that every reader can read: streams of blocks that are stored as they are.

/// The longest stored block of DEFLATE: RFC 1951, section 3.2.4.
const MAX_BLOCK: usize = 65_535;

/// RFC 1952.
pub(super) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    stored(body, &mut out);
    out.extend(crc32(body).to_le_bytes());
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    out.extend(length.to_le_bytes());
    out
}

/// What HTTP calls deflate: zlib's format, RFC 1950.
pub(super) fn deflate(body: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    stored(body, &mut out);
    out.extend(adler32(body).to_be_bytes());
    out
}

/// RFC 7932: uncompressed meta-blocks and an empty last one.
pub(super) fn brotli(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    // The window's size is one bit in front of the first meta-block; what follows shares its byte.
    let mut shift = 1_u32;
    for block in body.chunks(MAX_BLOCK) {
        let length = u32::try_from(block.len().saturating_sub(1)).unwrap_or_default();
        // Not the last; four nibbles of length; uncompressed.
        let head = (length << 3 | 1 << 19) << shift;
        let bits = 20_u32.saturating_add(shift);
        let bytes = usize::try_from(bits.div_ceil(8)).unwrap_or_default();
        out.extend(head.to_le_bytes().into_iter().take(bytes));
        out.extend_from_slice(block);
        shift = 0;
    }
    // The last one, empty.
    out.push(match shift {
        0 => 0b11,
        _ => 0b110,
    });
    out
}

fn stored(body: &[u8], out: &mut Vec<u8>) {
    let mut blocks = body.chunks(MAX_BLOCK).peekable();
    if blocks.peek().is_none() {
        out.extend([1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend_from_slice(block);
    }
}

fn crc32(body: &[u8]) -> u32 {
    !body.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            let polynomial = if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
            crc >> 1 ^ polynomial
        })
    })
}

fn adler32(body: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let add = |sum: u32, more: u32| sum.saturating_add(more) % MODULUS;
    let (low, high) = body.iter().fold((1, 0), |(low, high), byte| {
        let low = add(low, u32::from(*byte));
        (low, add(high, low))
    });
    high << 16 | low
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each was read back by another program when it was written down.
    #[test]
    fn streams_that_others_can_read() {
        assert_eq!(
            gzip(b"hook"),
            [
                0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1, 4, 0, 0xfb, 0xff, b'h', b'o', b'o', b'k',
                0x55, 0x43, 0x58, 0xa4, 4, 0, 0, 0
            ]
        );
        assert_eq!(
            deflate(b"hook"),
            [
                0x78, 1, 1, 4, 0, 0xfb, 0xff, b'h', b'o', b'o', b'k', 4, 0x3a, 1, 0xb2
            ]
        );
        assert_eq!(brotli(b"hook"), [0x30, 0, 0x10, b'h', b'o', b'o', b'k', 3]);
        assert_eq!(brotli(b""), [0b110]);
        assert_eq!(gzip(b"").len(), 23);
        let long = vec![b'x'; 70_000];
        assert_eq!(gzip(&long).len(), 70_000 + 28);
        assert_eq!(brotli(&long).len(), 70_000 + 7);
    }
}
