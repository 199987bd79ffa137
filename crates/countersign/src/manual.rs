//! The manual: what a receiver promises, what it costs, and how to choose.
//!
//! | page | answers |
//! |---|---|
//! | [`what_2xx_promises`] | what a 2xx says, what every outcome answers, what "failed for good" means, deadlines, hang-ups, shutdown |
//! | [`identity`] | by what two attempts are known to be one delivery, service by service, and the price of each way |
//! | [`what_runs_twice`] | when a delivery can run again although it was done, and what a handler can do about it |
//! | [`limits`] | what is bounded, limits for failures and bodies, and what they need to know of proxies |
//! | [`rotation`] | how a secret is exchanged without losing a delivery, and where secrets are read from again |
//! | [`observability`] | what operators see: the event of an attempt with its fields, metrics, observers |
//! | [`public_url`] | the URL that senders sign: from the configuration or from proxies, and what these have to be told |
//! | [`capacity_and_retention`] | how long to remember, how much room that takes, leases, limits and senders that never retry |
//! | [`tenants`] | many tenants with secrets of their own: where they are named, what is remembered, what strangers learn |
//! | [`past_mistakes`] | what other receivers of webhooks got wrong, and what here prevents each |
//!
//! The pages hold text and examples, and no code.

pub mod capacity_and_retention;
pub mod identity;
pub mod limits;
pub mod observability;
pub mod past_mistakes;
pub mod public_url;
pub mod rotation;
pub mod tenants;
pub mod what_2xx_promises;
pub mod what_runs_twice;
