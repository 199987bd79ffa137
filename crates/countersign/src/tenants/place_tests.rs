use proptest::prelude::*;

use super::*;

fn template(text: &str) -> Template {
    Template::parse(text).unwrap()
}

fn spot(place: TenantPlace) -> Spot {
    place.ready(&Scheme::BASE).unwrap()
}

fn at(spot: &Spot, path: &str) -> Result<String, Refusal> {
    let head = http::Request::post(path).body(()).unwrap();
    match spot.in_head(&head)? {
        Named::Tenant(name) => Ok(name.to_string()),
        Named::InBody => panic!("the path says"),
    }
}

fn missing() -> Result<String, Refusal> {
    Err(Refusal::FieldMissing {
        name: "tenant".into(),
    })
}

fn malformed() -> Result<String, Refusal> {
    Err(Refusal::FieldMalformed {
        name: "tenant".into(),
    })
}

#[test]
fn a_template_has_one_parameter_and_is_a_path() {
    for (text, before, after) in [
        ("/{tenant}", "/", ""),
        ("/hooks/{id}", "/hooks/", ""),
        ("/{customer_1}/github", "/", "/github"),
        ("/hooks/v1-{id}.json", "/hooks/v1-", ".json"),
    ] {
        let expected = Template {
            before: before.to_owned(),
            after: after.to_owned(),
        };
        assert_eq!(Template::parse(text), Ok(expected), "{text}");
    }
    let one = Err("a path template has one parameter, written `{tenant}`");
    for text in [
        "", "/hooks", "/{", "/}", "/{}", "/{a", "/a}", "/{a}/{b}", "/{{a}}", "/}{a}", "/{a}}",
        "/{*rest}", "/{a b}", "/:tenant",
    ] {
        assert_eq!(Template::parse(text), one, "{text:?}");
    }
    assert_eq!(
        Template::parse("hooks/{a}"),
        Err("a path template begins with a slash")
    );
    for text in ["/a b/{a}", "/{a}?x", "/{a}#x", "/\u{e9}/{a}", "/{a}\n"] {
        assert_eq!(
            Template::parse(text),
            Err("a path template is written as paths are, without query and fragment"),
            "{text:?}"
        );
    }
}

#[test]
fn a_parameter_is_one_decoded_segment() {
    let spot = spot(TenantPlace::path("/hooks/{tenant}/in"));
    let named = |name: &str| Ok(name.to_owned());
    for (path, of) in [
        ("/hooks/acme/in", named("acme")),
        ("/hooks/acme/in?tenant=other", named("acme")),
        ("/hooks/a%20b/in", named("a b")),
        ("/hooks/a+b/in", named("a+b")),
        ("/hooks/%61cme/in", named("acme")),
        ("/hooks/a%2Fb/in", named("a/b")),
        ("/hooks/a%2fb/in", named("a/b")),
        ("/hooks/%C3%A9/in", named("\u{e9}")),
        ("/hooks/%2520/in", named("%20")),
        ("/hooks/in/in", named("in")),
        ("/hooks//in", malformed()),
        ("/hooks/%/in", malformed()),
        ("/hooks/%2/in", malformed()),
        ("/hooks/%zz/in", malformed()),
        ("/hooks/%+1/in", malformed()),
        ("/hooks/%FF/in", malformed()),
        ("/hooks/%00/in", malformed()),
        ("/hooks/a%0D%0Ab/in", malformed()),
        ("/hooks/%20a/in", malformed()),
        ("/hooks/a%20/in", malformed()),
        ("/hooks/in", missing()),
        ("/hooks/acme", missing()),
        ("/hooks/acme/", missing()),
        ("/hooks/acme/in/", missing()),
        ("/hooks/a/b/in", missing()),
        ("/Hooks/acme/in", missing()),
        ("/%68ooks/acme/in", missing()),
        ("//hooks/acme/in", missing()),
        ("/hooks/acme/%69n", missing()),
        ("/", missing()),
    ] {
        assert_eq!(at(&spot, path), of, "{path}");
    }
}

#[test]
fn a_name_has_a_length() {
    for (place, prefix) in [
        (TenantPlace::path("/{tenant}"), "/"),
        (TenantPlace::whole_path(), ""),
    ] {
        let spot = spot(place);
        let slash = if prefix.is_empty() { "/" } else { "" };
        let of = |len: usize| format!("{slash}{}", "a".repeat(len - slash.len()));
        for (len, fits) in [(1, true), (256, true), (257, false), (3_000, false)] {
            let name = of(len);
            let expected = if fits { Ok(name.clone()) } else { malformed() };
            assert_eq!(at(&spot, &format!("{prefix}{name}")), expected, "{len}");
        }
    }
    // What counts is what it says, and not how it is written.
    let spot = spot(TenantPlace::path("/{tenant}"));
    assert_eq!(
        at(&spot, &format!("/{}", "%61".repeat(256))),
        Ok("a".repeat(256))
    );
    assert_eq!(at(&spot, &format!("/{}", "%61".repeat(257))), malformed());
}

#[test]
fn the_whole_path_is_taken_as_it_is() {
    let spot = spot(TenantPlace::whole_path());
    assert_eq!(at(&spot, "/a%20b//c?d"), Ok("/a%20b//c".to_owned()));
}

#[test]
fn a_header_is_there_once() {
    let spot = spot(TenantPlace::header("X-Tenant"));
    let of = |values: &[&[u8]]| {
        let mut request = http::Request::post("/");
        for value in values {
            request = request.header("x-tenant", *value);
        }
        spot.in_head(&request.body(()).unwrap())
    };
    let malformed = Err(Refusal::FieldMalformed {
        name: "x-tenant".into(),
    });
    assert_eq!(of(&[b" acme\t"]), Ok(Named::Tenant("acme".into())));
    assert_eq!(
        of(&[]),
        Err(Refusal::FieldMissing {
            name: "x-tenant".into()
        })
    );
    assert_eq!(
        of(&[b"acme", b"acme"]),
        Err(Refusal::FieldRepeated {
            name: "x-tenant".into()
        })
    );
    assert_eq!(of(&[b""]), malformed);
    assert_eq!(of(&[b"\xff"]), malformed);
    assert_eq!(of(&["a".repeat(257).as_bytes()]), malformed);
    assert_eq!(of(&["a".repeat(2_049).as_bytes()]), malformed);
}

#[test]
fn an_extension_is_the_hosts_to_set() {
    let spot = spot(TenantPlace::extension());
    let of = |name: Option<&str>| {
        let mut request = http::Request::new(());
        if let Some(name) = name {
            let tenant = crate::Tenant(name.to_owned());
            request.extensions_mut().insert(tenant);
        }
        spot.in_head(&request)
    };
    assert_eq!(of(Some("acme")), Ok(Named::Tenant("acme".into())));
    for wrong in [None, Some(""), Some(" acme"), Some("a\nb")] {
        assert_eq!(of(wrong), Err(Refusal::TenantUntold), "{wrong:?}");
    }
    assert_eq!(of(Some(&"a".repeat(257))), Err(Refusal::TenantUntold));
}

/// As a link is written: everything but unreserved characters is escaped.
fn encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let written = name.bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    written.collect()
}

proptest! {
    /// Whatever name is written into a template is found there again, and nothing else is.
    #[test]
    fn a_name_comes_back_from_its_path(
        before in "/[a-z/]{0,8}",
        after in "(/[a-z]{1,8})?(\\.json)?",
        name in "\\PC{1,40}",
    ) {
        let spot = spot(TenantPlace::path(format!("{before}{{tenant}}{after}")));
        let path = format!("{before}{}{after}", encoded(&name));
        let is_name = is_plain_field(&name, MAX_FIELD_LEN);
        let expected = if is_name { Ok(name) } else { malformed() };
        prop_assert_eq!(at(&spot, &path), expected);
    }

    /// What is found stands between what the template says, and holds no slash.
    #[test]
    fn what_is_found_is_a_piece_of_the_path(
        text in "/[a-c/]{0,3}\\{x\\}[a-c/]{0,3}",
        path in "[a-c/]{0,8}",
    ) {
        let template = template(&text);
        let found = template.find(&path);
        let (before, after) = (template.before.as_str(), template.after.as_str());
        match found {
            Some(value) => {
                prop_assert_eq!(format!("{before}{value}{after}"), path.as_str());
                prop_assert!(!value.contains('/'));
            }
            None => {
                // No value without a slash makes this path of it.
                let pieces = (0..=path.len()).flat_map(|from| {
                    (from..=path.len()).map(move |to| (from, to))
                });
                for (from, to) in pieces {
                    let value = &path[from..to];
                    let makes = format!("{before}{value}{after}") == path;
                    prop_assert!(!makes || value.contains('/'), "{}", value);
                }
            }
        }
    }

    /// No text panics, and what decodes is decoded as the standard says.
    #[test]
    fn any_text_decodes_or_does_not(raw in "[%0-9a-fA-Fgz+ /]{0,24}") {
        let by_hand = decoded(&raw);
        let bytes = percent_encoding::percent_decode_str(&raw);
        if let Some(name) = by_hand {
            prop_assert_eq!(bytes.decode_utf8().unwrap(), name);
        }
    }
}
