//! Every default in one place, each with its reason.

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

/// How many secrets a receiver holds unless it is told otherwise: two of a rotation, for each of two environments. Each costs one MAC
/// per forged attempt.
pub const MAX_SECRETS: usize = 4;

/// How many secrets a receiver may be told to hold.
pub const MOST_SECRETS: usize = 16;

/// The longest id, event name or tenant in bytes. Ids are UUIDs or a provider's equivalent; 256 is four times the longest known.
pub const MAX_FIELD_LEN: usize = 256;

/// The longest one that several values make up: CloudEvents' source is a URI, and an id comes behind it.
pub const MAX_JOINED_LEN: usize = 1_024;

/// The longest recorded answer in bytes: TwiML and Slack's replies are a few kilobytes, and every one is held for the retention.
pub const MAX_RECORDED_BODY: usize = 16 * 1024;
