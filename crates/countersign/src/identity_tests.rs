use std::collections::HashMap;

use super::*;
use crate::providers::{GITHUB, STRIPE};
use crate::{list, text};

#[test]
fn the_encoding_of_fields_is_injective() {
    // Texts that look like pieces of the encoding itself, and such that could be split in more ways than one.
    let length_of_one: &[u8] = &[1, 0, 0, 0, 0, 0, 0, 0, 1, b'a'];
    let texts: [Option<&[u8]>; 9] = [
        None,
        Some(b""),
        Some(b"\0"),
        Some(b"\x01"),
        Some(b"a"),
        Some(b"aa"),
        Some(b"a\0"),
        Some(&[0, 0, 0, 0, 0, 0, 0, 1]),
        Some(length_of_one),
    ];
    let mut seen = HashMap::new();
    for a in texts {
        for b in texts {
            for c in texts {
                for d in texts {
                    let fields = [a, b, c, d];
                    if let Some(other) = seen.insert(encode(&fields, None), fields) {
                        panic!("{fields:?} and {other:?} have the same key");
                    }
                }
            }
        }
    }
    assert_eq!(seen.len(), 9 * 9 * 9 * 9);
}

/// From the first place of its list.
fn first(text: &str) -> Placed<'_> {
    Placed { at: 0, text }
}

fn said<'a>() -> Said<'a> {
    Said {
        signed_id: None,
        any_id: None,
        event: None,
        signed_tenant: None,
        owner: None,
        content: None,
    }
}

fn identity(scheme: &Scheme, choice: Option<Deduplicate>) -> Identity {
    Identity::new(scheme, choice, String::new(), String::new())
        .unwrap()
        .unwrap()
}

#[test]
fn every_field_of_a_key_tells_deliveries_apart() {
    let scheme = Scheme {
        events: list![text!("push"), text!("ping")],
        ..GITHUB
    };
    let contents = [[7; 32], [8; 32]];
    let mut keys = Vec::new();
    for namespace in ["", "a"] {
        for endpoint in ["", "a"] {
            let identity = Identity {
                namespace: namespace.to_owned(),
                endpoint: endpoint.to_owned(),
                by: By::Signed,
            };
            for scheme in [
                &scheme,
                &Scheme {
                    name: text!("other"),
                    ..scheme.clone()
                },
            ] {
                let tenants = [None, Some("a"), Some("b")];
                let tenants = tenants.map(|tenant| tenants.map(|owner| (tenant, owner)));
                for (tenant, owner) in tenants.into_iter().flatten() {
                    let said = Said {
                        signed_tenant: tenant.map(first),
                        owner,
                        ..said()
                    };
                    for id in ["a", "b"] {
                        keys.push(identity.key(
                            scheme,
                            &Said {
                                signed_id: Some(first(id)),
                                ..said
                            },
                        ));
                    }
                    for content in &contents {
                        for event in [None, Some("push"), Some("ping")] {
                            let content = Some(content);
                            keys.push(identity.key(
                                scheme,
                                &Said {
                                    content,
                                    event,
                                    ..said
                                },
                            ));
                        }
                    }
                }
            }
        }
    }
    let count = keys.len();
    assert!(keys.iter().all(Option::is_some));
    keys.sort();
    keys.dedup();
    assert_eq!((keys.len(), count), (576, 576));
}

#[test]
fn what_anybody_may_change_is_no_part_of_a_key() {
    let scheme = Scheme {
        events: list![text!("push")],
        ..GITHUB
    };
    let by_content = identity(&scheme, Some(Deduplicate::ByContent));
    let content = [7; 32];
    let plain = by_content.key(
        &scheme,
        &Said {
            content: Some(&content),
            ..said()
        },
    );
    for changed in [
        Said {
            any_id: Some(first("a")),
            ..said()
        },
        Said {
            event: Some("unknown"),
            ..said()
        },
        Said {
            event: Some("Push"),
            ..said()
        },
    ] {
        let content = Some(&content);
        assert_eq!(by_content.key(&scheme, &Said { content, ..changed }), plain);
    }
    let named = Said {
        event: Some("push"),
        content: Some(&content),
        ..said()
    };
    assert_ne!(by_content.key(&scheme, &named), plain);
    // Where it was chosen by name, an id decides that nothing proves; it never passes for a signed one.
    let by_any = identity(&scheme, Some(Deduplicate::ByUnsignedId));
    let unsigned = by_any.key(
        &scheme,
        &Said {
            any_id: Some(first("a")),
            content: Some(&content),
            ..said()
        },
    );
    let signed = by_any.key(
        &scheme,
        &Said {
            signed_id: Some(first("a")),
            any_id: Some(first("a")),
            ..said()
        },
    );
    assert_ne!(unsigned, plain);
    assert_ne!(unsigned, signed);
    assert_eq!(
        by_any.key(
            &scheme,
            &Said {
                content: Some(&content),
                ..said()
            }
        ),
        plain
    );
}

#[test]
fn a_key_stays_the_same_over_versions() {
    // Computed by hand: SHA-256 over each field, `00` when it is not there, else `01`, its length in eight bytes and itself.
    let by_id = identity(&STRIPE, None);
    let key = by_id.key(
        &STRIPE,
        &Said {
            signed_id: Some(first("evt_1")),
            any_id: Some(first("evt_1")),
            ..said()
        },
    );
    assert_eq!(
        key.unwrap().to_string(),
        "9fa13b7c97694d74c49ae8e2189b28720f4d42edf964218790f34a9075b3ff55"
    );
}

#[test]
fn the_same_text_from_another_place_is_another_id() {
    let by_id = identity(&STRIPE, None);
    let placed = |id: Option<Placed<'static>>, tenant: Option<Placed<'static>>| {
        let said = Said {
            signed_id: id,
            signed_tenant: tenant,
            ..said()
        };
        by_id.key(&STRIPE, &said)
    };
    let (zeroth, other) = (first("7"), Placed { at: 1, text: "7" });
    let mut keys = vec![
        placed(Some(zeroth), None),
        placed(Some(other), None),
        placed(Some(zeroth), Some(zeroth)),
        placed(Some(zeroth), Some(other)),
        placed(Some(other), Some(zeroth)),
    ];
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 5);
}

#[test]
fn events_that_the_content_does_not_tell_apart_have_no_key_of_their_content() {
    let beside = Scheme {
        content: list![Part::Header(text!("x-topic"))],
        ..GITHUB
    };
    let by_any = identity(&beside, Some(Deduplicate::ByUnsignedId));
    let content = Some(&[7; 32]);
    assert_eq!(by_any.key(&beside, &Said { content, ..said() }), None);
    let any_id = Some(first("a"));
    assert!(
        by_any
            .key(
                &beside,
                &Said {
                    any_id,
                    content,
                    ..said()
                }
            )
            .is_some()
    );
}

#[test]
fn a_stamp_and_a_secret_are_left_out_wherever_they_stand() {
    let stamped = |place| Scheme {
        timestamp: Some(crate::scheme::TimestampRule {
            place,
            unit: crate::timestamp::Unit::Seconds,
            tolerance: crate::timestamp::Tolerance::from_secs(300),
        }),
        ..GITHUB
    };
    let scheme = stamped(Place::Header(text!("x-sent")));
    for (part, is_left_out) in [
        (Part::Timestamp, true),
        (Part::Secret, true),
        (Part::Header(text!("x-sent")), true),
        (Part::Header(text!("x-other")), false),
        (Part::QueryParam(text!("x-sent")), false),
        (Part::Body, false),
    ] {
        assert_eq!(is_of_the_attempt(&scheme, &part), is_left_out, "{part:?}");
    }
    let scheme = stamped(Place::Json(text!("/sent")));
    assert!(is_of_the_attempt(&scheme, &Part::Json(text!("/sent"))));
    assert!(!is_of_the_attempt(&scheme, &Part::Json(text!("/id"))));
}

#[test]
fn a_stamp_that_is_kept_makes_no_other_content() {
    use crate::scheme::Retry;
    let stamped = |stamp| Scheme {
        timestamp: Some(crate::scheme::TimestampRule {
            place: Place::Json(text!("/sent")),
            unit: crate::timestamp::Unit::Seconds,
            tolerance: crate::timestamp::Tolerance::from_secs(300),
        }),
        retry: Retry {
            stamp,
            ..Retry::NONE
        },
        ..GITHUB
    };
    assert!(retries_differ(&stamped(RetryStamp::Fresh)));
    assert!(!retries_differ(&stamped(RetryStamp::Original)));
}

#[test]
fn a_stamp_makes_another_content_where_it_is_inside_of_a_part() {
    let in_form = Place::FormJson {
        field: text!("payload"),
        pointer: text!("/ts"),
    };
    let form_field = |name: &'static str| Part::Form(name.into());
    for (place, part, differs) in [
        (in_form.clone(), form_field("payload"), true),
        (in_form, form_field("other"), false),
        (
            Place::Json(text!("/data/ts")),
            Part::JsonRaw(text!("/data")),
            true,
        ),
        (
            Place::Json(text!("/ts")),
            Part::JsonRaw(text!("/data")),
            false,
        ),
        // Cut out whole.
        (
            Place::Json(text!("/ts")),
            Part::JsonRaw(text!("/ts")),
            false,
        ),
        (Place::Form(text!("ts")), Part::FormSorted, true),
        (Place::QueryParam(text!("ts")), Part::QuerySorted, true),
        (Place::QueryParam(text!("ts")), Part::Body, false),
        (Place::Header(text!("ts")), Part::Body, false),
    ] {
        let scheme = Scheme {
            content: vec![Part::Timestamp, part.clone()].into(),
            timestamp: Some(crate::scheme::TimestampRule {
                place: place.clone(),
                unit: crate::timestamp::Unit::Seconds,
                tolerance: crate::timestamp::Tolerance::from_secs(300),
            }),
            ..GITHUB
        };
        assert_eq!(retries_differ(&scheme), differs, "{place:?} in {part:?}");
    }
}

/// Whoever has a secret of his own can sign any account with it: he has one quota all the same.
#[test]
fn a_tenant_has_one_quota_whatever_account_he_signs() {
    let of =
        |tenant: Option<&'static str>, owner| quota_key(&STRIPE, "", "", tenant.map(first), owner);
    assert_eq!(of(Some("a"), Some("x")), of(Some("b"), Some("x")));
    assert_eq!(of(None, Some("x")), of(Some("b"), Some("x")));
    let all = [
        of(None, None),
        of(Some("x"), None),
        of(None, Some("x")),
        of(None, Some("y")),
    ];
    for (at, key) in all.iter().enumerate() {
        assert_eq!(all.iter().position(|other| other == key), Some(at));
    }
}
