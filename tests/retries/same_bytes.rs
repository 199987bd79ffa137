//! Services whose retries are the first attempt byte for byte, for they sign no time: Twilio, GitHub, Shopify, WooCommerce, Mandrill.

use countersign::danger::Deduplicate;
use countersign::providers::{GITHUB, MANDRILL, SHOPIFY, TWILIO, WOOCOMMERCE};
use http::HeaderValue;

use crate::attempts::Seen;
use crate::story::{Stage, Story};

const VOICE: &str = "AccountSid=AC1&CallSid=CA1&CallStatus=ringing&From=%2B15550001";

/// One retry when the connection fails, up to five where the URL asks for them, within a minute and a half: the same URL, fields and
/// idempotency token.
const TWILIOS: Story = Story {
    scheme: TWILIO,
    secret: "0123456789abcdef0123456789abcdef",
    choice: Some(Deduplicate::ByContent),
    attempt: |sender, _| sender.clone().id("token-1").send(VOICE),
    another: |sender| {
        let body = VOICE.replace("CA1", "CA2");
        sender.clone().id("token-2").send(body)
    },
    retries: &[15, 30, 90],
    replay: true,
    body_changed: false,
};

#[test]
fn twilio_voice() {
    TWILIOS.play();
}

#[test]
fn twilio_voice_by_its_idempotency_token() {
    let story = Story {
        choice: Some(Deduplicate::ByUnsignedId),
        // The very same fields: only the token tells.
        another: |sender| sender.clone().id("token-2").send(VOICE),
        ..TWILIOS
    };
    story.play();
}

#[test]
fn twilio_status_callback() {
    fn status(sender: &countersign_testkit::Sender, status: &str) -> http::Request<bytes::Bytes> {
        sender.send(format!(
            "AccountSid=AC1&MessageSid=SM1&MessageStatus={status}"
        ))
    }
    let story = Story {
        attempt: |sender, _| status(sender, "sent"),
        another: |sender| status(sender, "delivered"),
        ..TWILIOS
    };
    story.play();
}

/// None by itself; a redelivery by hand or through the API keeps its id and its bytes, and can be asked for within three days.
#[test]
fn github() {
    let story = Story {
        scheme: GITHUB,
        secret: "It's a Secret to Everybody",
        choice: Some(Deduplicate::ByContent),
        attempt: |sender, _| {
            let sender = sender.clone().event("push").id("72d3162e-cc78-11e3");
            sender.send(r#"{"ref":"refs/heads/main","after":"a1"}"#)
        },
        another: |sender| {
            let sender = sender.clone().event("push").id("72d3162f-cc78-11e3");
            sender.send(r#"{"ref":"refs/heads/main","after":"a2"}"#)
        },
        retries: &[60, 3_600, 71 * 3_600],
        replay: true,
        body_changed: false,
    };
    story.play();
}

/// Eight within four hours, the same bytes and the same webhook id.
const SHOPIFYS: Story = Story {
    scheme: SHOPIFY,
    secret: "hush-0123456789abcdef",
    choice: Some(Deduplicate::ByContent),
    attempt: |sender, _| {
        let sender = sender.clone().event("orders/create").id("b54557e4");
        sender.send(r#"{"id":1,"total_price":"9.90"}"#)
    },
    // The next event of the same order has the same body.
    another: |sender| {
        let sender = sender.clone().event("orders/updated").id("b54557e5");
        sender.send(r#"{"id":1,"total_price":"9.90"}"#)
    },
    retries: &[10, 60, 300, 900, 1_800, 3_600, 7_200, 14_400],
    replay: true,
    body_changed: false,
};

#[test]
fn shopify() {
    SHOPIFYS.play();
}

/// Whether a retry keeps its webhook id does not matter: nobody signs it.
#[test]
fn shopify_under_other_webhook_ids() {
    let story = Story {
        attempt: |sender, number| {
            let sender = sender.clone().event("orders/create");
            sender.id(format!("b54557e{number}")).send(r#"{"id":1}"#)
        },
        ..SHOPIFYS
    };
    story.play();
}

/// None by itself; whatever brings it again, the delivery id is made of the second in which it is sent.
#[test]
fn woocommerce() {
    let story = Story {
        scheme: WOOCOMMERCE,
        secret: "0123456789abcdef-woocommerce",
        choice: Some(Deduplicate::ByContent),
        attempt: |sender, number| {
            let sender = sender.clone().event("order.updated");
            let mut request = sender.send(r#"{"id":7,"status":"processing"}"#);
            let id = HeaderValue::from_str(&format!("{number:032x}")).expect("a value");
            request.headers_mut().insert("x-wc-webhook-delivery-id", id);
            request
        },
        another: |sender| {
            let sender = sender.clone().event("order.updated");
            sender.send(r#"{"id":7,"status":"completed"}"#)
        },
        retries: &[60, 3_600, 2 * 86_400],
        replay: true,
        body_changed: false,
    };
    story.play();
}

/// What [`Deduplicate::ByContent`] costs there: trashed, restored and trashed again is told twice in the same words.
#[test]
fn woocommerce_loses_what_is_told_twice_in_the_same_words() {
    let story = Story {
        scheme: WOOCOMMERCE,
        secret: "0123456789abcdef-woocommerce",
        choice: Some(Deduplicate::ByContent),
        attempt: |sender, _| sender.clone().event("product.deleted").send(r#"{"id":7}"#),
        another: |sender| sender.clone().event("product.restored").send(r#"{"id":7}"#),
        retries: &[60],
        replay: true,
        body_changed: false,
    };
    let stage = Stage::new(&story, 10);
    let trashed = (story.attempt)(&stage.sender(), 1);
    let restored = (story.another)(&stage.sender());
    assert_eq!(stage.send(&trashed, 200), Seen::done(1, 200));
    assert_eq!(stage.send(&restored, 200), Seen::done(1, 200));
    let lost = Seen::duplicate(1, 200, true, false);
    assert_eq!(stage.send(&trashed, 200), lost);
}

/// The whole batch again, under the same URL.
#[test]
fn mandrill() {
    let story = Story {
        scheme: MANDRILL,
        secret: "0123456789abcdef-mandrill",
        choice: None,
        attempt: |sender, _| sender.send(batch("e1")),
        another: |sender| sender.send(batch("e2")),
        retries: &[120, 3_600, 3 * 86_400],
        replay: true,
        body_changed: false,
    };
    story.play();
}

fn batch(id: &str) -> String {
    format!(
        "mandrill_events=%5B%7B%22event%22%3A%22send%22%2C%22_id%22%3A%22{id}%22%2C%22ts%22%3A1700000000%7D%5D"
    )
}
