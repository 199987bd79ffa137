//! What we and others say of an attempt.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once};

use bytes::Bytes;
use countersign::providers::{STANDARD_WEBHOOKS, STRIPE, SVIX};
use countersign::{Finished, Receiver, Secret, Timestamp, system_now};
use stripe_webhook::WebhookError;

use crate::attempt::{Attempt, MAX_BODY, Sender};
use crate::changes::ACCEPTED;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    /// Our codes; of others, a word.
    Refused(&'static str),
    Panicked,
}

impl Verdict {
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Accepted => ACCEPTED,
            Self::Refused(code) => code,
            Self::Panicked => "panicked",
        }
    }
}

/// Who else judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Peer {
    AsyncStripe,
    StandardWebhooks,
    Svix,
    WebhookVerify,
}

impl Peer {
    /// Those who know a sender.
    pub(crate) const fn of(sender: Sender) -> &'static [Self] {
        match sender {
            Sender::Stripe => &[Self::AsyncStripe, Self::WebhookVerify],
            Sender::Standard => &[Self::StandardWebhooks, Self::WebhookVerify],
            Sender::Svix => &[Self::Svix],
        }
    }

    pub(crate) const fn reads_the_clock(self) -> bool {
        matches!(self, Self::StandardWebhooks | Self::Svix)
    }
}

/// All of it happens in one second of the system's clock, or is done again.
pub(crate) fn within_a_second<T>(judge: impl Fn(i64) -> T) -> T {
    for _ in 0..100 {
        let now = system_now().as_secs();
        let judged = judge(now);
        if system_now().as_secs() == now {
            return judged;
        }
    }
    panic!("judging takes longer than a second");
}

pub(crate) fn ours(attempt: &Attempt) -> Verdict {
    let scheme = match attempt.sender {
        Sender::Stripe => STRIPE,
        Sender::Standard => STANDARD_WEBHOOKS,
        Sender::Svix => SVIX,
    };
    let secret = Secret::new(attempt.secret.clone()).expect("a secret");
    let builder = Receiver::builder(scheme, secret).max_body(MAX_BODY as u64);
    let receiver = builder.build().expect("a receiver");
    let body = Bytes::copy_from_slice(&attempt.body);
    let now = Timestamp::from_secs(attempt.now);
    // As an adapter does it: the head first, then the body.
    let finished = receiver
        .open(&attempt.request(), now)
        .and_then(|mut intake| {
            intake.push(body)?;
            intake.finish()
        });
    match finished {
        Ok(Finished::Verified(verified)) => {
            assert_eq!(*verified.body(), attempt.body);
            Verdict::Accepted
        }
        Ok(other) => panic!("no delivery: {other:?}"),
        Err(refusal) => Verdict::Refused(refusal.code()),
    }
}

pub(crate) fn theirs(peer: Peer, attempt: &Attempt) -> Verdict {
    let judge = || match peer {
        Peer::AsyncStripe => async_stripe(attempt),
        Peer::StandardWebhooks => standardwebhooks(attempt),
        Peer::Svix => svix(attempt),
        Peer::WebhookVerify => webhook_verify(attempt),
    };
    // A verifier that panics has refused, and lost its task.
    quietly(|| catch_unwind(AssertUnwindSafe(judge))).unwrap_or(Verdict::Panicked)
}

/// It takes header and body as text. What comes after signature and time, the event's form, is not compared: our core leaves it to the user.
fn async_stripe(attempt: &Attempt) -> Verdict {
    let request = attempt.request();
    let header = request.headers().get("stripe-signature");
    let Some(header) = header.and_then(|value| value.to_str().ok()) else {
        return Verdict::Refused("no header that is text");
    };
    let Ok(body) = std::str::from_utf8(&attempt.body) else {
        return Verdict::Refused("no body that is text");
    };
    let event = stripe_webhook::Webhook::construct_event_with_timestamp(
        body,
        header,
        &attempt.secret,
        attempt.now,
    );
    match event {
        Ok(_) | Err(WebhookError::BadParse(_)) => Verdict::Accepted,
        Err(WebhookError::BadKey) => Verdict::Refused("key"),
        Err(WebhookError::BadHeader(_)) => Verdict::Refused("header"),
        Err(WebhookError::BadSignature) => Verdict::Refused("signature"),
        Err(WebhookError::BadTimestamp(_)) => Verdict::Refused("timestamp"),
    }
}

fn standardwebhooks(attempt: &Attempt) -> Verdict {
    let webhook = standardwebhooks::Webhook::new(&attempt.secret).expect("a secret");
    match webhook.verify(&attempt.body, attempt.request().headers()) {
        Ok(()) => Verdict::Accepted,
        Err(_) => Verdict::Refused("refused"),
    }
}

fn svix(attempt: &Attempt) -> Verdict {
    let webhook = svix::webhooks::Webhook::new(&attempt.secret).expect("a secret");
    match webhook.verify(&attempt.body, attempt.request().headers()) {
        Ok(()) => Verdict::Accepted,
        Err(_) => Verdict::Refused("refused"),
    }
}

fn webhook_verify(attempt: &Attempt) -> Verdict {
    struct Fixed(u64);

    impl webhook_verify::Clock for Fixed {
        fn now(&self) -> u64 {
            self.0
        }
    }

    let provider = match attempt.sender {
        Sender::Stripe => webhook_verify::Provider::Stripe,
        Sender::Standard | Sender::Svix => webhook_verify::Provider::StandardWebhooks,
    };
    let clock = Fixed(attempt.now.unsigned_abs());
    let options = webhook_verify::VerifyOptions::default().with_clock(Some(Arc::new(clock)));
    let secret = webhook_verify::Secret::new(attempt.secret.clone());
    let request = attempt.request();
    match webhook_verify::verify(provider, request.headers(), &attempt.body, &secret, options) {
        Ok(()) => Verdict::Accepted,
        Err(_) => Verdict::Refused("refused"),
    }
}

/// Without the report of a panic that is expected.
fn quietly<T>(work: impl FnOnce() -> T) -> T {
    thread_local! {
        static QUIET: Cell<bool> = const { Cell::new(false) };
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                report(panic);
            }
        }));
    });
    QUIET.set(true);
    let done = work();
    QUIET.set(false);
    done
}
