//! Twilio's legacy spelling: a query string that Node's `querystring` took apart and wrote again.

use countersign::Refusal::SignatureMismatch;

use crate::twilio_url::signed;

/// What Node 20 itself printed for each query: `querystring.stringify(querystring.parse(query))`.
const BY_NODE: [(&str, &str); 24] = [
    ("a+b=c+d", "a%20b=c%20d"),
    ("a=%zz%41", "a=%25zzA"),
    ("a=%", "a=%25"),
    ("a=%4", "a=%254"),
    ("%41=%2", "A=%252"),
    ("a=%%41", "a=%25A"),
    ("a=%+41", "a=%25%2041"),
    ("=", "="),
    ("=&=", "=&="),
    ("=x&a", "=x&a="),
    ("a", "a="),
    ("&&b=1&&a", "b=1&a="),
    ("a==b", "a=%3Db"),
    ("a=b=c", "a=b%3Dc"),
    ("x=%C3%A9", "x=%C3%A9"),
    ("x=%F0%9F%91%8B", "x=%F0%9F%91%8B"),
    ("a=%27(x)*!~-_.", "a='(x)*!~-_."),
    ("a=,/:;@$%5B%5D", "a=%2C%2F%3A%3B%40%24%5B%5D"),
    (
        "__proto__=1&constructor=2&toString=3",
        "__proto__=1&constructor=2&toString=3",
    ),
    ("a;b=1;c=2", "a%3Bb=1%3Bc%3D2"),
    ("a=%00%0A%7F", "a=%00%0A%7F"),
    ("a=é", "a=%C3%A9"),
    ("%2B=%26%3D", "%2B=%26%3D"),
    ("a=+%20+", "a=%20%20%20"),
];

/// The same, where Node moves a parameter: to its name's first place, or to the front for an array index. That spelling is not tried, for
/// what may move is not signed where it stands.
const MOVED_BY_NODE: [(&str, &str); 8] = [
    ("a=1&b=2&a=3", "a=1&a=3&b=2"),
    ("b=1&10=x&2=y&01=z&-1=r&a=1", "2=y&10=x&b=1&01=z&-1=r&a=1"),
    (
        "x=1&4294967294=p&4294967295=q&4294967296=r&0=s",
        "0=s&4294967294=p&x=1&4294967295=q&4294967296=r",
    ),
    (
        "00=a&0=b&+1=c&1.0=d&1e3=e&%31=f",
        "0=b&1=f&00=a&%201=c&1.0=d&1e3=e",
    ),
    ("a[0]=1&a[]=2&a[0]=3", "a%5B0%5D=1&a%5B0%5D=3&a%5B%5D=2"),
    ("b=2&a=1&b=1", "b=2&b=1&a=1"),
    ("%c3%a9=1&b=2&%C3%a9=3", "%C3%A9=1&%C3%A9=3&b=2"),
    ("A=1&a=2&A=3", "A=1&A=3&a=2"),
];

/// Node's `querystring`, from its documentation, and in the order that arrived: `+` is a blank, a broken escape stays, bytes that are no
/// text are replaced, a name without a value gets its equals sign; letters, digits and `-_.!~*'()` are written as they are.
fn querystring(query: &str) -> String {
    let items = query.split('&').filter(|item| !item.is_empty());
    let items = items.map(|item| {
        let (name, value) = match item.find('=') {
            Some(at) => (&item[..at], &item[at + 1..]),
            None => (item, ""),
        };
        format!("{}={}", escape(&unescape(name)), escape(&unescape(value)))
    });
    items.collect::<Vec<_>>().join("&")
}

fn unescape(text: &str) -> String {
    String::from_utf8_lossy(&unescaped(text)).into_owned()
}

fn unescaped(text: &str) -> Vec<u8> {
    let text = text.as_bytes();
    let mut bytes = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let digits = text.get(at + 1..at + 3);
        let escaped = digits
            .filter(|digits| text[at] == b'%' && digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(digits) = escaped {
            bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
            at += 3;
        } else {
            bytes.push(if text[at] == b'+' { b' ' } else { text[at] });
            at += 1;
        }
    }
    bytes
}

fn escape(text: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte);
    text.bytes()
        .map(|byte| match kept(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

/// Texts made of what decides, the same on every run.
fn queries() -> impl Iterator<Item = String> {
    const PIECES: [&str; 24] = [
        "a", "b", "&", "&", "=", "=", "%", "+", "%41", "%2", "%zz", "0", "1", "10", "01", "%C3%A9",
        "%C3", "'", "%27", "é", "%26", "%3D", "~", "[]",
    ];
    let mut state = 1_u64;
    (0..1_500).map(move |length| {
        (0..length % 14)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                PIECES[usize::try_from(state >> 33).expect("31 bits") % PIECES.len()]
            })
            .collect()
    })
}

fn target(query: &str) -> String {
    format!("/v?{query}")
}

fn url(query: &str) -> String {
    format!("https://h.example/v?{query}")
}

#[test]
fn as_node_itself_printed_it() {
    for (query, printed) in BY_NODE {
        assert_eq!(querystring(query), printed, "{query}");
        let trial = signed("https://h.example", &target(query), &url(printed));
        trial.passes(format!("{query} as {printed}"));
        let with_port = url(printed).replace("example", "example:443");
        let trial = signed("https://h.example", &target(query), &with_port);
        trial.passes(format!("{query} as {with_port}"));
        let behind_a_port = signed("https://h.example:8443", &target(query), &url(printed));
        behind_a_port.passes(format!("{query} behind a port"));
    }
}

#[test]
fn near_what_node_prints() {
    for (query, wrong) in [
        ("b=1&a=2&b=3", "b=1&a=2&b=3&"),
        ("b=1&a=2&b=3", "a=2&b=1&b=3"),
        ("b=1&a=2&b=3", "b=3&b=1&a=2"),
        ("b=1&a=2&b=3", "b=1&a=2"),
        ("b=1&a=2&b=3", "b=3&a=2"),
        ("b=1&a=2&b=3", "b=1,3&a=2"),
        ("a=b%20c", "a=b+c"),
        ("a=%c3%a9", "a=%c3%a9="),
        ("a=%27", "a=%2527"),
        ("a=%zz", "a=zz"),
        ("a=%FF", "a=%ff%FF"),
        ("a", "a&"),
        ("a&&b", "a=&&b="),
    ] {
        let trial = signed("https://h.example", &target(query), &url(wrong));
        trial.refused(SignatureMismatch, format!("{query} as {wrong}"));
    }
}

#[test]
fn as_its_documentation_says() {
    for query in queries() {
        let printed = querystring(&query);
        let trial = signed("https://h.example", &target(&query), &url(&printed));
        // Bytes that are no text are replaced, so that two queries would become one: then it must be signed as it arrived.
        let is_text = String::from_utf8(unescaped(&query)).is_ok() || query == printed;
        let expected = if is_text {
            Ok(())
        } else {
            Err(SignatureMismatch)
        };
        assert_eq!(trial.alone(), expected, "{query} as {printed}");
        let more = signed(
            "https://h.example",
            &target(&query),
            &url(&format!("{printed}&")),
        );
        // A query that ends in one arrived like that.
        if query != format!("{printed}&") {
            assert_eq!(
                more.alone(),
                Err(SignatureMismatch),
                "{query} as {printed}&"
            );
        }
    }
}

/// Node puts the same character in the place of every byte that is no text.
#[test]
fn what_is_no_text_is_not_written_again() {
    for (query, printed) in [
        ("x=%E9", "x=%EF%BF%BD"),
        ("x=%C3", "x=%EF%BF%BD"),
        ("x=%C3%A9%C3", "x=%C3%A9%EF%BF%BD"),
        ("x=%ED%A0%80", "x=%EF%BF%BD%EF%BF%BD%EF%BF%BD"),
    ] {
        assert_eq!(querystring(query), printed, "{query}");
        let trial = signed("https://h.example", &target(query), &url(printed));
        trial.refused(SignatureMismatch, format!("{query} as {printed}"));
        let as_it_arrived = signed("https://h.example", &target(query), &url(query));
        as_it_arrived.passes(query);
    }
}

/// In Node's own order a parameter could move unseen, and beyond a thousand it could be added.
#[test]
fn parameters_keep_their_places() {
    for (query, printed) in MOVED_BY_NODE {
        assert_ne!(querystring(query), printed, "{query}");
        let trial = signed("https://h.example", &target(query), &url(printed));
        trial.refused(SignatureMismatch, format!("{query} as {printed}"));
        let in_place = querystring(query);
        let trial = signed("https://h.example", &target(query), &url(&in_place));
        trial.passes(format!("{query} as {in_place}"));
    }
    let names: Vec<String> = (0..1_001).map(|at| format!("n{at}")).collect();
    let query = names.join("&");
    let printed = |count: usize| format!("{}=", names[..count].join("=&"));
    let trial = |count| signed("https://h.example", &target(&query), &url(&printed(count)));
    trial(1_001).passes("all of them");
    trial(1_000).refused(SignatureMismatch, "the thousand that Node reads");
}
