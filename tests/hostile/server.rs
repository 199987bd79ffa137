//! Servers under attack.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use countersign_testkit::hostile::{HostilePeer, Stall};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::app::{PATH, Server};
use crate::subject::Subject;

/// Nothing waits this long unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server; it ends with the test.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    subject: Subject,
    runtime: Option<Runtime>,
}

pub(crate) fn start<S: Server>(subject: Subject) -> Running {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(S::serve(subject.clone(), listener));
    Running {
        address,
        subject,
        runtime: Some(runtime),
    }
}

impl Running {
    /// A peer whose genuine deliveries the handler expects, and whose stalled bodies have their time run out.
    pub(crate) fn peer(&self) -> HostilePeer {
        let clock = self.subject.clock.clone();
        let hurry = Arc::new(Hurry::new(&self.subject));
        let (calm, genuine) = (Arc::clone(&hurry), self.subject.clone());
        HostilePeer::new(
            self.address,
            self.address.to_string(),
            self.subject.sender(),
        )
        .patience(PATIENCE)
        .now(move || clock.now())
        .on_stall(move |stall| {
            if stall == Stall::Body {
                hurry.set(true);
            }
        })
        .on_genuine(move |request| {
            calm.set(false);
            assert_eq!(request.uri().path(), PATH);
            genuine.expect(request.body());
        })
    }

    /// The same for cases in which the server waits for ever.
    pub(crate) fn impatient_peer(&self) -> HostilePeer {
        self.peer().head_patience(Duration::from_millis(100))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Lets time pass for whoever waits for a body, as long as nothing but a stalled one is being sent.
struct Hurry {
    is_hurried: Arc<Mutex<bool>>,
    wake: Option<Sender<()>>,
    mover: Option<JoinHandle<()>>,
}

impl Hurry {
    fn new(subject: &Subject) -> Self {
        let is_hurried = Arc::new(Mutex::new(false));
        let (wake, woken) = mpsc::channel();
        let (clock, shared) = (subject.clock.clone(), Arc::clone(&is_hurried));
        let mover = std::thread::spawn(move || {
            while woken.recv().is_ok() {
                loop {
                    // Held while time passes: nothing genuine is sent meanwhile.
                    let hurried = lock(&shared);
                    if !*hurried {
                        break;
                    }
                    if clock.sleepers() > 0 {
                        clock.advance(Duration::from_secs(11));
                    }
                    drop(hurried);
                    std::thread::yield_now();
                }
            }
        });
        Self {
            is_hurried,
            wake: Some(wake),
            mover: Some(mover),
        }
    }

    fn set(&self, is_hurried: bool) {
        *lock(&self.is_hurried) = is_hurried;
        if let (true, Some(wake)) = (is_hurried, &self.wake) {
            wake.send(()).unwrap();
        }
    }
}

impl Drop for Hurry {
    fn drop(&mut self) {
        *lock(&self.is_hurried) = false;
        self.wake = None;
        if let Some(mover) = self.mover.take() {
            let _ = mover.join();
        }
    }
}

fn lock(flag: &Mutex<bool>) -> MutexGuard<'_, bool> {
    flag.lock().unwrap()
}
