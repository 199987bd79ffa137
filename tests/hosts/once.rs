//! Receivers with a store: what runs, what does not run again, and what goes on without its sender.

use std::io::Write as _;
use std::time::Duration;

use countersign::danger::Deduplicate;
use countersign::providers::{STRIPE, TWILIO};

use crate::app::Said;
use crate::client::{answer, connect, wire};
use crate::in_every_server;
use crate::script::{Script, Serve};

in_every_server!(
    what_failed_runs_again_and_what_was_done_does_not,
    what_failed_for_good_does_not_run_again,
    a_panic_is_answered_and_the_retry_runs,
    what_the_sender_reads_is_answered_again,
    a_copy_is_busy_while_the_first_one_runs,
    a_run_goes_on_when_its_sender_hangs_up,
    a_run_goes_on_when_its_sender_stops_waiting,
    what_the_body_took_is_part_of_the_senders_time,
    no_more_run_than_may,
    whoever_shuts_down_finishes_and_begins_nothing,
    one_of_many_copies_runs,
);

const BODY: &str = r#"{"id":"evt_1","type":"invoice.paid"}"#;

fn said(status: u16, body: &'static str) -> Said {
    Said {
        body: body.into(),
        ..Said::status(status)
    }
}

fn what_failed_runs_again_and_what_was_done_does_not(serve: Serve) {
    let host = serve(
        Script::once(STRIPE, |builder, _| builder).play(|run, _| match run {
            1 => said(502, "down"),
            2 => said(404, "not there yet"),
            _ => said(202, "done"),
        }),
    );
    host.deliver(BODY).is(502, "down");
    host.deliver(BODY).is(404, "not there yet");
    host.deliver(BODY).is(202, "done");
    // Signed afresh, and a copy.
    let copy = host.signed(BODY);
    host.clock().advance(Duration::from_secs(60));
    host.deliver(BODY).is(202, "").is_receivers();
    host.send(&copy).is(202, "").is_receivers();
    host.deliver(&BODY.replace("evt_1", "evt_2"))
        .is(202, "done");
    assert_eq!(host.attempts(), [Some(1), Some(2), Some(3), Some(1)]);
    let counts = host.receiver().counts();
    assert_eq!((counts.released, counts.done, counts.duplicates), (2, 2, 2));
}

fn what_failed_for_good_does_not_run_again(serve: Serve) {
    let host = serve(
        Script::once(STRIPE, |builder, _| builder).play(|_, _| Said {
            for_good: true,
            ..said(422, "no such order")
        }),
    );
    host.deliver(BODY).is(422, "no such order");
    host.deliver(BODY).is(200, "").is_receivers();
    assert_eq!((host.runs(), host.receiver().counts().failed), (1, 1));
}

fn a_panic_is_answered_and_the_retry_runs(serve: Serve) {
    let host = serve(Script::once(STRIPE, |builder, _| builder).play(|run, _| {
        assert_ne!(run, 1, "a handler that panics, as planned");
        said(200, "done")
    }));
    host.deliver(BODY)
        .is_refusal(500, "internal server error\n");
    host.deliver(BODY).is(200, "done");
    assert_eq!(host.receiver().counts().panicked, 1);
}

fn what_the_sender_reads_is_answered_again(serve: Serve) {
    let twilio = |len: usize| {
        let script = Script::once(TWILIO, |builder, _| {
            builder.deduplicate(Deduplicate::ByContent)
        });
        script.play(move |_, _| Said {
            media_type: Some("text/xml"),
            body: "x".repeat(len).into(),
            ..Said::status(200)
        })
    };
    for (len, again) in [
        (11, 11),
        (16 * 1_024, 16 * 1_024),
        (16 * 1_024 + 1, 0),
        (0, 0),
    ] {
        let host = serve(twilio(len));
        let first = host.deliver("CallSid=CA1");
        assert_eq!((first.status, first.body.len()), (200, len));
        assert_eq!(first.header("content-type"), Some("text/xml"));
        let second = host.deliver("CallSid=CA1");
        assert_eq!(
            (second.status, second.body.len(), host.runs()),
            (200, again, 1)
        );
        second.is_receivers();
        let kind = (len <= 16 * 1_024).then_some("text/xml");
        assert_eq!(second.header("content-type"), kind, "{len}");
    }
}

fn a_copy_is_busy_while_the_first_one_runs(serve: Serve) {
    let host = serve(Script::once(STRIPE, |builder, _| builder));
    host.gate(false);
    let mut first = connect(host.address);
    first.write_all(&wire(&host.signed(BODY))).unwrap();
    host.until(|host| host.runs() == 1);
    let copy = host.deliver(BODY);
    copy.is_refusal(503, "service unavailable\n");
    assert_eq!(copy.header("retry-after"), Some("60"));
    host.gate(true);
    answer(&mut first).is(200, "");
    host.deliver(BODY).is(200, "").is_receivers();
    assert_eq!((host.runs(), host.receiver().counts().busy), (1, 1));
}

fn a_run_goes_on_when_its_sender_hangs_up(serve: Serve) {
    let host = serve(Script::once(STRIPE, |builder, _| builder));
    host.gate(false);
    let mut first = connect(host.address);
    first.write_all(&wire(&host.signed(BODY))).unwrap();
    host.until(|host| host.runs() == 1);
    drop(first);
    host.gate(true);
    host.until(|host| host.receiver().counts().done == 1);
    host.deliver(BODY).is(200, "").is_receivers();
    assert_eq!((host.runs(), host.receiver().counts().dropped), (1, 0));
}

fn a_run_goes_on_when_its_sender_stops_waiting(serve: Serve) {
    let host = serve(Script::once(STRIPE, |builder, _| {
        builder.answer_within(Duration::from_secs(5))
    }));
    host.gate(false);
    let mut first = connect(host.address);
    first.write_all(&wire(&host.signed(BODY))).unwrap();
    host.until(|host| host.runs() == 1);
    let soon = host.receiver().answer_after().unwrap();
    // The request waits for its deadline, and the run for its lease and its end.
    host.until(|host| host.clock().sleepers() >= 2);
    host.clock().advance(soon);
    answer(&mut first).is_refusal(503, "service unavailable\n");
    host.gate(true);
    host.until(|host| host.receiver().counts().done == 1);
    host.deliver(BODY).is(200, "").is_receivers();
    assert_eq!((host.runs(), host.receiver().counts().unfinished), (1, 1));
}

fn what_the_body_took_is_part_of_the_senders_time(serve: Serve) {
    let host = serve(Script::once(STRIPE, |builder, _| {
        builder.answer_within(Duration::from_secs(5))
    }));
    host.gate(false);
    let whole = wire(&host.signed(BODY));
    let mut slow = connect(host.address);
    slow.write_all(&whole[..whole.len() - 1]).unwrap();
    host.until(|host| host.clock().sleepers() == 1);
    let body = Duration::from_secs(3);
    host.clock().advance(body);
    slow.write_all(&whole[whole.len() - 1..]).unwrap();
    host.until(|host| host.runs() == 1 && host.clock().sleepers() >= 2);
    let soon = host.receiver().answer_after().unwrap();
    host.clock().advance(soon - body);
    answer(&mut slow).is_refusal(503, "service unavailable\n");
    host.gate(true);
    host.until(|host| host.receiver().counts().done == 1);
}

fn no_more_run_than_may(serve: Serve) {
    let host = serve(Script::once(STRIPE, |builder, _| builder.max_runs(1)));
    host.gate(false);
    let mut first = connect(host.address);
    first.write_all(&wire(&host.signed(BODY))).unwrap();
    host.until(|host| host.runs() == 1);
    let other = BODY.replace("evt_1", "evt_2");
    host.deliver(&other)
        .is_refusal(503, "service unavailable\n");
    host.gate(true);
    answer(&mut first).is(200, "");
    host.until(|host| host.deliver(&other).status == 200);
    assert_eq!(host.runs(), 2);
}

fn whoever_shuts_down_finishes_and_begins_nothing(serve: Serve) {
    let host = serve(Script::once(STRIPE, |builder, _| builder));
    host.gate(false);
    let mut first = connect(host.address);
    first.write_all(&wire(&host.signed(BODY))).unwrap();
    host.until(|host| host.runs() == 1);
    let receiver = host.receiver().clone();
    let drained = std::thread::scope(|scope| {
        let draining = scope.spawn(|| host.block_on(receiver.drain(Duration::from_secs(30))));
        host.until(|host| host.receiver().reserve().is_err());
        let other = BODY.replace("evt_1", "evt_2");
        let refused = host.deliver(&other);
        host.gate(true);
        refused.is_refusal(503, "service unavailable\n");
        draining.join().unwrap()
    });
    assert_eq!(drained, Ok(()));
    answer(&mut first).is(200, "");
    // What was done is known, but there is no place to look.
    host.deliver(BODY).is_refusal(503, "service unavailable\n");
}

fn one_of_many_copies_runs(serve: Serve) {
    let host = serve(Script::once(STRIPE, |builder, _| builder));
    host.gate(false);
    let copies = 24;
    let request = host.signed(BODY);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..copies)
            .map(|_| scope.spawn(|| host.send(&request).status))
            .collect();
        host.until(|host| host.receiver().counts().busy == copies - 1);
        host.gate(true);
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let done = statuses.iter().filter(|status| **status == 200).count();
    let busy = statuses.iter().filter(|status| **status == 503).count();
    assert_eq!((done, busy, host.runs()), (1, 23, 1));
}
