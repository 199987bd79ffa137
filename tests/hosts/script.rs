//! A receiver and a handler that does what a case says, behind a running server.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use countersign::{
    Delivery, Lease, MemoryStore, Once, Receiver, Scheme, Secret, Tenants, Timestamp,
};
use countersign_testkit::{ManualClock, Sender};
use http::Request;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::app::{App, Guard, PATH, Said, Server};
use crate::client::{self, Reply};

pub(crate) const SECRET: &str = "whsec_0123456789abcdef0123456789";
pub(crate) const PUBLIC: &str = "https://example.com";
pub(crate) const NOW: i64 = 1_700_000_000;

/// What a run answers, by its number.
type Play = dyn Fn(usize, &Delivery) -> Said + Send + Sync;

/// Builds what is served. Cases know nothing of the server.
pub(crate) type Serve = fn(Script) -> Host;

#[derive(Clone)]
pub(crate) struct Script {
    scheme: Scheme,
    clock: ManualClock,
    verifies: Option<Receiver>,
    once: Option<Receiver<Once<MemoryStore>>>,
    play: Arc<Play>,
    runs: Arc<AtomicUsize>,
    attempts: Arc<Mutex<Vec<Option<u32>>>>,
    /// Open, or whatever runs waits before it answers.
    gate: Arc<watch::Sender<bool>>,
}

impl Script {
    pub(crate) fn verifying(
        scheme: Scheme,
        build: impl FnOnce(countersign::ReceiverBuilder) -> countersign::ReceiverBuilder,
    ) -> Self {
        let clock = ManualClock::at_secs(NOW);
        let receiver = Receiver::builder(scheme.clone(), Secret::new(SECRET).unwrap());
        let receiver = build(receiver.clock(clock.clone())).build().unwrap();
        Self::new(scheme, clock, Some(receiver), None)
    }

    pub(crate) fn once(
        scheme: Scheme,
        build: impl FnOnce(
            countersign::ReceiverBuilder<countersign::WithStore<MemoryStore>>,
            &ManualClock,
        ) -> countersign::ReceiverBuilder<countersign::WithStore<MemoryStore>>,
    ) -> Self {
        let clock = ManualClock::at_secs(NOW);
        let store = MemoryStore::single_process_on(100, clock.clone());
        let receiver = Receiver::builder(scheme.clone(), Secret::new(SECRET).unwrap())
            .clock(clock.clone())
            .public_url(PUBLIC)
            .store(store);
        let receiver = build(receiver, &clock).build().unwrap();
        Self::new(scheme, clock, None, Some(receiver))
    }

    /// For many tenants, remembering nothing.
    pub(crate) fn of_tenants(scheme: Scheme, tenants: Tenants) -> Self {
        let clock = ManualClock::at_secs(NOW);
        let receiver = Receiver::for_tenants(scheme.clone(), tenants).clock(clock.clone());
        Self::new(scheme, clock, Some(receiver.build().unwrap()), None)
    }

    /// For many tenants, each delivery once.
    pub(crate) fn of_tenants_once(scheme: Scheme, tenants: Tenants) -> Self {
        let clock = ManualClock::at_secs(NOW);
        let store = MemoryStore::single_process_on(100, clock.clone());
        let receiver = Receiver::for_tenants(scheme.clone(), tenants)
            .clock(clock.clone())
            .store(store);
        Self::new(scheme, clock, None, Some(receiver.build().unwrap()))
    }

    fn new(
        scheme: Scheme,
        clock: ManualClock,
        verifies: Option<Receiver>,
        once: Option<Receiver<Once<MemoryStore>>>,
    ) -> Self {
        Self {
            scheme,
            clock,
            verifies,
            once,
            play: Arc::new(|_, _| Said::status(200)),
            runs: Arc::default(),
            attempts: Arc::default(),
            gate: Arc::new(watch::channel(true).0),
        }
    }

    pub(crate) fn play(
        mut self,
        play: impl Fn(usize, &Delivery) -> Said + Send + Sync + 'static,
    ) -> Self {
        self.play = Arc::new(play);
        self
    }
}

impl App for Script {
    fn guard(&self) -> Guard {
        match (&self.verifies, &self.once) {
            (Some(receiver), _) => Guard::Verifies(receiver.clone()),
            (None, Some(receiver)) => Guard::Once(receiver.clone()),
            (None, None) => unreachable!("it is made with one of both"),
        }
    }

    async fn handle(&self, delivery: Delivery, lease: Option<Lease>) -> Said {
        let run = self.runs.fetch_add(1, Ordering::SeqCst) + 1;
        let attempt = lease.map(|lease| lease.attempt());
        self.attempts.lock().unwrap().push(attempt);
        let mut gate = self.gate.subscribe();
        gate.wait_for(|open| *open).await.unwrap();
        (self.play)(run, &delivery)
    }
}

/// A server that runs; it ends with the case.
pub(crate) struct Host {
    pub(crate) address: SocketAddr,
    script: Script,
    runtime: Option<Runtime>,
}

pub(crate) fn serve<S: Server>(script: Script) -> Host {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(S::serve(script.clone(), listener));
    Host {
        address,
        script,
        runtime: Some(runtime),
    }
}

impl Host {
    pub(crate) fn clock(&self) -> &ManualClock {
        &self.script.clock
    }

    /// Of a receiver with a store.
    pub(crate) fn receiver(&self) -> &Receiver<Once<MemoryStore>> {
        self.script.once.as_ref().unwrap()
    }

    /// Of one that remembers nothing.
    pub(crate) fn verifier(&self) -> &Receiver {
        self.script.verifies.as_ref().unwrap()
    }

    pub(crate) fn runs(&self) -> usize {
        self.script.runs.load(Ordering::SeqCst)
    }

    /// The numbers that the handler saw in its leases.
    pub(crate) fn attempts(&self) -> Vec<Option<u32>> {
        self.script.attempts.lock().unwrap().clone()
    }

    pub(crate) fn gate(&self, open: bool) {
        self.script.gate.send_replace(open);
    }

    /// Waits, without a clock, until something is so.
    #[track_caller]
    pub(crate) fn until(&self, is_so: impl Fn(&Self) -> bool) {
        let start = std::time::Instant::now();
        while !is_so(self) {
            assert!(start.elapsed().as_secs() < 30, "it never came to be so");
            std::thread::yield_now();
        }
    }

    pub(crate) fn sender(&self) -> Sender {
        self.sender_at(self.clock().now())
    }

    pub(crate) fn sender_at(&self, now: Timestamp) -> Sender {
        let sender = Sender::new(self.script.scheme.clone(), SECRET).at(now);
        sender.url(format!("{PUBLIC}{PATH}"))
    }

    /// As its sender makes it, now.
    pub(crate) fn signed(&self, body: &str) -> Request<Bytes> {
        self.sender().send(body)
    }

    pub(crate) fn deliver(&self, body: &str) -> Reply {
        self.send(&self.signed(body))
    }

    pub(crate) fn send(&self, request: &Request<Bytes>) -> Reply {
        client::send(self.address, request)
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.as_ref().unwrap().block_on(future)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A request without a signature.
pub(crate) fn plain(
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Request<Bytes> {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request
        .body(Bytes::copy_from_slice(body.as_bytes()))
        .unwrap()
}
