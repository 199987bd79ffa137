//! Where the secret of a sender that signs nothing lies: `--token-in`, and the cases of `check`.

use countersign::scheme::{Text, TokenPlace};

/// Reads an argument of `--token-in`.
pub(crate) fn parse(text: &str) -> Result<TokenPlace, String> {
    let (kind, name) = match text.split_once(':') {
        Some((kind, name)) => (kind, Some(name)),
        None => (text, None),
    };
    let named = |name: &str| Text::Owned(name.to_owned());
    match (kind, name.filter(|name| !name.is_empty())) {
        ("basic", None) => Ok(TokenPlace::Basic),
        ("bearer", None) => Ok(TokenPlace::Bearer),
        ("path", None) => Ok(TokenPlace::PathEnd),
        ("header", Some(name)) => Ok(TokenPlace::Header(named(name))),
        ("query", Some(name)) => Ok(TokenPlace::QueryParam(named(name))),
        ("form", Some(name)) => Ok(TokenPlace::Form(named(name))),
        ("json", Some(name)) => Ok(TokenPlace::Json(pointer(name).into())),
        _ => Err(
            "give basic, bearer, path, header:NAME, query:NAME, form:NAME or json:POINTER"
                .to_owned(),
        ),
    }
}

/// The JSON pointer that a name means: itself, or the member of the outermost object.
pub(crate) fn pointer(name: &str) -> String {
    if name.starts_with('/') {
        name.to_owned()
    } else {
        format!("/{}", name.replace('~', "~0").replace('/', "~1"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_a_spelling() {
        for (text, place) in [
            ("basic", TokenPlace::Basic),
            ("bearer", TokenPlace::Bearer),
            ("path", TokenPlace::PathEnd),
            ("header:X-Token", TokenPlace::Header("X-Token".into())),
            ("query:token", TokenPlace::QueryParam("token".into())),
            ("form:a:b", TokenPlace::Form("a:b".into())),
            ("json:/a/token", TokenPlace::Json("/a/token".into())),
            ("json:a/b", TokenPlace::Json("/a~1b".into())),
        ] {
            assert_eq!(parse(text), Ok(place), "{text}");
        }
        for wrong in ["", "header", "header:", "basic:x", "cookie:x"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
