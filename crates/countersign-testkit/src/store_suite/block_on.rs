//! Waits for a future on one thread, for stores that need no runtime.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        // A wake before the park is remembered by it.
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ManualClock;
    use countersign::Clock;
    use std::time::Duration;

    #[test]
    fn it_waits_for_a_wake_from_another_thread() {
        let clock = ManualClock::at_secs(0);
        let sleep = clock.sleep(Duration::from_secs(1));
        let mover = thread::spawn({
            let clock = clock.clone();
            move || {
                while clock.sleepers() == 0 {
                    thread::yield_now();
                }
                clock.advance(Duration::from_secs(1));
            }
        });
        block_on(sleep);
        mover.join().unwrap();
        assert_eq!(clock.monotonic(), Duration::from_secs(1));
    }
}
