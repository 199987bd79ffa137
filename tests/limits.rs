//! Not too many: failed attempts of one source, and bodies that are read at once.
#![cfg(test)]

#[path = "limits/aimed.rs"]
mod aimed;
#[path = "limits/balancer.rs"]
mod balancer;
#[path = "limits/bodies.rs"]
mod bodies;
#[path = "limits/failures.rs"]
mod failures;
#[path = "limits/queue.rs"]
mod queue;
#[path = "limits/settings.rs"]
mod settings;
#[path = "limits/support.rs"]
mod support;
