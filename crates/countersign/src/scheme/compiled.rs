//! A scheme made ready for requests: header names parsed, keys set up, the order of the work decided. Done once, at build.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use zeroize::Zeroizing;

use super::signature::{Reader, Tag};
use super::{Algorithm, Layout, List, Part, Place, Scheme, Text, UrlSpelling};

use crate::failures::Failures;
use crate::handshake::{Asked, Consent};
use crate::identity::Identity;
use crate::json::Pointers;
use crate::mac::{Expected, Keyed};
use crate::public_url::PublicUrl;
use crate::refusal::Refusal;
use crate::request::{Head, HeadSpot};
use crate::source::Origin;
use crate::tenants::Directory;
use crate::text;
use crate::timestamp::Timestamp;
use crate::watch::Watch;

/// The rules that a receiver judges by, and the ring of secrets for one attempt.
#[derive(Clone, Debug)]
pub(crate) struct Compiled {
    rules: Arc<Rules>,
    pub(crate) keys: Arc<[Key]>,
    pub(crate) whose: Whose,
    /// Who is told of attempts.
    pub(crate) watch: Arc<Watch>,
    /// Whose secrets there are, where each tenant has his own.
    pub(crate) tenants: Option<Arc<Directory>>,
}

/// Whose ring it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The receiver's own: there are no tenants.
    Receiver,
    /// This tenant's: what it verifies is his.
    Tenant(Arc<str>),
    /// Nobody's. It costs what another ring costs, and verifies nothing.
    Nobody,
}

impl Deref for Compiled {
    type Target = Rules;

    fn deref(&self) -> &Rules {
        &self.rules
    }
}

/// A scheme and its configuration, ready for requests.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) scheme: Scheme,
    pub(crate) config: Config,
    /// Where the public URL comes from; there when the content holds it.
    pub(crate) public_url: Option<PublicUrl>,
    /// The spellings of it that are tried; empty when the content holds none.
    pub(crate) url_spellings: Vec<UrlSpelling>,
    /// Handshakes and unsigned shapes.
    pub(crate) asked: Arc<Asked>,
    /// Asks the application about questions.
    pub(crate) consent: Option<Consent>,
    /// What is done about failures.
    pub(crate) failures: Arc<Failures>,
    /// How deliveries are told apart, where they are remembered.
    pub(crate) identity: Option<Identity>,
    /// What a candidate looks like.
    tag: Tag,
    layout: Layout,
    also_layout: Layout,
    prefix_has_no_case: bool,
    pub(crate) pair_keys: Vec<Text>,
    /// Places outside the body that may hold a signature; empty when it lies in the body.
    pub(crate) signature: Vec<HeadSpot>,
    /// The timestamp's place, when it is a header or parameter.
    pub(crate) stamp: Option<HeadSpot>,
    /// The id's place, when the content holds the id and it is a header or parameter.
    pub(crate) id: Option<HeadSpot>,
    /// Headers and parameters that must have a fixed value.
    pub(crate) requires: Vec<(HeadSpot, Text)>,
    /// Headers and parameters that the content holds.
    pub(crate) head_parts: Vec<(Place, HeadSpot)>,
    /// The id's place, when the content holds the id and it lies in the body.
    pub(crate) id_in_body: Option<Place>,
    /// Are there headers or parameters that the content holds and that id, event or tenant are read from?
    pub(crate) keeps_values: bool,
    /// Is the content another one for each secret?
    pub(crate) holds_secret: bool,
    /// Are forms covered in another way than other bodies?
    pub(crate) tells_forms_apart: bool,
    /// Do form fields decide: in the content, the signature or the timestamp?
    pub(crate) holds_form: bool,
    /// Does the content hold all form fields in order?
    pub(crate) sorts_form: bool,
    /// The form fields that they need.
    pub(crate) form_names: Vec<Text>,
    /// The JSON pointers that the content, the signature and the timestamp need.
    pub(crate) pointers: Pointers,
    pub(crate) plan: Plan,
    /// Does the content hold a value of the head that must be kept apart from the literal beside it?
    pub(crate) holds_values: bool,
    /// Spots of id, event and tenant, in that order, each by its list of places, and those by what makes them up.
    pub(crate) fields: [Vec<Vec<Option<HeadSpot>>>; 3],
    /// The JSON pointers that id, event and tenant need.
    pub(crate) field_pointers: Pointers,
    /// The same inside form fields.
    pub(crate) form_pointers: Vec<(Text, Pointers)>,
    /// The JSON pointers that say whose secret signs.
    pub(crate) owner_pointers: Pointers,
    /// The same inside form fields.
    pub(crate) owner_form_pointers: Vec<(Text, Pointers)>,
}

/// Configured values that the content holds beside the secret. Access keys among them: their names alone are printed.
#[derive(Clone, Default)]
pub(crate) struct Config(BTreeMap<String, Zeroizing<String>>);

impl Config {
    pub(crate) fn set(&mut self, name: String, value: String) {
        self.0.insert(name, Zeroizing::new(value));
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.as_str())
    }

    /// A value that strangers have to know.
    pub(crate) fn token(&self, name: &str) -> Option<Expected<'_>> {
        self.get(name).map(|value| Expected::new(value.as_bytes()))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}

/// One active secret.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) label: String,
    /// How many deliveries it has verified.
    pub(crate) verified: Arc<AtomicU64>,
    pub(crate) keyed: Keyed,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) not_after: Option<Timestamp>,
}

impl Key {
    pub(crate) fn is_active(&self, now: Timestamp) -> bool {
        self.not_before.is_none_or(|start| start <= now)
            && self.not_after.is_none_or(|end| now <= end)
    }
}

/// When the content can be fed to the MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Parts before the one body, the body as it arrives, parts after it.
    Streamed {
        /// The body's position in the content.
        body_at: usize,
    },
    /// When the body is complete: parts of it are read, or each key has content of its own.
    Whole,
    /// Nothing is computed: a token is compared.
    Compared,
    /// Nothing is computed and nothing is compared: the sender proves nothing, which was accepted by name.
    Unproven,
}

impl Compiled {
    /// The scheme has passed [`Scheme::check`].
    pub(crate) fn new(
        scheme: Scheme,
        keys: Vec<Key>,
        config: Config,
        public_url: Option<PublicUrl>,
        consent: Option<Consent>,
        failures: Failures,
        identity: Option<Identity>,
    ) -> Self {
        let spot = |place: &Place| HeadSpot::new(place, &scheme);
        let signature = std::iter::once(&scheme.signature.place)
            .chain(scheme.signature.also.iter())
            .filter_map(spot)
            .collect();
        let (tag, layout) = match scheme.algorithm {
            Algorithm::Basic => (Tag::Credentials, Layout::Prefix(text!("Basic "))),
            algorithm => {
                let tag = match algorithm.tag_len() {
                    Some(len) => Tag::Bytes(len, scheme.signature.encoding),
                    None => Tag::Token,
                };
                (tag, scheme.signature.layout.clone())
            }
        };
        let uses_id = Part::any(&scheme.content, &|part| *part == Part::Id);
        let id = scheme.id.first().filter(|_| uses_id);
        let mut head_parts = Vec::new();
        let mut pointers = Pointers::default();
        let mut form_names: Vec<Text> = Vec::new();
        let mut note = |place: &Place| match place {
            Place::Json(pointer) | Place::JsonEach { array: pointer, .. } => {
                pointers.add(pointer);
            }
            Place::Form(name) | Place::FormJson { field: name, .. } => {
                if !form_names.contains(name) {
                    form_names.push(name.clone());
                }
            }
            place => {
                if let Some(spot) = HeadSpot::new(place, &scheme) {
                    head_parts.push((place.clone(), spot));
                }
            }
        };
        each_place(&scheme.content, &mut note);
        for check in scheme.checks.iter() {
            note(&check.place);
            each_place(&check.of, &mut note);
        }
        for place in std::iter::once(&scheme.signature.place)
            .chain(scheme.timestamp.as_ref().map(|rule| &rule.place))
            .chain(id)
            .filter(|place| place.is_in_body())
        {
            note(place);
        }
        // What is read as a field later must be what was verified, also where it is a piece of a part.
        for place in [&scheme.id, &scheme.event, &scheme.tenant]
            .into_iter()
            .flat_map(|places| places.iter())
            .flat_map(Place::each)
        {
            let is_piece = matches!(place, Place::QueryParam(_) | Place::PathEnd);
            if is_piece && scheme.signs(place) {
                note(place);
            }
        }
        let holds_values = Part::any(&scheme.content, &|part| {
            matches!(
                part,
                Part::Id
                    | Part::Header(_)
                    | Part::QueryParam(_)
                    | Part::Pair(_)
                    | Part::Path
                    | Part::Query
                    | Part::Url
                    | Part::UrlWithoutQuery
            ) || *part == Part::Timestamp && scheme.has_open_stamp()
        });
        let keeps_values = head_parts.iter().any(|(place, _)| {
            let lists = [&scheme.id, &scheme.event, &scheme.tenant];
            let mut places = lists.into_iter().flat_map(|list| list.iter());
            places.any(|known| known.each().contains(place))
        });
        let (field_pointers, form_pointers) = pointers_of(
            [&scheme.id, &scheme.event, &scheme.tenant]
                .into_iter()
                .flat_map(|places| places.iter())
                .flat_map(Place::each),
        );
        let (owner_pointers, owner_form_pointers) = pointers_of(scheme.secret_owner.iter());
        let asked = Asked::new(&scheme);
        let field_spots = |places: &List<Place>| {
            let spots = |place: &Place| place.each().iter().map(spot).collect();
            places.iter().map(spots).collect()
        };
        let requires = scheme.requires.iter().filter_map(|requirement| {
            Some((spot(&requirement.place)?, requirement.equals.clone()))
        });
        // The URL that was signed may have a slash at its end or none.
        let ends_in_two_ways = public_url.as_ref().is_some_and(PublicUrl::has_prefix);
        let rules = Rules {
            tag,
            prefix_has_no_case: scheme.signature.place == Place::Header(text!("authorization")),
            also_layout: match &scheme.signature.also_layout {
                Some(also) => also.clone(),
                None => layout.clone(),
            },
            layout,
            pair_keys: scheme.pair_keys(),
            signature,
            stamp: scheme.timestamp.as_ref().and_then(|rule| spot(&rule.place)),
            id: id.and_then(spot),
            requires: requires.collect(),
            head_parts,
            pointers,
            plan: plan(&scheme, asked.has_public_keys() || ends_in_two_ways),
            url_spellings: url_spellings(&scheme),
            tells_forms_apart: scheme.tells_forms_apart(),
            asked: Arc::new(asked),
            consent,
            failures: Arc::new(failures),
            identity,
            holds_values,
            id_in_body: id.filter(|place| place.is_in_body()).cloned(),
            keeps_values,
            holds_secret: Part::any(&scheme.content, &|part| *part == Part::Secret),
            sorts_form: Part::any(&scheme.content, &|part| *part == Part::FormSorted),
            holds_form: !form_names.is_empty()
                || Part::any(&scheme.content, &|part| *part == Part::FormSorted),
            form_names,
            fields: [
                field_spots(&scheme.id),
                field_spots(&scheme.event),
                field_spots(&scheme.tenant),
            ],
            field_pointers,
            form_pointers,
            owner_pointers,
            owner_form_pointers,
            scheme,
            config,
            public_url,
        };
        Self {
            rules: Arc::new(rules),
            keys: keys.into(),
            whose: Whose::Receiver,
            watch: Arc::default(),
            tenants: None,
        }
    }

    /// Each of these tenants has a ring of his own. Before one is known, the ring is one that verifies nothing.
    pub(crate) fn for_tenants(self, tenants: Directory) -> Self {
        Self {
            whose: Whose::Nobody,
            tenants: Some(Arc::new(tenants)),
            ..self
        }
    }

    pub(crate) fn watched_by(mut self, watch: Watch) -> Self {
        self.watch = Arc::new(watch);
        self
    }

    /// The same with other secrets. What was counted for a label goes on.
    pub(crate) fn with_keys(&self, mut keys: Vec<Key>) -> Self {
        for key in &mut keys {
            if let Some(known) = self.keys.iter().find(|known| known.label == key.label) {
                key.verified = Arc::clone(&known.verified);
            }
        }
        Self {
            keys: keys.into(),
            ..self.clone()
        }
    }

    /// The same with this ring.
    pub(crate) fn of(&self, whose: Whose, keys: Arc<[Key]>) -> Self {
        Self {
            keys,
            whose,
            ..self.clone()
        }
    }

    /// The verdict under this ring, which is nobody's where the tenant is not known.
    pub(crate) fn verdict<T>(&self, checked: Result<T, Refusal>) -> Result<T, Refusal> {
        match (checked, &self.whose) {
            (Ok(_) | Err(Refusal::SignatureMismatch), Whose::Nobody) => Err(Refusal::TenantUnknown),
            (checked, _) => checked,
        }
    }

    /// The tenant whose secrets these are.
    pub(crate) fn tenant(&self) -> Option<&str> {
        match &self.whose {
            Whose::Tenant(name) => Some(name),
            Whose::Receiver | Whose::Nobody => None,
        }
    }

    /// This secret has verified a delivery.
    pub(crate) fn count(&self, secret: usize) {
        if let Some(key) = self.keys.get(secret) {
            key.verified.fetch_add(1, Ordering::Relaxed);
            #[cfg(feature = "metrics")]
            crate::meters::secret_use(&self.scheme.name, self.counted_label(key));
        }
    }

    /// Labels of tenants' secrets come from their source, as many as it likes: they are counted as one.
    #[cfg(feature = "metrics")]
    fn counted_label<'k>(&self, key: &'k Key) -> &'k str {
        match self.whose {
            Whose::Receiver => &key.label,
            Whose::Tenant(_) | Whose::Nobody => "tenants",
        }
    }

    pub(crate) fn active(&self, now: Timestamp) -> impl Iterator<Item = (usize, &Key)> {
        self.keys
            .iter()
            .enumerate()
            .filter(move |(_, key)| key.is_active(now))
    }
}

impl Rules {
    /// An attempt was genuine.
    pub(crate) fn passed(&self, origin: Origin) {
        self.failures.passed(&self.scheme, origin);
    }

    /// How signature texts are read: at the scheme's first place, or at a further one.
    pub(crate) fn reader(&self, is_first: bool) -> Reader<'_> {
        Reader {
            layout: if is_first {
                &self.layout
            } else {
                &self.also_layout
            },
            tag: self.tag,
            pair_keys: &self.pair_keys,
            prefix_has_no_case: self.prefix_has_no_case,
        }
    }

    /// The header family of this request: the first whose signature header is there, else the preferred one.
    pub(crate) fn family(&self, head: &impl Head) -> usize {
        let families = self.scheme.header_prefixes.len();
        let Some(spot) = self.signature.first().filter(|_| families >= 2) else {
            return 0;
        };
        (0..families)
            .find(|family| spot.is_there(*family, head))
            .unwrap_or(0)
    }
}

/// The one body may be streamed when nothing else needs it and the content is the same for every key.
fn plan(scheme: &Scheme, is_judged_twice: bool) -> Plan {
    if scheme.algorithm == Algorithm::Unsigned {
        return Plan::Unproven;
    }
    if !scheme.algorithm.signs_content() {
        return Plan::Compared;
    }
    let in_body = |place: &Place| place.is_in_body();
    let stamp_in_body = scheme
        .timestamp
        .as_ref()
        .is_some_and(|rule| in_body(&rule.place));
    let id_in_body = scheme.id.first().is_some_and(in_body)
        && Part::any(&scheme.content, &|part| *part == Part::Id);
    let needs_body = |part: &Part| match part {
        Part::Body | Part::FormSorted | Part::Secret => true,
        other => other.place().is_some_and(|place| in_body(&place)),
    };
    let whole = stamp_in_body
        || id_in_body
        || in_body(&scheme.signature.place)
        || !scheme.checks.is_empty()
        || scheme.url_spellings.len() > 1
        || is_judged_twice;
    let mut bodies = scheme
        .content
        .iter()
        .enumerate()
        .filter(|(_, part)| Part::any(std::slice::from_ref(*part), &needs_body));
    match (bodies.next(), bodies.next()) {
        (Some((body_at, Part::Body)), None) if !whole => Plan::Streamed { body_at },
        _ => Plan::Whole,
    }
}

fn url_spellings(scheme: &Scheme) -> Vec<UrlSpelling> {
    if !scheme.signs_url() {
        Vec::new()
    } else if scheme.url_spellings.is_empty() {
        vec![UrlSpelling::PLAIN]
    } else {
        scheme.url_spellings.to_vec()
    }
}

fn each_place(parts: &[Part], note: &mut dyn FnMut(&Place)) {
    for part in parts {
        if let Some(place) = part.place() {
            note(&place);
        }
        each_place(part.inner(), note);
    }
}

fn pointers_of<'p>(places: impl Iterator<Item = &'p Place>) -> (Pointers, Vec<(Text, Pointers)>) {
    let mut json = Pointers::default();
    let mut forms: Vec<(Text, Pointers)> = Vec::new();
    for place in places {
        match place {
            Place::Json(pointer) => {
                json.add(pointer);
            }
            Place::FormJson { field, pointer } => {
                match forms.iter_mut().find(|(known, _)| known == field) {
                    Some((_, pointers)) => {
                        pointers.add(pointer);
                    }
                    None => {
                        let mut pointers = Pointers::default();
                        pointers.add(pointer);
                        forms.push((field.clone(), pointers));
                    }
                }
            }
            _ => {}
        }
    }
    (json, forms)
}

#[cfg(test)]
#[path = "compiled_tests.rs"]
mod tests;
