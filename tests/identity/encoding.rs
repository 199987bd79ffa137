//! The encoding behind a key is injective: no two lists of texts that differ anywhere share a key, however they are cut.

use std::collections::BTreeMap;

use countersign::danger::Weak;
use countersign::providers::{STRIPE, ZAPIER_HEADER};
use countersign::scheme::{Place, Scheme};
use countersign::{IdempotencyKey, MemoryStore, Receiver, Secret, list, text};
use countersign_testkit::Sender;
use proptest::prelude::*;

use crate::attempts::key;
use crate::pairs::NOW;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// All that a signed id's key is made of, as far as strangers and settings decide it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Parts {
    namespace: String,
    endpoint: String,
    tenant: Option<String>,
    id: String,
}

impl Parts {
    fn key(&self) -> IdempotencyKey {
        let receiver = Receiver::builder(STRIPE, Secret::new(SECRET).expect("a sound secret"))
            .store(MemoryStore::single_process(1))
            .namespace(&self.namespace)
            .endpoint(&self.endpoint)
            .build()
            .expect("a receiver");
        let body = match &self.tenant {
            Some(tenant) => serde_json::json!({"id": self.id, "account": tenant}),
            None => serde_json::json!({"id": self.id}),
        };
        let request = Sender::new(STRIPE, SECRET).at(NOW).send(body.to_string());
        key(&receiver, &request, NOW).expect("a key")
    }
}

/// Short texts of few letters, so that unequal lists often join to the same text: digits and separators that an encoding might put between.
fn name() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[01:/|~a\u{0}\u{1}\u{fc}]{0,5}").expect("an expression")
}

/// Ids and tenants are not empty and hold no control characters.
fn value() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[01:/|~a\u{fc}]{1,5}").expect("an expression")
}

fn parts() -> impl Strategy<Value = Parts> {
    (name(), name(), proptest::option::of(value()), value()).prop_map(
        |(namespace, endpoint, tenant, id)| Parts {
            namespace,
            endpoint,
            tenant,
            id,
        },
    )
}

/// One text, cut into four at any places.
fn cut(text: &str, mut cuts: [usize; 3]) -> Option<Parts> {
    cuts.sort_unstable();
    let [first, second, third] = cuts.map(|at| at.min(text.len()));
    let tenant = &text[second..third];
    let id = &text[third..];
    (!id.is_empty()).then(|| Parts {
        namespace: text[..first].to_owned(),
        endpoint: text[first..second].to_owned(),
        tenant: (!tenant.is_empty()).then(|| tenant.to_owned()),
        id: id.to_owned(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Two that were drawn at random differ in every part, and any one of them in the key would do: so they share some.
    #[test]
    fn keys_are_equal_when_all_their_parts_are(one in parts(), other in parts(), shared: [bool; 4]) {
        let pick = |at: usize, one: &str, other: &str| if shared[at] { one.to_owned() } else { other.to_owned() };
        let other = Parts {
            namespace: pick(0, &one.namespace, &other.namespace),
            endpoint: pick(1, &one.endpoint, &other.endpoint),
            tenant: if shared[2] { one.tenant.clone() } else { other.tenant },
            id: pick(3, &one.id, &other.id),
        };
        prop_assert_eq!(one == other, one.key() == other.key());
        prop_assert_eq!(one.key(), one.clone().key());
    }

    #[test]
    fn one_text_cut_differently_has_another_key(
        text in "[01:/|~a]{1,12}",
        one in [0_usize..12, 0..12, 0..12],
        other in [0_usize..12, 0..12, 0..12],
    ) {
        if let (Some(one), Some(other)) = (cut(&text, one), cut(&text, other)) {
            prop_assert_eq!(one == other, one.key() == other.key(), "{:?} {:?}", one, other);
        }
    }

    /// Several values that make up one id: a slash in one of them is not the slash between them.
    #[test]
    fn values_that_make_up_an_id_do_not_run_into_each_other(
        one in ("[0/~1]{1,4}", "[0/~1]{1,4}"),
        other in ("[0/~1]{1,4}", "[0/~1]{1,4}"),
    ) {
        prop_assert_eq!(one == other, joined(&one) == joined(&other));
    }
}

fn joined((first, second): &(String, String)) -> IdempotencyKey {
    const JOINED: Scheme = Scheme {
        name: text!("joined"),
        id: list![Place::All(list![
            Place::Json(text!("/a")),
            Place::Json(text!("/b")),
        ])],
        ..ZAPIER_HEADER
    };
    let receiver = Receiver::builder(JOINED, Secret::new(SECRET).expect("a sound secret"))
        .accept_weak(Weak::NothingSigned)
        .store(MemoryStore::single_process(1))
        .build()
        .expect("a receiver");
    let body = serde_json::json!({"a": first, "b": second}).to_string();
    let request = Sender::new(JOINED, SECRET).at(NOW).send(body);
    key(&receiver, &request, NOW).expect("a key")
}

/// The scheme's name lies between the two; one that spells it, with what an encoding might put around it, must not pass for it.
#[test]
fn a_separator_inside_a_name_does_not_end_it() {
    let of = |namespace: String, endpoint: String| {
        let parts = Parts {
            namespace,
            endpoint,
            tenant: None,
            id: "evt_1".to_owned(),
        };
        parts.key()
    };
    for separator in ["", "\u{0}", "\u{1}", "\u{2}", "/", ":", "|", ",", "\n"] {
        let name = format!("{separator}stripe{separator}");
        let one = of("a".to_owned(), format!("b{name}c"));
        let other = of(format!("a{name}b"), "c".to_owned());
        assert_ne!(one, other, "{separator:?}");
    }
}

/// Every way to cut one text into four, all of them: no two share a key.
#[test]
fn every_cut_of_one_text_has_a_key_of_its_own() {
    for text in ["01/01/01", "11111111", "::::::::"] {
        let mut seen = BTreeMap::new();
        for first in 0..=text.len() {
            for second in first..=text.len() {
                for third in second..text.len() {
                    if let Some(parts) = cut(text, [first, second, third]) {
                        let before = seen.insert(parts.key(), parts.clone());
                        assert_eq!(before, None, "{parts:?}");
                    }
                }
            }
        }
        assert_eq!(seen.len(), 120, "{text}");
    }
}
