//! A signed message as a curl line for a POSIX shell.

use http::Method;
use http::header::CONTENT_TYPE;

use crate::outgoing::Outgoing;

/// Writes the line. Every argument is quoted, so that the shell and curl change nothing.
pub(crate) fn line(message: &Outgoing) -> Result<String, String> {
    let (url, body) = (message.url(), message.request.body());
    let mut words = vec!["curl".to_owned()];
    let mut add = |word: &str| words.push(quote(word));

    if url.contains(['[', ']', '{', '}']) {
        add("--globoff");
    }
    if url.contains("/.") {
        add("--path-as-is");
    }
    match (message.request.method().as_str(), !body.is_empty()) {
        ("POST", _) => {}
        ("HEAD", false) => add("--head"),
        (method, _) => {
            add("--request");
            add(method);
        }
    }
    for (name, value) in message.headers() {
        add("--header");
        let value = std::str::from_utf8(value.as_bytes())
            .map_err(|_| format!("the header {name} is no text that could stand in a line"))?;
        if value.is_empty() {
            // With a colon it would remove the header.
            add(&format!("{name};"));
        } else {
            add(&format!("{name}: {value}"));
        }
    }
    if !body.is_empty() || message.request.method() == Method::POST {
        if !message.request.headers().contains_key(CONTENT_TYPE) {
            // Else curl says that it is a form.
            add("--header");
            add("content-type:");
        }
        match &message.body_file {
            Some(file) => {
                let file = file
                    .to_str()
                    .ok_or("the name of the body's file is no text that could stand in a line")?;
                add("--data-binary");
                add(&format!("@{file}"));
            }
            None => {
                let text = std::str::from_utf8(body)
                    .ok()
                    .filter(|text| !text.contains('\0'))
                    .ok_or(
                        "the body is no text that could stand in a line: give it as --body FILE",
                    )?;
                // Not --data-binary, which takes an @ in front for a file.
                add("--data-raw");
                add(text);
            }
        }
    }
    add("--url");
    add(&url);
    Ok(words.join(" "))
}

/// A word of a POSIX shell: as it is where nothing in it means anything, else in single quotes.
fn quote(word: &str) -> String {
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/' | b':' | b'@')
    };
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::Request;

    fn message(
        method: &str,
        headers: &[(&'static str, &'static str)],
        body: &'static [u8],
    ) -> Outgoing {
        let mut request = Request::builder()
            .method(method)
            .uri("/p?a=1&b=it's")
            .header("host", "h");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Outgoing {
            request: request.body(Bytes::from_static(body)).unwrap(),
            base: "http://h".to_owned(),
            has_own_host: false,
            body_file: None,
            writes_body: false,
            sends_secret: false,
            notes: Vec::new(),
        }
    }

    #[test]
    fn neither_the_shell_nor_curl_changes_anything() {
        let json = [("content-type", "application/json"), ("x-empty", "")];
        assert_eq!(
            line(&message(
                "POST",
                &json,
                b"@{\"it's\": \"$HOME `id` \\\\\"}\n"
            ))
            .unwrap(),
            "curl --header 'content-type: application/json' --header 'x-empty;' \
             --data-raw '@{\"it'\\''s\": \"$HOME `id` \\\\\"}\n' --url 'http://h/p?a=1&b=it'\\''s'"
        );
        assert_eq!(
            line(&message("PUT", &[], b"a")).unwrap(),
            "curl --request PUT --header content-type: --data-raw a --url 'http://h/p?a=1&b=it'\\''s'"
        );
        assert_eq!(
            line(&message("POST", &json[..1], b"")).unwrap(),
            "curl --header 'content-type: application/json' --data-raw '' --url 'http://h/p?a=1&b=it'\\''s'"
        );
        assert_eq!(
            line(&message("GET", &[], b"")).unwrap(),
            "curl --request GET --url 'http://h/p?a=1&b=it'\\''s'"
        );
        assert_eq!(
            line(&message("HEAD", &[], b"")).unwrap(),
            "curl --head --url 'http://h/p?a=1&b=it'\\''s'"
        );
    }

    #[test]
    fn a_file_is_read_by_curl_byte_for_byte() {
        let mut message = message("POST", &[("content-type", "a/b")], b"\xff\0");
        assert_eq!(
            line(&message).unwrap_err(),
            "the body is no text that could stand in a line: give it as --body FILE"
        );
        message.body_file = Some("a b.json".into());
        *message.request.uri_mut() = "/./{x}".parse().unwrap();
        assert_eq!(
            line(&message).unwrap(),
            "curl --globoff --path-as-is --header 'content-type: a/b' --data-binary '@a b.json' --url 'http://h/./{x}'"
        );
    }
}
