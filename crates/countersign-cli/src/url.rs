//! URLs, taken apart and not changed.

/// The URL up to its path, the path, and the query string.
pub(crate) fn split(url: &str) -> (&str, &str, Option<&str>) {
    let path = match authority(url) {
        // Without one it begins with the path.
        None => 0,
        Some(start) => url
            .get(start..)
            .and_then(|rest| rest.find(['/', '?']))
            .map_or(url.len(), |at| start.saturating_add(at)),
    };
    let (base, target) = url.split_at_checked(path).unwrap_or((url, ""));
    match target.split_once('?') {
        Some((path, query)) => (base, path, Some(query)),
        None => (base, target, None),
    }
}

/// Where the authority of an absolute URL begins. A URL inside a query string is not the URL's own.
pub(crate) fn authority(url: &str) -> Option<usize> {
    let (scheme, _) = url.split_once("://")?;
    let is_scheme = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_scheme.then(|| scheme.len().saturating_add(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_and_not_changed() {
        for (url, parts) in [
            ("https://h/p?q=1?2", ("https://h", "/p", Some("q=1?2"))),
            ("https://u:p@h:1//p", ("https://u:p@h:1", "//p", None)),
            ("https://h", ("https://h", "", None)),
            ("https://h?q", ("https://h", "", Some("q"))),
            ("/p?q", ("", "/p", Some("q"))),
            ("/p?q=https://x/y", ("", "/p", Some("q=https://x/y"))),
            (
                "https://h/Espa\u{f1}a?",
                ("https://h", "/Espa\u{f1}a", Some("")),
            ),
        ] {
            assert_eq!(split(url), parts);
        }
    }
}
