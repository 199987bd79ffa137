//! A run that ends in the very moment in which its sender cannot wait any longer.

use std::convert::Infallible;
use std::fmt;
use std::num::NonZero;
use std::sync::mpsc::{Receiver as Wait, Sender as Ring, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use countersign::providers::STRIPE;
use countersign::{
    Attempt, AttemptQueue, Clock, MemoryStore, Observer, Receiver, Secret, Sleep, Timestamp,
};
use countersign_testkit::Sender;
use countersign_tower::{Countersign, VerifiedBody};
use http::{Request, Response};
use http_body_util::Full;
use tokio::sync::Notify;
use tower::{ServiceExt, service_fn};

use crate::stage::{BODY, NOW, SECRET};

const DEADLINE: Duration = Duration::from_secs(100);
/// A second before it.
const LEFT: Duration = Duration::from_secs(99);

/// When the sender's time is over, the handler ends, and the timer does not ring before its run was told.
struct Meets {
    go: Arc<Notify>,
    told: Arc<Mutex<Wait<()>>>,
}

impl fmt::Debug for Meets {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Meets")
    }
}

impl Clock for Meets {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(NOW)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        if duration != LEFT {
            return Box::pin(std::future::pending());
        }
        let (go, told) = (Arc::clone(&self.go), Arc::clone(&self.told));
        Box::pin(async move {
            go.notify_one();
            // The run is another thread's.
            told.lock().unwrap().recv().unwrap();
        })
    }
}

struct Ear(AttemptQueue, Ring<()>);

impl Observer for Ear {
    fn attempt(&self, attempt: &Attempt<'_>) {
        self.0.attempt(attempt);
        self.1.send(()).unwrap();
    }

    fn late_run(&self, run: &Attempt<'_>) {
        self.0.late_run(run);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_run_that_ends_with_its_deadline_is_told_as_it_is_answered() {
    let (queue, attempts) = AttemptQueue::bounded(NonZero::new(8).unwrap());
    let (ring, told) = channel();
    let go = Arc::<Notify>::default();
    let clock = Meets {
        go: Arc::clone(&go),
        told: Arc::new(Mutex::new(told)),
    };
    let receiver = Receiver::builder(STRIPE, Secret::new(SECRET).unwrap())
        .clock(clock)
        .observer(Ear(queue, ring))
        .store(MemoryStore::single_process(8))
        .answer_within(DEADLINE)
        .build()
        .unwrap();
    let handler = service_fn(move |_: Request<VerifiedBody>| {
        let go = Arc::clone(&go);
        async move {
            go.notified().await;
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }
    });
    let genuine = Sender::new(STRIPE, SECRET).at(Timestamp::from_secs(NOW));
    let genuine = genuine.send(BODY).map(Full::new);
    let service = Countersign::new(handler, receiver.clone());
    let answer = service.oneshot(genuine).await.unwrap();
    let record = attempts.try_next().unwrap();
    assert_eq!(record.status, Some(answer.status()));
    assert_eq!((record.code, answer.status().as_u16()), ("done", 200));
    assert_eq!(attempts.try_next(), None, "no run was late");
    let counts = receiver.counts();
    assert_eq!((counts.done, counts.unfinished), (1, 0));
}
