//! Exchanging a secret without losing a delivery, and without a restart.
//!
//! # In order
//! 1. **Make the new secret** at the sender, if it lets two be active (Stripe signs with both for a while); else do not let it use the new one
//!    yet.
//! 2. **Give the receiver both**, each with a [label](crate::Secret::label): by a [`rotate`](crate::Receiver::rotate), or by what it
//!    [reloads](crate::Receiver::reload_every). From this moment either is good, in all clones of the receiver at once.
//! 3. **Let the sender use the new one.**
//! 4. **Watch** [`secret_uses`](crate::Receiver::secret_uses), or the label of each delivery in the log, until the old one is no longer used. A
//!    sender that does not sign its retries afresh sends old signatures for as long as its retries go on: [`Retry::span`](crate::scheme::Retry)
//!    says how long.
//! 5. **Take the old one out**, in the same way. Or give it its end beforehand ([`not_after`](crate::Secret::not_after)), and nobody needs to
//!    remember it.
//!
//! A delivery whose body is being read at that moment is judged by the secrets that were there when it began: for as long as a body may take,
//! which is 30 s unless it is set. What is remembered stays remembered: keys of deliveries do not depend on secrets.
//!
//! After a **leak** there is no step 2: give the receiver the new secret alone, and what was signed with the old one is refused from then on. The
//! sender's retries, signed afresh, bring what was refused meanwhile.
//!
//! # Where secrets come from
//! | source | how | changes are seen |
//! |---|---|---|
//! | files, as Kubernetes, systemd and Docker mount them | [`Secret::from_file`](crate::Secret::from_file) in the callback of [`reload_every`](crate::Receiver::reload_every) | within the period |
//! | a vault, a database | the same callback | within the period |
//! | the environment | [`Secret::from_env`](crate::Secret::from_env) | when the process changes its own; from outside by a restart alone |
//! | a signal, an admin's route | [`rotate`](crate::Receiver::rotate) | at once |
//!
//! A receiver of [many tenants](super::tenants) is not rotated: it asks for each tenant's ring by itself, and again when it is
//! [told to forget](crate::Receiver::forget_tenant) him.
//!
//! A source that fails, hands out an empty, short or doubled secret, or hangs, changes nothing: the secrets before stay, and the log says why. So a
//! file that is gone or empty for a moment locks nobody out, and opens nothing. But half of a secret may be long enough to be one: **put a new file in
//! the place of the old one** (`mv`), as orchestrators do, instead of writing into it. And name files: a pipe that nobody writes to holds up the
//! whole task, its timer too. A ring holds 4 secrets unless [told](crate::ReceiverBuilder::max_secrets) otherwise:
//! each is one more hash of every forged body.
