//! XML through quick-xml, after a look at the whole document.

use std::str;

use quick_xml::de::Deserializer;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde::de::DeserializeOwned;

use super::{NOT_UTF8, PayloadError, PayloadErrorKind, XML};

/// Senders stay below ten. Bounded here, for the deserialiser recurses.
const MAX_DEPTH: usize = 64;

/// The deserialiser reads a tag again for each child that is optional. Senders stay below a tenth of it; it takes a third of a second.
const MAX_READ_AGAIN: usize = 16 * 1024 * 1024;

pub(super) fn read<T: DeserializeOwned>(document: &[u8]) -> Result<T, PayloadError> {
    let text = str::from_utf8(document).map_err(|_| PayloadError::malformed(XML, NOT_UTF8))?;
    check(text)?;
    let mut reader = Deserializer::from_str(text);
    // What is well-formed can only be of another type.
    serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| PayloadError::at(XML, error, |_| PayloadErrorKind::Mismatch))
}

/// One outermost element, everything well-formed, bounded and without a document type; also in what the type asked for skips.
fn check(text: &str) -> Result<(), PayloadError> {
    let malformed = |detail| Err(PayloadError::malformed(XML, detail));
    let mut reader = Reader::from_str(text);
    // The lengths of the tags around the place.
    let mut open: Vec<usize> = Vec::new();
    let mut roots = 0_usize;
    let mut read_again = 0_usize;
    loop {
        let event = reader
            .read_event()
            .map_err(|error| PayloadError::malformed(XML, error))?;
        match &event {
            Event::Start(start) | Event::Empty(start) => {
                attributes(start)?;
                match open.last() {
                    None => roots = roots.saturating_add(1),
                    Some(parent) => read_again = read_again.saturating_add(*parent),
                }
                if open.len() >= MAX_DEPTH {
                    return malformed("elements are nested too deep");
                }
                if read_again > MAX_READ_AGAIN {
                    return malformed("long tags hold too many elements");
                }
                if matches!(event, Event::Start(_)) {
                    open.push(start.len());
                }
            }
            Event::End(_) => {
                open.pop();
            }
            Event::Text(blank) if open.is_empty() && !is_blank(blank) => {
                return malformed("there is text outside the outermost element");
            }
            Event::CData(_) if open.is_empty() => {
                return malformed("there is text outside the outermost element");
            }
            Event::GeneralRef(reference) => entity(reference, open.is_empty())?,
            Event::Decl(declaration) => encoding(declaration)?,
            Event::DocType(_) => return malformed("it has a document type"),
            Event::Eof => break,
            Event::Text(_) | Event::CData(_) | Event::Comment(_) | Event::PI(_) => {}
        }
    }
    match (open.len(), roots) {
        (0, 1) => Ok(()),
        (0, 0) => malformed("it has no element"),
        (0, _) => malformed("it has more than one outermost element"),
        _ => malformed("it ends within an element"),
    }
}

fn is_blank(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

/// Well-formed, and so are the references in their values.
fn attributes(start: &BytesStart<'_>) -> Result<(), PayloadError> {
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| PayloadError::malformed(XML, error))?;
        attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| PayloadError::malformed(XML, error))?;
    }
    Ok(())
}

fn entity(reference: &BytesRef<'_>, outside: bool) -> Result<(), PayloadError> {
    let malformed = |detail| Err(PayloadError::malformed(XML, detail));
    if outside {
        return malformed("there is text outside the outermost element");
    }
    match reference.resolve_char_ref() {
        Ok(Some(_)) => Ok(()),
        Ok(None) if resolve_predefined_entity(reference).is_some() => Ok(()),
        Ok(None) => malformed("it refers to an entity that XML does not know by itself"),
        Err(error) => Err(PayloadError::malformed(XML, error)),
    }
}

/// What is signed is decoded once, as UTF-8; a document that says otherwise has its text misread.
fn encoding(declaration: &BytesDecl<'_>) -> Result<(), PayloadError> {
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(name)) if name.eq_ignore_ascii_case("utf-8") => Ok(()),
        Some(Ok(_)) => Err(PayloadError::unsupported(
            XML,
            "it is declared in another encoding than UTF-8",
        )),
        Some(Err(error)) => Err(PayloadError::malformed(XML, error)),
    }
}
