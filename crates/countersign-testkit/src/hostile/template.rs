//! Placeholders in what a case sends, filled in from a delivery.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName};

use super::compress;
use super::making::{DoesNotApply, Made, no};

/// The longest that one text becomes, in bytes.
const MOST: usize = 64 * 1024 * 1024;

/// Fills in the placeholders.
pub(super) fn render(text: &str, made: &Made) -> Result<Vec<u8>, DoesNotApply> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.extend_from_slice(before.as_bytes());
        let end = closing(after).ok_or_else(|| no(format!("{text:?} has no closing brace")))?;
        let (inside, after) = after.split_at_checked(end).unwrap_or((after, ""));
        match inside.split_once('*') {
            Some((times, repeated)) => {
                let times: usize = times.parse().map_err(|_| unknown(inside))?;
                repeat(times, repeated, made, &mut out)?;
            }
            None => out.extend(value(inside, made)?),
        }
        rest = after.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

/// Where the brace closes that was opened in front of the text.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => open = open.saturating_add(1),
            '}' => open = open.saturating_sub(1),
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    None
}

/// A percent sign becomes the number of the repetition.
fn repeat(times: usize, text: &str, made: &Made, out: &mut Vec<u8>) -> Result<(), DoesNotApply> {
    let same = render(text, made)?;
    if same.len().saturating_mul(times) > MOST {
        return Err(no(format!(
            "{times} times {} bytes are too many",
            same.len()
        )));
    }
    if !text.contains('%') {
        out.extend(same.repeat(times));
        return Ok(());
    }
    for number in 0..times {
        out.extend(render(&text.replace('%', &number.to_string()), made)?);
    }
    Ok(())
}

fn unknown(name: &str) -> DoesNotApply {
    no(format!("there is no placeholder {name:?}"))
}

fn value(name: &str, made: &Made) -> Result<Vec<u8>, DoesNotApply> {
    let request = &made.request;
    let body = request.body();
    let needs_body = |bytes: Vec<u8>| match body.is_empty() {
        true => Err(no("the sender sends no body")),
        false => Ok(bytes),
    };
    let (first, rest) = body.split_at_checked(body.len() / 2).unwrap_or_default();
    let text = |text: String| Ok(text.into_bytes());
    match name {
        "start" => text(format!(
            "{} {} HTTP/1.1\r\nhost: {}\r\n",
            request.method(),
            request.uri(),
            made.authority
        )),
        "pseudo" => text(format!(
            ":method: {}\r\n:scheme: http\r\n:authority: {}\r\n:path: {}\r\n",
            request.method(),
            made.authority,
            request.uri()
        )),
        "method" => text(request.method().to_string()),
        "target" => text(request.uri().to_string()),
        "host" => text(made.authority.clone()),
        "close" => text("connection: close\r\n".to_owned()),
        "sized" => text(format!("content-length: {}\r\n", body.len())),
        "headers" => Ok(headers(request.headers(), None, "\r\n")),
        "headers:lf" => Ok(headers(request.headers(), None, "\n")),
        "headers:cr" => Ok(headers(request.headers(), None, "\r")),
        "headers:no-proof" => Ok(headers(request.headers(), Some(proof(made)?), "\r\n")),
        "headers:no-type" => Ok(headers(request.headers(), Some(&CONTENT_TYPE), "\r\n")),
        "headers:no-id" => Ok(headers(request.headers(), Some(id(made)?), "\r\n")),
        "id:name" => text(id(made)?.to_string()),
        "type" => match request.headers().get(CONTENT_TYPE) {
            Some(kind) => Ok(kind.as_bytes().to_vec()),
            None => Err(no("the sender names no media type")),
        },
        "proof" => text(format!("{}: {}\r\n", proof(made)?, signature(made)?)),
        "proof:name" => text(proof(made)?.to_string()),
        "proof:underscored" => text(proof(made)?.as_str().replace('-', "_")),
        "proof:value" => text(signature(made)?.to_owned()),
        "proof:wrong" => {
            proof(made)?;
            let signature = made.text.as_ref().ok_or_else(unreadable)?;
            text(signature.with_tag(&wrong(signature.tag())))
        }
        "proof:first" | "proof:rest" => {
            proof(made)?;
            let whole = signature(made)?;
            let (first, rest) = whole
                .split_at_checked(whole.len() / 2)
                .ok_or_else(unreadable)?;
            text(if name == "proof:first" { first } else { rest }.to_owned())
        }
        "length:x16" => text(format!("{:016x}", body.len())),
        "body" => Ok(body.to_vec()),
        "first" => needs_body(first.to_vec()),
        "rest" => needs_body(rest.to_vec()),
        "chunk" => needs_body(chunk(body)),
        "bytewise" => needs_body(pieces(body, 1)),
        "gzip" => needs_body(compress::gzip(body)),
        "deflate" => needs_body(compress::deflate(body)),
        "br" => needs_body(compress::brotli(body)),
        _ => counted(name, made).unwrap_or_else(|| Err(unknown(name))),
    }
}

/// Placeholders with a number, or that are one.
fn counted(name: &str, made: &Made) -> Option<Result<Vec<u8>, DoesNotApply>> {
    let body = made.request.body();
    let text = |text: String| Ok(text.into_bytes());
    if let Some(count) = name.strip_prefix("candidates:") {
        return Some(candidates(count.parse().ok()?, made));
    }
    if let Some(length) = name.strip_prefix("pieces:") {
        return Some(Ok(pieces(body, length.parse().ok()?)));
    }
    if let Some(more) = name.strip_prefix("length+") {
        let more: usize = more.parse().ok()?;
        return Some(text(body.len().saturating_add(more).to_string()));
    }
    if let Some(less) = name.strip_prefix("length-") {
        let less: usize = less.parse().ok()?;
        return Some(match body.len().checked_sub(less) {
            Some(length) => text(length.to_string()),
            None => Err(no("the sender sends no body")),
        });
    }
    if name == "length" {
        return Some(text(body.len().to_string()));
    }
    let (of, form) = name.split_once(':')?;
    let of = match of {
        "length" => "body",
        other => other,
    };
    let length = match value(of, made) {
        Ok(bytes) => bytes.len(),
        Err(reason) => return Some(Err(reason)),
    };
    match form {
        "x" => Some(text(format!("{length:x}"))),
        "length" => Some(text(length.to_string())),
        _ => None,
    }
}

fn proof(made: &Made) -> Result<&HeaderName, DoesNotApply> {
    made.proof
        .as_ref()
        .ok_or_else(|| no("the signature lies in no header"))
}

fn id(made: &Made) -> Result<&HeaderName, DoesNotApply> {
    made.id
        .as_ref()
        .ok_or_else(|| no("the id lies in no header"))
}

fn unreadable() -> DoesNotApply {
    no("the signature cannot be taken apart")
}

fn signature(made: &Made) -> Result<&str, DoesNotApply> {
    proof(made)?;
    Ok(&made.text.as_ref().ok_or_else(unreadable)?.whole)
}

/// Another signature in the same encoding, be it hexadecimal or base64.
fn wrong(tag: &str) -> String {
    let first = if tag.starts_with('0') { '1' } else { '0' };
    std::iter::once(first).chain(tag.chars().skip(1)).collect()
}

/// So many wrong signatures, and the genuine one behind them.
fn candidates(count: usize, made: &Made) -> Result<Vec<u8>, DoesNotApply> {
    proof(made)?;
    let text = made.text.as_ref().ok_or_else(unreadable)?;
    let mut items = vec![text.item_with(&wrong(text.tag())); count];
    items.push(text.item().to_owned());
    Ok(text.with_items(&made.separator, &items).into_bytes())
}

/// One line each, as the request has them. What the connection decides is not among them.
fn headers(headers: &HeaderMap, without: Option<&HeaderName>, end: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in headers {
        if *name != HOST && *name != CONTENT_LENGTH && Some(name) != without {
            out.extend_from_slice(name.as_str().as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(end.as_bytes());
        }
    }
    out
}

/// All of it as one chunk.
pub(super) fn chunk(body: &[u8]) -> Vec<u8> {
    let size = format!("{:x}\r\n", body.len());
    [size.as_bytes(), body, b"\r\n"].concat()
}

/// All of it as chunks of so many bytes.
fn pieces(body: &[u8], length: usize) -> Vec<u8> {
    body.chunks(length.max(1)).flat_map(chunk).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Request;

    use super::*;

    fn made() -> Made {
        let scheme = countersign::providers::STRIPE;
        let request = Request::post("/p?a=1")
            .header("content-type", "application/json")
            .header("host", "example.com")
            .header("stripe-signature", "t=1,v1=00ff")
            .body(Bytes::from_static(b"{\"a\":1}"))
            .unwrap();
        Made {
            request,
            authority: "localhost:1".to_owned(),
            proof: Some(HeaderName::from_static("stripe-signature")),
            text: crate::near_miss::text::SignatureText::parse(&scheme, "t=1,v1=00ff".to_owned()),
            separator: ",".to_owned(),
            id: None,
        }
    }

    #[test]
    fn every_placeholder_is_filled_in() {
        for (text, filled) in [
            ("a{close}b", "aconnection: close\r\nb"),
            ("{start}", "POST /p?a=1 HTTP/1.1\r\nhost: localhost:1\r\n"),
            (
                "{headers}",
                "content-type: application/json\r\nstripe-signature: t=1,v1=00ff\r\n",
            ),
            (
                "{headers:lf}",
                "content-type: application/json\nstripe-signature: t=1,v1=00ff\n",
            ),
            (
                "{headers:cr}",
                "content-type: application/json\rstripe-signature: t=1,v1=00ff\r",
            ),
            ("{headers:no-proof}", "content-type: application/json\r\n"),
            ("{headers:no-type}", "stripe-signature: t=1,v1=00ff\r\n"),
            ("{proof}", "stripe-signature: t=1,v1=00ff\r\n"),
            ("{proof:underscored}", "stripe_signature"),
            ("{proof:first}|{proof:rest}", "t=1,v|1=00ff"),
            ("{candidates:2}", "t=1,v1=10ff,v1=10ff,v1=00ff"),
            ("{proof:wrong}", "t=1,v1=10ff"),
            ("{length}{length+5}{length-1}", "7126"),
            (
                "{length:x}{first:x}{rest:x}{length:x16}",
                "7340000000000000007",
            ),
            ("{first}|{rest}", "{\"a|\":1}"),
            ("{chunk}", "7\r\n{\"a\":1}\r\n"),
            ("{pieces:6}", "6\r\n{\"a\":1\r\n1\r\n}\r\n"),
            ("{gzip:length}", "30"),
            ("{2*ab{2*c}-%,}", "abcc-0,abcc-1,"),
            ("{3*a*b}", "a*ba*ba*b"),
        ] {
            let out = render(text, &made()).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), filled, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_filled_in_is_said() {
        for (text, says) in [
            ("{id:name}", "the id lies in no header"),
            ("{nothing}", "there is no placeholder \"nothing\""),
            ("{x*a}", "there is no placeholder \"x*a\""),
            ("{body", "\"{body\" has no closing brace"),
            ("{9999*{9999*x}}", "9999 times 9999 bytes are too many"),
        ] {
            assert_eq!(render(text, &made()).unwrap_err().0, says);
        }
        let mut empty = made();
        *empty.request.body_mut() = Bytes::new();
        assert_eq!(
            render("{first}", &empty).unwrap_err().0,
            "the sender sends no body"
        );
    }
}
