//! What is timed.

use std::error::Error;
use std::hint::black_box;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign::danger::Weak;
use countersign::scheme::{Algorithm, Encoding, Grade, Place, Scheme, SignatureRule};
use countersign::{Message, Receiver, Refusal, Secret, Timestamp, list, text};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Request};
use sha2::Sha256;

use super::{Bound, CONTROL, Class, MOST};
use crate::random::Random;

/// One line's two classes of attempts.
pub(crate) trait Subject {
    /// Makes an attempt of a class.
    fn make(&self, class: Class, random: &mut Random) -> Input;

    /// Takes the next attempt: the same work for each class.
    fn load(&mut self, input: Input);

    /// What counts is the time of this. Was it refused, for the comparison's sake?
    fn run(&mut self) -> bool;

    fn accepts_the_genuine(&mut self) -> bool;
}

/// One attempt.
pub(crate) struct Input {
    body: Bytes,
    /// The signature's or the token's header.
    value: HeaderValue,
}

type Line = (&'static str, Bound, Box<dyn Subject>);

/// What is wrong with a tag or token.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    First,
    Last,
    All,
}

pub(crate) fn all() -> Result<Vec<Line>, Box<dyn Error>> {
    use Wrong::{All, First, Last};

    let tag = |algorithm, encoding, a, b| -> Result<Box<dyn Subject>, Box<dyn Error>> {
        Ok(Box::new(Tags::new(algorithm, encoding, [a, b])?))
    };
    let sha256 = |a, b| tag(Algorithm::HmacSha256, Encoding::Hex, a, b);
    let token = |a, b| -> Result<Box<dyn Subject>, Box<dyn Error>> {
        Ok(Box::new(Tokens::new(Algorithm::Token, [a, b])?))
    };
    let (under, over) = (Bound::Under(MOST), Bound::Over(CONTROL));
    Ok(vec![
        (
            "HMAC-SHA256, hex: A first byte wrong, B last",
            under,
            sha256(First, Last)?,
        ),
        (
            "HMAC-SHA256, hex: A first byte wrong, B all",
            under,
            sha256(First, All)?,
        ),
        (
            "HMAC-SHA256, hex: A last byte wrong, B all",
            under,
            sha256(Last, All)?,
        ),
        (
            "HMAC-SHA512, base64: A first byte wrong, B last",
            under,
            tag(Algorithm::HmacSha512, Encoding::Base64, First, Last)?,
        ),
        (
            "HMAC-SHA1, hex: A first byte wrong, B last",
            under,
            tag(Algorithm::HmacSha1, Encoding::Hex, First, Last)?,
        ),
        (
            "token of 37 bytes: A first wrong, B last",
            under,
            token(Guess::Same(First), Guess::Same(Last))?,
        ),
        (
            "token of 37 bytes: A first wrong, B all",
            under,
            token(Guess::Same(First), Guess::Same(All))?,
        ),
        (
            "token of 37 bytes: A last wrong, B all",
            under,
            token(Guess::Same(Last), Guess::Same(All))?,
        ),
        (
            "token, a byte longer: A begins with it, B shares nothing",
            under,
            token(
                Guess::Longer { begins: true },
                Guess::Longer { begins: false },
            )?,
        ),
        (
            "token, a byte shorter: A begins it, B shares nothing",
            under,
            token(
                Guess::Shorter { begins: true },
                Guess::Shorter { begins: false },
            )?,
        ),
        (
            "basic authentication: A password's first byte wrong, B last",
            under,
            Box::new(Tokens::new(
                Algorithm::Basic,
                [Guess::Same(First), Guess::Same(Last)],
            )?),
        ),
        (
            "token: A of its length, B a byte longer (may be learned)",
            Bound::None,
            token(Guess::Same(All), Guess::Longer { begins: false })?,
        ),
        (
            "control, HMAC-SHA256 by hand and byte by byte: A first, B last",
            over,
            Box::new(ByHand::new()?),
        ),
        (
            "control, == on 4 KiB: A first byte differs, B last",
            over,
            Box::new(Slices::new()),
        ),
    ])
}

/// A byte that differs from `byte`.
fn other(byte: u8, random: &mut Random) -> u8 {
    byte ^ u8::try_from(1 + random.below(255)).unwrap_or(1)
}

fn spoil(bytes: &mut [u8], wrong: Wrong, mut change: impl FnMut(&mut u8)) {
    match wrong {
        Wrong::First => bytes.first_mut().into_iter().for_each(&mut change),
        Wrong::Last => bytes.last_mut().into_iter().for_each(&mut change),
        Wrong::All => bytes.iter_mut().for_each(change),
    }
}

/// Signatures over one of many bodies. Every text is another one, in each class, so that reading it takes each class equally long.
struct Tags {
    receiver: Receiver,
    encoding: Encoding,
    wrong: [Wrong; 2],
    genuine: Vec<(Bytes, Vec<u8>)>,
    request: Request<()>,
    body: Bytes,
}

const BODIES: usize = 256;
const SIGNATURE: HeaderName = HeaderName::from_static("signature");
const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const SECRET: &str = "forty-two is no secret, is it? 7";

impl Tags {
    fn new(
        algorithm: Algorithm,
        encoding: Encoding,
        wrong: [Wrong; 2],
    ) -> Result<Self, Box<dyn Error>> {
        let scheme = Scheme {
            name: text!("timed"),
            algorithm,
            signature: SignatureRule {
                place: Place::Header(text!("signature")),
                encoding,
                ..SignatureRule::BASE
            },
            media_types: list![],
            ..Scheme::BASE
        };
        let secret = Secret::new(SECRET)?;
        let mut random = Random::new(2);
        let mut genuine = Vec::new();
        for _ in 0..BODIES {
            let body = Bytes::from(random.bytes(64));
            let headers = scheme.sign(&secret, &Message::new(&body, NOW))?;
            let value = headers.iter().find(|(name, _)| name == SIGNATURE);
            let value = value.ok_or("the scheme signs nothing")?.1.as_bytes();
            let tag = match encoding {
                Encoding::Base64 => STANDARD.decode(value)?,
                _ => base16ct::lower::decode_vec(value)?,
            };
            genuine.push((body, tag));
        }
        Ok(Self {
            receiver: Receiver::builder(scheme, secret).build()?,
            encoding,
            wrong,
            genuine,
            request: Request::post("/").body(())?,
            body: Bytes::new(),
        })
    }

    fn input(&self, body: &Bytes, tag: &[u8]) -> Input {
        let text = match self.encoding {
            Encoding::Base64 => STANDARD.encode(tag),
            _ => base16ct::lower::encode_string(tag),
        };
        Input {
            body: body.clone(),
            value: value(text),
        }
    }
}

impl Subject for Tags {
    fn make(&self, class: Class, random: &mut Random) -> Input {
        let (body, mut tag) = random.pick(&self.genuine).clone();
        spoil(&mut tag, class.of(self.wrong), |byte| {
            *byte = other(*byte, random)
        });
        self.input(&body, &tag)
    }

    fn load(&mut self, input: Input) {
        self.body = input.body;
        self.request.headers_mut().insert(SIGNATURE, input.value);
    }

    fn run(&mut self) -> bool {
        let body = std::mem::take(&mut self.body);
        let verdict = self.receiver.verify(&self.request, body, NOW);
        verdict.is_err_and(|refusal| refusal == Refusal::SignatureMismatch)
    }

    fn accepts_the_genuine(&mut self) -> bool {
        self.genuine.clone().into_iter().all(|(body, tag)| {
            self.load(self.input(&body, &tag));
            self.receiver.verify(&self.request, body, NOW).is_ok()
        })
    }
}

/// All of it is ASCII.
fn value(text: impl Into<Bytes>) -> HeaderValue {
    HeaderValue::from_maybe_shared(text.into()).unwrap_or(HeaderValue::from_static(""))
}

/// What a stranger tries for a token.
#[derive(Clone, Copy, Debug)]
enum Guess {
    Same(Wrong),
    Longer { begins: bool },
    Shorter { begins: bool },
}

/// Tokens and credentials, compared before the body.
struct Tokens {
    receiver: Receiver,
    is_basic: bool,
    guesses: [Guess; 2],
    request: Request<()>,
}

const TOKEN: &str = "kQ3vX8pLw2ZtR7nB5yHc9JdM4sFg6AeU1oTq0";
const USER: &str = "user:";
const LETTERS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Tokens {
    fn new(algorithm: Algorithm, guesses: [Guess; 2]) -> Result<Self, Box<dyn Error>> {
        let is_basic = algorithm == Algorithm::Basic;
        let scheme = Scheme {
            name: text!("timed"),
            grade: Grade::Token,
            algorithm,
            content: list![],
            signature: SignatureRule {
                place: Place::Header(if is_basic {
                    text!("authorization")
                } else {
                    text!("signature")
                }),
                encoding: if is_basic {
                    Encoding::Base64
                } else {
                    Encoding::Plain
                },
                ..SignatureRule::BASE
            },
            media_types: list![],
            ..Scheme::BASE
        };
        let secret = if is_basic {
            format!("{USER}{TOKEN}")
        } else {
            TOKEN.to_owned()
        };
        let builder = Receiver::builder(scheme, Secret::new(secret)?);
        Ok(Self {
            receiver: builder.accept_weak(Weak::NothingSigned).build()?,
            is_basic,
            guesses,
            request: Request::post("/").body(())?,
        })
    }

    fn input(&self, token: &[u8]) -> Input {
        let text = if self.is_basic {
            let credentials = [USER.as_bytes(), token].concat();
            format!("Basic {}", STANDARD.encode(credentials)).into_bytes()
        } else {
            token.to_vec()
        };
        Input {
            body: Bytes::new(),
            value: value(text),
        }
    }
}

/// A letter that differs from `letter`.
fn other_letter(letter: u8, random: &mut Random) -> u8 {
    let others = LETTERS.iter().filter(|other| **other != letter);
    let others: Vec<u8> = others.copied().collect();
    *random.pick(&others)
}

impl Subject for Tokens {
    fn make(&self, class: Class, random: &mut Random) -> Input {
        let mut token = TOKEN.as_bytes().to_vec();
        let wrong = match class.of(self.guesses) {
            Guess::Same(wrong) => Some(wrong),
            Guess::Longer { begins } => {
                token.push(*random.pick(LETTERS));
                (!begins).then_some(Wrong::All)
            }
            Guess::Shorter { begins } => {
                token.pop();
                (!begins).then_some(Wrong::All)
            }
        };
        if let Some(wrong) = wrong {
            spoil(&mut token, wrong, |letter| {
                *letter = other_letter(*letter, random);
            });
        }
        self.input(&token)
    }

    fn load(&mut self, input: Input) {
        let name = if self.is_basic {
            AUTHORIZATION
        } else {
            SIGNATURE
        };
        self.request.headers_mut().insert(name, input.value);
    }

    fn run(&mut self) -> bool {
        let verdict = self.receiver.verify(&self.request, Bytes::new(), NOW);
        verdict.is_err_and(|refusal| refusal == Refusal::SignatureMismatch)
    }

    fn accepts_the_genuine(&mut self) -> bool {
        self.load(self.input(TOKEN.as_bytes()));
        let verdict = self.receiver.verify(&self.request, Bytes::new(), NOW);
        verdict.is_ok()
    }
}

/// A verifier as one should not write it: the tag is compared byte by byte, until one differs.
struct ByHand {
    keyed: Hmac<Sha256>,
    tags: Tags,
    input: Input,
}

impl ByHand {
    fn new() -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            keyed: Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?,
            tags: Tags::new(
                Algorithm::HmacSha256,
                Encoding::Hex,
                [Wrong::First, Wrong::Last],
            )?,
            input: Input {
                body: Bytes::new(),
                value: value(""),
            },
        })
    }
}

impl Subject for ByHand {
    fn make(&self, class: Class, random: &mut Random) -> Input {
        self.tags.make(class, random)
    }

    fn load(&mut self, input: Input) {
        self.input = input;
    }

    fn run(&mut self) -> bool {
        let mut mac = self.keyed.clone();
        mac.update(&self.input.body);
        let expected = mac.finalize().into_bytes();
        let mut given = [0; 32];
        let decoded = base16ct::lower::decode(self.input.value.as_bytes(), &mut given).is_ok();
        let mut pairs = given.iter().zip(&expected);
        // Kept from being compared many at a time.
        decoded && pairs.any(|(given, expected)| black_box(*given) != black_box(*expected))
    }

    fn accepts_the_genuine(&mut self) -> bool {
        self.tags.genuine.clone().into_iter().all(|(body, tag)| {
            self.load(self.tags.input(&body, &tag));
            !self.run()
        })
    }
}

/// The operator alone, on texts that are long enough.
struct Slices {
    expected: Vec<u8>,
    given: Vec<u8>,
}

impl Slices {
    fn new() -> Self {
        let expected = Random::new(2).bytes(4_096);
        Self {
            given: expected.clone(),
            expected,
        }
    }
}

impl Subject for Slices {
    fn make(&self, class: Class, random: &mut Random) -> Input {
        let mut given = self.expected.clone();
        let wrong = class.of([Wrong::First, Wrong::Last]);
        spoil(&mut given, wrong, |byte| *byte = other(*byte, random));
        Input {
            body: given.into(),
            value: value(""),
        }
    }

    fn load(&mut self, input: Input) {
        self.given.clear();
        self.given.extend_from_slice(&input.body);
    }

    fn run(&mut self) -> bool {
        self.given != self.expected
    }

    fn accepts_the_genuine(&mut self) -> bool {
        self.given.clone_from(&self.expected);
        !self.run()
    }
}
