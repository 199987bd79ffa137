//! What is refused before anything is verified.

use bytes::Bytes;
use countersign::Refusal;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request};

use super::Table;

impl Table<'_> {
    pub(super) fn door(&mut self) {
        let scheme = self.scheme();
        // Neither GET, HEAD nor OPTIONS: senders ask questions with these.
        let others = ["PATCH", "DELETE", "PUT", "LOCK"];
        let other = others
            .into_iter()
            .find(|other| !scheme.methods.iter().any(|known| known == other));
        let method = other.and_then(|other| other.parse::<Method>().ok());
        self.door_with("another method", Refusal::MethodNotAllowed, |request| {
            *request.method_mut() = method?;
            Some(())
        });

        let kind = HeaderValue::from_static("text/html");
        let first = scheme.media_types.first();
        let first = first.and_then(|kind| HeaderValue::from_str(kind).ok());
        if let Some(first) = first {
            let unsupported = || Refusal::MediaTypeUnsupported;
            self.door_with("another media type", unsupported(), |request| {
                set(request, CONTENT_TYPE, [kind.clone()])
            });
            self.door_with("two media types", unsupported(), |request| {
                set(request, CONTENT_TYPE, [first.clone(), first.clone()])
            });
        }
        let encoding = ["gzip", "br"].into_iter().find(|encoding| {
            let mut allowed = scheme.content_encodings.iter();
            !allowed.any(|known| known.eq_ignore_ascii_case(encoding))
        });
        if let Some(encoding) = encoding {
            let refusal = Refusal::ContentEncodingUnsupported;
            self.door_with("a content encoding", refusal, |request| {
                set(
                    request,
                    CONTENT_ENCODING,
                    [HeaderValue::from_static(encoding)],
                )
            });
        }

        let len = u64::try_from(self.genuine.request.body().len()).unwrap_or(u64::MAX);
        let length = |len: u64| HeaderValue::from(len);
        let longer = length(len.saturating_add(1));
        self.door_with(
            "a length of one byte more",
            Refusal::BodyIncomplete,
            |request| set(request, CONTENT_LENGTH, [longer]),
        );
        let shorter = len.checked_sub(1).map(length);
        self.door_with(
            "a length of one byte less",
            Refusal::BodyIncomplete,
            |request| set(request, CONTENT_LENGTH, [shorter?]),
        );
        self.door_with("a signed length", Refusal::LengthMalformed, |request| {
            let signed = HeaderValue::from_str(&format!("+{len}")).ok()?;
            set(request, CONTENT_LENGTH, [signed])
        });
        self.door_with("two lengths", Refusal::LengthMalformed, |request| {
            set(request, CONTENT_LENGTH, [length(len), length(len)])
        });
    }

    fn door_with(
        &mut self,
        name: &str,
        refusal: Refusal,
        change: impl FnOnce(&mut Request<Bytes>) -> Option<()>,
    ) {
        let mut request = self.genuine.request.clone();
        let before = self.misses.len();
        let changed = change(&mut request).map(|()| request);
        self.add(name, changed, refusal);
        for miss in self.misses.iter_mut().skip(before) {
            miss.at_door = true;
        }
    }
}

fn set(
    request: &mut Request<Bytes>,
    name: HeaderName,
    values: impl IntoIterator<Item = HeaderValue>,
) -> Option<()> {
    request.headers_mut().remove(&name);
    for value in values {
        request.headers_mut().append(&name, value);
    }
    Some(())
}
