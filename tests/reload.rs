//! Secrets that are read again while the receiver runs: from files, and from wherever a callback gets them.
//!
//! A process of its own: tracing decides once per process which events anybody listens to.
#![cfg(test)]

use std::cell::RefCell;
use std::error::Error;
use std::fs;
use std::future::pending;
use std::path::PathBuf;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use countersign::providers::GITHUB;
use countersign::{Clock, Receiver, Secret, SecretRing};
use countersign_testkit::{ManualClock, Sender, log};

const OLD: &str = "0123456789abcdef-old";
const NEW: &str = "0123456789abcdef-new";
const PERIOD: Duration = Duration::from_secs(60);
const NANO: Duration = Duration::from_nanos(1);

type Loaded = Result<SecretRing, Box<dyn Error + Send + Sync>>;

fn receiver() -> Receiver {
    let old = Secret::new(OLD).unwrap().label("old");
    Receiver::builder(GITHUB, old).build().unwrap()
}

/// Which of the two is accepted.
fn accepted(receiver: &Receiver) -> [bool; 2] {
    [OLD, NEW].map(|text| {
        let (head, body) = Sender::new(GITHUB, text).send("{}").into_parts();
        let now = countersign::Timestamp::from_secs(0);
        receiver.verify(&head, body, now).is_ok()
    })
}

fn ring(texts: &[&str]) -> Loaded {
    let secrets = texts.iter().map(|text| Secret::new(*text));
    let secrets: Vec<Secret> = secrets.collect::<Result<_, _>>()?;
    let labelled = secrets.into_iter().zip(["first", "second"]);
    Ok(SecretRing::new(
        labelled.map(|(secret, label)| secret.label(label)),
    )?)
}

fn poll(reload: &mut std::pin::Pin<&mut impl Future>) {
    let polled = reload
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Pending), "it never ends");
}

/// What was logged of secrets. Attempts are told, too.
fn said() -> Vec<String> {
    let lines = log::take().into_iter();
    lines
        .filter(|line| !line.contains("message=webhook attempt"))
        .collect()
}

/// A folder of this test's own, gone at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("countersign-reload-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    /// As orchestrators do: a new file in the place of the old one.
    fn put(&self, name: &str, content: &str) {
        let new = self.0.join("new");
        fs::write(&new, content).unwrap();
        fs::rename(new, self.0.join(name)).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn files_are_read_again() {
    log::listen();
    let (receiver, clock, folder) = (receiver(), ManualClock::at_secs(0), Folder::new());
    folder.put("github", OLD);
    let path = folder.0.join("github");
    let load = || async { Ok(Secret::from_file(&path)?.into()) };
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let mut reload = pin!(receiver.clone().reload_every(shared, PERIOD, load));
    let loaded = r#"INFO message=webhook secrets loaded scheme="github" secrets=1"#;

    poll(&mut reload);
    assert_eq!(accepted(&receiver), [true, false]);
    assert_eq!(receiver.secret_uses()[0].label, "github");
    assert_eq!(said(), [loaded]);

    folder.put("github", &format!("{NEW}\n"));
    clock.advance(PERIOD.saturating_sub(NANO));
    poll(&mut reload);
    assert_eq!(accepted(&receiver), [true, false], "before its time");
    clock.advance(NANO);
    poll(&mut reload);
    assert_eq!(accepted(&receiver), [false, true]);
    assert_eq!(said(), [loaded]);

    // Empty, gone, short: what was there stays, and each time the log says why.
    let stays =
        "WARN message=webhook secrets not loaded: those before stay scheme=\"github\" reason=";
    folder.put("github", "\n");
    clock.advance(PERIOD);
    poll(&mut reload);
    assert_eq!(said(), [format!("{stays}the secret is empty")]);
    fs::remove_file(&path).unwrap();
    clock.advance(PERIOD);
    poll(&mut reload);
    let missing = format!(
        "{stays}the file {} cannot be read: entity not found",
        path.display()
    );
    assert_eq!(said(), [missing]);
    // A key that is too short for the scheme is found by the receiver.
    folder.put("github", "short");
    clock.advance(PERIOD);
    poll(&mut reload);
    let short = "secrets: github: the secret has 5 key bytes, the scheme asks for at least 16";
    assert_eq!(said(), [format!("{stays}{short}")]);
    assert_eq!(accepted(&receiver), [false, true]);

    // It is back as it was: nothing is exchanged, and nothing is said.
    folder.put("github", NEW);
    clock.advance(PERIOD);
    poll(&mut reload);
    assert_eq!(said(), Vec::<String>::new());
    assert_eq!(accepted(&receiver), [false, true]);
}

#[test]
fn a_callback_that_fails_panics_or_hangs_changes_nothing() {
    log::listen();
    let (receiver, clock) = (receiver(), ManualClock::at_secs(0));
    let script: Rc<RefCell<Vec<&str>>> = Rc::default();
    let load = || {
        let next = script.borrow_mut().pop();
        async move {
            match next {
                Some("both") => ring(&[OLD, NEW]),
                Some("fail") => Err("the vault is sealed".into()),
                Some("panic") => panic!("never printed"),
                Some("twice") => {
                    let twice = [OLD, NEW].map(|text| Secret::new(text).unwrap().label("same"));
                    Ok(SecretRing::new(twice)?)
                }
                _ => pending().await,
            }
        }
    };
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let mut reload = pin!(receiver.clone().reload_every(shared, PERIOD, load));
    let stays =
        "WARN message=webhook secrets not loaded: those before stay scheme=\"github\" reason=";
    let mut before = [true, false];
    for (step, line, after) in [
        ("fail", format!("{stays}the vault is sealed"), before),
        (
            "both",
            "INFO message=webhook secrets loaded scheme=\"github\" secrets=2".to_owned(),
            [true; 2],
        ),
        ("panic", format!("{stays}it panicked"), [true; 2]),
        (
            "twice",
            format!("{stays}secrets: two secrets have the same label"),
            [true; 2],
        ),
    ] {
        script.borrow_mut().push(step);
        assert_eq!(accepted(&receiver), before, "{step}");
        poll(&mut reload);
        assert_eq!(said(), [line], "{step}");
        assert_eq!(accepted(&receiver), after, "{step}");
        before = after;
        clock.advance(PERIOD);
    }
    // The one that hangs is dropped when the next is due, and that one begins at once.
    script.borrow_mut().extend(["both", "hang"]);
    poll(&mut reload);
    assert_eq!(said(), Vec::<String>::new());
    clock.advance(PERIOD);
    poll(&mut reload);
    assert_eq!(said(), [format!("{stays}it took longer than the period")]);
    assert_eq!(script.borrow().len(), 0);
    assert_eq!(accepted(&receiver), [true; 2]);

    // By hand, and it stays: the source has not changed.
    receiver.rotate(Secret::new(NEW).unwrap()).unwrap();
    script.borrow_mut().push("both");
    clock.advance(PERIOD);
    poll(&mut reload);
    assert_eq!(accepted(&receiver), [false, true]);
}

#[test]
fn a_period_of_nothing_is_a_second() {
    log::listen();
    let (receiver, clock) = (receiver(), ManualClock::at_secs(0));
    let loads = RefCell::new(0);
    let load = || async {
        *loads.borrow_mut() += 1;
        ring(&[OLD])
    };
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let mut reload = pin!(receiver.reload_every(shared, Duration::ZERO, load));
    poll(&mut reload);
    poll(&mut reload);
    assert_eq!(*loads.borrow(), 1);
    clock.advance(Duration::from_secs(1));
    poll(&mut reload);
    assert_eq!(*loads.borrow(), 2);
}

/// What a task of a runtime with many threads asks for.
#[test]
fn it_can_go_to_another_thread() {
    fn is_send(_: impl Future + Send + 'static) {}
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at_secs(0));
    is_send(receiver().reload_every(clock, PERIOD, || async { ring(&[OLD]) }));
}
