//! Text and lists that cost nothing in a const and can be owned when they come from a file.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Text in a scheme: borrowed in a const, owned when it was read from a file.
pub type Text = Cow<'static, str>;

/// A list in a scheme: borrowed in a const, owned when it was read from a file.
pub type List<T> = Cow<'static, [T]>;

/// Spells a [`Text`](crate::scheme::Text) in a const.
///
/// A macro, because a const built on another with struct update must not hold the result of a function call.
///
/// ```
/// use countersign::{scheme::Text, text};
/// const NAME: Text = text!("acme");
/// assert_eq!(NAME, "acme");
/// ```
#[macro_export]
macro_rules! text {
    ($text:expr) => {
        ::std::borrow::Cow::Borrowed($text)
    };
}

/// Spells a [`List`](crate::scheme::List) in a const.
///
/// ```
/// use countersign::{list, scheme::{List, Text}, text};
/// const KEYS: List<Text> = list![text!("v1"), text!("v2")];
/// assert_eq!(KEYS.len(), 2);
/// ```
#[macro_export]
macro_rules! list {
    ($($item:expr),* $(,)?) => {
        ::std::borrow::Cow::Borrowed(&[$($item),*])
    };
}

/// Serde for a list that may be spelled as its only element: `id = { json = "/id" }`.
pub(super) mod one_or_many {
    use super::{Cow, Deserialize, Deserializer, List, Serialize, Serializer};
    use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
    use serde::de::{MapAccess, SeqAccess, Visitor};
    use std::fmt;
    use std::marker::PhantomData;

    pub(in crate::scheme) fn serialize<T, S>(list: &List<T>, to: S) -> Result<S::Ok, S::Error>
    where
        T: Clone + Serialize,
        S: Serializer,
    {
        match list.as_ref() {
            [only] => only.serialize(to),
            all => all.serialize(to),
        }
    }

    pub(in crate::scheme) fn deserialize<'de, T, D>(from: D) -> Result<List<T>, D::Error>
    where
        T: Clone + Deserialize<'de>,
        D: Deserializer<'de>,
    {
        struct OneOrMany<T>(PhantomData<T>);

        // A visitor instead of an untagged enum: the error keeps its line and names the field.
        impl<'de, T: Clone + Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
            type Value = Vec<T>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("one place or a list of places")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|only| vec![only])
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<T>, E> {
                T::deserialize(serde::de::value::StrDeserializer::new(text)).map(|only| vec![only])
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Vec<T>, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq))
            }
        }

        from.deserialize_any(OneOrMany(PhantomData)).map(Cow::Owned)
    }
}
