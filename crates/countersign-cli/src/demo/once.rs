//! What repeats: one delivery twice, twenty copies at once, a handler that fails, a client that hangs up.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::routing::any;
use axum::{Json, Router};
use countersign::providers::STRIPE;
use countersign::{Clock, Lease, MemoryStore, Receiver, Secret, Timestamp};
use countersign_axum::{CountersignLayer, Webhook};
use countersign_testkit::Sender;
use http::StatusCode;
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Row;
use super::attempts::{ATTEMPT_HEADER, Attempt, Due, Kind};
use super::receiver::Running;
use super::sender::{self, Sent};
use super::services::{Failed, Remembering};

const PATH: &str = "/once";
const SECRET: &str = "whsec_demo0000once0000secret00000";
const COPIES: usize = 20;

/// Where the handler is watched and held.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    receiver: Remembering,
    /// How often each event ran.
    runs: Arc<Mutex<BTreeMap<String, u32>>>,
    /// One permit for each handler that has begun to wait, and one for each that may go on.
    begun: Arc<Semaphore>,
    go_on: Arc<Semaphore>,
}

/// The route of the handler, and what it waits for.
pub(crate) fn app(clock: impl Clock) -> Result<(Router, Stage), Failed> {
    let receiver = Receiver::builder(STRIPE, Secret::new(SECRET)?)
        .clock(clock)
        .store(MemoryStore::single_process(1_000))
        .build()?;
    let stage = Stage {
        receiver: receiver.clone(),
        runs: Arc::default(),
        begun: Arc::new(Semaphore::new(0)),
        go_on: Arc::new(Semaphore::new(0)),
    };
    let handler = any(handle).with_state(stage.clone());
    let layer = CountersignLayer::new(receiver);
    Ok((Router::new().route(PATH, handler.layer(layer)), stage))
}

#[derive(Deserialize)]
struct Event {
    id: String,
}

async fn handle(
    State(stage): State<Stage>,
    Extension(lease): Extension<Lease>,
    Webhook { payload, .. }: Webhook<Json<Event>>,
) -> StatusCode {
    let Json(Event { id }) = payload;
    stage.count(&id);
    if id.contains("waits") {
        stage.begun.add_permits(1);
        if let Ok(permit) = stage.go_on.acquire().await {
            permit.forget();
        }
    }
    match id.contains("fails") && lease.attempt() == 1 {
        true => StatusCode::INTERNAL_SERVER_ERROR,
        false => StatusCode::NO_CONTENT,
    }
}

impl Stage {
    fn count(&self, id: &str) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let count = runs.entry(id.to_owned()).or_default();
        *count = count.saturating_add(1);
    }

    fn runs(&self, id: &str) -> u32 {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.get(id).copied().unwrap_or_default()
    }

    async fn has_begun(&self) {
        if let Ok(permit) = self.begun.acquire().await {
            permit.forget();
        }
    }

    /// Until the record is there: nobody waits for the answer that comes after it.
    async fn has_done(&self, count: u64) {
        while self.receiver.counts().done < count {
            tokio::task::yield_now().await;
        }
    }
}

/// What must come of an attempt.
struct Expected {
    status: u16,
    code: &'static str,
    /// How often the event has run by then.
    runs: u32,
}

const fn expected(status: u16, code: &'static str, runs: u32) -> Expected {
    Expected { status, code, runs }
}

struct Play<'p> {
    receiver: &'p Running,
    now: Timestamp,
    number: u64,
    rows: Vec<Row>,
}

/// Plays all of it, within ten seconds.
pub(crate) async fn play(
    receiver: &Running,
    now: Timestamp,
    number: u64,
) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut play = Play {
        receiver,
        now,
        number,
        rows: Vec::new(),
    };
    tokio::time::timeout(Duration::from_secs(10), play.all()).await??;
    Ok(play.rows)
}

impl Play<'_> {
    async fn all(&mut self) -> Result<(), Box<dyn Error>> {
        self.twice().await?;
        self.at_once().await?;
        self.failing().await?;
        self.hanging_up().await
    }

    async fn twice(&mut self) -> Result<(), Box<dyn Error>> {
        let id = "evt_twice";
        let first = self.attempt(id, 0);
        self.send("a delivery", id, &first, expected(204, "done", 1))
            .await?;
        let again = self.attempt(id, 1);
        let due = expected(204, "duplicate", 1);
        self.send("the same, signed again", id, &again, due).await?;
        let mut captured = first;
        captured.number = self.next();
        let due = expected(204, "duplicate_replay", 1);
        self.send("the first, captured and sent again", id, &captured, due)
            .await
    }

    async fn at_once(&mut self) -> Result<(), Box<dyn Error>> {
        let id = "evt_waits_for_copies";
        let to = self.receiver.address();
        let mut copies = JoinSet::new();
        let mut attempts = BTreeMap::new();
        for _ in 0..COPIES {
            let copy = self.attempt(id, 0);
            attempts.insert(copy.number, copy.clone());
            copies.spawn_local(async move {
                let sent = sender::send(to, &copy)
                    .await
                    .map_err(|error| error.to_string());
                (copy.number, sent)
            });
        }
        self.receiver.stage().has_begun().await;
        // The one that runs is answered last: its handler goes on when all the others have been told to come again.
        while let Some(copy) = copies.join_next().await {
            let (number, sent) = copy?;
            let is_last = copies.is_empty();
            let due = match is_last {
                true => expected(204, "done", 1),
                false => expected(503, "in_flight", 1),
            };
            let what = format!("one of {COPIES} copies at once");
            if let Some(attempt) = attempts.get(&number) {
                // One of those that were told to come again is shown for all of them.
                let is_shown = is_last || self.rows.iter().all(|row| row.what != what);
                self.judge(&what, id, attempt, &sent?, &due, is_shown);
            }
            if copies.len() == 1 {
                self.receiver.stage().go_on.add_permits(1);
            }
        }
        let late = self.attempt(id, 0);
        let due = expected(204, "duplicate_replay", 1);
        self.send("one more, afterwards", id, &late, due).await
    }

    async fn failing(&mut self) -> Result<(), Box<dyn Error>> {
        let id = "evt_fails_at_first";
        let first = self.attempt(id, 0);
        self.send(
            "a handler that fails",
            id,
            &first,
            expected(500, "released", 1),
        )
        .await?;
        let retry = self.attempt(id, 1);
        self.send("the sender's retry", id, &retry, expected(204, "done", 2))
            .await
    }

    async fn hanging_up(&mut self) -> Result<(), Box<dyn Error>> {
        let id = "evt_waits_for_nobody";
        let done = self.receiver.stage().receiver.counts().done;
        let attempt = self.attempt(id, 0);
        let connection = self.send_without_waiting(&attempt).await?;
        self.receiver.stage().has_begun().await;
        drop(connection);
        // The server has noticed when the handler goes on.
        tokio::task::yield_now().await;
        self.receiver.stage().go_on.add_permits(1);
        self.receiver.stage().has_done(done.saturating_add(1)).await;
        let retry = self.attempt(id, 1);
        let due = expected(204, "duplicate", 1);
        self.send("a client that hung up, and its retry", id, &retry, due)
            .await
    }

    fn next(&mut self) -> u64 {
        self.number = self.number.saturating_add(1);
        self.number
    }

    fn attempt(&mut self, id: &str, seconds_later: u64) -> Attempt {
        let body = format!("{{\"id\":\"{id}\",\"type\":\"invoice.paid\"}}");
        let at = self.now.saturating_add(Duration::from_secs(seconds_later));
        let sender = Sender::new(STRIPE, SECRET)
            .at(at)
            .url(format!("https://demo.example{PATH}"));
        Attempt {
            number: self.next(),
            service: STRIPE.name.to_string(),
            what: String::new(),
            kind: Kind::Genuine,
            request: sender.send(body),
            declared: None,
            due: Due {
                status: 204,
                code: "done",
            },
            is_shown: true,
        }
    }

    async fn send(
        &mut self,
        what: &str,
        id: &str,
        attempt: &Attempt,
        due: Expected,
    ) -> Result<(), Box<dyn Error>> {
        let sent = sender::send(self.receiver.address(), attempt).await?;
        self.judge(what, id, attempt, &sent, &due, true);
        Ok(())
    }

    fn judge(
        &mut self,
        what: &str,
        id: &str,
        attempt: &Attempt,
        sent: &Sent,
        due: &Expected,
        is_shown: bool,
    ) {
        let outcome = self.receiver.outcome(attempt.number).unwrap_or_default();
        let runs = self.receiver.stage().runs(id);
        let as_due = (sent.status, outcome.code, runs) == (due.status, due.code, due.runs);
        self.rows.push(Row {
            service: attempt.service.clone(),
            what: what.to_owned(),
            status: sent.status,
            code: outcome.code,
            work: outcome.work,
            took: sent.took,
            as_due,
            is_shown: is_shown || !as_due,
        });
    }

    /// Sends the request over a connection that can be dropped before the answer comes.
    async fn send_without_waiting(&self, attempt: &Attempt) -> Result<TcpStream, Box<dyn Error>> {
        let to = self.receiver.address();
        let mut stream = TcpStream::connect(to).await?;
        let body = attempt.request.body();
        let mut head = format!(
            "POST {PATH} HTTP/1.1\r\nhost: {to}\r\ncontent-length: {}\r\n{ATTEMPT_HEADER}: {}\r\n",
            body.len(),
            attempt.number
        );
        for (name, value) in attempt.request.headers() {
            head.push_str(&format!("{name}: {}\r\n", value.to_str()?));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await?;
        Ok(stream)
    }
}
