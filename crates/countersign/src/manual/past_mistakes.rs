//! Past mistakes of webhook receivers, and what here prevents each.
//!
//! Each section says what went wrong, where that can be read, what in this library stands in the way, and which test fails if it no longer does;
//! tests are named by file and function, from the repository's root. Where a mistake was found by trying a published library, and no public
//! report of it is known, the library is not named.
//!
//! A few of them, tried on this library:
//!
//! ```
//! use countersign::providers::STANDARD_WEBHOOKS;
//! use countersign::{Receiver, Refusal, Secret, SecretError, Timestamp};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // No secret, and what stands where one was forgotten.
//! assert_eq!(Secret::new("").unwrap_err(), SecretError::Empty);
//! assert_eq!(Secret::new("whsec_").unwrap_err(), SecretError::Placeholder);
//! assert_eq!(Secret::new("undefined").unwrap_err(), SecretError::Placeholder);
//!
//! let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
//! let receiver = Receiver::builder(STANDARD_WEBHOOKS, secret).build()?;
//! let refusal = |stamp: &str, signature: &str| {
//!     let request = http::Request::post("/")
//!         .header("webhook-id", "msg_1")
//!         .header("webhook-timestamp", stamp)
//!         .header("webhook-signature", signature)
//!         .body(())
//!         .expect("a request");
//!     receiver.verify(&request, "{}".into(), Timestamp::from_secs(1_614_265_330)).unwrap_err()
//! };
//! let (stamp, shaped) = ("1614265330", "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
//! assert_eq!(refusal(stamp, shaped), Refusal::SignatureMismatch);
//! // A signature that is empty, or only begins.
//! assert_eq!(refusal(stamp, "v1,"), Refusal::SignatureMalformed);
//! assert_eq!(refusal(stamp, &shaped[..16]), Refusal::SignatureMalformed);
//! // The smallest number, from which nothing can be subtracted; and the right one in another spelling.
//! assert_eq!(refusal("-9223372036854775808", shaped), Refusal::TimestampMalformed);
//! assert_eq!(refusal("+1614265330", shaped), Refusal::TimestampMalformed);
//! // More candidates than any sender sends.
//! assert_eq!(refusal(stamp, &[shaped; 17].join(" ")), Refusal::TooManyCandidates { limit: 16 });
//! # Ok(())
//! # }
//! ```
//!
//! # The signature was compared as far as the shorter one went
//! `svix` for Rust, before 1.17.0: two signatures were compared up to the length of the shorter one, so an empty one was right for every body
//! ([RUSTSEC-2024-0010](https://rustsec.org/advisories/RUSTSEC-2024-0010.html), CVE-2024-21491).
//!
//! **Here** a signature is decoded and has the length of its algorithm before it is a candidate, and the comparison, which has one home, takes
//! lengths that differ for a difference. Tests: `crates/countersign/src/mac.rs::every_byte_and_the_whole_length_are_compared`,
//! `tests/near_misses/tag.rs::cut_at_every_length`.
//!
//! # The event was made without a check
//! `@worker-tools/stripe-webhook`, before 1.1.4: the function that verifies and parses did not verify the header
//! ([GHSA-4g53-vp7q-gfjv](https://github.com/advisories/GHSA-4g53-vp7q-gfjv)). `@clerk/backend`, 2.0.0 to 2.3: its helper took events that were
//! not properly signed for genuine ([CVE-2025-53548](https://clerk.com/changelog/2025-07-09-cve-2025-53548)). n8n's Stripe trigger did not look
//! at the signature at all ([CVE-2026-21894](https://github.com/n8n-io/n8n/security/advisories/GHSA-jf52-3f2h-h9j5)).
//!
//! **Here** later steps take [`Verified`](crate::Verified), whose fields are private and which only the comparison makes: a program that forgets
//! the check does not compile, and a route without a layer refuses everything. Tests: `crates/countersign/src/verify.rs::compile_fail`,
//! `crates/countersign-axum/tests/extractors/missing_layer.rs::a_route_without_a_layer_answers_500`,
//! `tests/near_misses/tag.rs::a_genuine_signature_of_another_vector`.
//!
//! # What was not configured was let in
//! n8n's GitHub trigger kept no secret on one path, and then took everything for genuine
//! ([CVE-2026-86080](https://github.com/n8n-io/n8n/security/advisories/GHSA-5m98-cgcr-xx3q)). A function of krkn's took a request without a
//! signature for one that need not have any ([krkn 1277](https://github.com/krkn-chaos/krkn/issues/1277)).
//!
//! **Here** there is no receiver without a secret, and no third answer beside accepted and refused; a missing header is a refusal. Schemes that
//! prove nothing are opted into by a name that says so. Tests: `tests/near_misses/header.rs::missing`,
//! `tests/near_misses/secrets.rs::an_empty_or_unusable_secret_builds_no_receiver`,
//! `tests/near_misses/zapier.rs::a_token_is_opted_into_by_the_name_of_what_is_given_up`.
//!
//! # The key was empty
//! Stripe's libraries ([stripe-node 2841](https://github.com/stripe/stripe-node/pull/2841)) and those of Standard Webhooks
//! ([286](https://github.com/standard-webhooks/standard-webhooks/pull/286)) computed signatures with an empty secret, which everybody knows,
//! until 2026.
//!
//! **Here** a secret that is empty, blank, padded, a placeholder, too short for its scheme or published by the service builds no receiver.
//! Tests: `crates/countersign/src/secret.rs::weak_secrets_are_refused`,
//! `crates/countersign/src/receiver_tests.rs::a_published_key_is_no_secret_however_it_is_written`.
//!
//! # The comparison told how far it came
//! Jenkins' GitHub plugin up to 1.34.4 ([CVE-2022-36885](https://www.jenkins.io/security/advisory/2022-07-27/#SECURITY-1849)) and several other
//! plugins compared signatures or tokens with a function that stops at the first difference.
//!
//! **Here** all candidates are compared in constant time, in one file, in which a rule over the sources lets nothing be compared but lengths. How long
//! it takes is measured by `countersign-bench -- constant-time`, which is a command and no test. Tests:
//! `tests/architecture.rs::tags_are_compared_in_mac_alone`, `tests/architecture.rs::tags_are_compared_in_constant_time`,
//! `tests/architecture/sources.rs::a_comparison_that_ends_early_is_caught`.
//!
//! # The body was printed again
//! A verifier that gets a parsed document and prints it has other bytes than the sender signed, for some documents and not for others
//! ([amio-sdk-js 67](https://github.com/amio-io/amio-sdk-js/issues/67)): genuine deliveries are lost. The other way round, a number that is
//! parsed and printed has one signature for many spellings: a published library takes a timestamp with a plus sign or leading zeros.
//!
//! **Here** the bytes are hashed as they arrive and handed on as they were hashed, and a number has one spelling. Tests:
//! `tests/near_misses/body.rs::json_printed_again`, `tests/near_misses/timestamp.rs::one_spelling_of_the_number`,
//! `crates/countersign-axum/tests/extractors/webhook.rs::a_middleware_cannot_exchange_the_payload`.
//!
//! # The weaker way was open
//! A library takes the older signature, which covers no timestamp, when the header of the newer one is not there
//! ([its documentation](https://docs.rs/wi-api/0.2.0/wi_api/webhook/fn.verify_webhook.html)): whoever captured a delivery with both leaves the
//! newer one out.
//!
//! **Here** one scheme is one algorithm in one place. `GITHUB` never looks at the SHA-1 header; of two families of headers one decides. Tests:
//! `tests/near_misses/github.rs::a_genuine_sha1_header_is_never_looked_at`, `tests/near_misses/stripe.rs::v0_proves_nothing`,
//! `tests/near_misses/svix.rs::a_bad_preferred_set_does_not_fall_back`.
//!
//! # Of several signatures one was looked at
//! While a secret is exchanged senders sign with both. PostHog's verifier took the first signature
//! ([61131](https://github.com/PostHog/posthog/pull/61131)), another one the last ([sh1pt 480](https://github.com/profullstack/sh1pt/pull/480)):
//! genuine deliveries are refused as long as both secrets are good.
//!
//! **Here** any of 16 candidates may match any active secret. Tests: `tests/near_misses/candidates.rs::any_candidate_may_match_any_secret`,
//! `tests/near_misses/secrets.rs::rolling_leaves_no_instant_in_which_neither_works`.
//!
//! # One header made a hundred computations
//! A published library hashes the body anew for every candidate, as many as the header holds: 110 of them and a body of 1 MiB took 96 ms where
//! one takes 1 ms.
//!
//! **Here** the body is hashed once for each secret, while it arrives, and a 17th candidate is refused before a byte of it is read. Tests:
//! `crates/countersign/src/mac.rs::content_is_fed_once_whatever_the_number_of_candidates`,
//! `tests/near_misses/candidates.rs::a_seventeenth_is_one_too_many_wherever_the_good_one_is`,
//! `crates/countersign-tower/tests/tower/door.rs::more_candidates_than_any_sender_sends`.
//!
//! # The whole body was read first
//! Argo Workflows, before 3.7.14 and 4.0.5: the webhook's body was read into memory, whatever its size, before anything was checked
//! ([CVE-2026-42294](https://github.com/argoproj/argo-workflows/security/advisories/GHSA-jcc8-g2q4-9fxq)).
//!
//! **Here** whatever the head decides is decided first, a declared length is judged before it is believed, and what comes is counted. Tests:
//! `crates/countersign-tower/tests/tower/body.rs::a_body_over_the_limit_is_polled_no_further`,
//! `crates/countersign/src/receiver_tests.rs::a_declared_length_reserves_nothing_large`,
//! `crates/countersign-axum/tests/extractors/routers.rs::a_long_unsigned_body_is_refused`.
//!
//! # A stranger's request ended the program
//! `@octokit/webhooks` 9.26.0, 10.9, 11.1 and 12.0: the code that handled a failed check could fail itself, and the process ended
//! ([CVE-2023-50728](https://github.com/octokit/webhooks.js/security/advisories/GHSA-pwfr-8pq7-x9qv)). A published library subtracts the
//! timestamp from the time, and panics at the smallest number where overflow is checked.
//!
//! **Here** a refusal is a value, time arithmetic is defined for every number, and lints refuse whatever can panic on the way of a request.
//! Tests: `crates/countersign/src/timestamp.rs::freshness_is_total`, `tests/round_trip.rs::every_near_miss_is_refused_for_its_reason`,
//! `tests/architecture.rs::published_crates_refuse_to_panic`.
//!
//! # The service that was called was not the one that was ready
//! A published layer clones the inner service and calls the clone, which nobody asked whether it is ready: over tower's `ConcurrencyLimit` every
//! genuine delivery panics. Tower's documentation
//! [warns of it](https://docs.rs/tower/latest/tower/trait.Service.html#be-careful-when-cloning-inner-services).
//!
//! **Here** the service that is called is the one that was polled, and it is asked after the check, so that a forgery takes no place. Tests:
//! `crates/countersign-tower/tests/tower/readiness.rs::a_concurrency_limit_holds`,
//! `crates/countersign-tower/tests/tower/readiness.rs::a_stalled_forgery_takes_no_slot`.
//!
//! # Secrets and bodies were printed
//! A settings type with a derived `Debug` printed the webhook's secret into the log
//! ([harness 603](https://github.com/majiayu000/harness/issues/603)). An endpoint answered with the library's words, which tell a forger what
//! was wrong ([Cellarion 451](https://github.com/jagduvi1/Cellarion/pull/451)).
//!
//! **Here** [`Secret`](crate::Secret) prints its label; no log line, message or `Debug` holds a secret, a signature or a body; a forger is told a
//! status and a fixed word. Tests: `crates/countersign/src/receiver_tests.rs::no_secret_is_ever_printed`,
//! `crates/countersign-tower/tests/log.rs::every_attempt_is_one_event`, `crates/countersign/src/outcome.rs::equal_statuses_look_equal`.
//!
//! # A captured request was good for ever
//! Where neither a timestamp is signed nor anything remembered, whoever has seen one delivery repeats it at will
//! ([librefang 3878](https://github.com/librefang/librefang/issues/3878)).
//!
//! **Here** a store remembers what was done, by what the signature covers. Without one, and where the sender signs no timestamp, it is as it was
//! there: the README says so. Tests: `tests/identity/captured.rs::every_spelling_of_a_captured_attempt_has_its_key`,
//! `tests/identity/unsigned_ids.rs::a_captured_body_under_another_unsigned_id_does_not_run_again`.
//!
//! # Strangers filled the memory of what was seen
//! hookaido noted a nonce before it had checked the signature: anybody could fill its memory, and claim a nonce that a genuine delivery was to
//! bring ([220](https://github.com/nuetzliches/hookaido/pull/220)).
//!
//! **Here** a key is made from a [`Delivery`](crate::Delivery), which is made from what was verified and is fresh. Tests:
//! `tests/retries/flood.rs::forged_ids_leave_the_store_empty`, `tests/retries/flood.rs::stale_ids_leave_the_store_empty`,
//! `tests/retries/flood.rs::no_near_miss_reaches_the_store`.
//!
//! # The memory forgot under pressure
//! A cache that throws out the oldest entry for a new one can be flooded until it has forgotten a request that is still fresh, which then passes
//! again ([nucleus 2375](https://github.com/coproduct-opensource/nucleus/pull/2375) says why it is not built that way).
//!
//! **Here** a full store refuses what is new, with 503, and knows all that is old. Tests:
//! `tests/retries/capacity.rs::a_full_store_refuses_what_is_new_and_knows_what_is_old`,
//! `crates/countersign/src/store/memory/tests.rs::a_full_store_refuses_the_new_and_knows_every_old_one`.
//!
//! # It was noted as done before it was
//! hookaido burned the nonce when the signature matched, and the work then failed: the sender's retry, to which 503 had invited it, was refused
//! as a replay, and the event was lost ([260](https://github.com/nuetzliches/hookaido/pull/260)).
//!
//! **Here** a claim is a lease. Only a 2xx settles it; an error, a panic or any other answer gives it back; a crash lets it lapse. Tests:
//! `crates/countersign-tower/tests/once/outcomes.rs::anything_but_a_2xx_gives_the_delivery_back`,
//! `crates/countersign-tower/tests/once/places.rs::a_panic_is_500_and_the_delivery_is_given_back`,
//! `crates/countersign-tower/tests/once/hang_up.rs::a_task_is_neither_lost_nor_doubled_wherever_its_sender_goes_away`.
//!
//! # Two copies at once ran twice
//! To ask whether a delivery is known, and to note it in a second step, lets two copies in that come together
//! ([devlane 332](https://github.com/Devlaner/devlane/issues/332)).
//!
//! **Here** a claim is one atomic step of the store; the copy is told 503, and never a 2xx for what is not done. Tests:
//! `crates/countersign-tower/tests/once/race.rs::two_hundred_copies_at_once_are_one_run`,
//! `crates/countersign-tower/tests/once/time.rs::a_copy_of_what_is_being_done_is_busy_and_then_a_duplicate`.
//!
//! # A header told who was calling
//! Limits that are kept per address took the address from the request: Litestar 2.17.0 from whatever `X-Forwarded-For` said
//! ([CVE-2025-59152](https://github.com/litestar-org/litestar/security/advisories/GHSA-hm36-ffrh-c77c)), Fess from its leftmost entry
//! ([fess 3360](https://github.com/codelibs/fess/pull/3360)), which the client writes. OpenClaw's voice-call plugin, before 2026.2.3, built the
//! signed URL from such headers, so that a forger chose it ([CVE-2026-28465](https://www.cve.org/CVERecord?id=CVE-2026-28465)).
//!
//! **Here** the peer of the connection is believed, and beyond it only proxies on an explicit list, whose hops count from the right; a
//! configured URL wins over every header. Tests: `crates/countersign/src/source_tests.rs::hops_count_from_the_right`,
//! `tests/limits/failures.rs::behind_named_proxies_the_source_is_the_hop_that_they_wrote`,
//! `tests/near_misses/proxies.rs::the_peer_is_one_of_the_proxies`, `tests/near_misses/proxies.rs::a_configured_url_wins`.
//!
//! # The challenge came back as a page
//! Endpoints that answer a subscription's `hub.challenge` with its own text, as HTML, run a stranger's script in a visitor's browser
//! ([Known 3367](https://github.com/idno/idno/issues/3367), [pywa 198](https://github.com/david-lev/pywa/issues/198)).
//!
//! **Here** a challenge is answered when it is authentic or the application agrees, as plain text with `nosniff`, at most 512 bytes, of
//! characters that no browser takes for markup. Tests: `crates/countersign/src/handshake_tests/safe.rs::exactly_the_safe_characters_are_sent_back`,
//! `crates/countersign/src/handshake_tests/safe.rs::what_is_sent_back_has_a_length`,
//! `crates/countersign-tower/tests/tower/handshakes.rs::every_answer_word_for_word_and_then_a_delivery`.
//!
//! # The message named the key that proves it
//! Amazon SNS puts the address of the signing certificate into the message. go.sns believed it
//! ([2](https://github.com/robbiet480/go.sns/issues/2)); Novu believed every bucket of S3, where anybody may put a certificate
//! ([11056](https://github.com/novuhq/novu/pull/11056)).
//!
//! **Here** schemes with fetched keys are not built, and the core can open no connection at all. Test:
//! `tests/architecture.rs::the_core_names_no_socket_file_or_thread`.
