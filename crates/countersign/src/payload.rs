//! The payload of a delivery, as a type of the application: JSON, a form, or XML.

mod form;
#[cfg(test)]
mod form_tests;
#[cfg(feature = "sign")]
#[cfg(test)]
mod tests;
#[cfg(feature = "xml")]
mod xml;
#[cfg(feature = "xml")]
#[cfg(test)]
mod xml_tests;

use std::borrow::Cow;
use std::fmt;

use serde::de::DeserializeOwned;

use crate::delivery::{Delivery, PayloadText, Shape};

/// Why a payload could not be read as the type that was asked for.
///
/// Its message names the format, the problem, and where in the document ([`path`](Self::path)). It quotes no value of the body, and
/// neither does its `Debug`, so it may be logged; [`explain`](Self::explain) does quote. It has no source, for that would quote too.
///
/// ```
/// # use countersign::{providers::GITHUB, Receiver, Secret, Timestamp};
/// use countersign::{Delivery, PayloadErrorKind};
/// use serde::Deserialize;
///
/// #[derive(Debug, Deserialize)]
/// struct Push {
///     forced: bool,
/// }
///
/// # fn delivered() -> Result<Delivery, Box<dyn std::error::Error>> {
/// # let receiver = Receiver::builder(GITHUB, Secret::new("It's a Secret to Everybody")?).build()?;
/// # let request = http::Request::post("/")
/// #     .header("x-hub-signature-256", "sha256=475f93337ba47e738e539e64cde9fcd2bab30fe6e28d360ddeb1ef569bef1c33")
/// #     .body(())?;
/// # Ok(receiver.verify(&request, r#"{"forced":"twice"}"#.into(), Timestamp::from_secs(0))?.deliver(&request)?)
/// # }
/// let delivery: Delivery = delivered()?; // its body is {"forced":"twice"}
/// let error = delivery.read::<Push>().unwrap_err();
/// assert_eq!(error.kind(), PayloadErrorKind::Mismatch);
/// assert_eq!(error.path(), Some("forced"));
/// assert_eq!(error.to_string(), "the JSON payload does not fit the type asked for, at `forced`");
/// assert_eq!(
///     error.explain(),
///     "the JSON payload does not fit the type asked for, at `forced`: invalid type: string \"twice\", expected a boolean \
///      at line 1 column 17"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {format} payload {}{}", .kind.phrase(), At(.path.as_deref()))]
pub struct PayloadError {
    format: &'static str,
    kind: PayloadErrorKind,
    path: Option<Box<str>>,
    detail: Box<str>,
}

/// What is wrong with a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PayloadErrorKind {
    /// It does not follow the rules of its format, or exceeds a limit on nesting or number: nothing can be read from it.
    Malformed,
    /// It is well-formed, but not what the type asks for.
    Mismatch,
    /// It is in another format or encoding than is read here.
    Unsupported,
}

impl PayloadErrorKind {
    const fn phrase(self) -> &'static str {
        match self {
            Self::Malformed => "is malformed",
            Self::Mismatch => "does not fit the type asked for",
            Self::Unsupported => "is not supported",
        }
    }
}

impl PayloadError {
    /// What is wrong: malformed, another type, or another format.
    #[must_use]
    pub const fn kind(&self) -> PayloadErrorKind {
        self.kind
    }

    /// Where in the document, such as `user.emails[0].verified`; absent when it is the whole.
    ///
    /// At most 200 bytes. Names of fields, not values; but where a map was asked for, its keys are the sender's.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// The message, and what exactly was found and expected. May quote up to 300 bytes of the body: for answering the sender, not for logs.
    #[must_use]
    pub fn explain(&self) -> String {
        if self.detail.is_empty() {
            self.to_string()
        } else {
            format!("{self}: {}", self.detail)
        }
    }

    fn new(format: &'static str, kind: PayloadErrorKind, detail: impl fmt::Display) -> Self {
        let detail = bounded(&detail.to_string(), MAX_DETAIL_LEN);
        Self {
            format,
            kind,
            path: None,
            detail,
        }
    }

    fn malformed(format: &'static str, detail: impl fmt::Display) -> Self {
        Self::new(format, PayloadErrorKind::Malformed, detail)
    }

    fn unsupported(format: &'static str, detail: impl fmt::Display) -> Self {
        Self::new(format, PayloadErrorKind::Unsupported, detail)
    }

    /// A document that is well-formed, or whose reader says itself of what `kind` the trouble is.
    fn at<E: fmt::Display>(
        format: &'static str,
        error: serde_path_to_error::Error<E>,
        kind: impl FnOnce(&E) -> PayloadErrorKind,
    ) -> Self {
        let path = (error.path().iter().next().is_some()).then(|| error.path().to_string());
        let error = error.into_inner();
        let kind = kind(&error);
        Self {
            // Where a document breaks says nothing about a field.
            path: path
                .filter(|_| kind == PayloadErrorKind::Mismatch)
                .map(|path| bounded(&path, MAX_PATH_LEN)),
            ..Self::new(format, kind, error)
        }
    }
}

impl fmt::Debug for PayloadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PayloadError")
            .field("format", &self.format)
            .field("kind", &self.kind)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

struct At<'a>(Option<&'a str>);

impl fmt::Display for At<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(path) => write!(out, ", at `{path}`"),
            None => Ok(()),
        }
    }
}

/// One line of at most so many bytes: serde quotes what it found, whole.
fn bounded(text: &str, limit: usize) -> Box<str> {
    let mut short = String::new();
    for char in text.chars() {
        let len = short.len().saturating_add(char.len_utf8());
        if len > limit {
            short.push('…');
            break;
        }
        short.push(if char.is_control() { ' ' } else { char });
    }
    short.into()
}

const MAX_PATH_LEN: usize = 200;
const MAX_DETAIL_LEN: usize = 300;

impl Delivery {
    /// The payload as a type of your own, from where the scheme keeps it and in the format it is in.
    ///
    /// | the scheme's payload is | and looks like | it is read by |
    /// |---|---|---|
    /// | the body, or a form's field | begins with `<` | `xml` (feature `xml`) |
    /// | the body, or a form's field | anything else | [`json`](Self::json) |
    /// | the form | | [`form`](Self::form) |
    ///
    /// The scheme and the body decide, for they are trusted and signed; the Content-Type, which no signature covers, does not. So one call
    /// takes GitHub's events whichever of its two content types the hook was set to.
    ///
    /// # Errors
    /// [`PayloadError`], of the kinds that the three say; [`PayloadErrorKind::Unsupported`] for XML without the feature `xml`.
    ///
    /// # Examples
    /// ```
    /// # use countersign::{providers::GITHUB, Receiver, Secret, Timestamp};
    /// use countersign::Delivery;
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Push {
    ///     forced: bool,
    /// }
    ///
    /// # fn delivered() -> Result<Delivery, Box<dyn std::error::Error>> {
    /// # let receiver = Receiver::builder(GITHUB, Secret::new("It's a Secret to Everybody")?).build()?;
    /// # let request = http::Request::post("/")
    /// #     .header("x-hub-signature-256", "sha256=9cc18f29155a940d124990cb2143e84ddb031b84ea7240722f49b3ba0b3f90ea")
    /// #     .body(())?;
    /// # Ok(receiver.verify(&request, "payload=%7B%22forced%22%3Atrue%7D".into(), Timestamp::from_secs(0))?.deliver(&request)?)
    /// # }
    /// let delivery: Delivery = delivered()?; // its body is payload=%7B%22forced%22%3Atrue%7D
    /// let push: Push = delivery.read()?;
    /// assert!(push.forced);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        match self.payload() {
            PayloadText::Form(_) => self.form(),
            PayloadText::Document(document) => match Shape::of(&document) {
                #[cfg(feature = "xml")]
                Shape::Xml => self.xml(),
                #[cfg(not(feature = "xml"))]
                Shape::Xml => Err(PayloadError::unsupported(XML, "the feature `xml` is off")),
                Shape::Json | Shape::Form => self.json(),
            },
        }
    }

    /// The payload as JSON: the body, or what the scheme's field of a form holds (GitHub's `payload`, Slack's interactivity, Papertrail,
    /// Mandrill's events).
    ///
    /// Whole numbers are exact up to 64 bits, in both signs. Nesting ends at 128, as in `serde_json`. A field that occurs twice is an
    /// error where the type is a struct; a map takes the last, as in `serde_json`.
    ///
    /// # Errors
    /// [`PayloadErrorKind::Malformed`] for what is no JSON (RFC 8259) in UTF-8, is nested too deep, or has something behind it;
    /// [`PayloadErrorKind::Mismatch`] for another type; [`PayloadErrorKind::Unsupported`] when the payload is a form.
    ///
    /// # Examples
    /// ```
    /// # use countersign::{providers::GITHUB, Receiver, Secret, Timestamp};
    /// # fn delivered() -> Result<countersign::Delivery, Box<dyn std::error::Error>> {
    /// # let receiver = Receiver::builder(GITHUB, Secret::new("It's a Secret to Everybody")?).build()?;
    /// # let request = http::Request::post("/")
    /// #     .header("x-hub-signature-256", "sha256=7740118440eab5d794b216711d02440a6b7b8ef5773b49898cdc2004af24ae16")
    /// #     .body(())?;
    /// # Ok(receiver.verify(&request, r#"{"id":18446744073709551615}"#.into(), Timestamp::from_secs(0))?.deliver(&request)?)
    /// # }
    /// #[derive(serde::Deserialize)]
    /// struct Event {
    ///     id: u64,
    /// }
    /// let delivery = delivered()?; // its body is {"id":18446744073709551615}
    /// assert_eq!(delivery.json::<Event>()?.id, u64::MAX);
    /// assert_eq!(delivery.json::<Vec<u8>>().unwrap_err().kind(), countersign::PayloadErrorKind::Mismatch);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        json(&self.document(JSON)?)
    }

    /// The fields of the form that the body is. Brackets nest, as PHP writes them; repeated keys are a list.
    ///
    /// | in the body (decoded) | in the type |
    /// |---|---|
    /// | `a=1` | any scalar, or a list of one |
    /// | `data[merges][EMAIL]=x` | structs or maps within each other |
    /// | `a=1&a=2`, `a[]=1&a[]=2` | a list, in the order of the body |
    /// | `a[0][id]=1&a[1][id]=2` | a list of structs, in the order of the numbers; gaps are closed |
    /// | `a=` | `None` for an `Option` of anything, empty text for a `String` |
    /// | `a=1`, `a=0`, `a=true`, `a=false` | `bool`, no other spelling |
    /// | everything, brackets as they are | `Vec<(String, String)>`, in the order of the body |
    ///
    /// Everything in a form is text: numbers are parsed from it, without a plus sign, an infinity or blanks. Text that `serde` has to hold
    /// before it knows its type stays text: numbers below `#[serde(flatten)]`, in untagged and internally tagged enums need a
    /// `deserialize_with`.
    ///
    /// Decoded once, as the WHATWG urlencoded parser does and as everything else here that reads a form: a broken escape stays as text. A
    /// key whose brackets do not match is one name as it stands. NUL is a character like any other.
    ///
    /// # Errors
    /// [`PayloadErrorKind::Malformed`] for bytes that are no UTF-8 once decoded, more than 4,096 fields, or a key of more than 32 brackets;
    /// [`PayloadErrorKind::Mismatch`] for another type, for a field that occurs several times where one value is asked for, and for one
    /// that is both text and a group (`a=1&a[b]=2`) or both a list and a group (`a[0]=1&a[b]=2`) where a list is;
    /// [`PayloadErrorKind::Unsupported`] when the body is a JSON or XML document.
    ///
    /// # Examples
    /// ```
    /// # use countersign::{providers::GITHUB, Receiver, Secret, Timestamp};
    /// # fn delivered() -> Result<countersign::Delivery, Box<dyn std::error::Error>> {
    /// # let receiver = Receiver::builder(GITHUB, Secret::new("It's a Secret to Everybody")?).build()?;
    /// # let request = http::Request::post("/")
    /// #     .header("x-hub-signature-256", "sha256=0425e145909d25ad117e6a78976b8cb9625cd0bae223486c1fecc2fdcb997c4c")
    /// #     .body(())?;
    /// # let body = "type=subscribe&data%5Bmerges%5D%5BEMAIL%5D=a%40example.com&data%5Bip_opt%5D=&data%5Brating%5D=4";
    /// # Ok(receiver.verify(&request, body.into(), Timestamp::from_secs(0))?.deliver(&request)?)
    /// # }
    /// use std::collections::BTreeMap;
    ///
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Audience {
    ///     r#type: String,
    ///     data: Member,
    /// }
    ///
    /// #[derive(Deserialize)]
    /// struct Member {
    ///     merges: BTreeMap<String, String>,
    ///     rating: u8,
    ///     ip_opt: Option<String>,
    /// }
    ///
    /// // type=subscribe&data%5Bmerges%5D%5BEMAIL%5D=a%40example.com&data%5Bip_opt%5D=&data%5Brating%5D=4
    /// let delivery = delivered()?;
    /// let Audience { r#type, data } = delivery.form()?;
    /// assert_eq!((r#type.as_str(), data.merges["EMAIL"].as_str()), ("subscribe", "a@example.com"));
    /// assert_eq!((data.rating, data.ip_opt), (4, None));
    ///
    /// let error = delivery.form::<BTreeMap<String, String>>().unwrap_err();
    /// assert_eq!(error.explain(), "the form payload does not fit the type asked for, at `data`: invalid type: map, expected a string");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn form<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        match Shape::of(self.body()) {
            Shape::Form => form::read(self.body()),
            Shape::Json | Shape::Xml => {
                Err(PayloadError::unsupported(FORM, "the body is a document"))
            }
        }
    }

    /// The payload as XML 1.0 in UTF-8, in the way of `quick-xml`: an attribute is the field `@name`, text beside other things `$text`, and
    /// elements of the same name that follow each other are a list. The name of the outermost element is not looked at.
    ///
    /// A document type is refused, so there are no entities beside the five of XML and characters by number: nothing expands, and nothing is
    /// fetched. An empty element is empty text, and `None` only where `xsi:nil="true"` says so.
    ///
    /// # Errors
    /// [`PayloadErrorKind::Malformed`] for what is not well-formed, has a document type, an unknown entity, more than 64 elements within each
    /// other, or tags of which the length times the number of children adds up to more than 16 MiB; [`PayloadErrorKind::Mismatch`] for another type; [`PayloadErrorKind::Unsupported`] for a declared
    /// encoding other than UTF-8, and when the payload is a form.
    ///
    /// # Examples
    /// ```
    /// # use countersign::{providers::GITHUB, Receiver, Secret, Timestamp};
    /// # fn delivered() -> Result<countersign::Delivery, Box<dyn std::error::Error>> {
    /// # let receiver = Receiver::builder(GITHUB, Secret::new("It's a Secret to Everybody")?).build()?;
    /// # let request = http::Request::post("/")
    /// #     .header("x-hub-signature-256", "sha256=00b64ae92f4fd06e5c54c394aa90383e68b16259cf895f1518b39d63eef4f1ed")
    /// #     .body(())?;
    /// # let body = r#"<order><id type="integer">820982911946154508</id><line-item><sku>A</sku></line-item></order>"#;
    /// # Ok(receiver.verify(&request, body.into(), Timestamp::from_secs(0))?.deliver(&request)?)
    /// # }
    /// #[derive(serde::Deserialize)]
    /// #[serde(rename_all = "kebab-case")]
    /// struct Order {
    ///     id: u64,
    ///     line_item: Vec<LineItem>,
    /// }
    ///
    /// #[derive(Debug, serde::Deserialize)]
    /// struct LineItem {
    ///     sku: String,
    /// }
    ///
    /// // <order><id type="integer">820982911946154508</id><line-item><sku>A</sku></line-item></order>
    /// let delivery = delivered()?;
    /// let order: Order = delivery.xml()?;
    /// assert_eq!((order.id, order.line_item[0].sku.as_str()), (820_982_911_946_154_508, "A"));
    /// assert_eq!(delivery.xml::<LineItem>().unwrap_err().kind(), countersign::PayloadErrorKind::Mismatch);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "xml")]
    pub fn xml<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        xml::read(&self.document(XML)?)
    }

    /// The payload when it is a document.
    fn document(&self, asked: &'static str) -> Result<Cow<'_, [u8]>, PayloadError> {
        let PayloadText::Document(document) = self.payload() else {
            return Err(PayloadError::unsupported(asked, "the payload is a form"));
        };
        // A form's field is shorter than the form, and was decoded with replacements.
        if document.len() < self.body().len() && !crate::form::is_text(self.body()) {
            return Err(PayloadError::malformed(asked, NOT_UTF8));
        }
        Ok(document)
    }
}

fn json<T: DeserializeOwned>(document: &[u8]) -> Result<T, PayloadError> {
    let kind = |error: &serde_json::Error| match error.is_data() {
        true => PayloadErrorKind::Mismatch,
        false => PayloadErrorKind::Malformed,
    };
    let mut reader = serde_json::Deserializer::from_slice(document);
    let payload = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| PayloadError::at(JSON, error, kind))?;
    reader
        .end()
        .map_err(|error| PayloadError::malformed(JSON, error))?;
    Ok(payload)
}

const JSON: &str = "JSON";
const FORM: &str = "form";
const XML: &str = "XML";
const NOT_UTF8: &str = "it is no UTF-8";
