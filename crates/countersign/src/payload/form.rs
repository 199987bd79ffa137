//! A form as a serde format: brackets nest, repeated keys are lists, everything is text.
//!
//! Written here, for a form has one reader: were it decoded by other rules than those by which its signature, id and event were read, one
//! body could say two things.

use std::borrow::Cow;
use std::str::FromStr;

use serde::de::value::{
    Error, MapAccessDeserializer, MapDeserializer, SeqDeserializer, StrDeserializer,
};
use serde::de::{
    DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use smallvec::{SmallVec, smallvec};

use super::{FORM, NOT_UTF8, PayloadError, PayloadErrorKind};

/// PHP drops fields after 1,000 and Rack refuses 4,096, unless told otherwise: no sender counts on more.
const MAX_FIELDS: usize = 4_096;

/// PHP stops at 64 and Rack at 32, unless told otherwise.
const MAX_BRACKETS: usize = 32;

pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, PayloadError> {
    if !crate::form::is_text(body) {
        return Err(PayloadError::malformed(FORM, NOT_UTF8));
    }
    let mut decoded = form_urlencoded::parse(body);
    let pairs: Vec<_> = decoded.by_ref().take(MAX_FIELDS).collect();
    if decoded.next().is_some() {
        let detail = format!("it has more than {MAX_FIELDS} fields");
        return Err(PayloadError::malformed(FORM, detail));
    }
    let paths: Option<Vec<_>> = pairs.iter().map(|(key, _)| path(key)).collect();
    let Some(paths) = paths else {
        let detail = format!("a key has more than {MAX_BRACKETS} brackets");
        return Err(PayloadError::malformed(FORM, detail));
    };
    let mut fields: Vec<_> = paths
        .iter()
        .zip(&pairs)
        .map(|(path, (_, value))| Field { path, value })
        .collect();
    // Stable: a list keeps the body's order.
    fields.sort_by(|one, other| one.path.cmp(other.path));
    let root = Root {
        pairs: &pairs,
        group: Node {
            fields: &fields,
            depth: 0,
        },
    };
    serde_path_to_error::deserialize(root)
        .map_err(|error| PayloadError::at(FORM, error, |_| PayloadErrorKind::Mismatch))
}

/// `a[b][]` as `a`, `b` and nothing; a key whose brackets do not match as it stands; `None` for too many.
fn path(key: &str) -> Option<SmallVec<[&str; 4]>> {
    let whole = || Some(smallvec![key]);
    let Some((head, rest)) = key.split_once('[') else {
        return whole();
    };
    let Some(inner) = rest.strip_suffix(']').filter(|_| !head.is_empty()) else {
        return whole();
    };
    let mut path: SmallVec<[&str; 4]> = smallvec![head];
    for step in inner.split("][") {
        if path.len() > MAX_BRACKETS {
            return None;
        }
        if step.contains(['[', ']']) {
            return whole();
        }
        path.push(step);
    }
    Some(path)
}

/// One field of the form.
struct Field<'a> {
    path: &'a [&'a str],
    value: &'a str,
}

/// Everything below one place: the fields whose paths begin alike, up to `depth`. Those that end there come first.
#[derive(Clone, Copy)]
struct Node<'a> {
    fields: &'a [Field<'a>],
    depth: usize,
}

impl<'a> Node<'a> {
    fn values(self) -> &'a [Field<'a>] {
        let (values, _) = self.split();
        values
    }

    fn split(self) -> (&'a [Field<'a>], &'a [Field<'a>]) {
        let ends = |field: &Field<'_>| field.path.len() <= self.depth;
        self.fields.split_at(self.fields.partition_point(ends))
    }

    fn is_group(self) -> bool {
        self.values().len() < self.fields.len()
    }

    /// What is in the group, each with its name.
    fn members(self) -> Vec<(&'a str, Node<'a>)> {
        let name = move |field: &Field<'a>| field.path.get(self.depth).copied().unwrap_or_default();
        let (_, below) = self.split();
        below
            .chunk_by(move |one, other| name(one) == name(other))
            .map(move |fields| {
                let node = Node {
                    fields,
                    depth: self.depth.saturating_add(1),
                };
                (fields.first().map(name).unwrap_or_default(), node)
            })
            .collect()
    }

    /// The one value.
    fn text<'de, V: Visitor<'de>>(self, visitor: &V) -> Result<Text<'a>, Error> {
        match (self.values(), self.is_group()) {
            ([field], false) => Ok(Text(field.value)),
            ([], _) => Err(Error::invalid_type(Unexpected::Map, visitor)),
            (values, false) => Err(Error::custom(format_args!(
                "{} values, expected one",
                values.len()
            ))),
            (_, true) => Err(both("text")),
        }
    }

    fn is_empty_text(self) -> bool {
        matches!(self.values(), [Field { value: "", .. }]) && !self.is_group()
    }

    /// The items of a list, in order.
    fn items(self) -> Result<Vec<Node<'a>>, Error> {
        let each = |fields: &'a [Field<'a>], depth| -> Vec<Node<'a>> {
            fields
                .chunks(1)
                .map(|fields| Node { fields, depth })
                .collect()
        };
        if !self.is_group() {
            return Ok(each(self.values(), self.depth));
        }
        if !self.values().is_empty() {
            return Err(both("text"));
        }
        let mut members = self.members();
        if let [("", unnumbered)] = *members {
            // Whether the next `a[][b]` begins a new item, or adds to the last, is anybody's guess.
            if unnumbered.is_group() {
                let detail = "items of a list without numbers, which hold fields";
                return Err(Error::custom(detail));
            }
            return Ok(each(unnumbered.values(), unnumbered.depth));
        }
        if !members.iter().all(|(name, _)| is_number(name)) {
            return Err(both("a list"));
        }
        members.sort_by_key(|(name, _)| (name.len(), *name));
        Ok(members.into_iter().map(|(_, node)| node).collect())
    }

    fn fields(self) -> Result<Members<'a, impl Iterator<Item = (Text<'a>, Node<'a>)>>, Error> {
        let named = |(name, node)| (Text(name), node);
        match self.values() {
            [] => Ok(MapDeserializer::new(self.members().into_iter().map(named))),
            _ => Err(both("text")),
        }
    }
}

type Members<'a, I> = MapDeserializer<'a, I, Error>;

fn both(what: &str) -> Error {
    Error::custom(format_args!("both {what} and a group of fields"))
}

/// The number of an item, in its one spelling. Of any length: it orders, and reserves nothing.
fn is_number(name: &str) -> bool {
    match name.as_bytes() {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// A value, or a name: the type that is asked for says how to read it.
#[derive(Clone, Copy)]
struct Text<'a>(&'a str);

impl Text<'_> {
    fn parse<'de, V: Visitor<'de>, N: FromStr>(self, visitor: &V) -> Result<N, Error> {
        let number = self.0.parse().ok().filter(|_| !self.0.starts_with('+'));
        number.ok_or_else(|| self.wrong(visitor))
    }

    fn wrong<'de, V: Visitor<'de>>(self, visitor: &V) -> Error {
        Error::invalid_value(Unexpected::Str(self.0), visitor)
    }
}

macro_rules! parsed {
    ($($method:ident => $visit:ident),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let number = self.parse(&visitor)?;
            visitor.$visit(number)
        }
    )*};
}

impl<'de, 'a: 'de> Deserializer<'de> for Text<'a> {
    type Error = Error;

    parsed! {
        deserialize_i8 => visit_i8, deserialize_i16 => visit_i16, deserialize_i32 => visit_i32,
        deserialize_i64 => visit_i64, deserialize_i128 => visit_i128, deserialize_u8 => visit_u8,
        deserialize_u16 => visit_u16, deserialize_u32 => visit_u32, deserialize_u64 => visit_u64,
        deserialize_u128 => visit_u128,
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.0)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.parse::<V, f32>(&visitor)? {
            number if number.is_finite() => visitor.visit_f32(number),
            _ => Err(self.wrong(&visitor)),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.parse::<V, f64>(&visitor)? {
            number if number.is_finite() => visitor.visit_f64(number),
            _ => Err(self.wrong(&visitor)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            "1" | "true" => visitor.visit_bool(true),
            "0" | "false" => visitor.visit_bool(false),
            _ => Err(self.wrong(&visitor)),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bytes(self.0.as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bytes(self.0.as_bytes())
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let variant: StrDeserializer<'_, Error> = self.0.into_deserializer();
        visitor.visit_enum(variant)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    // A name is never absent, nor a list or a group.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        char str string unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de, 'a: 'de> IntoDeserializer<'de, Error> for Text<'a> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Where one value is asked for.
macro_rules! scalar {
    ($($method:ident),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.text(&visitor)?.$method(visitor)
        }
    )*};
}

impl<'de, 'a: 'de> Deserializer<'de> for Node<'a> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let is_list_item = |(name, _): (&str, _)| name.is_empty() || is_number(name);
        match (self.values(), self.is_group()) {
            ([field], false) => visitor.visit_str(field.value),
            (_, true) if !self.members().into_iter().all(is_list_item) => {
                self.deserialize_map(visitor)
            }
            _ => self.deserialize_seq(visitor),
        }
    }

    scalar! {
        deserialize_i8, deserialize_i16, deserialize_i32, deserialize_i64, deserialize_i128,
        deserialize_u8, deserialize_u16, deserialize_u32, deserialize_u64, deserialize_u128,
        deserialize_f32, deserialize_f64, deserialize_bool, deserialize_char, deserialize_str,
        deserialize_string, deserialize_bytes, deserialize_byte_buf, deserialize_identifier,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.is_empty_text() {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.is_empty_text() {
            true => visitor.visit_unit(),
            false => self.deserialize_any(visitor),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(SeqDeserializer::new(self.items()?.into_iter()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.is_group() {
            true => visitor.visit_map(self.fields()?),
            false => {
                let text = self.text(&visitor)?.0;
                Err(Error::invalid_type(Unexpected::Str(text), &visitor))
            }
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.is_group() {
            return visitor.visit_enum(MapAccessDeserializer::new(self.fields()?));
        }
        self.text(&visitor)?
            .deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }
}

impl<'de, 'a: 'de> IntoDeserializer<'de, Error> for Node<'a> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// The whole form: a map, or a list of its pairs.
struct Root<'a> {
    pairs: &'a [(Cow<'a, str>, Cow<'a, str>)],
    group: Node<'a>,
}

impl<'de, 'a: 'de> Deserializer<'de> for Root<'a> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(self.group.fields()?)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let pairs = self.pairs.iter();
        let pairs = pairs.map(|(key, value)| (key.as_ref(), value.as_ref()));
        visitor.visit_seq(MapDeserializer::new(pairs))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(MapAccessDeserializer::new(self.group.fields()?))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct tuple tuple_struct map struct identifier ignored_any
    }
}
