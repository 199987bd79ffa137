//! Services that sign nothing and are told by an id that their scheme, or its user, names: Zapier, Mailchimp, WordPress.com, Papertrail.

use countersign::providers::{MAILCHIMP, PAPERTRAIL, WORDPRESS, ZAPIER, ZAPIER_WHITE_LABEL};
use countersign::scheme::{Place, Scheme};
use countersign::{list, text};

use crate::attempts::Seen;
use crate::story::{Stage, Story};

/// The author of the Zap maps an id into the body; a replay sends the same content.
#[test]
fn zapier() {
    const ORDERS: Scheme = Scheme {
        id: list![Place::Json(text!("/id"))],
        ..ZAPIER
    };
    let story = Story {
        scheme: ORDERS,
        secret: "zapier:0123456789abcdef",
        choice: None,
        attempt: |sender, _| sender.send(r#"{"id":"order-1","total":9}"#),
        another: |sender| sender.send(r#"{"id":"order-2","total":9}"#),
        retries: &[300, 1_800, 39_600],
        replay: false,
        body_changed: false,
    };
    story.play();
}

/// The one thing that Zapier signs, as Standard Webhooks: a new stamp, the same id.
#[test]
fn zapier_white_label() {
    const SPAN: u64 = ZAPIER_WHITE_LABEL.retry.span.as_duration().as_secs();
    let story = Story {
        scheme: ZAPIER_WHITE_LABEL,
        secret: "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY=",
        choice: None,
        attempt: |sender, _| sender.clone().id("msg_1").send("{}"),
        another: |sender| sender.clone().id("msg_2").send("{}"),
        retries: &[5, 300, SPAN],
        replay: false,
        body_changed: false,
    };
    story.play();
}

/// At growing intervals for about 75 minutes, the same form.
const MAILCHIMPS: Story = Story {
    scheme: MAILCHIMP,
    secret: "0123456789abcdef-mailchimp",
    choice: None,
    attempt: |sender, _| sender.send(audience("21%3A40%3A57")),
    another: |sender| sender.send(audience("21%3A40%3A58")),
    retries: &[60, 900, 75 * 60],
    replay: false,
    body_changed: false,
};

fn audience(time: &str) -> String {
    format!(
        "type=unsubscribe&fired_at=2009-03-26+{time}&data%5Baction%5D=unsub&data%5Bid%5D=8a25ff1d98&data%5Blist_id%5D=a6b5da1054"
    )
}

#[test]
fn mailchimp() {
    MAILCHIMPS.play();
}

/// Each kind of event has the fields that tell it: none runs twice, and none passes for another.
#[test]
fn mailchimp_every_kind_of_event() {
    let stage = Stage::new(&MAILCHIMPS, 100);
    let time = "fired_at=2009-03-26+21%3A40%3A57&data%5Blist_id%5D=a6b5da1054";
    let kinds = [
        "type=subscribe&data%5Bid%5D=8a25",
        "type=unsubscribe&data%5Baction%5D=unsub&data%5Bid%5D=8a25",
        "type=unsubscribe&data%5Baction%5D=delete&data%5Bid%5D=8a25",
        "type=profile&data%5Bid%5D=8a25",
        "type=upemail&data%5Bnew_id%5D=51da&data%5Bnew_email%5D=a%40b.c",
        "type=cleaned&data%5Bcampaign_id%5D=4fjk&data%5Breason%5D=hard&data%5Bemail%5D=a%40b.c",
        "type=campaign&data%5Bid%5D=5aa2&data%5Bstatus%5D=sent",
        "type=campaign&data%5Bid%5D=5aa2&data%5Bstatus%5D=paused",
    ];
    for kind in kinds {
        let request = stage.sender().send(format!("{kind}&{time}"));
        assert_eq!(stage.send(&request, 200), Seen::done(1, 200), "{kind}");
    }
    for kind in kinds {
        let request = stage.sender().send(format!("{kind}&{time}"));
        let again = Seen::duplicate(1, 200, false, false);
        assert_eq!(stage.send(&request, 500), again, "{kind}");
    }
    assert_eq!(stage.records(), kinds.len());
}

/// Nothing tells an event unless the user names the fields that do.
#[test]
fn wordpress() {
    const EDITS: Scheme = Scheme {
        id: list![Place::All(list![
            Place::Form(text!("hook")),
            Place::Form(text!("ID")),
            Place::Form(text!("post_modified_gmt")),
        ])],
        ..WORDPRESS
    };
    let story = Story {
        scheme: EDITS,
        secret: "0123456789abcdef-wordpress",
        choice: None,
        attempt: |sender, _| sender.send(edit("22%3A13%3A20")),
        another: |sender| sender.send(edit("22%3A13%3A21")),
        retries: &[60, 3_600],
        replay: false,
        body_changed: false,
    };
    story.play();
}

fn edit(time: &str) -> String {
    format!("hook=publish_post&ID=7&post_modified_gmt=2023-11-14+{time}&post_title=One")
}

/// The saved search and the range of ids that the alert tells of.
#[test]
fn papertrail() {
    let story = Story {
        scheme: PAPERTRAIL,
        secret: "0123456789abcdef-papertrail",
        choice: None,
        attempt: |sender, _| sender.send(alert(9)),
        another: |sender| sender.send(alert(10)),
        retries: &[60, 3_600],
        replay: false,
        body_changed: false,
    };
    story.play();
}

fn alert(max: u32) -> String {
    format!(
        "payload=%7B%22saved_search%22%3A%7B%22id%22%3A42%7D%2C%22min_id%22%3A%221%22%2C%22max_id%22%3A%22{max}%22%7D"
    )
}

/// One that lacks a part of its id is not told apart, and runs each time.
#[test]
fn papertrail_without_a_range() {
    let story = Story {
        scheme: PAPERTRAIL,
        secret: "0123456789abcdef-papertrail",
        choice: None,
        attempt: |sender, _| sender.send("payload=%7B%22saved_search%22%3A%7B%22id%22%3A42%7D%7D"),
        another: |sender| sender.send(alert(10)),
        retries: &[60],
        replay: false,
        body_changed: false,
    };
    let stage = Stage::new(&story, 10);
    let request = (story.attempt)(&stage.sender(), 1);
    for _ in 0..2 {
        let seen = stage.send(&request, 200);
        assert_eq!((seen.status, seen.run, seen.attempt), (200, Some(0), None));
        assert_eq!(seen.kind, countersign::OutcomeKind::Unrecorded);
    }
    assert_eq!(stage.records(), 0);
}
