//! What comes back over HTTP/1.1, read as far as it is there.

/// The answers on one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answers {
    /// 1xx before the first answer.
    pub(super) interim: Vec<u16>,
    pub(super) statuses: Vec<u16>,
    /// Bytes that are no answer.
    pub(super) is_garbled: bool,
}

/// Reads the answers. A body that is not complete hides nothing: its answer counts.
pub(super) fn read(bytes: &[u8]) -> Answers {
    let mut answers = Answers::default();
    let mut rest = bytes;
    while let Some(at) = find(rest, b"\r\n\r\n") {
        let (head, after) = rest.split_at_checked(at).unwrap_or((rest, b""));
        let after = after.get(4..).unwrap_or_default();
        let Some(status) = status(head) else {
            answers.is_garbled = true;
            return answers;
        };
        if status < 200 {
            if answers.statuses.is_empty() {
                answers.interim.push(status);
            }
            rest = after;
            continue;
        }
        answers.statuses.push(status);
        let has_no_body = status == 204 || status == 304;
        let body = match (has_no_body, is_chunked(head), length(head)) {
            (true, ..) => Some(0),
            (_, true, _) => chunks(after),
            (_, false, length) => length,
        };
        // Without an end it goes on to the connection's.
        let Some(next) = body.and_then(|length| after.get(length..)) else {
            return answers;
        };
        rest = next;
    }
    let is_begun = b"HTTP/1.".starts_with(rest) || rest.starts_with(b"HTTP/1.");
    answers.is_garbled = !is_begun;
    answers
}

fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let rest = line
        .strip_prefix(b"HTTP/1.1 ")
        .or_else(|| line.strip_prefix(b"HTTP/1.0 "))?;
    let digits = rest.get(..3)?;
    let status: u16 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (100..600).contains(&status).then_some(status)
}

fn header<'h>(head: &'h [u8], name: &str) -> Option<&'h str> {
    let lines = head.split(|byte| *byte == b'\n');
    lines.skip(1).find_map(|line| {
        let (known, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
        known.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

fn is_chunked(head: &[u8]) -> bool {
    header(head, "transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
}

fn length(head: &[u8]) -> Option<usize> {
    header(head, "content-length")?.parse().ok()
}

/// How long a body in chunks is, trailers included; `None` when it is not complete.
fn chunks(bytes: &[u8]) -> Option<usize> {
    let mut at = 0_usize;
    loop {
        let rest = bytes.get(at..)?;
        let line = find(rest, b"\r\n")?;
        let size = std::str::from_utf8(rest.get(..line)?).ok()?;
        let size = size.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            // The last chunk's line end may be that of the trailers.
            let end = find(rest.get(line..)?, b"\r\n\r\n")?;
            return at.checked_add(line)?.checked_add(end)?.checked_add(4);
        }
        at = at.checked_add(line)?.checked_add(size)?.checked_add(4)?;
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_counts_once() {
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        let none = "HTTP/1.1 204 No Content\r\n\r\n";
        let chunked = "HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        let long = "HTTP/1.0 401 No\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
        let go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        for (text, interim, statuses) in [
            ("", vec![], vec![]),
            ("HTTP/1.1 2", vec![], vec![]),
            (ok, vec![], vec![200]),
            (&[go_on, ok, none].concat(), vec![100], vec![200, 204]),
            (&[chunked, none, ok].concat(), vec![], vec![400, 204, 200]),
            (&[none, long].concat(), vec![], vec![204, 401]),
            (&[none, go_on, ok].concat(), vec![], vec![204, 200]),
            (&ok[..ok.len() - 1], vec![], vec![200]),
        ] {
            let answers = read(text.as_bytes());
            assert_eq!(
                (answers.interim, answers.statuses, answers.is_garbled),
                (interim, statuses, false),
                "{text}"
            );
        }
        for garbled in ["SSH-2.0-x\r\n", "HTTP/2 200\r\n\r\n", "\0\0\x12\x04"] {
            assert!(read(garbled.as_bytes()).is_garbled, "{garbled}");
        }
    }
}
