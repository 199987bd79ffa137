//! Many tenants behind one receiver, each with secrets of his own: how they are told apart, what is remembered, and what strangers learn.
//!
//! [`Receiver::for_tenants`](crate::Receiver::for_tenants) takes [`Tenants`](crate::Tenants) in the place of a ring: where a request
//! [names its tenant](crate::TenantPlace), and a [`SecretSource`](crate::SecretSource) that knows his ring.
//!
//! ```
//! use countersign::{Receiver, Secret, SourceUnavailable, TenantPlace, Tenants, providers::STANDARD_WEBHOOKS};
//! use std::time::Duration;
//!
//! let source = |endpoint: String| async move {
//!     let secret = match endpoint.as_str() {
//!         "orders" => Secret::new("whsec_MDEyMzQ1Njc4OWFiY2RlZm9yZGVycw=="),
//!         _ => return Ok(None),
//!     };
//!     Ok(Some(secret.map_err(SourceUnavailable::new)?.into()))
//! };
//! let tenants = Tenants::new(TenantPlace::path("/in/{endpoint}"), source).remember(Duration::from_secs(60));
//! let receiver = Receiver::for_tenants(STANDARD_WEBHOOKS, tenants).build()?;
//! // An endpoint was closed: it is so at once.
//! receiver.forget_tenant("orders");
//! # Ok::<(), countersign::SettingError>(())
//! ```
//!
//! # Where a tenant is named
//! | [`TenantPlace`](crate::TenantPlace) | for | looked up |
//! |---|---|---|
//! | [`path`](crate::TenantPlace::path) | a URL for each customer: GitHub Apps, Standard Webhooks | before the body, beside reading it |
//! | [`whole_path`](crate::TenantPlace::whole_path) | endpoints that are kept by their path | the same |
//! | [`header`](crate::TenantPlace::header) | a gateway in front that knows | the same |
//! | [`extension`](crate::TenantPlace::extension) | a host that knows: by the server's name, say | the same |
//! | [`body`](crate::TenantPlace::body) | senders with one URL for all: Slack's `api_app_id` | when the body is whole |
//!
//! A field of the body counts only where the scheme names it ([`Scheme::secret_owner`](crate::Scheme::secret_owner)). Slack's does; for other senders
//! say so in a scheme of your own: `Scheme { secret_owner: list![Place::Form(text!("AccountSid"))], ..TWILIO_FORM }`. It is read by the readers that
//! everything else is read by, so that a field that is there twice or of the wrong type is refused, and the signature covers it: a name that
//! was put into a body afterwards finds a ring that the body was not signed with.
//!
//! Behind a router that strips a prefix from the path (`nest`), the template is for what is left of it.
//!
//! # Whose delivery it is
//! What is accepted is bound to the tenant whose secret matched. [`Verified::tenant`](crate::Verified::tenant) and
//! [`Delivery::tenant`](crate::Delivery::tenant) tell him, and he is part of the idempotency key, so the same id at two tenants is two deliveries, and
//! what one of them sends is never taken for a copy of what another one sent. His [quota](crate::ReceiverBuilder::quota) is his own.
//!
//! Many senders name an account in the body, too: Stripe's `account`, Slack's `team_id`, GitHub's installation. On a receiver with one ring the
//! sender signs it, and it says whose delivery it is. **Where each tenant has a secret of his own, he can sign whatever he likes**, another tenant's
//! account among it. So here:
//! - `tenant()` is the one whose secret it was, and never what the body says; the body's word is [`account()`](crate::Delivery::account).
//! - Both are part of the key: a tenant with several accounts (an app in many workspaces) has their deliveries apart.
//! - The quota goes by the tenant alone: whoever could sign made-up accounts would have a quota for each.
//!
//! # What is remembered
//! | what | for | how many | setting |
//! |---|---|---|---|
//! | a tenant's ring | 5 minutes from when its source was asked | 10,000, the one that was not used for longest makes room | [`remember`](crate::Tenants::remember), [`most_remembered`](crate::Tenants::most_remembered) |
//! | a name that nobody has | 30 s | 10,000 beside these: made-up names push no ring out | [`remember_unknown`](crate::Tenants::remember_unknown), [`most_unknown`](crate::Tenants::most_unknown) |
//! | that the source was away, or gave what cannot be used | not at all | | |
//!
//! All attempts of one tenant that come while he is looked up wait for that one look-up. It goes on for as long as one of them is there, and
//! is dropped with the last. It may take 2 s ([`look_up_timeout`](crate::Tenants::look_up_timeout)), and 1,024 may be on their way
//! ([`max_look_ups`](crate::Tenants::max_look_ups)); an attempt that waits with its body counts among the [bodies](crate::Bodies) that are read.
//!
//! [`forget_tenant`](crate::Receiver::forget_tenant) makes an end of what is remembered, in this process: call it when a secret is revoked or exchanged and
//! when a tenant is made or closed. With several processes each has to be told, or `remember` is how long a revoked secret is still good. To exchange
//! a secret without losing a delivery, have the source give both for a while, as a [ring](crate::SecretRing) with their windows.
//! [`rotate`](crate::Receiver::rotate) is for receivers with one ring and refuses here; [`secret_uses`](crate::Receiver::secret_uses) is empty.
//!
//! # What is answered
//! | what | the sender sees | code | whose fault |
//! |---|---|---|---|
//! | nobody has this name | 401, as for a wrong signature | `tenant_unknown` | the sender's: costs a failure |
//! | another tenant's signature | 401 | `signature_mismatch` | the sender's |
//! | no name, two, or what is none | 400 | `field_missing`, `field_repeated`, `field_malformed` | the sender's |
//! | the host's extension is missing | 500 | `tenant_untold` | the set-up's |
//! | the source fails, panics or takes too long | 503 | `secrets_unavailable` | the source's: costs nothing |
//! | its ring is too short for the scheme, or does not decode | 503, and the log names the tenant | `secrets_unusable` | the operator's |
//! | too many look-ups at once | 503 | `too_many_look_ups` | ours |
//! | no failures left, and nothing remembered of this name | 429 | `too_many_failures` | nobody was asked |
//!
//! # What a stranger learns
//! An unknown tenant shows him what a wrong signature shows: status, headers and body are equal, the body is read all the
//! same, and a MAC is computed over it with a random key that no delivery is ever accepted under.
//!
//! Two things are not hidden. A name that is not remembered takes as long as the source takes: whoever measures that can tell a tenant who has
//! been at work in the last minutes from a name that nobody asked for lately. And a tenant with two secrets costs two MACs, where nobody's ring costs
//! one. Where names are secrets, make them long and random.
//!
//! Names are tried under [`limit_failures`](crate::ReceiverBuilder::limit_failures): each that nobody has costs its source a failure, and without any left
//! nobody is looked up for it, while what is remembered, genuine deliveries of known tenants above all, is judged as ever. Whoever hangs up after the
//! source was asked for him, and before it was known that there is such a tenant, has failed, too. While such failures are counted, an attempt for
//! which there is no place among the [bodies](crate::Bodies), and none in their queue, is refused without asking.
//!
//! **A genuine delivery of a tenant who is not remembered is answered 429 then**, with `Retry-After`. So sources must be told apart: such a receiver is not
//! built without [`sources`](crate::ReceiverBuilder::sources), nor for senders that drop what is answered 429. Where many tenants' deliveries come
//! from the same few addresses (GitHub's, Slack's), one of them that signs wrongly, or anybody who has that sender deliver to a made-up name of yours,
//! spends the failures of all. Give such a limit room, and remember more tenants for longer; **with a sender that never retries (GitHub) do without it, or
//! take that such deliveries are lost**.
//!
//! What fails side by side is counted when it has failed, so a source may have as many names looked up at once as it has places among the bodies:
//! [`per_source`](crate::Bodies::per_source) bounds them, and with them how many of the look-ups one source can keep from others.
//!
//! # Questions
//! What a sender asks with a signature (Slack's `url_verification`) is answered under the tenant's ring, and what is answered with a MAC is made with
//! his secret. Slack's question does not say which app it is for: [`body_or`](crate::TenantPlace::body_or) gives the name that it is looked up by. What
//! proves nothing (`ssl_check`, probes) is answered without a look-up.
//!
//! # Without waiting
//! [`Receiver::verify`](crate::Receiver::verify) and [`Intake::finish`](crate::Intake::finish) do not wait, and decide by what is remembered; where that is
//! nothing they say `secrets_unavailable`. Adapters read by [`Receiver::receive`](crate::Receiver::receive), which looks up.
