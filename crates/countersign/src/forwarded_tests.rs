use proptest::prelude::*;

use super::*;

fn head(lines: &[&[u8]]) -> http::Request<()> {
    let mut request = http::Request::post("/hooks");
    for line in lines {
        request = request.header("forwarded", *line);
    }
    request.body(()).unwrap()
}

/// Each hop as `for|host|proto`.
fn read(lines: &[&[u8]]) -> Result<Vec<String>, Malformed> {
    let head = head(lines);
    let hops = Hops::read(&head)?;
    let text = |hop: &Hop<'_>| {
        let from = match hop.from {
            None => "-".to_owned(),
            Some(Node::Hidden) => "hidden".to_owned(),
            Some(Node::Address(address)) => address.to_string(),
        };
        let [host, proto] = [&hop.host, &hop.proto].map(|text| text.as_deref().unwrap_or("-"));
        format!("{from}|{host}|{proto}")
    };
    Ok(hops.0.iter().map(text).collect())
}

fn one(line: &str) -> Result<Vec<String>, Malformed> {
    read(&[line.as_bytes()])
}

/// RFC 7239, sections 4 and 6, and what its grammar allows beside the examples.
#[test]
fn hops_are_read_as_the_rfc_writes_them() {
    for (line, due) in [
        ("for=_gazonk", &["hidden|-|-"][..]),
        (
            r#"For="[2001:db8:cafe::17]:4711""#,
            &["2001:db8:cafe::17|-|-"],
        ),
        (
            "for=192.0.2.60;proto=http;by=203.0.113.43",
            &["192.0.2.60|-|http"],
        ),
        (
            "for=192.0.2.43, for=198.51.100.17",
            &["192.0.2.43|-|-", "198.51.100.17|-|-"],
        ),
        (
            r#"for=_hidden, for=unknown;by="_SEVKISEK:_p0rt.-",FOR="192.0.2.43:47011""#,
            &["hidden|-|-", "hidden|-|-", "192.0.2.43|-|-"],
        ),
        (
            r#"proto=https;host="a.example:8443";for=192.0.2.1"#,
            &["192.0.2.1|a.example:8443|https"],
        ),
        // A pair may be left out, a name has no case, blanks stand around commas.
        (";;for=192.0.2.1;;", &["192.0.2.1|-|-"]),
        (
            "HOST=a.example;Proto=https \t,\tfor=UNKNOWN",
            &["-|a.example|https", "hidden|-|-"],
        ),
        // What is in quotes ends nothing.
        (r#"host="a,b;c=\"d\\";proto="""#, &[r#"-|a,b;c="d\|"#]),
        (
            r#"secret="x, for=10.0.0.1";for=192.0.2.1"#,
            &["192.0.2.1|-|-"],
        ),
        (r#"for="unknown:80";x=!#$%&'*+-.^_`|~z"#, &["hidden|-|-"]),
    ] {
        let due: Vec<String> = due.iter().map(|hop| (*hop).to_owned()).collect();
        assert_eq!(one(line), Ok(due), "{line}");
    }
    let lines: [&[u8]; 2] = [b"for=192.0.2.1", b" for=192.0.2.2, for=192.0.2.3 "];
    let three = ["192.0.2.1|-|-", "192.0.2.2|-|-", "192.0.2.3|-|-"];
    assert_eq!(read(&lines), Ok(three.map(str::to_owned).to_vec()));
    assert_eq!(read(&[]), Ok(Vec::new()));
}

#[test]
fn what_does_not_parse_says_nothing() {
    for line in [
        "",
        ",",
        ";",
        "for=192.0.2.1,",
        ",for=192.0.2.1",
        "for=192.0.2.1,,for=192.0.2.2",
        "for=192.0.2.1, ;, for=192.0.2.2",
        "for",
        "for=",
        "=x",
        "for =192.0.2.1",
        "for= 192.0.2.1",
        "for=192.0.2.1; proto=https",
        "for=192.0.2.1 ;proto=https",
        "for=192.0.2.1 for=192.0.2.2",
        // Twice, in any case, whatever it is.
        "for=192.0.2.1;for=192.0.2.1",
        "proto=https;PROTO=http",
        "host=a.example;x=1;Host=a.example",
        "x=1;x=1",
        // No nodes.
        "for=192.0.2.1:80",
        r#"for="""#,
        r#"for="192.0.2.01""#,
        r#"for="192.0.2""#,
        r#"for="2001:db8::1""#,
        r#"for="[2001:db8::1""#,
        r#"for="[2001:db8::1]x""#,
        r#"for="[192.0.2.1]""#,
        r#"for="[fe80::1%eth0]""#,
        r#"for="192.0.2.1:""#,
        r#"for="192.0.2.1:123456""#,
        r#"for="192.0.2.1:8o""#,
        r#"for="192.0.2.1:_""#,
        r#"for=" 192.0.2.1""#,
        "for=_",
        "for=_a+b",
        "for=a.example",
        "for=192.0.2.1;by=somebody",
        // Quotes that do not end, or end too early.
        r#"for="192.0.2.1"#,
        r#"host="a\"#,
        r#"host="a\""#,
        r#"host="a"b"#,
        r#"host="a"b"""#,
        r#"x=";for=192.0.2.1, for="[2001:db8::1]""#,
        "host=a.example:80",
        "host=a/b",
        "h\u{e9}=1",
        "x=\"\u{e9}\"",
    ] {
        assert_eq!(one(line), Err(Malformed), "{line}");
        let lines = [line.as_bytes(), b"for=192.0.2.1"];
        assert_eq!(read(&lines), Err(Malformed), "{line} and a good one");
        assert_eq!(
            read(&[lines[1], lines[0]]),
            Err(Malformed),
            "{line} after a good one"
        );
    }
    assert_eq!(read(&[b"x=\"\xff\""]), Err(Malformed));
}

#[test]
fn hops_pairs_and_bytes_are_bounded() {
    let many = |count: usize| vec!["for=192.0.2.1"; count].join(",");
    assert_eq!(one(&many(MOST_HOPS)).map(|hops| hops.len()), Ok(MOST_HOPS));
    assert_eq!(one(&many(MOST_HOPS + 1)), Err(Malformed));
    let pairs = |count: usize| {
        let pairs: Vec<String> = (0..count).map(|at| format!("p{at}=1")).collect();
        pairs.join(";")
    };
    assert_eq!(one(&pairs(MOST_PAIRS)).map(|hops| hops.len()), Ok(1));
    assert_eq!(one(&pairs(MOST_PAIRS + 1)), Err(Malformed));
    let long = |len: usize| format!("x=\"{}\"", "a".repeat(len - 4));
    assert_eq!(one(&long(MAX_LEN)).map(|hops| hops.len()), Ok(1));
    assert_eq!(one(&long(MAX_LEN + 1)), Err(Malformed));
    let halves = [long(MAX_LEN / 2), long(MAX_LEN / 2 + 1)];
    let halves: Vec<&[u8]> = halves.iter().map(String::as_bytes).collect();
    assert_eq!(read(&halves), Err(Malformed), "all lines together");
}

fn outermost(line: &str) -> Option<String> {
    let proxies = Networks::parse(&["10.0.0.0/8", "fd00::/8"]).unwrap();
    let head = head(&[line.as_bytes()]);
    let hops = Hops::read(&head).unwrap();
    let proto = |hop: &Hop<'_>| hop.proto.clone().unwrap_or_default().into_owned();
    hops.outermost(&proxies).map(proto)
}

#[test]
fn hops_count_from_the_right_while_proxies_are_named() {
    for (line, due) in [
        ("for=192.0.2.1;proto=a", Some("a")),
        // A stranger wrote what stands to the left.
        ("for=10.0.0.1;proto=x, for=192.0.2.1;proto=a", Some("a")),
        ("for=10.0.0.1;proto=x, for=unknown;proto=a", Some("a")),
        ("for=10.0.0.1;proto=x, proto=a", Some("a")),
        ("for=192.0.2.1;proto=x, for=_a;proto=a", Some("a")),
        // Each of these was written by a proxy.
        ("for=192.0.2.1;proto=a, for=10.0.0.1;proto=b", Some("a")),
        (
            "for=192.0.2.9;proto=x, for=192.0.2.1;proto=a, for=\"[fd00::1]:80\";proto=b, for=10.0.0.1;proto=c",
            Some("a"),
        ),
        ("for=_b;proto=a, for=10.0.0.1;proto=b", Some("a")),
        // The outermost one says nothing of who reached it.
        ("for=10.0.0.1;proto=a", None),
        ("for=10.0.0.2;proto=a, for=10.0.0.1;proto=b", None),
    ] {
        assert_eq!(outermost(line).as_deref(), due, "{line}");
    }
    let nothing = Hops::default();
    let proxies = Networks::parse(&["10.0.0.0/8"]).unwrap();
    assert_eq!(nothing.outermost(&proxies), None);
}

/// What a proxy would write, with more in front of it than its own.
fn written(hop: &(String, String, String)) -> String {
    let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let (from, host, proto) = hop;
    format!("for={from};host={};proto={}", quote(host), quote(proto))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands in front of what a proxy adds: it is refused, or the proxy's element is the last, as it was written.
    #[test]
    fn nothing_in_front_changes_what_the_nearest_proxy_says(
        front in prop_oneof![
            "[a-z=\";,\\\\ \\[\\]:.0-9_]{0,40}",
            "(for|host|proto|by)=(\"[^\"]{0,9}\"?|[a-z0-9._]{0,9})(;|,|, )?".prop_map(|text| text.repeat(3)),
            "\\PC{0,40}",
        ],
        quoted in any::<bool>(),
    ) {
        let own = if quoted { "for=\"[2001:db8::1]\";proto=https;host=\"a.example:8443\"" } else { "for=192.0.2.1;proto=https;host=a.example" };
        let line = format!("{front}, {own}");
        let Ok(value) = http::HeaderValue::from_bytes(line.as_bytes()) else { return Ok(()) };
        if let Ok(hops) = read(&[value.as_bytes()]) {
            let due = if quoted { "2001:db8::1|a.example:8443|https" } else { "192.0.2.1|a.example|https" };
            prop_assert_eq!(hops.last().map(String::as_str), Some(due));
            prop_assert!(hops.len() > 1);
        }
        // On a line of its own the same.
        if let Ok(front) = http::HeaderValue::from_bytes(front.as_bytes())
            && let Ok(hops) = read(&[front.as_bytes(), own.as_bytes()]) {
            prop_assert!(hops.last().is_some_and(|hop| hop.contains("https")));
        }
    }

    /// What is written is read as it was meant, and nothing of it ends anything.
    #[test]
    fn what_is_written_is_read(hops in prop::collection::vec(
        ("192\\.0\\.2\\.[1-9]", "[ -~]{0,12}", "[ -~]{0,12}"), 1..5,
    )) {
        let line: Vec<String> = hops.iter().map(written).collect();
        let due: Vec<String> = hops.iter().map(|(from, host, proto)| format!("{from}|{host}|{proto}")).collect();
        prop_assert_eq!(one(&line.join(", ")), Ok(due));
    }

    /// No bytes whatever make it fail in another way, or give more than there may be.
    #[test]
    fn any_bytes_are_hops_or_malformed(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(value) = http::HeaderValue::from_bytes(&bytes)
            && let Ok(hops) = read(&[value.as_bytes()]) {
            prop_assert!((1..=MOST_HOPS).contains(&hops.len()));
        }
    }
}
