//! Every default in one place, each with its reason.

use std::num::NonZero;
use std::time::Duration;

use crate::timestamp::Tolerance;

/// The fewest key bytes: 128 bits. Whoever sees one delivery can try keys offline.
pub const MIN_KEY_LEN: u16 = 16;

/// Five minutes to both sides: what Stripe, Slack and the Standard Webhooks libraries use. Clocks of servers differ by seconds, queues in
/// front of them by a minute or two.
pub const TOLERANCE: Tolerance = Tolerance::from_secs(300);

/// 1 MiB: above what most senders document, below what hurts when it is sent by everybody.
pub const MAX_BODY: u64 = 1024 * 1024;

/// The longest pause within a body. Senders are servers: a body in one network's reach comes at once.
pub const BODY_IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// The whole time for a body: 25 MiB at a megabyte a second, with a pause.
pub const BODY_TOTAL_TIMEOUT: Duration = Duration::from_secs(30);

/// How many bodies are read at once, of those that make the receiver wait or are longer than [`BODY_SHARE`]: webhooks come whole and are small, so this is many senders or some that
/// stall.
pub const BODIES: NonZero<usize> = NonZero::<usize>::MIN.saturating_add(255);

/// What the bodies that are being read hold in all, beyond [`BODY_SHARE`] each: 256 of 1 MiB.
pub const BODY_BYTES: u64 = 256 * 1024 * 1024;

/// What each body may hold without being counted: more than most deliveries have, so those go on while large ones have used up the rest.
pub const BODY_SHARE: u64 = 64 * 1024;

/// How many bodies may wait for a place: a burst, and not a backlog that nobody waits for any more.
pub const BODIES_WAITING: usize = 1_024;

/// How many sources a limit of failures counts at once: a botnet of them, in about 10 MB.
pub const MOST_SOURCES: usize = 65_536;

/// How many secrets a receiver holds unless it is told otherwise: two of a rotation, for each of two environments. Each costs one MAC
/// per forged attempt.
pub const MAX_SECRETS: usize = 4;

/// How many secrets a receiver may be told to hold.
pub const MOST_SECRETS: usize = 16;

/// The longest file that holds a secret, in bytes. No secret is a tenth as long; a wrong path may lead to anything.
pub const MAX_SECRET_FILE: usize = 64 * 1024;

/// How long a tenant's ring is used before its source is asked again: a secret that was revoked is not good for much longer, and a busy
/// tenant costs a look-up every five minutes.
pub const REMEMBER_TENANTS: Duration = Duration::from_secs(5 * 60);

/// How long a name is taken for unknown: who sets a tenant up and tries it out waits no longer, and a flood of one name costs two look-ups a
/// minute.
pub const REMEMBER_UNKNOWN: Duration = Duration::from_secs(30);

/// How many tenants' rings are remembered: about a kilobyte each.
pub const TENANTS_REMEMBERED: usize = 10_000;

/// How many unknown names are remembered, apart from the rings, so that a flood of made-up names costs no tenant his.
pub const UNKNOWN_REMEMBERED: usize = 10_000;

/// How long one look-up may take: databases and vaults answer in milliseconds, and Slack waits for three seconds in all.
pub const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(2);

/// How many look-ups may be on their way: as many as [runs](MAX_RUNS), for after a start every tenant's first delivery needs one.
pub const MAX_LOOK_UPS: usize = 1_024;

/// The longest id, event name or tenant in bytes. Ids are UUIDs or a provider's equivalent; 256 is four times the longest known.
pub const MAX_FIELD_LEN: usize = 256;

/// The longest one that several values make up: CloudEvents' source is a URI, and an id comes behind it.
pub const MAX_JOINED_LEN: usize = 1_024;

/// The longest recorded answer in bytes: TwiML and Slack's replies are a few kilobytes, and every one is held for the retention.
pub const MAX_RECORDED_BODY: usize = 16 * 1024;

/// How long a claim holds before it is extended: longer than a healthy handler needs, and short enough that what a crashed process was at is
/// free again before the sender's next retry but one.
pub const LEASE: Duration = Duration::from_secs(60);

/// The longest that a lease may be set, or asked, to: every lease is finite, and a day is longer than any sender's deadline and most of their
/// retries.
pub const MAX_LEASE: Duration = Duration::from_secs(24 * 60 * 60);

/// How long one call to the store may take: a store nearby answers in milliseconds, and the sender is waiting.
pub const STORE_TIMEOUT: Duration = Duration::from_secs(1);

/// How often a claim or a settle without a clear reply is asked in all, while the sender waits. More would outlast Slack's three seconds.
pub const STORE_TRIES: u32 = 2;

/// How many runs there may be at once. What comes beyond is answered 503 and comes again.
pub const MAX_RUNS: usize = 1_024;

/// How long one run may take before it is ended and its work is given back: a handler that hangs must not hold its delivery for ever.
pub const RUN_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// What retention has beyond the sender's last retry: senders' clocks and their queues are not exact.
pub const RETENTION_MARGIN: Duration = Duration::from_secs(24 * 60 * 60);

/// The shortest default retention: a redelivery by hand comes after a weekend.
pub const MIN_RETENTION: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// After how many seconds a sender may ask again for what is still being done.
pub const UNFINISHED_RETRY_AFTER: u32 = 10;

/// After how many seconds a sender may come again to a receiver that has no room, or whose store does not answer.
pub const OVERLOAD_RETRY_AFTER: u32 = 5;

/// The longest that a quota may take to recover: what has not recovered is kept, and no limit that is meant looks back further than a month.
pub const MAX_QUOTA_RECOVERY: Duration = Duration::from_secs(30 * 24 * 60 * 60);
