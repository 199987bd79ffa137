use super::*;
use crate::request::Peer;

fn base(url: &str) -> Base {
    Base::parse(url).unwrap()
}

const PLAIN: UrlSpelling = UrlSpelling::PLAIN;
const WITHOUT: UrlSpelling = UrlSpelling {
    port: UrlPort::Without,
    ..PLAIN
};
const WITH: UrlSpelling = UrlSpelling {
    port: UrlPort::With,
    ..PLAIN
};

#[test]
fn a_url_is_spelled_with_and_without_its_port() {
    // As configured, without a port, with one.
    for (configured, plain, without, with) in [
        (
            "https://a.example",
            "https://a.example",
            "https://a.example",
            "https://a.example:443",
        ),
        (
            "http://a.example",
            "http://a.example",
            "http://a.example",
            "http://a.example:80",
        ),
        (
            "https://a.example:8443",
            "https://a.example:8443",
            "https://a.example",
            "https://a.example:8443",
        ),
        (
            "https://a.example:443/",
            "https://a.example:443",
            "https://a.example",
            "https://a.example:443",
        ),
        (
            "http://a.example:443",
            "http://a.example:443",
            "http://a.example",
            "http://a.example:443",
        ),
        // Case is the sender's; only which port is the default is told without regard to it.
        (
            "HTTPS://A.Example/Pre",
            "HTTPS://A.Example/Pre",
            "HTTPS://A.Example/Pre",
            "HTTPS://A.Example:443/Pre",
        ),
        // A colon, an at sign and brackets of user information are none of the host's.
        (
            "https://user:p%40ss@a.example/x/",
            "https://user:p%40ss@a.example/x",
            "https://user:p%40ss@a.example/x",
            "https://user:p%40ss@a.example:443/x",
        ),
        (
            "https://user:1@2:3@a.example:99",
            "https://user:1@2:3@a.example:99",
            "https://user:1@2:3@a.example",
            "https://user:1@2:3@a.example:99",
        ),
        (
            "https://[u]:1@a.example",
            "https://[u]:1@a.example",
            "https://[u]:1@a.example",
            "https://[u]:1@a.example:443",
        ),
        (
            "https://[2001:db8::1]",
            "https://[2001:db8::1]",
            "https://[2001:db8::1]",
            "https://[2001:db8::1]:443",
        ),
        (
            "http://u@[::1]:8080/a",
            "http://u@[::1]:8080/a",
            "http://u@[::1]/a",
            "http://u@[::1]:8080/a",
        ),
        (
            "https://a.example:65535/a/b:c@d",
            "https://a.example:65535/a/b:c@d",
            "https://a.example/a/b:c@d",
            "https://a.example:65535/a/b:c@d",
        ),
        (
            "https://b\u{fc}cher.example",
            "https://b\u{fc}cher.example",
            "https://b\u{fc}cher.example",
            "https://b\u{fc}cher.example:443",
        ),
    ] {
        let base = base(configured);
        for (spelling, expect) in [(PLAIN, plain), (WITHOUT, without), (WITH, with)] {
            assert_eq!(
                base.spell(spelling, "/h/%7e", Some("b=%c3&a")),
                Some(format!("{expect}/h/%7e?b=%c3&a")),
                "{configured}"
            );
        }
    }
}

#[test]
fn path_and_query_are_as_they_arrived() {
    let base = base("https://a.example/pre");
    for (path, query, expect) in [
        ("/", None, "https://a.example/pre/"),
        ("/", Some(""), "https://a.example/pre/?"),
        (
            "/a//b/../c",
            Some("x?y"),
            "https://a.example/pre/a//b/../c?x?y",
        ),
    ] {
        assert_eq!(base.spell(PLAIN, path, query).as_deref(), Some(expect));
    }
}

#[test]
fn what_is_no_base_is_none() {
    for bad in [
        "",
        "/",
        "a.example",
        "//a.example",
        "https:",
        "https:/",
        "https://",
        "https:///",
        "https:///a",
        "https:a.example",
        "ftp://a.example",
        "ws://a.example",
        "https+x://a.example",
        " https://a.example",
        "https://a.example ",
        "https://a .example",
        "https://a.example/\u{a0}",
        "https://a.example/\t",
        "https://a.example/\0",
        "https://a.example?",
        "https://a.example/?a=b",
        "https://a.example#",
        "https://a.example/#a",
        "https://a.example\\b",
        "https://:443",
        "https://user@",
        "https://user@:443",
        "https://user@/a",
        "https://a.example:",
        "https://a.example:/a",
        "https://a.example:x",
        "https://a.example:-1",
        "https://a.example:+80",
        "https://a.example:80:80",
        "https://a.example:65536",
        "https://a.example:000080",
        "https://::1",
        "https://[::1",
        "https://[::1]:",
        "https://[::1]:a",
    ] {
        assert_eq!(Base::parse(bad), None, "{bad:?}");
    }
}

/// What Node 20's `querystring.stringify(querystring.parse(…))` gives.
#[test]
fn a_query_is_written_again_as_node_does() {
    for (query, expect) in [
        ("", ""),
        ("&", ""),
        ("&&a=b&&", "a=b"),
        ("=", "="),
        ("&=&", "="),
        ("foo=bar", "foo=bar"),
        ("foo=1&bar=2", "foo=1&bar=2"),
        ("b=1&a=2&a=1", "b=1&a=2&a=1"),
        ("foo&bar=baz", "foo=&bar=baz"),
        ("a=", "a="),
        ("=a", "=a"),
        ("a=1&A=2", "a=1&A=2"),
        ("foo=baz=bar", "foo=baz%3Dbar"),
        ("foo%3Dbaz=bar", "foo%3Dbaz=bar"),
        ("__proto__=x&a=1", "__proto__=x&a=1"),
        // Blanks and escapes.
        ("+", "%20="),
        ("=+", "=%20"),
        ("a+b=c+d", "a%20b=c%20d"),
        ("a%2Bb=%2b", "a%2Bb=%2B"),
        ("foo=%zx", "foo=%25zx"),
        ("foo=%", "foo=%25"),
        ("foo=%4", "foo=%254"),
        ("%=%", "%25=%25"),
        ("a=%zz%41", "a=%25zzA"),
        ("a=%00", "a=%00"),
        ("a=%C3%A9", "a=%C3%A9"),
        ("a=%F0%9F%98%80", "a=%F0%9F%98%80"),
        // What is no text.
        ("a=%FF", "a=%EF%BF%BD"),
        ("a=%c3", "a=%EF%BF%BD"),
        ("a=%EF%BF%BD", "a=%EF%BF%BD"),
        ("a=%ED%A0%80", "a=%EF%BF%BD%EF%BF%BD%EF%BF%BD"),
        // What is left alone.
        ("a='()*~!-._", "a='()*~!-._"),
        ("a=%27%28%29%2A", "a='()*"),
        ("a=:@/?;,$[]", "a=%3A%40%2F%3F%3B%2C%24%5B%5D"),
        ("a=\"<>`{}|\\^", "a=%22%3C%3E%60%7B%7D%7C%5C%5E"),
    ] {
        assert_eq!(by_querystring(query), expect, "{query}");
    }
}

/// Node groups the values of a name, lists array indices first, and reads a thousand parameters and no more: whoever has one signed URL
/// could move a parameter, or add one at the end, and keep the signature.
#[test]
fn a_query_that_is_written_again_keeps_every_parameter_in_its_place() {
    for query in ["a=1&b=2&a=3", "2=b&1=a&x=c&0=d", "10=a&9=b", "01=a&1=b"] {
        assert_eq!(by_querystring(query), query);
    }
    let many = format!("{}b=2", "a=1&".repeat(1_500));
    assert_eq!(by_querystring(&many), many);
}

#[test]
fn a_query_is_escaped_as_a_whatwg_url() {
    let spelling = UrlSpelling {
        query: UrlQuery::Whatwg,
        ..WITHOUT
    };
    let spell = |query: &str| {
        base("https://a.example")
            .spell(spelling, "/", Some(query))
            .unwrap()
    };
    for byte in 0x20..=0x7f_u8 {
        let query = format!("x={}y", char::from(byte));
        let expect = if b" \"#<>'\x7f".contains(&byte) {
            format!("x=%{byte:02X}y")
        } else {
            query.clone()
        };
        assert_eq!(spell(&query), format!("https://a.example/?{expect}"));
    }
    assert_eq!(
        spell("\u{e9}=%c3%zz&a b"),
        "https://a.example/?%C3%A9=%c3%zz&a%20b",
        "escapes that are there stay as they are"
    );
    let node = UrlSpelling {
        query: UrlQuery::Querystring,
        ..WITH
    };
    assert_eq!(
        base("https://a.example")
            .spell(node, "/p", Some("b=1 2&a='"))
            .as_deref(),
        Some("https://a.example:443/p?b=1%202&a='")
    );
    // What is no text is replaced when it is decoded, so that two queries would become one.
    assert_eq!(
        base("https://a.example").spell(node, "/p", Some("a=%FF")),
        None
    );
}

#[test]
fn proxies_are_named_by_network_and_host() {
    let new = |networks: &[&str], hosts: &[&str]| {
        TrustedProxies::new(networks, hosts.iter().copied()).err()
    };
    const NET: &[&str] = &["10.0.0.0/8"];
    const HOST: &[&str] = &["a.example"];
    for (networks, hosts) in [
        (NET, HOST),
        (&["10.1.2.3"], HOST),
        (&["::1", "2001:db8::/32", "10.0.0.0/8"], HOST),
        (
            NET,
            &[
                "a.example:8443",
                "[::1]",
                "[::1]:80",
                "10.0.0.1",
                "A.Example",
            ],
        ),
    ] {
        assert_eq!(new(networks, hosts), None, "{networks:?} {hosts:?}");
    }
    for bad in [
        "",
        "10.0.0.0/33",
        "010.0.0.0/8",
        "::ffff:05.0.0.0/104",
        "10.0.0/8",
        "10.0.0.0/",
        "a.example",
        "0.0.0.0/0",
        "::/0",
        "10.0.0.1:80",
        "[::1]",
        " 10.0.0.1",
        "*",
    ] {
        let expect = Some(ProxyError::Network(bad.to_owned()));
        assert_eq!(new(&["10.0.0.0/8", bad], HOST), expect, "{bad:?}");
    }
    for bad in [
        "",
        "https://a.example",
        "a.example/",
        "a.example/b",
        "u@a.example",
        "a.example:",
        "a.example:x",
        "a.example?b",
        "a example",
        ":80",
    ] {
        let expect = Some(ProxyError::Host(bad.to_owned()));
        assert_eq!(new(NET, &["a.example", bad]), expect, "{bad:?}");
    }
    assert_eq!(new(&[], HOST), Some(ProxyError::Empty));
    assert_eq!(new(NET, &[]), Some(ProxyError::Empty));
    assert_eq!(
        new(&["x"], HOST).unwrap().to_string(),
        r#""x" is no address or network of proxies"#
    );
}

const FROM: [(&str, &str); 2] = [
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "a.example"),
];

fn request(peer: Option<&str>, headers: &[(&str, &str)]) -> http::Request<()> {
    let mut request = http::Request::post("/hooks");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(()).unwrap();
    if let Some(peer) = peer {
        request.extensions_mut().insert(Peer(peer.parse().unwrap()));
    }
    request
}

fn proxies() -> TrustedProxies {
    TrustedProxies::new(
        &["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"],
        ["a.example", "b.example:8443"],
    )
    .unwrap()
}

fn unknown(name: &'static str) -> Refusal {
    Refusal::PublicUrlUnknown { name: name.into() }
}

#[test]
fn only_the_peer_of_the_connection_is_trusted() {
    let base = |peer| proxies().base(&request(peer, &FROM));
    for peer in [
        "10.0.0.0",
        "10.255.255.255",
        "192.0.2.7",
        "2001:db8::9",
        "::ffff:10.1.1.1",
    ] {
        assert_eq!(
            base(Some(peer)),
            Ok(self::base("https://a.example")),
            "{peer}"
        );
    }
    for peer in [
        "11.0.0.0",
        "9.255.255.255",
        "192.0.2.8",
        "2001:db9::",
        "::1",
        "::10.0.0.1",
        "::ffff:11.0.0.1",
    ] {
        assert_eq!(base(Some(peer)), Err(Refusal::PeerUntrusted), "{peer}");
    }
    assert_eq!(base(None), Err(unknown("peer")));
    // What a header says of the peer does not count.
    let mut said = FROM.to_vec();
    said.extend([
        ("x-forwarded-for", "10.0.0.1"),
        ("forwarded", "for=10.0.0.1"),
        ("x-real-ip", "10.0.0.1"),
    ]);
    assert_eq!(
        proxies().base(&request(Some("203.0.113.1"), &said)),
        Err(Refusal::PeerUntrusted)
    );
    // A socket for both families: networks may be named in either form, too.
    let mapped = TrustedProxies::new(&["::ffff:10.0.0.0/104"], ["a.example"]).unwrap();
    for (peer, expect) in [
        ("10.1.1.1", Ok(self::base("https://a.example"))),
        ("::ffff:10.1.1.1", Ok(self::base("https://a.example"))),
        ("11.1.1.1", Err(Refusal::PeerUntrusted)),
    ] {
        assert_eq!(mapped.base(&request(Some(peer), &FROM)), expect, "{peer}");
    }
    let everybody = TrustedProxies::new(&["::ffff:0:0/96"], ["a.example"]).unwrap_err();
    assert_eq!(everybody, ProxyError::Network("::ffff:0:0/96".to_owned()));
}

#[test]
fn each_header_is_there_once_with_one_value() {
    let base = |headers: &[(&str, &str)]| proxies().base(&request(Some("10.0.0.1"), headers));
    let with = |name: &str, values: &[&str]| {
        let mut headers: Vec<_> = FROM
            .into_iter()
            .filter(|(known, _)| *known != name)
            .collect();
        headers.extend(values.iter().map(|value| (name, *value)));
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (&**name, *value))
            .collect();
        base(&headers)
    };
    const PROTO: &str = "x-forwarded-proto";
    const HOST: &str = "x-forwarded-host";
    assert_eq!(with(PROTO, &["http"]), Ok(self::base("http://a.example")));
    assert_eq!(
        with(PROTO, &[" https\t"]),
        Ok(self::base("https://a.example"))
    );
    for bad in [
        &[][..],
        &[""],
        &["HTTPS"],
        &["wss"],
        &["https,http"],
        &["https, https"],
        &["https", "https"],
        &["https", ""],
    ] {
        assert_eq!(with(PROTO, bad), Err(unknown(PROTO)), "{bad:?}");
    }
    // Spelled as the proxy spells it; compared without regard to case.
    assert_eq!(
        with(HOST, &["A.Example"]),
        Ok(self::base("https://A.Example"))
    );
    assert_eq!(
        with(HOST, &["b.example:8443"]),
        Ok(self::base("https://b.example:8443"))
    );
    for bad in [
        &[][..],
        &[""],
        &["c.example"],
        &["a.example."],
        &["a.example:443"],
        &["b.example"],
        &["b.example:443"],
        &["a.example/b"],
        &["u@a.example"],
        &["evil.example, a.example"],
        &["a.example,"],
        &["a.example", "a.example"],
        &["evil.example", "a.example"],
    ] {
        assert_eq!(with(HOST, bad), Err(unknown(HOST)), "{bad:?}");
    }
}

#[test]
fn a_host_that_is_passed_on_is_taken_only_where_that_was_said() {
    let headers = |host: &'static str| [("x-forwarded-proto", "https"), ("host", host)];
    let proxies = proxies();
    let keeping = proxies.clone().keeping_host();
    let base = |proxies: &TrustedProxies, headers: &[(&str, &str)]| {
        proxies.base(&request(Some("10.0.0.1"), headers))
    };
    let ours = headers("b.example:8443");
    assert_eq!(base(&proxies, &ours), Err(unknown("x-forwarded-host")));
    assert_eq!(
        base(&keeping, &ours),
        Ok(self::base("https://b.example:8443"))
    );
    assert_eq!(base(&keeping, &headers("b.example")), Err(unknown("host")));
    assert_eq!(base(&keeping, &FROM), Err(unknown("host")));
    // HTTP/2 names the host in the target, and only who keeps it is asked there.
    let mut http2 = request(Some("10.0.0.1"), &[("x-forwarded-proto", "https")]);
    *http2.uri_mut() = "https://b.example:8443/h".parse().unwrap();
    let ours_too = Ok(self::base("https://b.example:8443"));
    assert_eq!(keeping.base(&http2), ours_too);
    assert_eq!(proxies.base(&http2), Err(unknown("x-forwarded-host")));
    let both = [FROM[0], FROM[1], ("host", "c.example")];
    assert_eq!(base(&keeping, &both), Err(unknown("host")));
    assert_eq!(base(&proxies, &both), Ok(self::base("https://a.example")));
}

#[test]
fn a_prefix_is_taken_only_where_that_was_said() {
    const PREFIX: &str = "x-forwarded-prefix";
    let setting = proxies()
        .setting_prefix(["/pre/fix", "/pre/", "/"])
        .unwrap();
    let base = |proxies: &TrustedProxies, values: &[&str]| {
        let mut headers = FROM.to_vec();
        headers.extend(values.iter().map(|value| (PREFIX, *value)));
        proxies.base(&request(Some("10.0.0.1"), &headers))
    };
    assert_eq!(
        base(&setting, &["/pre/fix"]),
        Ok(self::base("https://a.example/pre/fix"))
    );
    assert_eq!(
        base(&setting, &["/pre/"]),
        Ok(self::base("https://a.example/pre"))
    );
    assert_eq!(base(&setting, &["/"]), Ok(self::base("https://a.example")));
    for bad in [
        &[][..],
        &[""],
        &["pre"],
        &[".evil.example/"],
        &[":80/"],
        &["/a?b"],
        &["/a#b"],
        &["/a b"],
        &["/a\\b"],
        &["/a, /b"],
        &["/pre", "/pre"],
        // Nobody named these.
        &["/other"],
        &["/Pre"],
        &["/pre//"],
        &["//"],
        &["/pre/fix/x"],
    ] {
        assert_eq!(base(&setting, bad), Err(unknown(PREFIX)), "{bad:?}");
        assert_eq!(base(&proxies(), bad), Ok(self::base("https://a.example")));
    }
}

#[test]
fn a_prefix_that_is_always_stripped_is_asked_of_nobody() {
    for (named, due) in [
        ("/hooks", "https://a.example/hooks"),
        ("/hooks/", "https://a.example/hooks"),
        ("/a/b", "https://a.example/a/b"),
        ("/", "https://a.example"),
    ] {
        let proxies = proxies().stripping(named).unwrap();
        for headers in [
            FROM.to_vec(),
            [&FROM[..], &[("x-forwarded-prefix", "/evil")]].concat(),
        ] {
            let told = proxies.base(&request(Some("10.0.0.1"), &headers));
            assert_eq!(told, Ok(base(due)), "{named}");
        }
    }
    for bad in [
        "",
        "hooks",
        ".evil.example/",
        ":80/",
        "/a?b",
        "/a#b",
        "/a b",
        "/a\\b",
    ] {
        let expect = Some(ProxyError::Prefix(bad.to_owned()));
        assert_eq!(proxies().stripping(bad).err(), expect, "{bad:?}");
        assert_eq!(proxies().setting_prefix(["/a", bad]).err(), expect);
    }
    let none: [&str; 0] = [];
    assert_eq!(
        proxies().setting_prefix(none).err(),
        Some(ProxyError::Empty)
    );
}

#[test]
fn a_port_is_taken_only_where_that_was_said() {
    const PORT: &str = "x-forwarded-port";
    let named = ["a.example", "a.example:8443", "b.example:443"];
    let proxies = TrustedProxies::new(&["10.0.0.0/8"], named).unwrap();
    let setting = proxies.clone().setting_port();
    let base = |proxies: &TrustedProxies, host: &str, ports: &[&str]| {
        let mut headers = vec![FROM[0], ("x-forwarded-host", host)];
        headers.extend(ports.iter().map(|port| (PORT, *port)));
        proxies.base(&request(Some("10.0.0.1"), &headers))
    };
    for (host, port, due) in [
        // The default one is not written.
        ("a.example", "443", "https://a.example"),
        ("a.example", "8443", "https://a.example:8443"),
        ("a.example:8443", "8443", "https://a.example:8443"),
        // The sender wrote it.
        ("b.example:443", "443", "https://b.example:443"),
    ] {
        assert_eq!(base(&setting, host, &[port]), Ok(self::base(due)));
    }
    for (host, bad) in [
        ("a.example", &[][..]),
        ("a.example", &[""]),
        ("a.example", &["0"]),
        ("a.example", &["0443"]),
        ("a.example", &["+443"]),
        ("a.example", &["65979"]),
        ("a.example", &["443, 443"]),
        ("a.example", &["443", "443"]),
        ("a.example", &["https"]),
        // Two ports.
        ("a.example:8443", &["443"]),
        ("b.example:443", &["8443"]),
    ] {
        assert_eq!(base(&setting, host, bad), Err(unknown(PORT)), "{bad:?}");
    }
    // Nobody named these.
    for (host, port) in [
        ("a.example", "80"),
        ("a.example", "84"),
        ("b.example", "443"),
    ] {
        let told = base(&setting, host, &[port]);
        assert_eq!(told, Err(unknown("x-forwarded-host")), "{host} {port}");
    }
    // Otherwise it is not looked at.
    let told = base(&proxies, "a.example", &["8443"]);
    assert_eq!(told, Ok(self::base("https://a.example")));
    // Port 80 is the default of http alone.
    let http = [("x-forwarded-proto", "http"), FROM[1], (PORT, "80")];
    let told = setting.base(&request(Some("10.0.0.1"), &http));
    assert_eq!(told, Ok(self::base("http://a.example")));
}

#[test]
fn two_hosts_in_one_request_are_no_host() {
    let keeping = proxies().keeping_host();
    let told = |target: &str, host: Option<&str>| {
        let mut headers = vec![("x-forwarded-proto", "https")];
        headers.extend(host.map(|host| ("host", host)));
        let mut request = request(Some("10.0.0.1"), &headers);
        *request.uri_mut() = target.parse().unwrap();
        keeping.base(&request)
    };
    let target = "https://b.example:8443/h";
    let ours = Ok(base("https://b.example:8443"));
    assert_eq!(told(target, None), ours);
    assert_eq!(told(target, Some("b.example:8443")), ours);
    for (target, host) in [
        (target, "a.example"),
        ("http://evil.example/h", "a.example"),
        ("https://u@a.example/h", "a.example"),
    ] {
        assert_eq!(told(target, Some(host)), Err(unknown("host")), "{target}");
    }
}

fn forwarded(lines: &[&str]) -> Result<Base, Refusal> {
    let proxies = proxies().setting_forwarded();
    let headers: Vec<_> = lines.iter().map(|line| ("forwarded", *line)).collect();
    proxies.base(&request(Some("10.0.0.1"), &headers))
}

#[test]
fn the_outermost_proxy_tells_by_forwarded() {
    let ours = Ok(base("https://a.example"));
    for lines in [
        &["for=192.0.2.1;proto=https;host=a.example"][..],
        &["proto=https;host=a.example"],
        &["for=unknown;PROTO=https;HOST=\"a.example\""],
        // A stranger's element in front of it.
        &[
            "for=10.0.0.1;proto=http;host=\"b.example:8443\", for=192.0.2.1;proto=https;host=a.example",
        ],
        &[
            "for=10.0.0.1;proto=http;host=\"b.example:8443\"",
            "for=192.0.2.1;proto=https;host=a.example",
        ],
        // Two proxies in a row.
        &["for=192.0.2.1;proto=https;host=a.example, for=10.0.0.9;proto=http;host=inner.local"],
        &["for=192.0.2.1;proto=https;host=a.example, for=10.0.0.9"],
    ] {
        assert_eq!(forwarded(lines), ours, "{lines:?}");
    }
    assert_eq!(
        forwarded(&["proto=http;host=\"B.example:8443\""]),
        Ok(base("http://B.example:8443"))
    );
    for lines in [
        &[][..],
        &[""],
        &["for=192.0.2.1;host=a.example"],
        &["for=192.0.2.1;proto=https"],
        &["proto=HTTPS;host=a.example"],
        &["proto=wss;host=a.example"],
        &["proto=https;host=evil.example"],
        &["proto=https;host=\"a.example:443\""],
        &["proto=https;host=\"a.example/\""],
        &["proto=https;host=\"a.example, evil.example\""],
        &["proto=https;host=\"\""],
        &["proto=https;host=\"u@a.example\""],
        // What the nearest proxy says counts, and not what stands to the left of it.
        &["proto=https;host=a.example, for=192.0.2.1"],
        &[
            "proto=https;host=a.example",
            "for=192.0.2.1;proto=https;host=evil.example",
        ],
        // A proxy that says nothing of who reached it.
        &["for=10.0.0.9;proto=https;host=a.example"],
        // Malformed, wherever.
        &["for=;x, for=192.0.2.1;proto=https;host=a.example"],
        &["for=\"x", "for=192.0.2.1;proto=https;host=a.example"],
        &["for=192.0.2.1;proto=https;proto=https;host=a.example"],
        &["for=192.0.2.1;proto=https;host=a.example,"],
    ] {
        assert_eq!(forwarded(lines), Err(unknown("forwarded")), "{lines:?}");
    }
}

/// Which of the two families counts is a setting: what the other says changes nothing, and fills in nothing.
#[test]
fn one_family_of_headers_counts() {
    let both = |x: &[(&'static str, &'static str)], line: &'static str| {
        let mut headers = x.to_vec();
        headers.push(("forwarded", line));
        request(Some("10.0.0.1"), &headers)
    };
    let by_x = proxies();
    let by_forwarded = proxies().setting_forwarded();
    let other = "for=192.0.2.1;proto=http;host=\"b.example:8443\"";
    let request_of_both = both(&FROM, other);
    assert_eq!(by_x.base(&request_of_both), Ok(base("https://a.example")));
    let theirs = Ok(base("http://b.example:8443"));
    assert_eq!(by_forwarded.base(&request_of_both), theirs);
    for (x, line) in [(&FROM[1..], other), (&FROM[..1], other), (&[], other)] {
        let missing = by_x.base(&both(x, line)).unwrap_err();
        assert_eq!(missing.code(), "public_url_unknown", "{x:?}");
        assert_eq!(by_forwarded.base(&both(x, line)), theirs);
    }
    for line in ["for=192.0.2.1;proto=http", "host=a.example", "x"] {
        let told = by_forwarded.base(&both(&FROM, line));
        assert_eq!(told, Err(unknown("forwarded")), "{line}");
        assert_eq!(by_x.base(&both(&FROM, line)), Ok(base("https://a.example")));
    }
    // The host that is passed on belongs to neither.
    let keeping = by_forwarded.clone().keeping_host();
    let told = keeping.base(&both(&[("host", "a.example")], "for=192.0.2.1;proto=https"));
    assert_eq!(told, Ok(base("https://a.example")));
    // What only the other family tells cannot be asked for beside it.
    assert!(
        !by_forwarded
            .clone()
            .stripping("/a")
            .unwrap()
            .mixes_families()
    );
    assert!(by_forwarded.clone().setting_port().mixes_families());
    assert!(
        by_forwarded
            .setting_prefix(["/a"])
            .unwrap()
            .mixes_families()
    );
    assert!(
        !by_x
            .setting_port()
            .setting_prefix(["/a"])
            .unwrap()
            .mixes_families()
    );
}

#[test]
fn a_configured_url_asks_nobody() {
    let configured = PublicUrl::Configured(base("https://c.example/pre"));
    let plain = configured.base(&request(None, &FROM)).map(Cow::into_owned);
    assert_eq!(plain, Ok(base("https://c.example/pre")));
    let forwarded = PublicUrl::Forwarded(proxies());
    let told = forwarded
        .base(&request(Some("10.0.0.1"), &FROM))
        .map(Cow::into_owned);
    assert_eq!(told, Ok(base("https://a.example")));
    assert_eq!(forwarded.base(&request(None, &FROM)), Err(unknown("peer")));
}
