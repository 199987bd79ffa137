//! A sender and the receiver that knows its deliveries, for any scheme.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::danger::{Deduplicate, NoSecret};
use countersign::scheme::{Algorithm, KeyFormat, Scheme};
use countersign::{
    MemoryStore, Once, Receiver, ReceiverBuilder, Secret, SecretRing, SettingError, Timestamp,
    WithStore,
};
use countersign_testkit::Sender;

use crate::files;

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
pub(crate) const PUBLIC_URL: &str = "https://hooks.example.com";
pub(crate) const URL: &str = "https://hooks.example.com/a/b?keep=1&also=a%20b";

pub(crate) type Remembering = Receiver<Once<MemoryStore>>;

pub(crate) struct Pair {
    pub(crate) scheme: Scheme,
    /// What had to be chosen for its receiver to be built.
    pub(crate) choice: Option<Deduplicate>,
    pub(crate) receiver: Remembering,
    pub(crate) sender: Sender,
}

impl Pair {
    /// With the first choice that the scheme can be built with, the one that is no choice before all.
    pub(crate) fn new(scheme: Scheme) -> Option<Self> {
        let mut builders = Vec::new();
        for choice in [
            None,
            Some(Deduplicate::ByContent),
            Some(Deduplicate::ByUnsignedId),
            Some(Deduplicate::Off),
        ] {
            let builder = remembering(scheme.clone(), secrets(&scheme, "first"));
            builders.push((choice, choose(builder, choice)));
        }
        let built = builders.into_iter().find_map(|(choice, builder)| {
            let receiver = builder.build().ok()?;
            Some((choice, receiver))
        });
        let (choice, receiver) = built?;
        Some(Self {
            choice,
            receiver,
            sender: sender(&scheme, "first"),
            scheme,
        })
    }

    /// A receiver of the same choice that is set up differently.
    pub(crate) fn rebuilt(
        &self,
        secrets: SecretRing,
        set: impl FnOnce(
            ReceiverBuilder<WithStore<MemoryStore>>,
        ) -> ReceiverBuilder<WithStore<MemoryStore>>,
    ) -> Result<Remembering, SettingError> {
        set(choose(
            remembering(self.scheme.clone(), secrets),
            self.choice,
        ))
        .build()
    }

    /// Does the sender sign nothing, so that an id is all there is?
    pub(crate) fn is_token(&self) -> bool {
        !self.scheme.algorithm.signs_content()
    }

    /// Does an unsigned id decide?
    pub(crate) fn goes_by_unsigned_id(&self) -> bool {
        self.is_token() || self.choice == Some(Deduplicate::ByUnsignedId)
    }
}

/// Every scheme of the catalogue and every built-in one that a receiver can be built for.
pub(crate) fn all() -> Vec<Pair> {
    let known = files::schemes();
    let more = countersign::providers::ALL.iter().cloned();
    let more = more.filter(|scheme| !known.iter().any(|known| known.name == scheme.name));
    let more: Vec<_> = more.collect();
    known
        .into_iter()
        .chain(more)
        .filter_map(Pair::new)
        .collect()
}

pub(crate) fn remembering(
    scheme: Scheme,
    secrets: impl Into<SecretRing>,
) -> ReceiverBuilder<WithStore<MemoryStore>> {
    files::builder(scheme, secrets, PUBLIC_URL).store(MemoryStore::single_process(100))
}

pub(crate) fn choose<S>(
    builder: ReceiverBuilder<WithStore<S>>,
    choice: Option<Deduplicate>,
) -> ReceiverBuilder<WithStore<S>>
where
    S: countersign::DeliveryStore,
{
    match choice {
        Some(choice) => builder.deduplicate(choice),
        None => builder,
    }
}

pub(crate) fn secrets(scheme: &Scheme, which: &str) -> SecretRing {
    match scheme.algorithm {
        Algorithm::Unsigned => NoSecret.into(),
        _ => secret(scheme, which).into(),
    }
}

/// A secret that the scheme can use; another one for each word.
pub(crate) fn secret(scheme: &Scheme, which: &str) -> Secret {
    let key = format!("{which:>8}-0123456789abcdefghijklm").replace(' ', "x");
    let text = match &scheme.key {
        _ if scheme.algorithm == Algorithm::Basic => format!("user:{key}"),
        KeyFormat::Base64 => STANDARD.encode(&key),
        KeyFormat::Base64After(prefix) => format!("{prefix}{}", STANDARD.encode(&key)),
        KeyFormat::Hex => key.bytes().map(|byte| format!("{byte:02x}")).collect(),
        _ => key,
    };
    Secret::new(text).expect("a sound secret").label(which)
}

pub(crate) fn sender(scheme: &Scheme, which: &str) -> Sender {
    let sender = match scheme.algorithm {
        Algorithm::Unsigned => Sender::without_secret(scheme.clone()),
        _ => Sender::with_secret(scheme.clone(), secret(scheme, which)),
    };
    let mut names = Vec::new();
    files::config_names(&scheme.content, &mut names);
    let sender = sender.at(NOW).url(URL);
    names
        .into_iter()
        .fold(sender, |sender, name| sender.config(name, "configured"))
}
