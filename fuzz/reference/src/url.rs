//! The public URL, taken apart and spelled as senders may have signed it.

use crate::form;

/// The port in a spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// As configured.
    Kept,
    /// Left out.
    Without,
    /// The configured one, or else that of http or https.
    With,
}

/// The query string in a spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query {
    /// Byte for byte.
    Kept,
    /// As the URL Standard's parser escapes it: <https://url.spec.whatwg.org/#query-state>.
    Whatwg,
    /// Taken apart as a form and written again as Node's `querystring` writes.
    Rewritten,
}

/// The six spellings that Twilio's validators try.
pub const TWILIO: [(Port, Query); 6] = [
    (Port::Without, Query::Kept),
    (Port::With, Query::Kept),
    (Port::Without, Query::Whatwg),
    (Port::With, Query::Whatwg),
    (Port::Without, Query::Rewritten),
    (Port::With, Query::Rewritten),
];

/// The URL of a request below a configured one. None when that is no http or https URL of a host, with nothing behind its path, or when
/// the query cannot be spelled so.
#[must_use]
pub fn spell(
    base: &str,
    port: Port,
    query_spelling: Query,
    path: &str,
    query: Option<&str>,
) -> Option<String> {
    let (before, configured, default, prefix) = split(base)?;
    let port = match port {
        Port::Kept => configured,
        Port::Without => String::new(),
        Port::With if configured.is_empty() => default,
        Port::With => configured,
    };
    let query = match (query, query_spelling) {
        (None, _) => String::new(),
        (Some(query), Query::Kept) => format!("?{query}"),
        (Some(query), Query::Whatwg) => format!("?{}", whatwg(query)),
        // What is no text would look like another query.
        (Some(query), Query::Rewritten) if !form::is_text(query.as_bytes()) => return None,
        (Some(query), Query::Rewritten) => format!("?{}", rewritten(query)),
    };
    Some(format!("{before}{port}{prefix}{path}{query}"))
}

/// The paths behind the prefix that the called URL may have had: a lone slash stands for none, too, where there is a prefix.
pub(crate) fn paths<'p>(base: &str, path: &'p str) -> Vec<&'p str> {
    match split(base) {
        Some((_, _, _, prefix)) if path == "/" && !prefix.is_empty() => vec!["/", ""],
        _ => vec![path],
    }
}

/// Scheme, user information and host; the port with its colon; the scheme's own port; the path without a slash at its end.
fn split(base: &str) -> Option<(String, String, String, String)> {
    let unwanted = |letter: char| {
        letter.is_whitespace() || letter.is_control() || ['?', '#', '\\'].contains(&letter)
    };
    if base.chars().any(unwanted) {
        return None;
    }
    let mut letters: Vec<char> = base.chars().collect();
    if letters.last() == Some(&'/') {
        letters.pop();
    }
    let colon = letters
        .windows(3)
        .position(|three| three == [':', '/', '/'])?;
    let scheme: String = letters[..colon].iter().collect();
    let default = match scheme.to_ascii_lowercase().as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let start = colon + 3;
    let end = (start..letters.len())
        .find(|&at| letters[at] == '/')
        .unwrap_or(letters.len());
    let behind_last = |from: usize, mark: char| {
        let last = (from..end).rev().find(|&at| letters[at] == mark);
        last.map_or(from, |at| at + 1)
    };
    let host = behind_last(start, '@');
    // Colons inside brackets belong to an address.
    let bare = behind_last(host, ']');
    let port = (bare..end).find(|&at| letters[at] == ':').unwrap_or(end);
    let digits: String = letters
        .get(port + 1..end)
        .unwrap_or_default()
        .iter()
        .collect();
    let is_number = digits.len() <= 5 && digits.bytes().all(|digit| digit.is_ascii_digit());
    let is_port = port == end || is_number && digits.parse::<u16>().is_ok();
    if port == host || !is_port {
        return None;
    }
    let text = |range: std::ops::Range<usize>| letters[range].iter().collect::<String>();
    Some((
        text(0..port),
        text(port..end),
        default.to_owned(),
        text(end..letters.len()),
    ))
}

fn whatwg(query: &str) -> String {
    let mut text = String::new();
    for byte in query.bytes() {
        match byte {
            b' ' | b'"' | b'#' | b'<' | b'>' | b'\'' | 0..=0x1f | 0x7f..=0xff => {
                text += &format!("%{byte:02X}");
            }
            other => text.push(char::from(other)),
        }
    }
    text
}

/// Every parameter in its place, with an equals sign.
fn rewritten(query: &str) -> String {
    let mut items = Vec::new();
    for (name, value) in form::pairs(query.as_bytes()) {
        items.push(format!("{}={}", escaped(&name), escaped(&value)));
    }
    items.join("&")
}

/// As Node's `querystring.escape` does.
fn escaped(text: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte);
    text.bytes()
        .map(|byte| match byte {
            byte if kept(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Port, Query, rewritten, spell, whatwg};

    #[test]
    fn urls_are_taken_apart() {
        let plain = |base: &str| spell(base, Port::Kept, Query::Kept, "", None);
        let with = |base: &str| spell(base, Port::With, Query::Kept, "/a", Some("b")).unwrap();
        let without = |base: &str| spell(base, Port::Without, Query::Kept, "/a", None).unwrap();
        for base in [
            "https://example.com",
            "HTTP://u:p@Example.com:8080/x//y",
            "https://[::1]:8443",
            "https://[::1]",
        ] {
            assert_eq!(plain(base).as_deref(), Some(base));
            assert_eq!(plain(&format!("{base}/")).as_deref(), Some(base));
        }
        assert_eq!(with("http://u:p@h"), "http://u:p@h:80/a?b");
        assert_eq!(with("https://h:1/x/"), "https://h:1/x/a?b");
        assert_eq!(with("HTTPS://[::1]"), "HTTPS://[::1]:443/a?b");
        assert_eq!(without("https://u:p@[::1]:1/x"), "https://u:p@[::1]/x/a");
        for wrong in [
            "",
            "h",
            "https:/h",
            "ftp://h",
            "https://",
            "https:///",
            "https://:1",
            "https://u@:1",
            "https://h:",
            "https://h:x",
            "https://h:123456",
            "https://h:65536",
            "https://h?",
            "https://h#",
            " https://h",
            "https://h ",
            "https://h\\",
            "https://h\t",
        ] {
            assert_eq!(plain(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_query_is_escaped_as_the_url_standard_says() {
        assert_eq!(
            whatwg("a b\"#<>'\u{7f}\u{1}\u{e9}%zz`{|}\\^[]+"),
            "a%20b%22%23%3C%3E%27%7F%01%C3%A9%zz`{|}\\^[]+"
        );
    }

    /// Where no name is repeated or a number, this is what Node 20 printed for `querystring.stringify(querystring.parse(query))`.
    #[test]
    fn a_query_is_written_again() {
        for (query, expected) in [
            ("", ""),
            ("&&", ""),
            ("=", "="),
            ("a", "a="),
            ("a=b=c", "a=b%3Dc"),
            ("a%=1", "a%25=1"),
            ("a%zz=%E4%+f6+", "a%25zz=%EF%BF%BD%25%20f6%20"),
            ("%FF%C3%28=1", "%EF%BF%BD%EF%BF%BD(=1"),
            ("__proto__=1&x=2", "__proto__=1&x=2"),
            ("a='()*!~._-", "a='()*!~._-"),
            ("a%20b+c=%2B", "a%20b%20c=%2B"),
            ("%F0%9F%98%80=1", "%F0%9F%98%80=1"),
            // In their order, where Node would move them.
            ("b=1&10=x&b=2&2=y", "b=1&10=x&b=2&2=y"),
        ] {
            assert_eq!(rewritten(query), expected, "{query}");
        }
        let spelled = |query| spell("https://h", Port::Kept, Query::Rewritten, "", Some(query));
        assert_eq!(spelled("a=%C3%A9").as_deref(), Some("https://h?a=%C3%A9"));
        assert_eq!(spelled("a=%C3"), None);
    }
}
