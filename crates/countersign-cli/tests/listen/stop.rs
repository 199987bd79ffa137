//! The end: what runs is waited for, nobody who only holds a connection is, and a second signal is the last.

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::mpsc;

use crate::running::start;
use crate::sockets::{connect, stripe, target};

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
