//! The one exception to "no unsigned value decides": an event's name from a closed list.

use bytes::Bytes;
use countersign::providers::{GITHUB, SHOPIFY, WOOCOMMERCE};
use countersign::scheme::{Place, Scheme};
use http::{HeaderValue, Request};

use crate::attempts::key;
use crate::pairs::{NOW, Pair};

/// The header, two names of the list, and names that are not in it.
const NAMES: [(Scheme, &str, [&str; 2], [&str; 5]); 3] = [
    (
        GITHUB,
        "x-github-event",
        ["push", "create"],
        ["pushed", "Push", "push,create", "1", "push/create"],
    ),
    (
        SHOPIFY,
        "shopify-topic",
        ["orders/create", "orders/updated"],
        [
            "orders/made",
            "Orders/create",
            "orders",
            "ORDERS_CREATE",
            "1",
        ],
    ),
    (
        WOOCOMMERCE,
        "x-wc-webhook-topic",
        ["order.created", "order.updated"],
        [
            "order.made",
            "Order.created",
            "order",
            "action.wc_made",
            "1",
        ],
    ),
];

fn named(request: &Request<Bytes>, header: &'static str, name: Option<&str>) -> Request<Bytes> {
    let mut other = request.clone();
    match name {
        Some(name) => {
            let value = HeaderValue::from_str(name).expect("a value");
            other.headers_mut().insert(header, value);
        }
        None => {
            other.headers_mut().remove(header);
        }
    }
    other
}

#[test]
fn a_name_from_the_list_gives_a_key_of_its_own_and_any_other_that_of_none() {
    for (scheme, header, [first, second], unknown) in NAMES {
        let pair = Pair::new(scheme).expect("a receiver");
        let request = pair.sender.send(r#"{"id":1}"#);
        let of = |name: Option<&str>| {
            let request = named(&request, header, name);
            key(&pair.receiver, &request, NOW).expect("a key")
        };
        let none = of(None);
        assert_ne!(of(Some(first)), none, "{header}");
        assert_ne!(of(Some(second)), none, "{header}");
        assert_ne!(of(Some(first)), of(Some(second)), "{header}");
        for name in unknown {
            assert_eq!(of(Some(name)), none, "{header}: {name}");
        }
    }
}

/// What the price is: each name of the list once, and not once per name that somebody makes up.
#[test]
fn a_captured_body_has_as_many_keys_as_the_list_has_names_and_one_more() {
    for (scheme, header, _, _) in NAMES {
        let pair = Pair::new(scheme).expect("a receiver");
        let request = pair.sender.send(r#"{"id":1}"#);
        let listed = pair.scheme.events.iter().map(AsRef::as_ref);
        let made_up: Vec<_> = (0..500).map(|number| format!("made-up-{number}")).collect();
        let names = listed.chain(made_up.iter().map(String::as_str)).map(Some);
        let keys: std::collections::BTreeSet<_> = names
            .chain([None])
            .map(|name| key(&pair.receiver, &named(&request, header, name), NOW))
            .collect();
        assert_eq!(keys.len(), pair.scheme.events.len() + 1, "{header}");
        assert!(keys.iter().all(Option::is_some));
    }
}

/// Where an id is signed, the name of the event decides nothing.
#[test]
fn beside_a_signed_id_no_name_decides() {
    let scheme = Scheme {
        name: countersign::text!("acme"),
        id: countersign::list![Place::Json(countersign::text!("/id"))],
        ..GITHUB
    };
    let pair = Pair::new(scheme).expect("a receiver");
    let request = pair.sender.send(r#"{"id":"1"}"#);
    let of = |name| {
        key(
            &pair.receiver,
            &named(&request, "x-github-event", name),
            NOW,
        )
    };
    assert_eq!(of(Some("push")), of(Some("create")));
    assert_eq!(of(Some("push")), of(None));
}
