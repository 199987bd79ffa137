//! Whose delivery is it? A receiver of many tenants finds each one's ring of secrets by a name in the request.

mod cache;
mod look_up;
mod place;
mod source;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use self::cache::Cache;
pub(crate) use self::look_up::LookUp;
use self::look_up::{Answer, Flight};
pub use self::place::TenantPlace;
pub(crate) use self::place::{Named, Spot};
use self::source::DynSource;
pub use self::source::{SecretSource, SourceUnavailable};
use crate::clock::Clock;
use crate::defaults;
use crate::mac::Keyed;
use crate::receiver::SettingError;
use crate::refusal::Refusal;
use crate::request::Head;
use crate::scheme::compiled::{Compiled, Key, Whose};
use crate::scheme::{Algorithm, Scheme};
use crate::source::{Origin, Source};

/// Many tenants behind one receiver, each with a ring of secrets of his own: where a request names the tenant, and who knows his secrets. For
/// [`Receiver::for_tenants`](crate::Receiver::for_tenants); the [manual](crate::manual::tenants) explains.
///
/// ```
/// use countersign::{Receiver, Secret, SourceUnavailable, TenantPlace, Tenants, providers::GITHUB};
///
/// let source = |customer: String| async move {
///     // A look-up in a database, say.
///     match customer.as_str() {
///         "acme" => Ok(Some(Secret::new("0123456789abcdef-acme").map_err(SourceUnavailable::new)?.into())),
///         _ => Ok(None),
///     }
/// };
/// let receiver = Receiver::for_tenants(GITHUB, Tenants::new(TenantPlace::path("/github/{customer}"), source)).build()?;
/// # let _ = receiver;
/// # Ok::<(), countersign::SettingError>(())
/// ```
#[derive(Clone)]
#[must_use = "a receiver is made of it"]
pub struct Tenants {
    place: TenantPlace,
    source: DynSource,
    limits: Limits,
    look_up_timeout: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    remember: Duration,
    remember_unknown: Duration,
    most_remembered: usize,
    most_unknown: usize,
    max_look_ups: usize,
}

impl Tenants {
    /// Tenants named at this place, whose secrets this source knows.
    pub fn new(place: TenantPlace, source: impl SecretSource) -> Self {
        Self {
            place,
            source: DynSource::new(source),
            limits: Limits {
                remember: defaults::REMEMBER_TENANTS,
                remember_unknown: defaults::REMEMBER_UNKNOWN,
                most_remembered: defaults::TENANTS_REMEMBERED,
                most_unknown: defaults::UNKNOWN_REMEMBERED,
                max_look_ups: defaults::MAX_LOOK_UPS,
            },
            look_up_timeout: None,
        }
    }

    /// How long a tenant's ring is used before the source is asked again, counted from when it was asked: 5 minutes unless it is set. A secret
    /// that was revoked is good for so long, unless [`forget_tenant`](crate::Receiver::forget_tenant) is called. Zero: the source is asked for each
    /// attempt.
    pub const fn remember(mut self, span: Duration) -> Self {
        self.limits.remember = span;
        self
    }

    /// How long a name is taken for unknown: 30 s unless it is set. Zero: the source is asked for each attempt.
    pub const fn remember_unknown(mut self, span: Duration) -> Self {
        self.limits.remember_unknown = span;
        self
    }

    /// How many rings are remembered: 10,000 unless it is set, in about 10 MB. The one that was not used for longest makes room.
    pub const fn most_remembered(mut self, count: usize) -> Self {
        self.limits.most_remembered = count;
        self
    }

    /// How many unknown names are remembered, apart from the rings: 10,000 unless it is set.
    pub const fn most_unknown(mut self, count: usize) -> Self {
        self.limits.most_unknown = count;
        self
    }

    /// How long one look-up may take: 2 s unless it is set, and no longer than a body.
    pub const fn look_up_timeout(mut self, limit: Duration) -> Self {
        self.look_up_timeout = Some(limit);
        self
    }

    /// How many look-ups may be on their way at once: 1,024 unless it is set. Attempts that need another one are answered 503.
    pub const fn max_look_ups(mut self, count: usize) -> Self {
        self.limits.max_look_ups = count;
        self
    }

    /// Ready for requests, if it makes sense for this scheme.
    pub(crate) fn build(
        self,
        scheme: &Scheme,
        max_secrets: usize,
        body_timeout: Duration,
        clock: &Arc<OnceLock<Arc<dyn Clock>>>,
    ) -> Result<Directory, SettingError> {
        if scheme.algorithm == Algorithm::Unsigned {
            return Err(wrong(
                "the sender proves nothing, so no secret tells whose a delivery is",
            ));
        }
        let timeout = self
            .look_up_timeout
            .unwrap_or(defaults::LOOK_UP_TIMEOUT.min(body_timeout));
        if timeout.is_zero() {
            return Err(wrong("a look-up must have more time than none"));
        }
        if timeout > body_timeout {
            return Err(wrong("a look-up may not take longer than a body may"));
        }
        if self.limits.max_look_ups == 0 {
            return Err(wrong("at least one look-up must be allowed"));
        }
        Ok(Directory {
            spot: self.place.ready(scheme).map_err(wrong)?,
            source: self.source,
            state: Mutex::new(State {
                known: Cache::new(self.limits.most_remembered),
                unknown: Cache::new(self.limits.most_unknown),
                flights: HashMap::new(),
                next: 0,
            }),
            limits: self.limits,
            timeout,
            max_secrets,
            clock: Arc::clone(clock),
        })
    }
}

const fn wrong(reason: &'static str) -> SettingError {
    SettingError::value("tenants", reason)
}

impl fmt::Debug for Tenants {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tenants")
            .field("place", &self.place)
            .field("limits", &self.limits)
            .field("look_up_timeout", &self.look_up_timeout)
            .finish_non_exhaustive()
    }
}

/// A ring that verifies nothing, for what is named by nobody: its one key is random and is kept nowhere else.
pub(crate) fn decoy(scheme: &Scheme) -> Result<Vec<Key>, SettingError> {
    let keyed = Keyed::random(scheme)
        .ok_or_else(|| wrong("the system has no randomness to give, or the scheme no key"))?;
    Ok(vec![Key {
        label: String::new(),
        verified: Arc::default(),
        keyed,
        not_before: None,
        not_after: None,
    }])
}

/// Every tenant of a receiver, as far as they are known.
pub(crate) struct Directory {
    spot: Spot,
    source: DynSource,
    limits: Limits,
    timeout: Duration,
    max_secrets: usize,
    /// The receiver's. What is remembered is reckoned by one clock.
    clock: Arc<OnceLock<Arc<dyn Clock>>>,
    state: Mutex<State>,
}

struct State {
    known: Cache<Arc<[Key]>>,
    unknown: Cache<()>,
    /// The look-ups on their way: each lives for as long as somebody waits for it.
    flights: HashMap<Arc<str>, (u64, Weak<Flight>)>,
    next: u64,
}

/// What is known of a tenant.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    Ring(Arc<[Key]>),
    Unknown,
}

/// What becomes of the question whose secrets they are.
pub(crate) enum Asked {
    Found(Found),
    LookingUp(LookUp),
    /// Nothing is known, and its source has no failures left for so long.
    Spent(Duration),
}

impl Directory {
    /// The tenant, as far as the head names him.
    pub(crate) fn in_head(&self, head: &impl Head) -> Result<Named, Refusal> {
        self.spot.in_head(head)
    }

    /// The tenant that the body names.
    pub(crate) fn in_body(&self, compiled: &Compiled, body: &[u8]) -> Result<Arc<str>, Refusal> {
        self.spot.in_body(compiled, body)
    }

    /// Without asking anybody.
    pub(crate) fn remembered(&self, name: &str) -> Option<Found> {
        let now = self.clock.get()?.monotonic();
        self.state().remembered(name, now)
    }

    /// What is known, or a look-up of it: one for all who ask at the same time.
    pub(crate) fn ask(
        self: &Arc<Self>,
        compiled: &Arc<Compiled>,
        name: &Arc<str>,
        origin: Origin,
        room: &dyn Fn(Option<Source>) -> Result<(), Refusal>,
    ) -> Result<Asked, Refusal> {
        // Whoever waits has brought one.
        let clock = self.clock.get().ok_or(Refusal::SecretsUnavailable)?;
        let now = clock.monotonic();
        if let Some(found) = self.state().remembered(name, now) {
            return Ok(Asked::Found(found));
        }
        // Not under the lock: these ask for the time and have locks of their own.
        let spent = compiled.failures.wait_of_own(origin);
        // Who would be turned away at once, which is nobody's failure, must not have asked.
        let room = match compiled.failures.counts(origin) {
            true => room(origin.source),
            false => Ok(()),
        };
        let mut state = self.state();
        if let Some(found) = state.remembered(name, now) {
            return Ok(Asked::Found(found));
        }
        let running = state.flights.get(name).map(|(_, flight)| flight.upgrade());
        if let Some(Some(flight)) = running {
            drop(state);
            return Ok(Asked::LookingUp(LookUp::join(flight)));
        }
        if let Some(wait) = spent {
            return Ok(Asked::Spent(wait));
        }
        room?;
        if state.flights.len() >= self.limits.max_look_ups {
            return Err(Refusal::TooManyLookUps {
                limit: self.limits.max_look_ups,
            });
        }
        let number = state.next;
        state.next = number.wrapping_add(1);
        let flight = Flight::new((self, compiled), (number, name), (clock, self.timeout));
        state
            .flights
            .insert(Arc::clone(name), (number, Arc::downgrade(&flight)));
        drop(state);
        Ok(Asked::LookingUp(LookUp::begin(flight)))
    }

    /// Whatever is known of him is not relied on any more.
    pub(crate) fn forget(&self, name: &str) -> bool {
        let mut state = self.state();
        let was_known = state.known.remove(name);
        let was_unknown = state.unknown.remove(name);
        // Its answer may be of before this call: those who wait get it, and nobody else.
        let was_asked = state.flights.remove(name).is_some();
        was_known || was_unknown || was_asked
    }

    /// A look-up that began at this moment has its answer.
    fn landed(&self, (number, name): (u64, &Arc<str>), began: Duration, answer: &Answer) {
        let mut state = self.state();
        if !state.is_on_its_way(number, name) {
            return;
        }
        state.flights.remove(name);
        // Whatever was remembered of him before had ended, or he would not have been asked for.
        match answer {
            Ok(Found::Ring(keys)) => {
                let until = began.saturating_add(self.limits.remember);
                state.known.put(name, Arc::clone(keys), until);
            }
            Ok(Found::Unknown) => {
                let until = began.saturating_add(self.limits.remember_unknown);
                state.unknown.put(name, (), until);
            }
            Err(_) => {}
        }
    }

    /// Nobody waits for it any more.
    fn abandoned(&self, number: u64, name: &Arc<str>) {
        let mut state = self.state();
        if state.is_on_its_way(number, name) {
            state.flights.remove(name);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs while it is held, and nothing of the application's.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remembered(&mut self, name: &str, now: Duration) -> Option<Found> {
        if let Some(keys) = self.known.get(name, now) {
            return Some(Found::Ring(Arc::clone(keys)));
        }
        self.unknown.get(name, now).map(|()| Found::Unknown)
    }

    /// Is it this very one?
    fn is_on_its_way(&self, number: u64, name: &Arc<str>) -> bool {
        let flight = self.flights.get(name);
        flight.is_some_and(|(known, _)| *known == number)
    }
}

impl Found {
    /// What judges an attempt of this tenant; `None` where nobody's ring stays.
    pub(crate) fn compiled(self, nobody: &Compiled, name: Arc<str>) -> Option<Arc<Compiled>> {
        match self {
            Self::Ring(keys) => Some(Arc::new(nobody.of(Whose::Tenant(name), keys))),
            Self::Unknown => None,
        }
    }
}

impl fmt::Debug for Directory {
    /// Not the names: strangers may have made them up.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Directory")
            .field("spot", &self.spot)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
