//! Doors to the private parsers, for the fuzz targets alone: compiled with `--cfg fuzzing`, which cargo-fuzz sets. No promise is made
//! about anything in here.

use core::net::IpAddr;
use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::public_url::{Base, PublicUrl, TrustedProxies};
use crate::refusal::Refusal;
use crate::request::Head;
use crate::scheme::encoding::MAX_TAG;
use crate::scheme::signature::{Reader, SignatureText, Tag};
use crate::scheme::{Encoding, Layout, Text, UrlSpelling};
use crate::signed_content::refuse_json;
use crate::source::{Origin, Sources};
use crate::{form, json};

/// What one signature text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatures {
    /// The decoded candidates, in the order of the text.
    pub candidates: Vec<Vec<u8>>,
    /// The values of the named pairs, in the order of the names.
    pub pairs: Vec<Option<Vec<u8>>>,
    /// The first item, where the layout says that it is a value.
    pub first: Option<Vec<u8>>,
}

/// Reads a signature text as step 1 does. `pair_keys` are at most four.
///
/// # Errors
/// Those of step 1.
pub fn signatures(
    layout: &Layout,
    encoding: Encoding,
    tag_len: usize,
    pair_keys: &[Text],
    text: &[u8],
) -> Result<Signatures, Refusal> {
    let how = Reader {
        layout,
        tag: Tag::Bytes(tag_len, encoding),
        pair_keys,
        prefix_has_no_case: false,
    };
    let mut read = SignatureText::default();
    read.read(how, text)?;
    let read = read.finish()?;
    Ok(Signatures {
        candidates: read.candidates.iter().map(<[u8]>::to_vec).collect(),
        pairs: read
            .pairs
            .iter()
            .take(pair_keys.len())
            .map(|value| value.map(<[u8]>::to_vec))
            .collect(),
        first: read.first.map(<[u8]>::to_vec),
    })
}

/// Decodes a tag of exactly `len` bytes.
#[must_use]
pub fn decode_tag(encoding: Encoding, text: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut out = [0; MAX_TAG];
    encoding.decode_tag(text, len, &mut out)?;
    out.get(..len).map(<[u8]>::to_vec)
}

/// Writes bytes as text.
#[must_use]
pub fn encode(encoding: Encoding, bytes: &[u8]) -> Vec<u8> {
    encoding.encode(bytes)
}

/// The values at JSON pointers, as they are spelled in the body. The pointers are well-formed.
///
/// # Errors
/// Those of a body from which fields are read.
pub fn json_values(pointers: &[&str], body: &[u8]) -> Result<Vec<Option<String>>, Refusal> {
    let mut wanted = json::Pointers::default();
    let positions: Vec<usize> = pointers.iter().map(|pointer| wanted.add(pointer)).collect();
    let found = wanted.read(body).map_err(refuse_json)?;
    Ok(positions
        .into_iter()
        .map(|at| found.get(at).map(|raw| raw.get().to_owned()))
        .collect())
}

/// The text of a JSON value as a field takes it: `Ok(None)` for null.
///
/// # Errors
/// A value that is no field, or no JSON.
#[expect(clippy::result_unit_err, reason = "as the private function")]
pub fn json_field(value: &str) -> Result<Option<String>, ()> {
    let raw: &RawValue = serde_json::from_str(value).map_err(|_| ())?;
    json::field_text(raw).map(|text| text.map(Cow::into_owned))
}

/// The one value of a form field.
///
/// # Errors
/// [`Refusal::FieldRepeated`].
pub fn form_field(body: &[u8], name: &str) -> Result<Option<String>, Refusal> {
    match form::field(body, name) {
        Ok(value) => Ok(value.map(Cow::into_owned)),
        Err(form::Repeated) => Err(Refusal::FieldRepeated {
            name: name.to_owned().into(),
        }),
    }
}

/// All distinct fields of a form, sorted; `None` when there are more than the limit.
#[must_use]
pub fn form_sorted(body: &[u8]) -> Option<Vec<(String, String)>> {
    let pairs = form::sorted(body)?;
    let own = |(name, value): (Cow<'_, str>, Cow<'_, str>)| (name.into_owned(), value.into_owned());
    Some(pairs.into_iter().map(own).collect())
}

/// One spelling of the URL of a request below a configured one; `None` for what cannot be configured, or not spelled so.
#[must_use]
pub fn public_url(
    configured: &str,
    spelling: UrlSpelling,
    path: &str,
    query: Option<&str>,
) -> Option<String> {
    Base::parse(configured)?.spell(spelling, path, query)
}

/// The URL in front of the path, as the proxies tell it.
///
/// # Errors
/// [`Refusal::PeerUntrusted`] and [`Refusal::PublicUrlUnknown`].
pub fn forwarded_url(proxies: &TrustedProxies, head: &impl Head) -> Result<String, Refusal> {
    let source = PublicUrl::Forwarded(proxies.clone());
    let url = source.base(head)?.spell(UrlSpelling::PLAIN, "", None);
    Ok(url.unwrap_or_default())
}

/// The address that limits count an attempt under.
#[must_use]
pub fn source(sources: &Sources, head: &impl Head) -> Option<IpAddr> {
    let origin = Origin::of(head, Some(sources), true);
    origin.source.map(|source| source.address())
}
