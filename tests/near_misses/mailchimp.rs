//! Mailchimp's audience webhooks: a secret in the URL, and a probe by GET.

use countersign::Refusal::{
    self, MediaTypeUnsupported, MethodNotAllowed, SignatureMalformed, SignatureMismatch,
    SignatureMissing, SignatureRepeated,
};
use countersign::providers::MAILCHIMP;
use countersign::scheme::TokenPlace;

use crate::trial::{Answer, Trial};

const TOKEN: &str = "3f1c9c1a7be94c1f8b5a2f6d0e7c4b9a";
const FORM: &str = "type=subscribe&fired_at=2009-03-26+21%3A35%3A57&data%5Bid%5D=8a25ff1d98\
    &data%5Blist_id%5D=a6b5da1054&data%5Bmerges%5D%5BEMAIL%5D=api%40mailchimp.com";

fn at(target: &str) -> Trial {
    Trial::new(MAILCHIMP, TOKEN).target(target).form(FORM)
}

fn in_path(target: &str) -> Trial {
    at(target).token_in(TokenPlace::PathEnd)
}

#[test]
fn the_secret_lies_in_the_query() {
    at(&format!("/mc?secret={TOKEN}")).passes("as it is");
    at(&format!("/mc?a=b&secret={TOKEN}&c")).passes("among others");
    for (target, refusal) in [
        ("/mc".to_owned(), SignatureMissing),
        (format!("/mc?Secret={TOKEN}"), SignatureMissing),
        (format!("/mc?token={TOKEN}"), SignatureMissing),
        (format!("/mc/{TOKEN}"), SignatureMissing),
        (format!("/mc?{TOKEN}"), SignatureMissing),
        ("/mc?secret".to_owned(), SignatureMalformed),
        ("/mc?secret=".to_owned(), SignatureMalformed),
        (
            format!("/mc?secret={TOKEN}&secret={TOKEN}"),
            SignatureRepeated,
        ),
        (format!("/mc?secret={}", &TOKEN[..31]), SignatureMismatch),
        (format!("/mc?secret={TOKEN}0"), SignatureMismatch),
        (
            format!("/mc?secret={}", TOKEN.to_uppercase()),
            SignatureMismatch,
        ),
    ] {
        at(&target).refused_at_open(refusal, target);
    }
    let in_the_form = at("/mc").form(format!("{FORM}&secret={TOKEN}"));
    in_the_form.refused_at_open(SignatureMissing, "in the form");
}

#[test]
fn fields_are_hints() {
    let hint = |text: &str| Some((text.to_owned(), false));
    let trial = at(&format!("/mc?secret={TOKEN}"));
    assert_eq!(
        trial.fields(),
        Ok([
            hint("subscribe/a6b5da1054/8a25ff1d98/2009-03-26 21:35:57"),
            hint("subscribe"),
            hint("a6b5da1054")
        ])
    );
}

/// <https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/>: the fields of each type.
#[test]
fn each_type_is_told_by_whom_it_is_about_and_when() {
    let id = |form: &str| {
        let trial = at(&format!("/mc?secret={TOKEN}")).form(form);
        let [id, _, _] = trial.fields()?;
        Ok(id.map(|(id, _)| id))
    };
    let is = |form: &str, expect: &str| assert_eq!(id(form), Ok(Some(expect.to_owned())), "{form}");
    let when = "fired_at=2009-03-26+21%3A40%3A57&data%5Blist_id%5D=a6b5da1054";
    is(
        &format!(
            "type=unsubscribe&{when}&data[action]=unsub&data[id]=8a25ff1d98&data[email]=a%40b.c"
        ),
        "unsubscribe/a6b5da1054/8a25ff1d98/unsub/2009-03-26 21:40:57",
    );
    is(
        &format!(
            "type=unsubscribe&{when}&data[action]=delete&data[id]=8a25ff1d98&data[email]=a%40b.c"
        ),
        "unsubscribe/a6b5da1054/8a25ff1d98/delete/2009-03-26 21:40:57",
    );
    is(
        &format!("type=profile&{when}&data[id]=8a25ff1d98&data[email]=a%40b.c"),
        "profile/a6b5da1054/8a25ff1d98/2009-03-26 21:40:57",
    );
    is(
        &format!(
            "type=upemail&{when}&data[new_id]=51da8c3259&data[new_email]=d%40e.f&data[old_email]=a%40b.c"
        ),
        "upemail/a6b5da1054/51da8c3259/2009-03-26 21:40:57",
    );
    is(
        &format!(
            "type=cleaned&{when}&data[campaign_id]=4fjk2ma9xd&data[reason]=hard&data[email]=a/b%40b.c"
        ),
        "cleaned/a6b5da1054/a~1b@b.c/2009-03-26 21:40:57",
    );
    is(
        &format!(
            "type=campaign&{when}&data[id]=5aa2102003&data[subject]=Test&data[status]=sent&data[reason]="
        ),
        "campaign/a6b5da1054/5aa2102003/sent/2009-03-26 21:40:57",
    );
    // Without whom or when it is about there is none; twice is refused.
    for form in [
        "type=profile&data[list_id]=a6b5da1054&data[id]=8a25ff1d98",
        "type=profile&fired_at=2009-03-26+21%3A40%3A57&data[id]=8a25ff1d98",
        &format!("type=upemail&{when}"),
        &format!("type=profile&{when}&data[id]=&data[email]="),
    ] {
        assert_eq!(id(form), Ok(None), "{form}");
    }
    let name = "data[id]".into();
    let twice = format!("type=profile&{when}&data[id]=8a25ff1d98&data[id]=8a25ff1d98");
    assert_eq!(id(&twice), Err(Refusal::FieldRepeated { name }));
}

#[test]
fn a_get_is_a_probe_and_never_a_delivery() {
    let get = at("/mc").body("").method("GET");
    for target in [
        "/mc",
        "/mc?secret=wrong",
        "/mc?secret=1&secret=2",
        &format!("/mc?secret={TOKEN}"),
        "/mc?type=subscribe&data[id]=1",
    ] {
        let probe = get.clone().target(target);
        probe.answered(Answer::unsigned(), target);
        probe
            .without("content-type")
            .answered(Answer::unsigned(), "bare");
    }
    for target in ["/mc", &format!("/mc?secret={TOKEN}")] {
        let with_body = get.clone().target(target).body(FORM);
        with_body.refused(SignatureMissing, format!("{target} with a body"));
        for method in ["PUT", "DELETE", "OPTIONS", "PATCH", "get"] {
            let other = get.clone().target(target).method(method);
            other.refused_at_open(MethodNotAllowed, method);
        }
    }
    let path = get.token_in(TokenPlace::PathEnd).target("/mc/wrong");
    path.answered(Answer::unsigned(), "with the secret in the path");
}

#[test]
fn other_bodies_are_refused_at_the_door() {
    let trial = at(&format!("/mc?secret={TOKEN}"));
    trial.clone().without("content-type").passes("no type");
    for kind in ["application/json", "text/plain", "multipart/form-data", ""] {
        let other = trial.clone().set("content-type", kind);
        other.refused_at_open(MediaTypeUnsupported, kind);
    }
}

#[test]
fn the_secret_may_end_the_path() {
    for target in [
        format!("/mc/{TOKEN}"),
        format!("/{TOKEN}"),
        format!("/mc//{TOKEN}"),
        format!("/mc/{TOKEN}?secret=wrong"),
        format!("/mc/x/../{TOKEN}"),
    ] {
        in_path(&target).passes(target);
    }
    for (target, refusal) in [
        (format!("/mc/{TOKEN}/"), SignatureMalformed),
        ("/".to_owned(), SignatureMalformed),
        ("/mc".to_owned(), SignatureMismatch),
        (format!("/{TOKEN}/mc"), SignatureMismatch),
        (format!("/mc%2F{TOKEN}"), SignatureMismatch),
        (format!("/mc/{TOKEN}%2F"), SignatureMismatch),
        (format!("/mc/%33{}", &TOKEN[1..]), SignatureMismatch),
        (format!("/mc/{TOKEN};v=1"), SignatureMismatch),
        (format!("/mc/{TOKEN}.json"), SignatureMismatch),
        (format!("/mc/{TOKEN}%00"), SignatureMismatch),
        (format!("/mc/{}", TOKEN.to_uppercase()), SignatureMismatch),
        (format!("/mc/{}", &TOKEN[1..]), SignatureMismatch),
        (format!("/mc?secret={TOKEN}"), SignatureMismatch),
        (format!("/mc?/{TOKEN}"), SignatureMismatch),
    ] {
        in_path(&target).refused_at_open(refusal, target);
    }
}
