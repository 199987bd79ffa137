//! A source that answers when a test says so, and attempts that are polled by hand.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use countersign::{
    Broken, Chunks, Clock, Delivery, Reading, Received, Receiver, ReceiverBuilder, Refusal, Reply,
    Scheme, Secret, SecretRing, SecretSource, SourceUnavailable, TenantPlace, Tenants, Timestamp,
};
use countersign_testkit::{ManualClock, Sender};
use http::Request;

pub(crate) const NOW: i64 = 1_700_000_000;

/// What the source says of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// It has the secret of this name.
    Secret,
    /// It has this other secret.
    Other(&'static str),
    Fails,
    Panics,
    /// It panics before there is anything to wait for.
    PanicsAtOnce,
}

#[derive(Clone, Default)]
pub(crate) struct Source(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    says: BTreeMap<String, Says>,
    asked: Vec<String>,
    is_shut: bool,
    wakers: Vec<Waker>,
    on_its_way: usize,
}

/// The secret of a tenant, which only he has.
pub(crate) fn secret_of(name: &str) -> String {
    format!("0123456789abcdef-{name}")
}

impl Source {
    /// Knows these names.
    pub(crate) fn of(names: &[&str]) -> Self {
        let source = Self::default();
        for name in names {
            source.says(name, Some(Says::Secret));
        }
        source
    }

    pub(crate) fn says(&self, name: &str, says: Option<Says>) {
        let mut state = self.state();
        match says {
            Some(says) => state.says.insert(name.to_owned(), says),
            None => state.says.remove(name),
        };
    }

    /// From now on nobody is answered.
    pub(crate) fn shut(&self) {
        self.state().is_shut = true;
    }

    pub(crate) fn open(&self) {
        let mut state = self.state();
        state.is_shut = false;
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The names that it was asked for since this was called last.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state().asked)
    }

    pub(crate) fn on_its_way(&self) -> usize {
        self.state().on_its_way
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

struct OnItsWay(Source);

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.0.state().on_its_way -= 1;
    }
}

impl SecretSource for Source {
    fn secrets(
        &self,
        tenant: &str,
    ) -> impl Future<Output = Result<Option<SecretRing>, SourceUnavailable>> + Send {
        let mut state = self.state();
        state.asked.push(tenant.to_owned());
        state.on_its_way += 1;
        let says = state.says.get(tenant).copied();
        drop(state);
        let guard = OnItsWay(self.clone());
        assert!(says != Some(Says::PanicsAtOnce), "it panics at once");
        let name = tenant.to_owned();
        async move {
            let gate = &guard.0;
            poll_fn(|cx| {
                let mut state = gate.state();
                if state.is_shut {
                    state.wakers.push(cx.waker().clone());
                    return Poll::Pending;
                }
                Poll::Ready(())
            })
            .await;
            match says {
                None => Ok(None),
                Some(Says::Secret) => Ok(Some(ring(&secret_of(&name)))),
                Some(Says::Other(secret)) => Ok(Some(ring(secret))),
                Some(Says::Fails) => Err(SourceUnavailable::new("the database is away")),
                Some(Says::Panics | Says::PanicsAtOnce) => panic!("it panics"),
            }
        }
    }
}

fn ring(secret: &str) -> SecretRing {
    Secret::new(secret).unwrap().into()
}

/// A receiver of this source's tenants, and its clock.
pub(crate) fn receiver(
    scheme: Scheme,
    place: TenantPlace,
    source: &Source,
) -> (Receiver, ManualClock) {
    built(scheme, Tenants::new(place, source.clone()))
}

pub(crate) fn built(scheme: Scheme, tenants: Tenants) -> (Receiver, ManualClock) {
    with(scheme, tenants, |builder| builder)
}

pub(crate) fn with(
    scheme: Scheme,
    tenants: Tenants,
    set: impl FnOnce(ReceiverBuilder) -> ReceiverBuilder,
) -> (Receiver, ManualClock) {
    let clock = ManualClock::at_secs(NOW);
    let builder = Receiver::for_tenants(scheme, tenants).clock(clock.clone());
    (set(builder).build().unwrap(), clock)
}

/// Signed by this tenant, sent to this path.
pub(crate) fn signed(scheme: Scheme, tenant: &str, path: &str, body: &str) -> Request<Bytes> {
    Sender::new(scheme, secret_of(tenant))
        .at(Timestamp::from_secs(NOW))
        .url(format!("https://example.com{path}"))
        .send(body)
}

/// What became of an attempt: whose it is, or why it was refused.
pub(crate) type Verdict = Result<String, Refusal>;

/// An attempt that is polled by hand.
pub(crate) struct Attempt {
    request: Request<()>,
    reading: Reading,
    body: Pieces,
    pub(crate) woken: Arc<Woken>,
}

/// A body in pieces: `None` waits.
#[derive(Default)]
pub(crate) struct Pieces {
    rest: VecDeque<Option<Bytes>>,
    pub(crate) read: usize,
}

impl Chunks for Pieces {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Broken>>> {
        match self.rest.front() {
            Some(None) => Poll::Pending,
            Some(Some(piece)) => {
                self.read += piece.len();
                Poll::Ready(self.rest.pop_front().flatten().map(Ok))
            }
            None => Poll::Ready(None),
        }
    }
}

#[derive(Default)]
pub(crate) struct Woken(AtomicUsize);

impl Woken {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Attempt {
    /// With its body in one piece, which is there.
    pub(crate) fn new(receiver: &Receiver, request: Request<Bytes>) -> Result<Self, Refusal> {
        let pieces = [Some(request.body().clone())];
        Self::in_pieces(receiver, request, pieces)
    }

    pub(crate) fn in_pieces(
        receiver: &Receiver,
        request: Request<Bytes>,
        pieces: impl IntoIterator<Item = Option<Bytes>>,
    ) -> Result<Self, Refusal> {
        let request = request.map(|_| ());
        let clock = Arc::clone(receiver.clock().unwrap());
        let clock: Arc<dyn Clock> = clock;
        Ok(Self {
            reading: receiver.receive(&request, &clock)?,
            request,
            body: Pieces {
                rest: pieces.into_iter().collect(),
                read: 0,
            },
            woken: Arc::default(),
        })
    }

    /// More of the body is there.
    pub(crate) fn comes(&mut self, pieces: impl IntoIterator<Item = Option<Bytes>>) {
        self.body.rest = pieces.into_iter().collect();
    }

    pub(crate) fn poll_received(&mut self) -> Poll<Result<Received, Refusal>> {
        let waker = Waker::from(Arc::clone(&self.woken));
        let body = Pin::new(&mut self.body);
        self.reading
            .poll_received(&mut Context::from_waker(&waker), body)
    }

    pub(crate) fn poll_delivery(&mut self) -> Poll<Result<Delivery, Refusal>> {
        self.poll_received().map(|received| match received? {
            Received::Delivery(verified) => verified.deliver(&self.request),
            other => panic!("no delivery: {other:?}"),
        })
    }

    pub(crate) fn poll(&mut self) -> Poll<Verdict> {
        let delivery = self.poll_delivery();
        delivery.map(|delivery| Ok(tenant_of(&delivery?)))
    }

    /// How many bytes of the body were read.
    pub(crate) fn read(&self) -> usize {
        self.body.read
    }
}

/// The delivery that it is, with its body in one piece.
pub(crate) fn deliver(reading: Reading, request: Request<Bytes>) -> Delivery {
    let pieces = [Some(request.body().clone())];
    let mut attempt = Attempt {
        request: request.map(|_| ()),
        reading,
        body: Pieces {
            rest: pieces.into(),
            read: 0,
        },
        woken: Arc::default(),
    };
    match attempt.poll_delivery() {
        Poll::Ready(Ok(delivery)) => delivery,
        other => panic!("no delivery: {other:?}"),
    }
}

/// Whose it is, which is said in two ways.
pub(crate) fn tenant_of(delivery: &Delivery) -> String {
    let tenant = delivery.tenant().expect("it is bound to a tenant");
    assert!(tenant.is_signed());
    tenant.as_str().to_owned()
}

/// The verdict on an attempt whose look-up does not wait.
pub(crate) fn verdict(receiver: &Receiver, request: Request<Bytes>) -> Verdict {
    match Attempt::new(receiver, request)?.poll() {
        Poll::Ready(verdict) => verdict,
        Poll::Pending => panic!("it waits"),
    }
}

pub(crate) fn answered(receiver: &Receiver, request: Request<Bytes>) -> Reply {
    match Attempt::new(receiver, request).unwrap().poll_received() {
        Poll::Ready(Ok(Received::Answered(reply))) => reply,
        other => panic!("no answer: {other:?}"),
    }
}

pub(crate) fn tenant(name: &str) -> Verdict {
    Ok(name.to_owned())
}

pub(crate) const UNKNOWN: Verdict = Err(Refusal::TenantUnknown);
pub(crate) const WRONG: Verdict = Err(Refusal::SignatureMismatch);
