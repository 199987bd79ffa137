//! Wrong arguments: what was meant, without repeating what may be a secret.

use std::process::ExitCode;

use clap::Error;
use clap::error::{ContextKind, ContextValue};

/// Stands where a value would.
const HIDDEN: &str = "...";

/// How many services' secrets begin.
const SECRET: &str = "whsec_";

/// Says what is wrong, or what was asked for where it is help.
pub(crate) fn told(mut error: Error) -> ExitCode {
    hide(&mut error);
    // Whoever reads the output and stops is not told about it.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Takes values out of the message that may be a secret: all of headers, of `--config`, `--secret` and `--public-url`, and what stands where nothing is asked for.
fn hide(error: &mut Error) {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let argument = text(ContextKind::InvalidArg).unwrap_or_default();
    let is_close_to_a_word = [
        ContextKind::SuggestedValue,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedSubcommand,
    ]
    .into_iter()
    .any(|kind| error.get(kind).is_some());
    let takes_text = ["--header ", "--config ", "--secret ", "--public-url "]
        .iter()
        .any(|flag| argument.starts_with(flag));
    let mut hidden = Vec::new();
    if let Some(value) = text(ContextKind::InvalidValue)
        && (takes_text
            || without_secrets(&value) != value
            || (!argument.starts_with('-') && !is_close_to_a_word && !is_word(&value)))
    {
        hidden.push(ContextKind::InvalidValue);
    }
    // An argument too many, or one in place of a command, is named as one that is not known.
    let is_named = argument.starts_with(['-', '<', '[']) && without_secrets(&argument) == argument;
    if !is_named && !is_close_to_a_word && !is_word(&argument) {
        hidden.push(ContextKind::InvalidArg);
    }
    if let Some(command) = text(ContextKind::InvalidSubcommand)
        && !is_close_to_a_word
        && !is_word(&command)
    {
        hidden.push(ContextKind::InvalidSubcommand);
    }
    if hidden.is_empty() {
        return;
    }
    for kind in hidden {
        error.insert(kind, ContextValue::String(HIDDEN.to_owned()));
    }
    // The tips repeat it.
    error.insert(ContextKind::Suggested, ContextValue::None);
}

/// The text without what begins as many services' secrets do, whatever brought it there: a secret in place of a path or a URL, say.
pub(crate) fn without_secrets(text: &str) -> String {
    let mut parts = text.split(SECRET);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_key = |letter: char| {
            letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/' | '=' | '-' | '_')
        };
        out.push_str(SECRET);
        out.push_str(HIDDEN);
        out.push_str(part.trim_start_matches(is_key));
    }
    out
}

/// Looks like a name, and not like a key.
fn is_word(text: &str) -> bool {
    text.len() <= 24
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_like_a_secret_ends_there() {
        for (text, shown) in [
            ("a: no such file", "a: no such file"),
            ("whsec_a+/=-_9: b whsec_", "whsec_...: b whsec_..."),
            ("\"xwhsec_whsec_a\"", "\"xwhsec_...whsec_...\""),
        ] {
            assert_eq!(without_secrets(text), shown);
        }
    }
}
