//! One attempt as bytes, and what a genuine one looks like.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderName, HeaderValue, Request};
use sha2::Sha256;

use crate::random::Random;

/// The second at which attempts are judged where nobody reads a clock.
pub(crate) const NOW: i64 = 1_700_000_000;

/// The longest body that our receiver takes here: far less than else, so that a longer one is soon hashed by the others.
pub(crate) const MAX_BODY: usize = 2_048;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    Stripe,
    Standard,
    Svix,
}

/// What an attempt says besides its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Id,
    Stamp,
    Signature,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) sender: Sender,
    pub(crate) method: &'static str,
    pub(crate) headers: Vec<(&'static str, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    /// The sender signs with it.
    pub(crate) key: Vec<u8>,
    /// What every receiver is given, as a dashboard shows it.
    pub(crate) secret: String,
    pub(crate) now: i64,
}

pub(crate) const SVIX: [&str; 3] = ["svix-id", "svix-timestamp", "svix-signature"];
pub(crate) const WEBHOOK: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];
const STRIPE: &str = "stripe-signature";

const ALPHANUMERIC: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Attempt {
    pub(crate) fn genuine(sender: Sender, random: &mut Random, now: i64) -> Self {
        let (key, secret) = match sender {
            Sender::Stripe => {
                let count = 32 + random.below(16);
                let secret = format!("whsec_{}", text(random, ALPHANUMERIC, count));
                (secret.clone().into_bytes(), secret)
            }
            Sender::Standard | Sender::Svix => {
                let count = 32 + random.below(33);
                let key = random.bytes(count);
                let secret = format!("whsec_{}", STANDARD.encode(&key));
                (key, secret)
            }
        };
        let stamp = now + i64::try_from(random.below(601)).unwrap() - 300;
        let mut attempt = Self {
            sender,
            method: "POST",
            headers: Vec::new(),
            body: body(random),
            key,
            secret,
            now,
        };
        if sender == Sender::Stripe {
            let tag = attempt.tag(b"", stamp.to_string().as_bytes());
            attempt.headers = vec![(STRIPE, format!("t={stamp},v1={tag}").into_bytes())];
        } else {
            let [id, time, signature] = match (sender, random.below(2)) {
                (Sender::Svix, 0) => SVIX,
                _ => WEBHOOK,
            };
            let count = 12 + random.below(20);
            let value = format!("msg_{}", text(random, ALPHANUMERIC, count));
            let tag = attempt.tag(value.as_bytes(), stamp.to_string().as_bytes());
            attempt.headers = vec![
                (id, value.into_bytes()),
                (time, stamp.to_string().into_bytes()),
                (signature, format!("v1,{tag}").into_bytes()),
            ];
        }
        attempt
    }

    /// As if the sender had the receivers' key: what both accept was signed with it.
    pub(crate) fn with_their_key(&self) -> Self {
        let text = self.secret.strip_prefix("whsec_").unwrap_or(&self.secret);
        let key = match self.sender {
            Sender::Stripe => self.secret.clone().into_bytes(),
            Sender::Standard | Sender::Svix => STANDARD.decode(text).expect("a secret"),
        };
        Self {
            key,
            ..self.clone()
        }
    }

    /// The header's name: in the family of the signature's, or in the other one where it is there alone.
    pub(crate) fn name(&self, field: Field) -> &'static str {
        let at = match field {
            _ if self.sender == Sender::Stripe => return STRIPE,
            Field::Id => 0,
            Field::Stamp => 1,
            Field::Signature => 2,
        };
        let families = match self.header(SVIX[2]) {
            Some(_) => [SVIX[at], WEBHOOK[at]],
            None => [WEBHOOK[at], SVIX[at]],
        };
        let mut there = families.iter().filter(|name| self.header(name).is_some());
        there.next().unwrap_or(&families[0])
    }

    /// The value of the first line.
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        let mut lines = self.headers.iter();
        let (_, value) = lines.find(|(known, _)| *known == name)?;
        Some(value)
    }

    /// Changes the first line; does nothing when there is none.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        if let Some(line) = self.headers.iter_mut().find(|(known, _)| *known == name) {
            line.1 = value.into();
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.retain(|(known, _)| *known != name);
    }

    /// What stands between the items of the signature's header.
    pub(crate) fn separator(&self) -> u8 {
        if self.sender == Sender::Stripe {
            b','
        } else {
            b' '
        }
    }

    /// What a signature's item begins with.
    pub(crate) fn mark(&self) -> &'static str {
        if self.sender == Sender::Stripe {
            "v1="
        } else {
            "v1,"
        }
    }

    pub(crate) fn items(&self) -> Vec<Vec<u8>> {
        let value = self.header(self.name(Field::Signature)).unwrap_or_default();
        let items = value.split(|byte| *byte == self.separator());
        items.map(<[u8]>::to_vec).collect()
    }

    pub(crate) fn set_items(&mut self, items: &[Vec<u8>]) {
        let joined = items.join(&self.separator());
        self.set(self.name(Field::Signature), joined);
    }

    pub(crate) fn id(&self) -> Vec<u8> {
        match self.sender {
            Sender::Stripe => Vec::new(),
            _ => self
                .header(self.name(Field::Id))
                .unwrap_or_default()
                .to_vec(),
        }
    }

    /// The stamp as it is written; Stripe's last one, where there are several.
    pub(crate) fn stamp(&self) -> Option<Vec<u8>> {
        if self.sender != Sender::Stripe {
            return self.header(self.name(Field::Stamp)).map(<[u8]>::to_vec);
        }
        let items = self.items();
        let mut stamps = items.iter().filter_map(|item| item.strip_prefix(b"t="));
        stamps.next_back().map(<[u8]>::to_vec)
    }

    pub(crate) fn set_stamp(&mut self, stamp: &[u8]) {
        if self.sender != Sender::Stripe {
            return self.set(self.name(Field::Stamp), stamp);
        }
        let mut items = self.items();
        for item in items.iter_mut().filter(|item| item.starts_with(b"t=")) {
            *item = [b"t=", stamp].concat();
        }
        self.set_items(&items);
    }

    /// The signature that the sender would give, as text.
    pub(crate) fn tag(&self, id: &[u8], stamp: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).unwrap();
        if self.sender != Sender::Stripe {
            mac.update(id);
            mac.update(b".");
        }
        mac.update(stamp);
        mac.update(b".");
        mac.update(&self.body);
        let tag = mac.finalize().into_bytes();
        match self.sender {
            Sender::Stripe => hex(&tag),
            _ => STANDARD.encode(tag),
        }
    }

    /// The signatures that are genuine over what the attempt says now: over the stamp as it is written, and over its number printed again.
    pub(crate) fn genuine_tags(&self) -> Vec<String> {
        let stamp = self.stamp().unwrap_or_default();
        let mut tags = vec![self.tag(&self.id(), &stamp)];
        if let Some(number) = number(&stamp) {
            tags.push(self.tag(&self.id(), number.to_string().as_bytes()));
        }
        tags
    }

    /// Changes something, and signs what was genuinely signed again; what was forged stays forged.
    pub(crate) fn resign(&mut self, change: impl FnOnce(&mut Self)) {
        let old = self.genuine_tags();
        change(self);
        let Some(new) = self.genuine_tags().into_iter().next() else {
            return;
        };
        self.replace_tags(&old, &new);
    }

    /// As [`resign`](Self::resign), over the stamp's number printed again, as those do who sign what they have parsed.
    pub(crate) fn resign_number(&mut self, change: impl FnOnce(&mut Self)) {
        let old = self.genuine_tags();
        change(self);
        let Some(new) = self.genuine_tags().pop() else {
            return;
        };
        self.replace_tags(&old, &new);
    }

    fn replace_tags(&mut self, old: &[String], new: &str) {
        let name = self.name(Field::Signature);
        for (_, value) in self.headers.iter_mut().filter(|(known, _)| *known == name) {
            for old in old {
                *value = replace(value, old.as_bytes(), new.as_bytes());
                *value = replace(
                    value,
                    old.to_uppercase().as_bytes(),
                    new.to_uppercase().as_bytes(),
                );
            }
        }
    }

    pub(crate) fn request(&self) -> Request<()> {
        let mut request = Request::builder()
            .method(self.method)
            .uri("/hooks")
            .body(())
            .unwrap();
        for (name, value) in &self.headers {
            let value = HeaderValue::from_bytes(value).expect("a header's value");
            request
                .headers_mut()
                .append(HeaderName::from_static(name), value);
        }
        request
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{} at {} with {}", self.method, self.now, self.secret)?;
        for (name, value) in &self.headers {
            let shown = value.get(..400).unwrap_or(value);
            writeln!(out, "{name}: {}", shown.escape_ascii())?;
        }
        let shown = self.body.get(..200).unwrap_or(&self.body);
        write!(out, "{}", shown.escape_ascii())
    }
}

/// What a decimal number says, to those who take any spelling of it.
pub(crate) fn number(stamp: &[u8]) -> Option<i64> {
    std::str::from_utf8(stamp).ok()?.parse().ok()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn text(random: &mut Random, letters: &[u8], count: usize) -> String {
    (0..count)
        .map(|_| char::from(*random.pick(letters)))
        .collect()
}

pub(crate) fn replace(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.windows(old.len()).position(|window| window == old) {
        replaced.extend_from_slice(&rest[..at]);
        replaced.extend_from_slice(new);
        rest = &rest[at + old.len()..];
    }
    replaced.extend_from_slice(rest);
    replaced
}

fn body(random: &mut Random) -> Vec<u8> {
    let number = random.next();
    match random.below(4) {
        0 => format!(
            r#"{{"id":"evt_{number}","type":"invoice.paid","data":{{"amount":{}}}}}"#,
            number % 9_999
        ),
        1 => {
            format!("{{\"id\":\"evt_{number}\",\"name\":\"Zo\u{eb} \u{1f980} \u{6f22}\u{5b57}\"}}")
        }
        2 => format!(
            "{{\r\n  \"id\": \"evt_{number}\",\r\n  \"list\": [1, 2.50, null, \".\"]\r\n}}\r\n"
        ),
        _ => format!("{number}.{number}"),
    }
    .into_bytes()
}
