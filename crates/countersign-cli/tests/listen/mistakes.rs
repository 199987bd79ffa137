//! What is wrong with a file is told with line and key, all of it at once, and without anything that may be a secret.

use crate::running::{ends, file};

/// Checks a file: what is said of it, each line without the program's and the file's name.
#[track_caller]
fn said(name: &str, text: &str) -> Vec<String> {
    let path = file(&format!("mistake-{name}.toml"), text);
    let (code, out, error) = ends(&[&path, "--check"]);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{text}: {error}");
    let start = format!("countersign: {path}");
    let error = error.replace(&format!("{}/", env!("CARGO_TARGET_TMPDIR")), "HERE/");
    let start = start.replace(&format!("{}/", env!("CARGO_TARGET_TMPDIR")), "HERE/");
    error
        .lines()
        .map(|line| match line.strip_prefix(&start) {
            Some(rest) => rest.strip_prefix(':').unwrap_or(rest).to_owned(),
            None => line.to_owned(),
        })
        .collect()
}

const STRIPE: &str = "secrets = [{ env = 'STRIPE_SECRET' }]\nacknowledge = true\n";

#[test]
fn each_mistake_has_its_line_and_its_key() {
    let stripe = format!("[route.stripe]\n{STRIPE}");
    let route = |more: &str| format!("{stripe}{more}");
    let github = |more: &str| {
        format!(
            "[route.github]\nsecrets = [{{ env = 'GITHUB_SECRET' }}]\nacknowledge = true\n{more}"
        )
    };
    let cases: Vec<(String, &str)> = vec![
        // What TOML says.
        ("[server\n".to_owned(), "1: unclosed table, expected `]`"),
        (route("acknowledge = true\n"), "4: duplicate key"),
        ("[route.stripe]\n[route.stripe]\n".to_owned(), "2: duplicate key"),
        // Keys and types.
        (
            route("[server]\nadress = 'x'\n"),
            "5: server.adress: unknown field `adress`, expected one of `address`, `header_timeout`, `max_connections`, `drain`, `health`",
        ),
        (route("[serve]\n"), "4: serve: unknown field `serve`, expected one of `server`, `log`, `store`, `sources`, `bodies`, `failures`, `forward`, `schemes`, `route`"),
        (route("[server]\ndrain = 30\n"), "5: server.drain: invalid type: integer `30`, expected a span such as \"90s\", \"15m\", \"4h\" or \"3d\""),
        (route("[server]\ndrain = '30'\n"), "5: server.drain: invalid value: a string, expected a span such as \"90s\", \"15m\", \"4h\" or \"3d\""),
        (route("[server]\nmax_connections = 0\n"), "5: server.max_connections: invalid value: integer `0`, expected a nonzero usize"),
        (route("[store]\nkind = 'redis'\n"), "5: store.kind: unknown variant `redis`, expected `memory`"),
        (route("[log]\nformat = 'xml'\n"), "5: log.format: unknown variant `xml`, expected `text` or `json`"),
        (route("token_in = 'cookie:x'\n"), "4: route.stripe.token_in: give basic, bearer, path, header:NAME, query:NAME, form:NAME or json:POINTER"),
        (route("accept_weak = ['everything']\n"), "4: route.stripe.accept_weak[0]: unknown variant `everything`, expected one of `body-not-signed`, `values-not-set-apart`, `extensible-digest`, `nothing-signed`, `nothing-proven`, `short-secret`"),
        // Secrets.
        ("[route.stripe]\nacknowledge = true\n".to_owned(), "1: route.stripe.secrets: there is no secret"),
        (
            "[route.stripe]\nacknowledge = true\nsecrets = ['whsec_0123456789abcdef0123456789']\n".to_owned(),
            "3: route.stripe.secrets[0]: invalid type: a string, expected a table that names a secret, such as { env = \"NAME\" } or { file = \"PATH\" }: a secret itself is not written here",
        ),
        (
            "[route.stripe]\nacknowledge = true\nsecrets = 'whsec_0123456789abcdef0123456789'\n".to_owned(),
            "3: route.stripe.secrets: invalid type: a string, expected a sequence",
        ),
        (
            "[route.stripe]\nacknowledge = true\nsecrets = [\n  { env = 'STRIPE_SECRET' },\n  { env = 'STRIPE_NEXT', file = 'x' },\n]\n".to_owned(),
            "5: route.stripe.secrets[1]: is kept in one place: name it by env or by file, not by both",
        ),
        (
            "[route.stripe]\nacknowledge = true\nsecrets = [{ label = 'x' }]\n".to_owned(),
            "3: route.stripe.secrets[0]: says not where it is kept: env = \"NAME\" or file = \"PATH\"",
        ),
        (
            "[route.stripe]\nacknowledge = true\nsecrets = [{ env = 'NO_SUCH' }]\n".to_owned(),
            "3: route.stripe.secrets[0].env: the environment variable NO_SUCH is not set",
        ),
        (
            "[route.stripe]\nacknowledge = true\nsecrets = [{ env = 'ED7D658CD8EB49418948' }]\n".to_owned(),
            "3: route.stripe.secrets[0].env: there is no environment variable of the name that was given; it wants a name, not the secret itself",
        ),
        (
            "[route.stripe]\nacknowledge = true\nsecrets = [{ file = 'MfKQ9r8GKYqr/wjUPD8ILPZIo2LaLaSw' }]\n".to_owned(),
            "3: route.stripe.secrets[0].file: the file that was named cannot be read: No such file or directory (os error 2); it wants a path, not the secret itself",
        ),
        (
            "[route.stripe]\nacknowledge = true\nsecrets = [{ file = 'no/such-file' }]\n".to_owned(),
            "3: route.stripe.secrets[0].file: HERE/no/such-file: No such file or directory (os error 2)",
        ),
        (
            "[route.stripe]\nacknowledge = true\nsecrets = [{ file = '-' }]\n".to_owned(),
            "3: route.stripe.secrets[0]: standard input is no file that could be read again",
        ),
        (
            "[route.stripe]\nacknowledge = true\nsecrets = [{ env = 'STRIPE_SECRET', not_after = 2026-01-31T12:00:00 }]\n".to_owned(),
            "3: route.stripe.secrets[0].not_after: a date, a time and an offset, such as 2026-01-31T12:00:00Z",
        ),
        (
            "[route.stripe]\nacknowledge = true\nsecrets = [{ env = 'STRIPE_SECRET', not_before = 2026-01-31T12:00:00Z, not_after = 2025-01-31T12:00:00+01:00 }]\n".to_owned(),
            "3: route.stripe.secrets: not_before lies after not_after",
        ),
        (
            "[route.stripe]\nacknowledge = true\nsecrets = [{ env = 'STRIPE_SECRET' }, { env = 'STRIPE_SECRET' }]\n".to_owned(),
            "3: route.stripe.secrets: two secrets have the same label",
        ),
        (
            "[route.stripe]\nacknowledge = true\nsecrets = [{ env = 'SHORT_SECRET' }]\n".to_owned(),
            "3: route.stripe.secrets: SHORT_SECRET: the secret has 9 key bytes, the scheme asks for at least 16: accept that with accept_weak \"short-secret\"",
        ),
        // Routes.
        ("".to_owned(), " route: there is none: nothing would be received"),
        (
            format!("[route.strip]\n{STRIPE}"),
            "1: route.strip.scheme: there is no scheme \"strip\": `countersign providers` lists those that are built in, and [schemes] names others",
        ),
        (
            format!("[route.Stripe]\nscheme = 'stripe'\n{STRIPE}"),
            "1: route.Stripe: a route's name is 1 to 64 lower-case letters, digits and hyphens",
        ),
        (
            route("tolerance = 0\n"),
            "4: route.stripe.tolerance: must be at least a second towards the past: a delivery takes time",
        ),
        (
            format!("{stripe}[route.second]\nscheme = 'stripe'\npath = '/stripe'\n{STRIPE}"),
            "6: route.second.path: route.stripe has the same path, /stripe",
        ),
        (route("path = 'x'\n"), "4: route.stripe.path: must begin with a slash"),
        (route("path = '/x/{y}'\n"), "4: route.stripe.path: may hold letters, digits, slashes and - . _ ~"),
        (route("path = '/x/'\n"), "4: route.stripe.path: must not hold an empty segment, a dot or two dots, and not end with a slash"),
        (route("path = '/x/../y'\n"), "4: route.stripe.path: must not hold an empty segment, a dot or two dots, and not end with a slash"),
        (route("[server]\nhealth = '/stripe'\n"), "5: server.health: route.stripe has the same path"),
        (route("[server]\n\"a\\u001b[2J\" = 1\n"), "5: server.\"a\\u{1b}[2J\": unknown field `a\\u{1b}[2J`, expected one of `address`, `header_timeout`, `max_connections`, `drain`, `health`"),
        (route("[server]\naddress = 'localhost:80'\n"), "5: server.address: must be an address and a port, such as 127.0.0.1:8080 or [::1]:0"),
        // What the scheme does not ask for, and what it does.
        (route("public_url = 'https://a.example'\n"), "4: route.stripe.public_url: the scheme does not sign the URL"),
        (route("accept_weak = ['nothing-signed']\n"), "4: route.stripe.accept_weak: the scheme is of grade signature-over-body: that is not given up"),
        (route("consent = { 'hub.topic' = ['x'] }\n"), "4: route.stripe.consent: the sender asks nothing that needs it"),
        (route("config = { x = 'y' }\n"), "4: route.stripe.config.x: the scheme has no such value"),
        (route("token_in = 'basic'\n"), "4: route.stripe.token_in: the scheme signs: it has no token to be put elsewhere"),
        (route("retention = '1h'\n"), "4: route.stripe.retention: is shorter than the time for which the sender retries"),
        (route("max_body = 0\n"), "4: route.stripe.max_body: must be between 1 byte and 256 MiB"),
        (route("quota = { period = '1m' }\n"), "4: route.stripe.quota.count: is missing: how many in each period"),
        (github(""), "1: route.github.deduplicate: two events of this sender may have the same signed content: choose \"by-content\", \"by-unsigned-id\" or \"off\""),
        (github("deduplicate = 'by-content'\nrefuse_replays = true\n"), "5: route.github.refuse_replays: the sender's own retries carry the signature of the first attempt"),
        (github("deduplicate = 'by-content'\ntolerance = 30\n"), "5: route.github.tolerance: the scheme signs no timestamp"),
        (
            format!("[route.twilio]\ndeduplicate = 'off'\n{STRIPE}"),
            "1: route.twilio.public_url: the scheme signs the URL, so it must be configured",
        ),
        (
            format!("[route.twilio]\ndeduplicate = 'off'\npublic_url = 'https://a.example/?x=1'\n{STRIPE}"),
            "3: route.twilio.public_url: must be an http or https URL without query and fragment",
        ),
        (
            format!("[route.twilio]\ndeduplicate = 'off'\npublic_url = 'https://a.example'\npublic_url_from = {{ proxies = ['10.0.0.1'], hosts = ['a.example'] }}\n{STRIPE}"),
            "4: route.twilio.public_url_from: the public URL is configured or told by proxies, not both",
        ),
        (
            format!("[route.twilio]\ndeduplicate = 'off'\npublic_url_from = {{ proxies = ['10.0.0.1',\n 'ten'], hosts = ['a.example'] }}\n{STRIPE}"),
            "4: route.twilio.public_url_from.proxies[1]: \"ten\" is no address or network of proxies",
        ),
        (
            format!("[route.zapier]\ndeduplicate = 'off'\n{STRIPE}"),
            "1: route.zapier.accept_weak: scheme \"zapier\" is of grade token, which is less than a signature over the body: accept that with \"nothing-signed\"",
        ),
        (
            format!("[route.cloudevents-webhook]\naccept_weak = ['nothing-signed']\nconfig = {{ allowed-origin = 'eventemitter.example.com' }}\n{STRIPE}"),
            "3: route.cloudevents-webhook.config.allowed-origin: is a secret, which is not written here: name where it is kept, by { env = \"NAME\" } or { file = \"PATH\" }",
        ),
        (
            format!("[route.twilio]\ndeduplicate = 'off'\npublic_url_from = {{ proxies = ['10.0.0.1'], hosts = ['a.example', 'b/c'] }}\n{STRIPE}"),
            "3: route.twilio.public_url_from.hosts[1]: \"b/c\" is no host",
        ),
        (
            format!("[route.twilio]\ndeduplicate = 'off'\npublic_url_from = {{ proxies = ['10.0.0.1'] }}\n{STRIPE}"),
            "3: route.twilio.public_url_from.hosts: name at least one network of proxies, and where it is asked for, one host or one prefix",
        ),
        (
            format!("[route.twilio]\ndeduplicate = 'off'\npublic_url_from = {{ proxies = ['10.0.0.1'], hosts = ['a.example'], setting_prefix = ['/a', 'b'] }}\n{STRIPE}"),
            "3: route.twilio.public_url_from.setting_prefix[1]: \"b\" is no prefix of a path: it begins with a slash, and has neither a query nor blanks",
        ),
        (
            format!("[route.twilio]\ndeduplicate = 'off'\npublic_url_from = {{ proxies = ['10.0.0.1'], hosts = ['a.example'], setting_prefix = ['/a'], stripping = '/b' }}\n{STRIPE}"),
            "3: route.twilio.public_url_from.stripping: the prefix is known or told, not both",
        ),
        (
            format!("[route.twilio]\ndeduplicate = 'off'\npublic_url_from = {{ proxies = ['10.0.0.1'], hosts = ['a.example'], setting_forwarded = true, setting_port = true }}\n{STRIPE}"),
            "3: route.twilio.public_url_from: Forwarded tells neither prefix nor port, and X-Forwarded-* is not read beside it: write stripping in the place of setting_prefix, and leave setting_port out",
        ),
        // Limits.
        (route("[sources]\nproxies = ['10.0.0.1']\n"), "4: sources: nothing counts sources: there is neither a section [failures] nor bodies.per_source"),
        (route("[failures]\ncount = 1\n[sources]\n"), "6: sources: say direct = true, or name the proxies that senders come through"),
        (route("[failures]\ncount = 1\n[sources]\ndirect = true\nproxies = ['10.0.0.1']\n"), "7: sources.direct: senders connect directly or come through proxies, not both"),
        (route("[failures]\ncount = 1\n[sources]\nproxies = [\n  '10.0.0.1',\n  '0.0.0.0/0',\n]\n"), "9: sources.proxies[1]: \"0.0.0.0/0\" is no address or network of proxies"),
        (route("[failures]\n"), "4: failures.count: is missing: how many in each period"),
        (route("[failures]\ncount = 1\nperiod = '0s'\n"), "6: failures.period: the period of a quota is zero"),
        (route("[failures]\ncount = 1\nrefuse_early = true\n"), "4: failures: to refuse early, sources must be told apart: write a section [sources]"),
        (route("[failures]\ncount = 1\nmost_sources = 0\n"), "4: failures: must count at least one source"),
        (route("[bodies]\nper_source = 1\n"), "4: bodies: to share places out, sources must be told apart: write a section [sources]"),
        (route("[bodies]\nbytes = 0\n"), "4: bodies: must have room for a byte"),
        (route("[bodies]\nidle_timeout = '0s'\n"), "5: bodies.idle_timeout: must be longer than zero"),
        // Forwarding.
        (
            "[route.stripe]\nsecrets = [{ env = 'STRIPE_SECRET' }]\n".to_owned(),
            "1: route.stripe.forward: is missing: say where deliveries go, here or in a section [forward], or acknowledge = true to answer 200 and do nothing",
        ),
        (route("forward = 'http://127.0.0.1:3000'\n"), "3: route.stripe.acknowledge: a delivery is forwarded or only acknowledged, not both"),
        (route("forward_headers = ['x-a']\n"), "4: route.stripe.forward_headers: nothing is forwarded"),
        (route("[forward]\nurl = 'http://127.0.0.1:3000'\n"), "5: forward.url: every route has a target of its own, or acknowledges"),
        (route("[forward]\ntimeout = '5s'\n"), "5: forward.timeout: nothing is forwarded"),
        (
            "[forward]\nurl = 'http://127.0.0.1:8080/stripe'\n[route.stripe]\nsecrets = [{ env = 'STRIPE_SECRET' }]\n".to_owned(),
            "2: forward.url: is this receiver's own address, 127.0.0.1:8080",
        ),
        (
            "[forward]\ntimeout = '16m'\n[route.stripe]\nsecrets = [{ env = 'STRIPE_SECRET' }]\nforward = 'http://127.0.0.1:3000'\n".to_owned(),
            "2: forward.timeout: is longer than 15 minutes, which is as long as a run may take",
        ),
        (
            "[route.stripe]\nsecrets = [{ env = 'STRIPE_SECRET' }]\nforward = 'http://127.0.0.1:3000'\nforward_headers = [\n  'x-a',\n  'Countersign_Id',\n]\n".to_owned(),
            "6: route.stripe.forward_headers[1]: Countersign_Id is not passed on: it is about one connection, or this program's own",
        ),
        (
            "[route.zapier]\nsecrets = [{ env = 'STRIPE_SECRET' }]\naccept_weak = ['nothing-signed']\ndeduplicate = 'off'\ntoken_in = 'header:X-Token'\nforward = 'http://127.0.0.1:3000'\nforward_headers = ['x-token']\n".to_owned(),
            "7: route.zapier.forward_headers[0]: x-token holds the secret, which is not passed on",
        ),
        // Schemes of one's own.
        (route("[schemes]\nacme = 'acme.toml'\n"), "5: schemes.acme: no route has this scheme"),
        (route("[schemes]\nstripe = 'acme.toml'\n"), "5: schemes.stripe: is the name of a built-in scheme"),
    ];
    let told = cases.iter().enumerate();
    let told =
        told.map(|(index, (text, expected))| (text, said(&index.to_string(), text), *expected));
    let different: Vec<_> = told
        .filter(|(_, told, expected)| told != &[*expected])
        .collect();
    assert!(different.is_empty(), "{different:#?}");
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    // First what TOML and serde say, for what cannot be read cannot be judged.
    let text = "\
[server]
adress = '127.0.0.1:1'
drain = 3

[route.stripe]
secret = []
secrets = [{ env = 'STRIPE_SECRET', lable = 'x' }, { env = 3 }]
forward = ['http://127.0.0.1:3000']
";
    assert_eq!(
        said("all-types", text),
        [
            "2: server.adress: unknown field `adress`, expected one of `address`, `header_timeout`, `max_connections`, `drain`, `health`",
            "3: server.drain: invalid type: integer `3`, expected a span such as \"90s\", \"15m\", \"4h\" or \"3d\"",
            "6: route.stripe.secret: unknown field `secret`, expected one of `path`, `scheme`, `secrets`, `config`, `token_in`, `public_url`, `public_url_from`, `tolerance`, `max_body`, `accept_weak`, `consent`, `deduplicate`, `retention`, `refuse_replays`, `refuse_changed_bodies`, `max_runs`, `answer_within`, `quota`, `forward`, `forward_headers`, `acknowledge`",
            "7: route.stripe.secrets[0].lable: unknown field `lable`, expected one of `env`, `file`, `label`, `not_before`, `not_after`",
            "7: route.stripe.secrets[1].env: invalid type: integer `3`, expected a string",
            "8: route.stripe.forward: invalid type: sequence, expected a string",
        ]
    );
    // Then what makes no sense.
    let text = "\
[server]
health = 'health'
[forward]
url = 'http://127.0.0.1:8080'
[route.stripe]
secrets = [{ env = 'NO_SUCH' }, { file = 'no/such-file' }]
public_url = 'https://a.example'
[route.github]
path = '/stripe'
secrets = [{ env = 'GITHUB_SECRET' }]
";
    assert_eq!(
        said("all-senses", text),
        [
            "2: server.health: must begin with a slash",
            "4: forward.url: is this receiver's own address, 127.0.0.1:8080",
            "6: route.stripe.secrets[0].env: the environment variable NO_SUCH is not set",
            "6: route.stripe.secrets[1].file: HERE/no/such-file: No such file or directory (os error 2)",
            "7: route.stripe.public_url: the scheme does not sign the URL",
            "8: route.github.deduplicate: two events of this sender may have the same signed content: choose \"by-content\", \"by-unsigned-id\" or \"off\"",
            "9: route.github.path: route.stripe has the same path, /stripe",
        ]
    );
}

#[test]
fn a_scheme_of_ones_own_is_told_with_its_own_line() {
    let scheme = file(
        "mistake-scheme-acme.toml",
        "name = 'acme'\nsignature = { header = 'acme-signature' }\nmax_bdy = 5\n",
    );
    let text = format!("[schemes]\nacme = '{scheme}'\n[route.acme]\n{STRIPE}");
    let told = said("scheme", &text);
    assert_eq!(told.len(), 1);
    let start = "2: schemes.acme: HERE/mistake-scheme-acme.toml:3: max_bdy: unknown field `max_bdy`, expected one of ";
    assert!(told[0].starts_with(start), "{told:?}");

    let scheme = file(
        "mistake-scheme-other.toml",
        "name = 'other'\nsignature = { header = 'acme-signature' }\n",
    );
    let text = format!("[schemes]\nacme = '{scheme}'\n[route.acme]\n{STRIPE}");
    assert_eq!(
        said("scheme-name", &text),
        ["2: schemes.acme: the scheme of HERE/mistake-scheme-other.toml has the name \"other\""]
    );
}

#[test]
fn a_file_that_is_none_is_said() {
    let (code, _, error) = ends(&["no-such.toml"]);
    assert_eq!(
        error,
        "countersign: no-such.toml: No such file or directory (os error 2)\n"
    );
    assert_eq!(code, Some(2));
    let (code, _, error) = ends(&["x.toml", "--secret", "stripe=env:STRIPE_SECRET"]);
    assert!(
        error.starts_with(
            "error: the argument '[FILE]' cannot be used with '--secret <SCHEME=REFERENCE>'"
        ),
        "{error}"
    );
    assert_eq!(code, Some(2));
}
