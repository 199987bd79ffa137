//! What is served, whatever serves it.

use bytes::Bytes;
use countersign::{Delivery, Lease, MemoryStore, Once, Receiver};
use tokio::net::TcpListener;

/// Where it is served.
pub(crate) const PATH: &str = "/hook";

/// A receiver, and the handler behind it.
pub(crate) trait App: Clone + Send + Sync + 'static {
    fn guard(&self) -> Guard;

    /// Runs for verified deliveries.
    fn handle(&self, delivery: Delivery, lease: Option<Lease>)
    -> impl Future<Output = Said> + Send;
}

pub(crate) enum Guard {
    /// It remembers nothing.
    Verifies(Receiver),
    Once(Receiver<Once<MemoryStore>>),
}

/// What a handler answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) media_type: Option<&'static str>,
    pub(crate) body: Bytes,
    pub(crate) for_good: bool,
}

impl Said {
    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }
}

/// A server that a receiver can stand in. Another one joins by another implementation, and by its name in the tables.
pub(crate) trait Server {
    /// As the tables call it.
    const NAME: &str;

    /// The hostile cases in which it waits for a stranger for ever.
    const NEVER_ENDS: &[&str];

    /// The hostile cases in which it does by itself what a receiver cannot hinder. What they are answered with is known all the same.
    const AT_FAULT: &[&str] = &[];

    /// Serves the app at [`PATH`], to peers whose address it knows.
    fn serve(app: impl App, listener: TcpListener) -> impl Future<Output = ()> + Send + 'static;
}
