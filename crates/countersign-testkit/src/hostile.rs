//! Hostile peers over real sockets: what strangers do to a server that takes webhooks, as data, and a peer that does it (feature `hostile`).
//!
//! [`cases`] are the cases that come with this crate: floods, repeated and folded headers, lengths that are wrong, chunks that two servers
//! in a row may read differently, compressed bodies, stalls, disconnects, HTTP/2. A [`HostilePeer`] plays them against a
//! receiver, and after each of them a genuine delivery over a fresh connection must be accepted. The same cases are what
//! `countersign conform` plays.
//!
//! Point it at servers of your own alone: it is what an attacker would do.
//!
//! # How a case is written
//! In TOML, as `[[case]]` with `name`, `about`, `steps` and
//! - `expect`: what it may be answered with: statuses, `"2xx"`, `"4xx"`, `"closed"` for a connection (over HTTP/2 a stream) that ends without an
//!   answer, `"open"` for neither. 401 stands for 403 as well, and each 4xx for the 429 of a receiver that counts failures. Empty
//!   where the peer does not wait for an answer. `next` says the same of what comes second on the connection. A further answer of 2xx never holds.
//! - `tolerate` and `advice`: what holds too, with a word about what could be better.
//! - `delivery`: `genuine` unless it is `forged` (signed with another secret) or `unsigned`.
//! - `body`: what is done before it is signed: `{ padded = BYTES }`, `{ deep = LEVELS }`, `{ id-length = BYTES }`, `{ id = TEXT }`,
//!   `{ gzip = true }`, `{ chunks = true }`, `{ request = BYTES }` (so many bytes, and then a genuine request).
//! - `needs`: what a scheme must have for the case to mean anything: `signed-body`, `media-types`, `no-encodings`, `json`, `hyphens`.
//! - `interim`: is 100 `required` or `refused`? `peers`: how many of them there are at the same time.
//!
//! A step is text to send, with placeholders; or
//! | step | does |
//! |---|---|
//! | `{ hex = "00ff" }` | sends these bytes |
//! | `{ dribble = TEXT }` | sends one byte at a time |
//! | `{ next = "genuine" }` | takes up another delivery for what follows: `genuine`, `forged`, or `last`, the one before |
//! | `{ wait = "continue" }` | waits for 100 or an answer; `head` and `body` wait for the other side to end a peer that has stopped there; `pong` until a server of HTTP/2 has come so far |
//! | `{ probe = true }` | somebody else sends a genuine delivery, which must be accepted |
//! | `{ leave = "close" }` | leaves without reading; `reset` by a reset; `half` sends no more and reads on |
//! | `{ times = N, steps = [..] }` | over again, on new streams of HTTP/2 |
//! | `{ frame = "open" }` | the preface of HTTP/2; `headers` with `stream`, `end`, `fields`; `data` with `stream`, `end`, `send`; `reset` with `stream`; `raw` with `kind`, `flags`, `stream`, `send` |
//!
//! Placeholders: `{start}` (request line and host), `{pseudo}` (the same for HTTP/2), `{method}`, `{target}`, `{host}`, `{headers}`
//! (`:no-proof`, `:no-type`, `:no-id` leave out the header with the signature, the type or the id; `:lf` and `:cr` end lines in LF and CR), `{sized}` (the length),
//! `{close}`, `{proof}` (the header with the signature; `:name`, `:value`, `:first` and `:rest` its halves, `:wrong` another value, `:underscored` its
//! name), `{candidates:N}` (its value with N wrong ones in front), `{id:name}`, `{type}`, `{body}`, `{first}` and `{rest}` (its halves),
//! `{length}` (`+N`, `-N`, `:x` hexadecimal, `:x16`), `{chunk}`, `{bytewise}` and `{pieces:N}` (chunks of it), `{gzip}`, `{deflate}`, `{br}`; of each of
//! these `:x` and `:length` are its length. `{N*TEXT}` repeats a text, in which `%` becomes the number of the repetition.

mod answers;
mod case;
mod clock;
mod compress;
mod connection;
mod finding;
mod http2;
mod making;
mod peer;
mod template;

pub use self::case::{BadCase, Case};
pub use self::finding::{Finding, Verdict};
pub use self::peer::{HostilePeer, Stall};

/// The files, in the order in which they are played.
const FILES: [&str; 5] = [
    include_str!("hostile/cases/heads.toml"),
    include_str!("hostile/cases/framing.toml"),
    include_str!("hostile/cases/bodies.toml"),
    include_str!("hostile/cases/stalls.toml"),
    include_str!("hostile/cases/http2.toml"),
];

/// The cases that come with this crate, in the order in which they are played. The first one is a genuine delivery: where that does not
/// hold, nothing else means anything.
///
/// # Errors
/// None: the tests of this crate read them.
pub fn cases() -> Result<Vec<Case>, BadCase> {
    Case::parse_all(&FILES.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cases_can_be_read_and_begin_with_a_genuine_delivery() {
        let cases = cases().unwrap();
        assert_eq!(cases[0].name(), "genuine");
        let is_name =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        for case in &cases {
            assert!(case.name().chars().all(is_name), "{}", case.name());
            assert!(!case.about().is_empty() && !case.about().contains('\n'));
        }
        assert_eq!(cases.len(), 192);
    }
}
