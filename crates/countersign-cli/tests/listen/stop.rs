//! The end: what runs is waited for, nobody who only holds a connection is, and a second signal is the last.

use std::io::Write as _;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use http::HeaderValue;

use crate::running::{file, start};
use crate::sockets::{Target, answering, connect, exchange, stripe, target};

#[test]
fn a_run_comes_to_its_end_and_its_answer_arrives() {
    for name in ["TERM", "INT"] {
        let (go, gone) = mpsc::channel::<()>();
        let (here, arrived) = mpsc::channel::<()>();
        let gone = Mutex::new(gone);
        let target = target(move |_, stream| {
            here.send(()).unwrap();
            gone.lock().unwrap().recv().unwrap();
            stream
                .write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n")
                .unwrap();
        });
        let url = target.url();
        let running = start(&[
            "--secret",
            "stripe=env:STRIPE_SECRET",
            "--json",
            "--forward",
            &url,
        ]);
        let mut idle = connect(running.address);
        let mut connection = connect(running.address);
        connection.write(&stripe("evt_1"));
        arrived.recv().unwrap();
        running.signal(name);
        running.noticed(
            "countersign: stopping: what runs is waited for; a second signal ends it at once",
        );
        // It does not wait for who says nothing.
        assert!(idle.is_closed());
        go.send(()).unwrap();
        assert_eq!(connection.answer().status(), 201);
        assert!(connection.is_closed());
        assert_eq!(
            running.told(),
            ("done".to_owned(), "done".to_owned(), Some(201))
        );
        let (code, lines, notices) = running.ended();
        assert_eq!(
            (code, lines.len(), notices.len()),
            (Some(0), 0, 0),
            "{notices:?}"
        );
    }
}

#[test]
fn connections_that_are_kept_alive_are_closed() {
    let running = start(&["--secret", "stripe=env:STRIPE_SECRET"]);
    let mut connections: Vec<_> = (0..3).map(|_| connect(running.address)).collect();
    for (index, connection) in connections.iter_mut().enumerate() {
        for turn in 0..2 {
            connection.write(&stripe(&format!("evt_{index}_{turn}")));
            assert_eq!(connection.answer().status(), 200);
        }
    }
    running.signal("TERM");
    for connection in &mut connections {
        assert!(connection.is_closed());
    }
    let (code, lines, _) = running.ended();
    assert_eq!((code, lines.len()), (Some(0), 6));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let (_go, gone) = mpsc::channel::<()>();
    let (here, arrived) = mpsc::channel::<()>();
    let gone = Mutex::new(gone);
    let target = target(move |_, _| {
        here.send(()).unwrap();
        let _ = gone.lock().unwrap().recv();
    });
    let url = target.url();
    let running = start(&["--secret", "stripe=env:STRIPE_SECRET", "--forward", &url]);
    let mut connection = connect(running.address);
    connection.write(&stripe("evt_1"));
    arrived.recv().unwrap();
    running.signal("TERM");
    running
        .noticed("countersign: stopping: what runs is waited for; a second signal ends it at once");
    running.signal("TERM");
    running.noticed("countersign: ended by a second signal; senders will come again");
    let (code, _, _) = running.ended();
    assert_eq!(code, Some(1));
    // Nothing was acknowledged.
    assert!(connection.is_closed());
}

/// A target that waits until it is told to answer, and says when it was asked.
fn waiting() -> (Target, mpsc::Sender<()>, mpsc::Receiver<()>) {
    let (go, gone) = mpsc::channel::<()>();
    let (here, arrived) = mpsc::channel::<()>();
    let gone = Mutex::new(gone);
    let target = target(move |_, stream| {
        here.send(()).unwrap();
        if gone.lock().unwrap().recv().is_ok() {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        }
    });
    (target, go, arrived)
}

#[test]
fn a_run_is_waited_for_whose_sender_is_gone() {
    let (target, go, arrived) = waiting();
    let url = target.url();
    let running = start(&[
        "--secret",
        "stripe=env:STRIPE_SECRET",
        "--json",
        "--forward",
        &url,
    ]);
    let mut connection = connect(running.address);
    connection.write(&stripe("evt_1"));
    arrived.recv().unwrap();
    drop(connection);
    running.signal("TERM");
    running
        .noticed("countersign: stopping: what runs is waited for; a second signal ends it at once");
    go.send(()).unwrap();
    assert_eq!(running.told().1, "done");
    let (code, lines, notices) = running.ended();
    assert_eq!(
        (code, lines.len(), notices.len()),
        (Some(0), 0, 0),
        "{notices:?}"
    );
}

#[test]
fn who_is_sending_gets_an_answer() {
    let running = start(&["--secret", "stripe=env:STRIPE_SECRET", "--json"]);
    let mut connection = connect(running.address);
    let mut request = stripe("evt_1");
    let expect = HeaderValue::from_static("100-continue");
    request.headers_mut().insert("expect", expect);
    let rest = connection.write_but(&request, request.body().len());
    // Its head has been read, and nothing of its body.
    assert_eq!(connection.answer().status(), 100);
    running.signal("TERM");
    running
        .noticed("countersign: stopping: what runs is waited for; a second signal ends it at once");
    connection.write_rest(&rest);
    let answer = connection.answer();
    assert_eq!(
        (answer.status(), answer.all("retry-after")),
        (503, vec!["5"])
    );
    assert_eq!(running.told().1, "shutting_down");
    assert!(connection.is_closed());
    let (code, lines, notices) = running.ended();
    assert_eq!(
        (code, lines.len(), notices.len()),
        (Some(0), 0, 0),
        "{notices:?}"
    );
}

#[test]
fn no_other_route_begins_a_run_while_one_is_waited_for() {
    let (target, go, arrived) = waiting();
    let path = file(
        "two-routes.toml",
        &format!(
            "[route.a]\nscheme = 'stripe'\npath = '/a'\nsecrets = [{{ env = 'STRIPE_SECRET' }}]\nforward = '{}'\n[route.stripe]\nsecrets = [{{ env = 'STRIPE_SECRET' }}]\nacknowledge = true\n",
            target.url()
        ),
    );
    let running = start(&[&path, "--json"]);
    let mut first = connect(running.address);
    let mut request = stripe("evt_1");
    *request.uri_mut() = "/a".parse().unwrap();
    first.write(&request);
    arrived.recv().unwrap();
    let mut second = connect(running.address);
    let mut request = stripe("evt_2");
    let expect = HeaderValue::from_static("100-continue");
    request.headers_mut().insert("expect", expect);
    let rest = second.write_but(&request, request.body().len());
    assert_eq!(second.answer().status(), 100);
    running.signal("TERM");
    running
        .noticed("countersign: stopping: what runs is waited for; a second signal ends it at once");
    second.write_rest(&rest);
    assert_eq!(second.answer().status(), 503);
    assert_eq!(running.told().1, "shutting_down");
    go.send(()).unwrap();
    assert_eq!(first.answer().status(), 200);
    assert_eq!(running.ended().0, Some(0));
}

#[test]
fn it_does_not_wait_for_ever() {
    let (target, go, arrived) = waiting();
    let path = file(
        "drain.toml",
        &format!(
            "[server]\ndrain = '1s'\n[route.stripe]\nsecrets = [{{ env = 'STRIPE_SECRET' }}]\nforward = '{}'\n",
            target.url()
        ),
    );
    let running = start(&[&path, "--json"]);
    let mut connection = connect(running.address);
    connection.write(&stripe("evt_1"));
    arrived.recv().unwrap();
    running.signal("TERM");
    running.noticed("countersign: ended with 1 still running; senders will come again");
    let (code, _, _) = running.ended();
    assert_eq!(code, Some(1));
    assert!(connection.is_closed());
    drop(go);
}

#[test]
fn who_sends_no_head_is_not_waited_for() {
    let path = file(
        "heads.toml",
        "[server]\nheader_timeout = '1s'\n[route.stripe]\nsecrets = [{ env = 'STRIPE_SECRET' }]\nacknowledge = true\n",
    );
    let running = start(&[&path]);
    let mut silent = connect(running.address);
    let mut halting = connect(running.address);
    halting.write_half();
    assert!(silent.is_closed());
    assert!(halting.is_closed());
    // So is one that is kept alive for nothing.
    let mut idle = connect(running.address);
    idle.write(&stripe("evt_1"));
    assert_eq!(idle.answer().status(), 200);
    assert!(idle.is_closed());
}

#[test]
fn who_takes_no_answers_is_not_waited_for() {
    let path = file(
        "untaken.toml",
        "[server]\nheader_timeout = '1s'\nmax_connections = 1\nhealth = '/health'\n[route.stripe]\nsecrets = [{ env = 'STRIPE_SECRET' }]\nacknowledge = true\n",
    );
    let running = start(&[&path]);
    let mut greedy = connect(running.address);
    // Until nothing more fits between the two.
    assert!(greedy.is_closed_while_asking("GET /health HTTP/1.1\r\nhost: a\r\n\r\n"));
    assert_eq!(exchange(running.address, &stripe("evt_1")).status(), 200);
}

#[test]
fn a_head_that_is_too_long_is_not_kept() {
    let path = file(
        "long-heads.toml",
        "[server]\nheader_timeout = '1h'\n[route.stripe]\nsecrets = [{ env = 'STRIPE_SECRET' }]\nacknowledge = true\n",
    );
    let running = start(&[&path]);
    let mut long = stripe("evt_1");
    let value = HeaderValue::try_from("a".repeat(60_000)).unwrap();
    long.headers_mut().insert("x-a", value);
    assert_eq!(exchange(running.address, &long).status(), 200);
    let mut endless = connect(running.address);
    endless.write_half();
    assert!(endless.is_ended_by(&format!("x-a: {}", "a".repeat(200_000))));
}

#[test]
fn connections_wait_while_there_are_too_many() {
    let path = file(
        "connections.toml",
        "[server]\nmax_connections = 1\n[route.stripe]\nsecrets = [{ env = 'STRIPE_SECRET' }]\nacknowledge = true\n",
    );
    let running = start(&[&path, "--json"]);
    let mut first = connect(running.address);
    first.write(&stripe("evt_1"));
    assert_eq!(first.answer().status(), 200);
    let mut second = connect(running.address);
    second.write(&stripe("evt_2"));
    first.write(&stripe("evt_3"));
    assert_eq!(first.answer().status(), 200);
    drop(first);
    assert_eq!(second.answer().status(), 200);
    let ids: Vec<_> = (0..3)
        .map(|_| running.json()["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids, ["evt_1", "evt_3", "evt_2"]);
}

#[test]
fn nobody_who_reads_is_needed() {
    let mut running = start(&["--secret", "stripe=env:STRIPE_SECRET"]);
    running.close_lines();
    // The pipe is found closed when the reading end is gone, which is when it has read a line for nobody.
    for turn in 0..20 {
        let status = exchange(running.address, &stripe(&format!("evt_{turn}"))).status();
        assert_eq!(status, 200);
    }
    running.noticed("countersign: attempts are not shown any more: Broken pipe (os error 32)");
    assert_eq!(exchange(running.address, &stripe("evt_21")).status(), 200);
    assert_eq!(running.stop(), Vec::<String>::new());
}

#[test]
fn a_run_that_its_sender_does_not_wait_for_has_a_line_of_its_own() {
    let (target, go, arrived) = waiting();
    let path = file(
        "late.toml",
        &format!(
            "[route.stripe]\nsecrets = [{{ env = 'STRIPE_SECRET' }}]\nanswer_within = '1s'\nforward = '{}'\n",
            target.url()
        ),
    );
    let running = start(&[&path, "--json"]);
    let request = stripe("evt_1");
    assert_eq!(exchange(running.address, &request).status(), 503);
    arrived.recv().unwrap();
    let line = running.json();
    assert_eq!(
        (line["code"].as_str(), line["late"].as_bool()),
        (Some("unfinished"), Some(false))
    );
    go.send(()).unwrap();
    let line = running.json();
    assert_eq!(
        (line["code"].as_str(), line["late"].as_bool()),
        (Some("done"), Some(true))
    );
    assert_eq!(exchange(running.address, &request).status(), 200);
    assert_eq!(running.told().1, "duplicate_replay");
}

#[test]
fn nobody_who_reads_notices_is_needed() {
    let target = answering("HTTP/1.1 302 Found\nlocation: /\ncontent-length: 0\n\n");
    let url = target.url();
    let mut running = start(&[
        "--secret",
        "stripe=env:STRIPE_SECRET",
        "--json",
        "--forward",
        &url,
    ]);
    let reading = Arc::clone(&running.reading);
    let held = reading.lock().unwrap();
    // More than a pipe and a reader's buffer hold.
    for turn in 0..900 {
        let status = exchange(running.address, &stripe(&format!("evt_{turn}"))).status();
        assert_eq!(status, 503);
        assert_eq!(running.told().1, "released");
    }
    running.signal("TERM");
    assert_eq!(running.code(), Some(0));
    drop(held);
}

#[test]
fn as_many_connections_as_can_be_written_are_served() {
    let path = file(
        "most.toml",
        &format!(
            "[server]\nmax_connections = {}\n[route.stripe]\nsecrets = [{{ env = 'STRIPE_SECRET' }}]\nacknowledge = true\n",
            i64::MAX
        ),
    );
    let running = start(&[&path]);
    assert_eq!(exchange(running.address, &stripe("evt_1")).status(), 200);
}
