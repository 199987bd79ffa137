//! What lies one step beside a delivery that is accepted: each is refused, and for exactly the reason that it should be.
//!
//! Every attempt begins as a published vector, signed by its provider or its official library and never by this one.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails loudly"
)]

#[path = "near_misses/attempt.rs"]
mod attempt;
#[path = "near_misses/body.rs"]
mod body;
#[path = "near_misses/candidates.rs"]
mod candidates;
#[path = "near_misses/cloudevents.rs"]
mod cloudevents;
#[path = "near_misses/fields.rs"]
mod fields;
#[path = "near_misses/fields_by_provider.rs"]
mod fields_by_provider;
#[path = "near_misses/github.rs"]
mod github;
#[path = "near_misses/header.rs"]
mod header;
#[path = "near_misses/intercom.rs"]
mod intercom;
#[path = "near_misses/macs.rs"]
mod macs;
#[path = "near_misses/mailchimp.rs"]
mod mailchimp;
#[path = "near_misses/mandrill.rs"]
mod mandrill;
#[path = "near_misses/papertrail.rs"]
mod papertrail;
#[path = "near_misses/proxies.rs"]
mod proxies;
#[path = "near_misses/secrets.rs"]
mod secrets;
#[path = "near_misses/shopify.rs"]
mod shopify;
#[path = "near_misses/slack.rs"]
mod slack;
#[path = "near_misses/slack_asks.rs"]
mod slack_asks;
#[path = "near_misses/standard_webhooks.rs"]
mod standard_webhooks;
#[path = "near_misses/stripe.rs"]
mod stripe;
#[path = "near_misses/svix.rs"]
mod svix;
#[path = "near_misses/tag.rs"]
mod tag;
#[path = "near_misses/timestamp.rs"]
mod timestamp;
#[path = "near_misses/trial.rs"]
mod trial;
#[path = "near_misses/twilio.rs"]
mod twilio;
#[path = "near_misses/twilio_json.rs"]
mod twilio_json;
#[path = "near_misses/twilio_querystring.rs"]
mod twilio_querystring;
#[path = "near_misses/twilio_url.rs"]
mod twilio_url;
#[path = "near_misses/unsigned_shapes.rs"]
mod unsigned_shapes;
#[path = "support/vectors.rs"]
mod vectors;
#[path = "near_misses/websub.rs"]
mod websub;
#[path = "near_misses/woocommerce.rs"]
mod woocommerce;
#[path = "near_misses/wordpress.rs"]
mod wordpress;
#[path = "near_misses/zapier.rs"]
mod zapier;
