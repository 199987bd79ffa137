//! Identity: which delivery is this? Its idempotency key, made of what the signature covers.

use crate::danger::Deduplicate;
use crate::idempotency::{Fingerprint, IdempotencyKey};
use crate::mac::sha256;
use crate::receiver::SettingError;
use crate::scheme::{Part, Place, Repeats, RetryBody, RetryStamp, Scheme};
use crate::store::QuotaKey;

/// The layout of what a key is made of. Another layout gets another number, and knows no old key.
const FORMAT: &[u8] = &[1];

/// How the deliveries of one receiver are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    namespace: String,
    endpoint: String,
    by: By,
}

/// What makes a delivery the one it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// A signed id, or else the signed content.
    Signed,
    /// A signed id, or else any, or else the signed content.
    AnyIdOrContent,
    /// An id that nothing proves, for senders that prove no content.
    AnyId,
}

/// A value, and which of the scheme's places it came from: an order's number is no event's, though they may look alike.
#[derive(Clone, Copy)]
pub(crate) struct Placed<'a> {
    pub(crate) at: u8,
    pub(crate) text: &'a str,
}

/// What a delivery says of itself, for its key.
pub(crate) struct Said<'a> {
    pub(crate) signed_id: Option<Placed<'a>>,
    pub(crate) any_id: Option<Placed<'a>>,
    pub(crate) event: Option<&'a str>,
    pub(crate) signed_tenant: Option<Placed<'a>>,
    /// Whose secret verified it, where each tenant has his own.
    pub(crate) owner: Option<&'a str>,
    /// SHA-256 of the signed content without its timestamp.
    pub(crate) content: Option<&'a [u8; 32]>,
}

impl Identity {
    /// What the scheme and the user's choice come to; `None` for no deduplication.
    pub(crate) fn new(
        scheme: &Scheme,
        choice: Option<Deduplicate>,
        namespace: String,
        endpoint: String,
    ) -> Result<Option<Self>, SettingError> {
        for (field, name) in [("namespace", &namespace), ("endpoint", &endpoint)] {
            if name.len() > 256 {
                return Err(SettingError::value(field, "is longer than 256 bytes"));
            }
        }
        let by = by(scheme, choice).map_err(|reason| SettingError::value("deduplicate", reason))?;
        Ok(by.map(|by| Self {
            namespace,
            endpoint,
            by,
        }))
    }

    /// The key; `None` for a delivery that is not deduplicated.
    pub(crate) fn key(&self, scheme: &Scheme, said: &Said<'_>) -> Option<IdempotencyKey> {
        let (kind, id, event) = match self.by {
            By::AnyId => ("token-id", Id::Named(said.any_id?), None),
            By::Signed | By::AnyIdOrContent => match (said.signed_id, said.any_id) {
                (Some(id), _) => ("id", Id::Named(id), None),
                (None, Some(id)) if self.by == By::AnyIdOrContent => {
                    ("unsigned-id", Id::Named(id), None)
                }
                // Events that the content does not tell apart must not pass for each other.
                _ if !tells_events_apart(scheme) => return None,
                _ => {
                    // A name that anybody may change counts only where there are few.
                    let known = |name: &&str| scheme.events.iter().any(|event| event == name);
                    let content = Id::Content(said.content?);
                    ("content", content, said.event.filter(known))
                }
            },
        };
        let place_of = |placed: Placed<'_>| [placed.at];
        let tenant_place = said.signed_tenant.map(place_of);
        let (id_place, id) = match id {
            Id::Named(id) => (Some(place_of(id)), id.text.as_bytes()),
            Id::Content(content) => (None, content.as_slice()),
        };
        let fields = [
            Some(FORMAT),
            Some(self.namespace.as_bytes()),
            Some(scheme.name.as_bytes()),
            Some(self.endpoint.as_bytes()),
            tenant_place.as_ref().map(<[u8; 1]>::as_slice),
            said.signed_tenant.map(|tenant| tenant.text.as_bytes()),
            Some(kind.as_bytes()),
            id_place.as_ref().map(<[u8; 1]>::as_slice),
            Some(id),
            event.map(str::as_bytes),
        ];
        Some(IdempotencyKey::from_bytes(encode(&fields, said.owner)))
    }
}

/// Whose quota it is. What is not signed names nobody: it is the receiver's own. Whoever has a secret of his own can sign any other name with it, so
/// he has one quota, and not one for each name.
pub(crate) fn quota_key(
    scheme: &Scheme,
    namespace: &str,
    endpoint: &str,
    signed_tenant: Option<Placed<'_>>,
    owner: Option<&str>,
) -> QuotaKey {
    let signed_tenant = signed_tenant.filter(|_| owner.is_none());
    let place = signed_tenant.map(|tenant| [tenant.at]);
    let fields = [
        Some(FORMAT),
        Some(b"quota"),
        Some(namespace.as_bytes()),
        Some(scheme.name.as_bytes()),
        Some(endpoint.as_bytes()),
        place.as_ref().map(<[u8; 1]>::as_slice),
        signed_tenant.map(|tenant| tenant.text.as_bytes()),
    ];
    QuotaKey::from_bytes(encode(&fields, owner))
}

enum Id<'a> {
    Named(Placed<'a>),
    Content(&'a [u8; 32]),
}

/// The digest of a list of fields, each with its presence and its length in front: no two lists look alike. Whose secret it was stands behind
/// the others, so that without tenants a key is what it always was.
fn encode(fields: &[Option<&[u8]>], owner: Option<&str>) -> [u8; 32] {
    let owner = owner.map(|owner| Some(owner.as_bytes()));
    sha256(|sink| {
        for field in fields.iter().copied().chain(owner) {
            match field {
                None => sink(&[0]),
                Some(bytes) => {
                    sink(&[1]);
                    let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                    sink(&len.to_be_bytes());
                    sink(bytes);
                }
            }
        }
    })
}

fn by(scheme: &Scheme, choice: Option<Deduplicate>) -> Result<Option<By>, &'static str> {
    if choice == Some(Deduplicate::Off) {
        return Ok(None);
    }
    if choice == Some(Deduplicate::ByUnsignedId) && scheme.id.is_empty() {
        return Err("the scheme names no id");
    }
    if !scheme.algorithm.signs_content() {
        return match choice {
            Some(Deduplicate::ByContent) => {
                Err("the sender signs no content that deliveries could be told by")
            }
            _ if scheme.id.is_empty() => Err(
                "the sender signs nothing and the scheme names no id: name one in its field `id`, or choose danger::Deduplicate::Off",
            ),
            _ => Ok(Some(By::AnyId)),
        };
    }
    let has_signed_id = scheme.id.iter().any(|place| scheme.signs(place));
    if choice == Some(Deduplicate::ByUnsignedId) {
        return Ok(Some(By::AnyIdOrContent));
    }
    if !has_signed_id && !tells_events_apart(scheme) {
        return Err(match choice {
            Some(_) => "the signed content does not tell one event from another",
            None => {
                "the signed content does not tell one event from another: choose danger::Deduplicate::ByUnsignedId or Off"
            }
        });
    }
    if choice.is_some() {
        return Ok(Some(By::Signed));
    }
    if scheme.repeats == Repeats::Possible {
        return Err(
            "two events of this sender may have the same signed content: choose danger::Deduplicate::ByContent, ByUnsignedId or Off",
        );
    }
    if !has_signed_id && retries_differ(scheme) {
        return Err(
            "the signed content of a retry is another one: choose danger::Deduplicate::ByContent, ByUnsignedId or Off",
        );
    }
    Ok(Some(By::Signed))
}

/// Does the signature cover what was said? What it covers of the head, a path or a topic, need not differ from event to event.
fn tells_events_apart(scheme: &Scheme) -> bool {
    scheme.covers_body()
}

/// Does a retry have another content, so that it cannot be told from another event? A stamp that is a part of its own is left out; one inside
/// of the body or the query is not.
fn retries_differ(scheme: &Scheme) -> bool {
    let holds = |test: &dyn Fn(&Part) -> bool| Part::any(&scheme.content, test);
    let has_stamp_inside = scheme.timestamp.as_ref().is_some_and(|rule| {
        let is_inside = match &rule.place {
            Place::QueryParam(_) => {
                holds(&|part| matches!(part, Part::Url | Part::Query | Part::QuerySorted))
            }
            place => {
                let is_around =
                    |part: &Part| part.covers_in_body(place) && !is_of_the_attempt(scheme, part);
                place.is_in_body() && (holds(&is_around) || scheme.digest_covers_body())
            }
        };
        is_inside && scheme.retry.stamp == RetryStamp::Fresh
    });
    has_stamp_inside || scheme.retry.body == RetryBody::Changes
}

/// Is it what a key must not be made of: the timestamp, which is another one for every attempt, or the secret, which is exchanged?
pub(crate) fn is_of_the_attempt(scheme: &Scheme, part: &Part) -> bool {
    match part {
        Part::Timestamp | Part::Secret => true,
        part => {
            let rule = scheme.timestamp.as_ref();
            rule.is_some_and(|rule| part.place().as_ref() == Some(&rule.place))
        }
    }
}

/// Eight bytes of a digest.
pub(crate) fn fingerprint(digest: &[u8; 32]) -> Fingerprint {
    let first = digest.first_chunk::<8>().copied().unwrap_or_default();
    Fingerprint::from_u64(u64::from_be_bytes(first))
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
