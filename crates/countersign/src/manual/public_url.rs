//! The URL as its sender knows it: where it comes from, what proxies have to be told, and what the log says when it is wrong.
//!
//! Twilio, Mandrill, Square, HubSpot and others sign the URL that they call, byte for byte: scheme, host, port, path and query. A receiver behind
//! a proxy sees another one. TLS ended in front of it, the host may have become an inner name, a prefix may be gone from the path, and whatever
//! tells of the real URL is a header that a stranger can write, too.
//!
//! # Where it comes from
//! 1. **From the configuration**, where there is one name: [`public_url`](crate::ReceiverBuilder::public_url) is what stands in front of the path that
//!    the receiver sees, with every prefix that a proxy or a router has stripped. No header is asked. This is the safe choice, and it wins over the other.
//! 2. **From proxies that are named**, for receivers behind several names: [`public_url_from`](crate::ReceiverBuilder::public_url_from) takes
//!    [`TrustedProxies`](crate::TrustedProxies). There is no third: without one of them a receiver for such a scheme is not built.
//!
//! | what | who tells | setting |
//! |---|---|---|
//! | who may tell | the peer of the connection must be in one of the networks | [`TrustedProxies::new`](crate::TrustedProxies::new) |
//! | scheme | `X-Forwarded-Proto`, exactly `http` or `https` | always |
//! | host | `X-Forwarded-Host`; it must be one that was named | [`TrustedProxies::new`](crate::TrustedProxies::new) |
//! | | or `Host`, where proxies pass it on | [`keeping_host`](crate::TrustedProxies::keeping_host) |
//! | port | that of the host; or `X-Forwarded-Port`, which must not contradict it | [`setting_port`](crate::TrustedProxies::setting_port) |
//! | prefix | nobody: it is always the same | [`stripping`](crate::TrustedProxies::stripping) |
//! | | or `X-Forwarded-Prefix`; it must be one that was named | [`setting_prefix`](crate::TrustedProxies::setting_prefix) |
//! | scheme and host | `Forwarded` (RFC 7239) in the place of all `X-Forwarded-*` | [`setting_forwarded`](crate::TrustedProxies::setting_forwarded) |
//!
//! Which family of headers counts is a setting and no guess: the other is never looked at, not even to fill a gap. What is missing, repeated,
//! malformed or contradictory is refused with 500 (`public_url_unknown`, which names the header): it is our set-up that is at fault. A peer
//! that is no proxy is refused with 401 (`peer_untrusted`).
//!
//! Where the prefix is all of the path, `/hooks` and `/hooks/` reach the receiver as `/` alike (axum's `nest`, nginx's `location = /hooks`): the
//! signature is good for either, and for no other path.
//!
//! Schemes that sign the path alone, as Contentful and Sinch do, have no public URL: their receiver belongs in front of whatever strips a prefix,
//! and is not built with one.
//!
//! `X-Forwarded-*` holds one value, the nearest proxy's own. `Forwarded` is a list, to which each proxy adds an element on the right, and is read
//! as one: from the right, through every proxy that is named, to what the outermost of them says. A header that is malformed anywhere is
//! refused as a whole, for where its elements end depends on every quote in it.
//!
//! ```
//! use countersign::{Peer, Receiver, Refusal, Secret, Timestamp, TrustedProxies, providers::TWILIO};
//! use std::net::IpAddr;
//!
//! let proxies = TrustedProxies::new(&["10.0.0.0/8"], ["mycompany.com"])?.setting_forwarded();
//! let secret = countersign::danger::secret_of_any_length("12345")?; // Twilio's published example has a short one.
//! let receiver = Receiver::builder(TWILIO, secret).public_url_from(proxies).build()?;
//!
//! let attempt = |forwarded: &str| {
//!     let request = http::Request::post("/myapp.php?foo=1&bar=2")
//!         .header("content-type", "application/x-www-form-urlencoded")
//!         .header("x-twilio-signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8=")
//!         .header("forwarded", forwarded)
//!         .extension(Peer("10.0.0.1".parse::<IpAddr>().unwrap()));
//!     let body = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212";
//!     receiver.verify(&request.body(()).unwrap(), body.into(), Timestamp::from_secs(0)).map(|_| ())
//! };
//! let outermost = "for=203.0.113.9;proto=https;host=mycompany.com";
//! assert_eq!(attempt(outermost), Ok(()));
//! assert_eq!(attempt(&format!("{outermost}, for=10.0.0.2;proto=http;host=inner.local")), Ok(()));
//! // What a stranger sends along stands to the left of what the proxy adds, and says nothing of his request.
//! let his = attempt(&format!("{outermost}, for=203.0.113.66;proto=http;host=mycompany.com"));
//! assert_eq!(his, Err(Refusal::SignatureMismatch));
//! assert_eq!(attempt(&format!("for=\", {outermost}")).unwrap_err().code(), "public_url_unknown");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What a stranger can reach
//! He has no secret, so a URL of his choice helps only with a request that somebody has signed for it. Twilio signs everything of an account
//! with one token, so a request for a staging host, or for another application on the same host, is genuine *there*; taken here, it would be a
//! forgery. Three things keep it out: a stranger's connection is no proxy's; the hosts and prefixes that proxies may speak of are named; and a proxy
//! overwrites what it says. With the third left out, he can still choose among the names in the lists: **name only those that are this receiver's**.
//!
//! # What proxies have to be told
//! Nothing here replaces the proxy's own manual; each row names where it is written.
//!
//! | proxy | what it does by itself | what to set | settings here |
//! |---|---|---|---|
//! | nginx | Sends `Host` as the upstream's name, and everything else as it came: **forwarding headers of strangers pass**. `proxy_pass` with a path, if only `/`, strips the location's prefix. | below | [`stripping`](crate::TrustedProxies::stripping) |
//! | Caddy 2.5 and later | Passes `Host` on, sets `X-Forwarded-Proto` and `-Host` in the place of what came, and adds to `-For`; what came counts only from `trusted_proxies`. `handle_path` strips the prefix and says nothing of it. | nothing | [`stripping`](crate::TrustedProxies::stripping) where `handle_path` is used |
//! | Traefik | Removes `X-Forwarded-*` of strangers (`forwardedHeaders.trustedIPs` says whose stay) and sets `-Proto`, `-Host` and `-Port`. `stripPrefix` *adds* a line `X-Forwarded-Prefix`, and in some versions one of a stranger stays beside it: that is two, and refused. | never `forwardedHeaders.insecure` | [`setting_port`](crate::TrustedProxies::setting_port); [`stripping`](crate::TrustedProxies::stripping), or [`setting_prefix`](crate::TrustedProxies::setting_prefix) |
//! | AWS Application Load Balancer | Passes `Host` on, and sets `X-Forwarded-Proto` and `-Port`; no `-Host`, so one of a stranger passes. It adds to `-For`. | nothing | [`keeping_host`](crate::TrustedProxies::keeping_host), [`setting_port`](crate::TrustedProxies::setting_port) |
//! | Cloudflare | Passes `Host` and other headers on, sets `X-Forwarded-Proto`, and adds to `-For`. Everybody's traffic comes from its addresses. | let nobody else reach the origin | [`keeping_host`](crate::TrustedProxies::keeping_host), or best a configured URL |
//! | HAProxy 2.8 and later | `option forwarded` adds a line `forwarded: proto=…;for=…`, without the host. | `option forwarded proto host for` | [`setting_forwarded`](crate::TrustedProxies::setting_forwarded) |
//! | Apache httpd | `ProxyAddHeaders` *adds* the host to an `X-Forwarded-Host` that came: then there are two values, and it is refused. No `-Proto`. | `RequestHeader set` for both | – |
//!
//! Where it is written: nginx `http://nginx.org/en/docs/http/ngx_http_proxy_module.html` (`proxy_set_header`, `proxy_pass`); Caddy
//! `https://caddyserver.com/docs/caddyfile/directives/reverse_proxy` (defaults); Traefik `https://doc.traefik.io/traefik/` (entry points, `StripPrefix`) and
//! its source, `pkg/middlewares/stripprefix` and `forwardedheaders`; AWS
//! `https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html`; Cloudflare
//! `https://developers.cloudflare.com/fundamentals/reference/http-headers/`; HAProxy's `configuration.txt` (`option forwarded`); Apache
//! `https://httpd.apache.org/docs/2.4/mod/mod_proxy.html`. That ALB sends no `X-Forwarded-Host`, and that it keeps the host's port, is not
//! spelled out there: try it.
//!
//! nginx, with a prefix that it strips; a test runs these very lines (`tests/public_url/proxied.rs`):
//! ```nginx
//! location /hooks/ {
//!     proxy_pass http://127.0.0.1:8080/;              # the last slash strips /hooks
//!     proxy_set_header X-Forwarded-Proto https;        # $scheme, where TLS ends in this nginx
//!     proxy_set_header X-Forwarded-Host $host;         # without a port; $http_host has it
//!     proxy_set_header X-Forwarded-Prefix /hooks;      # for setting_prefix(["/hooks"]) alone
//!     proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
//!     proxy_set_header Forwarded "";                   # nobody's word, where X-Forwarded-* counts
//! }
//! ```
//! Each `location` with a `proxy_set_header` of its own inherits **none** of those above it. nginx passes the path on decoded and normalised where
//! `proxy_pass` has a path: one with escapes, double slashes or a question mark with nothing behind it is another one then than the sender signed.
//! Where those occur, leave the path off, and let the application strip the prefix.
//!
//! Whoever writes `Forwarded` from variables should quote what clients choose (`host="$host"`), and write addresses in IPv6 as
//! `for="[$remote_addr]"`. nginx has no variable for it; its wiki shows a `map` that does it.
//!
//! # When a signature does not fit
//! What is refused for its signature may have been signed for another URL than the receiver works out. Then [the event of the
//! attempt](super::observability) has a `hint`, an observer gets it as [`Attempt::hint`](crate::Attempt::hint), an event of its own says what to set
//! (WARN, target `countersign::public_url`), and the sender learns nothing of it:
//!
//! | field | says |
//! |---|---|
//! | `hint` | what is wrong: `scheme`, `host`, `port`, `prefix`, or several of them in this order, joined by `+` |
//! | `signed` | what the sender has signed in front of the path, without user information; no path and no query |
//! | `reason` | the same in words, with what to set |
//!
//! It is known because the signature is right for that URL, so no forger can make it say anything. But a request that somebody has captured on
//! its way to another receiver of the same account fits its own URL here, too: **take over only what is this receiver's**. Tried are `http` for `https` and the other
//! way round; the hosts and ports in `Host`, `X-Forwarded-Host`, `X-Forwarded-Port` and `Forwarded`; no port, and the default one; no prefix, the one in
//! `X-Forwarded-Prefix`, and what is missing in front of the path in `X-Original-URI`, `X-Original-URL`, `X-Forwarded-Uri` and `X-Envoy-Original-Path`.
//! **None of these is believed because of that**: the attempt stays refused. A prefix that a router of this very process has stripped (axum's
//! `nest`) is in no header, so nothing can be said of it: look there first where a genuine request has no hint.
//!
//! Forgeries do not become dearer by it: six attempts are looked into at once and one more every ten seconds, each with at most 96 URLs,
//! 16 KiB of body and 4 MiB of hashing, and none at all where nobody listens to WARN and there is no observer.
