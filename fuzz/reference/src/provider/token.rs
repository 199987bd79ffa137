//! Senders that sign nothing and send the secret along.

use crate::form;
use crate::headers::{deciding, is_present};
use crate::{Attempt, Call};

/// The parameter `secret` of the URL.
pub(crate) fn verify_mailchimp(secrets: &[&str], call: &Call) -> Option<bool> {
    Some(secrets.contains(&parameter(call, "secret")?.as_str()))
}

/// `Authorization: Bearer` or the parameter `access_token`, and not both. An empty body is no event.
pub(crate) fn verify_cloudevents(secrets: &[&str], call: &Call) -> Option<bool> {
    let attempt: &Attempt = &call.attempt;
    let is_parameter = form::pairs(call.query.unwrap_or_default().as_bytes())
        .iter()
        .any(|(name, _)| name == "access_token");
    if attempt.body.is_empty() || is_parameter && is_present(attempt, "authorization") {
        return None;
    }
    let token = if is_parameter {
        parameter(call, "access_token")?
    } else {
        let value = std::str::from_utf8(deciding(attempt, "authorization")?).ok()?;
        let (word, token) = value.split_at_checked("bearer ".len())?;
        if !word.eq_ignore_ascii_case("bearer ") {
            return None;
        }
        token.to_owned()
    };
    Some(secrets.contains(&token.as_str()))
}

/// The one value of a parameter.
fn parameter(call: &Call, name: &str) -> Option<String> {
    let pairs = form::pairs(call.query?.as_bytes());
    let mut values = pairs.into_iter().filter(|(known, _)| known == name);
    let (_, value) = values.next()?;
    values.next().is_none().then_some(value)
}
