//! A receiver with a store behind the layer: what runs, how often, and what senders are told.
#![cfg(test)]

#[path = "once/answers.rs"]
mod answers;
#[path = "once/corners.rs"]
mod corners;
#[path = "once/hang_up.rs"]
mod hang_up;
#[path = "once/outcomes.rs"]
mod outcomes;
#[path = "once/places.rs"]
mod places;
#[path = "once/race.rs"]
mod race;
#[path = "once/store.rs"]
mod store;
#[path = "once/support.rs"]
mod support;
#[path = "once/time.rs"]
mod time;
#[path = "once/trouble.rs"]
mod trouble;
