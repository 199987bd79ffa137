//! WordPress.com: a token in the URL of a form.

use countersign::Refusal::{
    MediaTypeUnsupported, MethodNotAllowed, SignatureMalformed, SignatureMismatch,
    SignatureMissing, SignatureRepeated,
};
use countersign::providers::WORDPRESS;
use countersign::scheme::TokenPlace;

use crate::attempt::repeated;
use crate::trial::Trial;

const TOKEN: &str = "wp-5f2e7d1c9b3a48f6a1";

fn post() -> Trial {
    Trial::new(WORDPRESS, TOKEN)
        .target(&format!("/wp?token={TOKEN}"))
        .form("ID=5&post_title=Caf%C3%A9&hook=publish_post")
}

#[test]
fn the_token_is_the_whole_value_once() {
    post().passes("as it is");
    for (target, refusal) in [
        ("/wp".to_owned(), SignatureMissing),
        ("/wp?token=".to_owned(), SignatureMalformed),
        (format!("/wp?token={TOKEN}&token=x"), SignatureRepeated),
        (format!("/wp?token={}", &TOKEN[3..]), SignatureMismatch),
        (format!("/wp?token={TOKEN}/"), SignatureMismatch),
        (
            format!("/wp?token={}", TOKEN.to_uppercase()),
            SignatureMismatch,
        ),
        (format!("/{TOKEN}"), SignatureMissing),
    ] {
        post().target(&target).refused_at_open(refusal, target);
    }
    // A plugin may send it in a header.
    let header = post()
        .token_in(TokenPlace::Header("x-token".into()))
        .target("/wp");
    header.refused_at_open(SignatureMissing, "none");
    header.set("x-token", TOKEN).passes("in a header");
}

#[test]
fn the_event_is_a_hint_and_there_is_no_id() {
    let hint = |text: &str| Some((text.to_owned(), false));
    assert_eq!(post().fields(), Ok([None, hint("publish_post"), None]));
    let twice = post().form("hook=a&hook=b");
    assert_eq!(twice.fields(), Err(repeated("hook")));
    assert_eq!(post().form("ID=5").fields(), Ok([None, None, None]));
}

#[test]
fn forms_are_posted() {
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        post()
            .method(method)
            .refused_at_open(MethodNotAllowed, method);
    }
    post()
        .json("{}")
        .refused_at_open(MediaTypeUnsupported, "JSON");
}
