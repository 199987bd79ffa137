//! Genuine requests, as the senders make them.

use std::error::Error;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign::providers::{GITHUB, STANDARD_WEBHOOKS, STRIPE};
use countersign::{Message, Receiver, Scheme, Secret, SecretRing, Timestamp, system_now};
use http::{HeaderName, HeaderValue, Request};

use crate::floor::{Floor, Spelling};

/// 24 key bytes or more for every built-in scheme; base64 of it is the text where a scheme wants that.
const KEY: [u8; 32] = *b"forty-two is no secret, is it? .";

/// The id where a sender puts one into a header: as long as the usual ones.
pub(crate) const ID: &str = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W";

/// One request with its body, and who judges it.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) receiver: Receiver,
    pub(crate) request: Request<()>,
    pub(crate) body: Bytes,
    pub(crate) now: Timestamp,
}

/// A request signed by `scheme` over `body`, with the headers that such requests have besides, and `secrets` on the ring: the genuine
/// one is the last.
pub(crate) fn sent(
    scheme: &Scheme,
    body: Bytes,
    secrets: usize,
    id: &str,
) -> Result<Sent, Box<dyn Error>> {
    let now = Timestamp::from_secs(system_now().as_secs());
    let genuine = Secret::new(secret_text(scheme, &KEY))?;
    let message = Message::new(&body, now).id(id).event("invoice.paid");
    let mut request = Request::post("https://example.com/hooks")
        .header("host", "example.com")
        .header(
            "user-agent",
            "Sender/1.0 (+https://example.com/docs/webhooks)",
        )
        .header("accept", "*/*")
        .header("accept-encoding", "gzip")
        .header("cache-control", "no-cache")
        .header("content-length", body.len())
        .body(())?;
    for (name, value) in scheme.sign(&genuine, &message)? {
        request.headers_mut().append(name, value);
    }
    let others = (1..secrets).map(|position| {
        let mut key = KEY;
        key.rotate_left(position);
        Ok(Secret::new(secret_text(scheme, &key))?.label(format!("other-{position}")))
    });
    let ring = others
        .chain(std::iter::once(Ok(genuine)))
        .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    Ok(Sent {
        receiver: Receiver::builder(scheme.clone(), SecretRing::new(ring)?).build()?,
        request,
        body,
        now,
    })
}

/// The same request judged by hand.
pub(crate) fn floor(sent: &Sent) -> Result<Floor, Box<dyn Error>> {
    let scheme = sent.receiver.scheme();
    let text = secret_text(scheme, &KEY);
    let stamp = sent.now.as_secs();
    if *scheme == STRIPE {
        let tag = after(sent, "stripe-signature", "v1=")?;
        return Ok(Floor::new(
            text.as_bytes(),
            &format!("{stamp}."),
            tag,
            Spelling::Hex,
        )?);
    }
    if *scheme == GITHUB {
        let tag = after(sent, "x-hub-signature-256", "sha256=")?;
        return Ok(Floor::new(text.as_bytes(), "", tag, Spelling::Hex)?);
    }
    if *scheme == STANDARD_WEBHOOKS {
        let tag = after(sent, "webhook-signature", "v1,")?;
        let before = format!("{ID}.{stamp}.");
        return Ok(Floor::new(&KEY, &before, tag, Spelling::Base64)?);
    }
    Err(format!("nothing is written by hand for {}", scheme.name).into())
}

/// Replaces one header.
pub(crate) fn with_header(
    sent: &Sent,
    name: &'static str,
    value: &str,
) -> Result<Request<()>, Box<dyn Error>> {
    let mut request = sent.request.clone();
    request
        .headers_mut()
        .insert(HeaderName::from_static(name), HeaderValue::from_str(value)?);
    Ok(request)
}

pub(crate) fn header<'s>(sent: &'s Sent, name: &str) -> Result<&'s str, Box<dyn Error>> {
    let value = sent.request.headers().get(name).ok_or("no such header")?;
    Ok(value.to_str()?)
}

/// A body of so many bytes that looks like JSON.
pub(crate) fn body(len: usize) -> Bytes {
    let mut body = b"{\"id\":\"evt_1\",\"type\":\"invoice.paid\",\"data\":\"".to_vec();
    body.resize(len.saturating_sub(2), b'x');
    body.extend_from_slice(b"\"}");
    body.into()
}

/// The secret as the dashboard would show it.
pub(crate) fn secret_text(scheme: &Scheme, key: &[u8]) -> String {
    format!("whsec_{}", STANDARD.encode(key)).replacen(
        "whsec_",
        if scheme.min_key_len >= 24 || *scheme == STRIPE {
            "whsec_"
        } else {
            ""
        },
        1,
    )
}

pub(crate) fn genuine_secret(scheme: &Scheme) -> String {
    secret_text(scheme, &KEY)
}

fn after<'s>(sent: &'s Sent, name: &str, mark: &str) -> Result<&'s str, Box<dyn Error>> {
    let (_, tag) = header(sent, name)?
        .split_once(mark)
        .ok_or("no signature where it is expected")?;
    Ok(tag)
}
