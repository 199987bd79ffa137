//! temporary
#![forbid(unsafe_code)]

mod clock;
pub mod danger;
pub mod defaults;
mod delivery;
mod form;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod intake;
mod json;
mod mac;
pub mod outcome;
pub mod providers;
mod reading;
mod receiver;
mod refusal;
mod request;
pub mod scheme;
mod secret;
#[cfg(feature = "sign")]
mod sign;
mod signed_content;
mod timestamp;
mod verify;

pub use self::clock::{Clock, Sleep, system_now};
pub use self::delivery::{Delivery, Field, PayloadText};
pub use self::intake::Intake;
pub use self::reading::{Broken, Chunks, Reading};
pub use self::receiver::{NoStore, Receiver, ReceiverBuilder, SettingError};
pub use self::refusal::{Fault, Refusal};
pub use self::request::Head;
pub use self::scheme::Scheme;
pub use self::secret::{RingError, Secret, SecretError, SecretRing};
#[cfg(feature = "sign")]
pub use self::sign::{Message, SignError};
pub use self::timestamp::{Timestamp, Tolerance, Unit};
pub use self::verify::Verified;
