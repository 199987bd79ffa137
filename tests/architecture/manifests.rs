//! Rules that a crate's manifest can break. Each takes what is needed of one crate and gives back what is wrong with it.
//! Dev-dependencies are free: they never reach a user.

use toml::{Table, Value};

/// What a crate is for decides what it may depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Core,
    /// Puts the core into a web framework; may use the named families of crates and no other framework's.
    Framework(&'static [&'static str]),
    Store,
    /// Not linked into a receiver: testkit, program, benchmark.
    Tool,
}

pub(crate) fn role(crate_name: &str) -> Option<Role> {
    Some(match crate_name {
        "countersign" => Role::Core,
        "countersign-tower" => Role::Framework(&["tower"]),
        "countersign-axum" => Role::Framework(&["axum", "tower", "countersign-tower"]),
        "countersign-actix" => Role::Framework(&["actix"]),
        "countersign-redis" | "countersign-sqlx" => Role::Store,
        "countersign-testkit" | "countersign-cli" | "countersign-bench" => Role::Tool,
        _ => return None,
    })
}

const FRAMEWORKS: &[&str] = &[
    "actix", "axum", "gotham", "poem", "rocket", "salvo", "tide", "tonic", "tower", "trillium",
    "viz", "warp",
];
const FRAMEWORK_ADAPTERS: &[&str] = &["countersign-tower", "countersign-axum", "countersign-actix"];
const STORE_ADAPTERS: &[&str] = &["countersign-redis", "countersign-sqlx"];
const RUNTIMES_AND_SOCKETS: &[&str] = &[
    "async-executor",
    "async-global-executor",
    "async-io",
    "async-net",
    "async-std",
    "curl",
    "embassy",
    "glommio",
    "h2",
    "hyper",
    "isahc",
    "mio",
    "monoio",
    "polling",
    "quinn",
    "reqwest",
    "smol",
    "socket2",
    "surf",
    "tokio",
    "tungstenite",
    "ureq",
];
const DATABASES: &[&str] = &[
    "deadpool", "diesel", "fred", "mongodb", "mysql", "postgres", "r2d2", "redb", "redis",
    "rocksdb", "rusqlite", "sea-orm", "sled", "sqlite", "sqlx",
];
const HASHES_AND_COMPARISONS: &[&str] = &[
    "aws-lc-rs",
    "blake2",
    "blake3",
    "boring",
    "cmov",
    "constant_time_eq",
    "crypto-common",
    "ctutils",
    "digest",
    "ecdsa",
    "ed25519",
    "hmac",
    "jsonwebtoken",
    "md-5",
    "md5",
    "openssl",
    "p256",
    "ring",
    "rsa",
    "sha-1",
    "sha1",
    "sha2",
    "sha3",
    "subtle",
];

/// The core stands alone: no runtime, framework, database or socket, and none of the crates built on it.
pub(crate) fn core_stands_alone(file: &str, crate_: &Crate) -> Vec<String> {
    if crate_.role != Role::Core {
        return Vec::new();
    }
    let forbidden = [
        FRAMEWORKS,
        RUNTIMES_AND_SOCKETS,
        DATABASES,
        &["countersign"],
    ]
    .concat();
    crate_.refuse(
        file,
        &forbidden,
        &[],
        "the core has no runtime, framework, database or socket, not even behind a feature",
    )
}

/// A framework adapter knows its own framework and the core; axum, which is built on tower, is the one that knows two.
pub(crate) fn frameworks_do_not_know_each_other(file: &str, crate_: &Crate) -> Vec<String> {
    let Role::Framework(own) = crate_.role else {
        return Vec::new();
    };
    let forbidden = [FRAMEWORKS, FRAMEWORK_ADAPTERS].concat();
    crate_.refuse(
        file,
        &forbidden,
        own,
        "a framework adapter knows no other framework",
    )
}

pub(crate) fn frameworks_do_not_know_stores(file: &str, crate_: &Crate) -> Vec<String> {
    let Role::Framework(_) = crate_.role else {
        return Vec::new();
    };
    let forbidden = [DATABASES, STORE_ADAPTERS].concat();
    crate_.refuse(
        file,
        &forbidden,
        &[],
        "a framework adapter knows no store but the core's trait",
    )
}

pub(crate) fn stores_know_the_core_alone(file: &str, crate_: &Crate) -> Vec<String> {
    if crate_.role != Role::Store {
        return Vec::new();
    }
    let forbidden = [FRAMEWORKS, FRAMEWORK_ADAPTERS, STORE_ADAPTERS].concat();
    crate_.refuse(
        file,
        &forbidden,
        &[],
        "a store adapter knows no framework and no other store",
    )
}

/// Hashing and comparing are the core's: an adapter that cannot hash cannot verify a second time and differently.
pub(crate) fn adapters_neither_hash_nor_compare(file: &str, crate_: &Crate) -> Vec<String> {
    if !matches!(crate_.role, Role::Framework(_) | Role::Store) {
        return Vec::new();
    }
    crate_.refuse(
        file,
        HASHES_AND_COMPARISONS,
        &[],
        "an adapter neither hashes nor compares",
    )
}

pub(crate) fn published_crates_forbid_unsafe(file: &str, crate_: &Crate) -> Vec<String> {
    let level = at(&crate_.workspace, &["lints", "rust", "unsafe_code"]);
    let level = level.and_then(|lint| lint.get("level").unwrap_or(lint).as_str());
    let inherited =
        at_bool(&crate_.manifest, &["lints", "workspace"]) == Some(true) && level == Some("forbid");
    crate_.demand(
        file,
        inherited,
        "a published crate inherits the workspace's lints, and they forbid unsafe code",
    )
}

/// What a stranger sends must never panic a task: these are lints, which `./check` takes for errors.
pub(crate) fn published_crates_refuse_to_panic(file: &str, crate_: &Crate) -> Vec<String> {
    let lints = [
        "unwrap_used",
        "expect_used",
        "panic",
        "indexing_slicing",
        "arithmetic_side_effects",
    ];
    let is_on = |lint: &&'static str| {
        let level = at(&crate_.workspace, &["lints", "clippy", lint]);
        level.is_some_and(|level| {
            ["warn", "deny", "forbid"]
                .map(Some)
                .contains(&level.as_str())
        })
    };
    let inherited = at_bool(&crate_.manifest, &["lints", "workspace"]) == Some(true);
    crate_.demand(
        file,
        inherited && lints.iter().all(is_on),
        "a published crate inherits the workspace's lints, and they are on for what can panic",
    )
}

/// The lock file is searched for what compiles C, behind everything that the crate is built with.
pub(crate) fn published_crates_compile_no_c(file: &str, crate_: &Crate, lock: &str) -> Vec<String> {
    if !crate_.is_published() {
        return Vec::new();
    }
    let name = at(&crate_.manifest, &["package", "name"]).and_then(Value::as_str);
    let direct = crate_.dependencies();
    crate::lock::compiles_no_c(file, name.unwrap_or_default(), &direct, lock)
}

/// The steps of a release go through this list.
pub(crate) fn published_crates_are_released(file: &str, crate_: &Crate, list: &str) -> Vec<String> {
    let name = at(&crate_.manifest, &["package", "name"]).and_then(Value::as_str);
    let is_listed = name.is_some_and(|name| list.lines().any(|line| line == name));
    match (crate_.is_published(), is_listed) {
        (true, false) => vec![format!("{file}: is not in tests/release/published")],
        (false, true) => vec![format!(
            "{file}: is in tests/release/published, but not published"
        )],
        _ => Vec::new(),
    }
}

pub(crate) fn published_crates_state_their_rust(file: &str, crate_: &Crate) -> Vec<String> {
    let own = at(&crate_.manifest, &["package", "rust-version"]).and_then(Value::as_str);
    crate_.demand(
        file,
        own.is_some(),
        "a published crate states its own rust-version",
    )
}

/// A crate's manifest beside what it may inherit from the workspace's.
pub(crate) struct Crate {
    role: Role,
    manifest: Table,
    workspace: Table,
}

impl Crate {
    /// Fails for a manifest that is no TOML, has no name, or whose name no rule knows.
    pub(crate) fn parse(file: &str, manifest: &str, root: &str) -> Result<Self, String> {
        let manifest: Table = manifest.parse().map_err(|e| format!("{file}: {e}"))?;
        let root: Table = root.parse().map_err(|e| format!("Cargo.toml: {e}"))?;
        let workspace = root
            .get("workspace")
            .and_then(Value::as_table)
            .cloned()
            .unwrap_or_default();
        let name = at(&manifest, &["package", "name"]).and_then(Value::as_str);
        let role = name
            .and_then(role)
            .ok_or_else(|| format!("{file}: {name:?} has no role yet: say in tests/architecture/manifests.rs what it is"))?;
        Ok(Self {
            role,
            manifest,
            workspace,
        })
    }

    fn is_published(&self) -> bool {
        let inherited = at_bool(&self.manifest, &["package", "publish", "workspace"]) == Some(true);
        let publish = if inherited {
            at(&self.workspace, &["package", "publish"])
        } else {
            at(&self.manifest, &["package", "publish"])
        };
        match publish {
            Some(Value::Boolean(published)) => *published,
            Some(Value::Array(registries)) => !registries.is_empty(),
            _ => true,
        }
    }

    fn demand(&self, file: &str, holds: bool, rule: &str) -> Vec<String> {
        if holds || !self.is_published() {
            return Vec::new();
        }
        vec![format!("{file}: {rule}")]
    }

    fn refuse(&self, file: &str, forbidden: &[&str], allowed: &[&str], rule: &str) -> Vec<String> {
        self.dependencies()
            .iter()
            .filter(|name| is_of(name, forbidden) && !is_of(name, allowed))
            .map(|name| format!("{file}: depends on `{name}`, but {rule}"))
            .collect()
    }

    /// Package names of what the crate is built with: renamed, optional, per target and at build time included.
    fn dependencies(&self) -> Vec<String> {
        let targets = self.manifest.get("target").and_then(Value::as_table);
        let targets = targets
            .into_iter()
            .flat_map(|t| t.values())
            .filter_map(Value::as_table);
        let kinds = ["dependencies", "build-dependencies", "build_dependencies"];
        std::iter::once(&self.manifest)
            .chain(targets)
            .flat_map(|table| kinds.iter().filter_map(|kind| table.get(*kind)?.as_table()))
            .flatten()
            .map(|(key, dependency)| {
                let inherited = dependency.get("workspace").and_then(Value::as_bool) == Some(true);
                let shared = at(&self.workspace, &["dependencies", key]).filter(|_| inherited);
                let renamed = shared
                    .unwrap_or(dependency)
                    .get("package")
                    .and_then(Value::as_str);
                renamed.unwrap_or(key).to_owned()
            })
            .collect()
    }
}

/// `tokio` names the crate and its family: `tokio-util`, `tokio_util`.
fn is_of(name: &str, families: &[&str]) -> bool {
    families
        .iter()
        .filter_map(|family| name.strip_prefix(family))
        .any(|tail| tail.is_empty() || tail.starts_with(['-', '_']))
}

fn at<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(table.get(*first)?, |value, key| value.get(*key))
}

fn at_bool(table: &Table, path: &[&str]) -> Option<bool> {
    at(table, path).and_then(Value::as_bool)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = r#"
        [workspace.package]
        publish = false
        [workspace.dependencies]
        wire = { package = "hyper", version = "1" }
        tower-layer = "0.3"
        [workspace.lints.rust]
        unsafe_code = "forbid"
    "#;

    fn krate(name: &str, rest: &str) -> Crate {
        let manifest = format!("[package]\nname = \"{name}\"\n{rest}");
        Crate::parse("x/Cargo.toml", &manifest, ROOT).unwrap()
    }

    fn with(name: &str, dependency: &str) -> Crate {
        krate(name, &format!("[dependencies]\nhttp = \"1\"\n{dependency}"))
    }

    fn named(found: &[String]) -> Vec<&str> {
        found
            .iter()
            .filter_map(|text| text.split('`').nth(1))
            .collect()
    }

    #[test]
    fn the_core_is_caught_with_a_runtime_however_it_comes_in() {
        for (manifest, dependency) in [
            (
                "[dependencies]\ntokio = { version = \"1\", optional = true }",
                "tokio",
            ),
            ("[dependencies]\ntokio-util = \"0.7\"", "tokio-util"),
            (
                "[dependencies]\nt = { package = \"async-std\", version = \"1\" }",
                "async-std",
            ),
            ("[dependencies]\nwire.workspace = true", "hyper"),
            (
                "[dependencies]\ntower-layer = { workspace = true, optional = true }",
                "tower-layer",
            ),
            ("[build-dependencies]\nreqwest = \"1\"", "reqwest"),
            ("[target.'cfg(unix)'.dependencies]\nsqlx = \"1\"", "sqlx"),
            (
                "[dependencies]\ncountersign-redis = \"0.1\"",
                "countersign-redis",
            ),
        ] {
            assert_eq!(
                named(&core_stands_alone("x", &krate("countersign", manifest))),
                [dependency]
            );
        }
        let tested = krate(
            "countersign",
            "[dev-dependencies]\ntokio = \"1\"\n[dependencies]\nhttp-body = \"1\"",
        );
        assert_eq!(core_stands_alone("x", &tested), Vec::<String>::new());
    }

    #[test]
    fn a_framework_adapter_is_caught_with_another_framework() {
        let check =
            |name, dependency| frameworks_do_not_know_each_other("x", &with(name, dependency));
        assert_eq!(
            named(&check("countersign-tower", "axum-core = \"0.5\"")),
            ["axum-core"]
        );
        assert_eq!(
            named(&check("countersign-tower", "countersign-axum = \"0.1\"")),
            ["countersign-axum"]
        );
        assert_eq!(
            named(&check("countersign-actix", "tower-service = \"0.3\"")),
            ["tower-service"]
        );
        assert_eq!(
            named(&check("countersign-actix", "countersign-tower = \"0.1\"")),
            ["countersign-tower"]
        );
        assert_eq!(
            named(&check("countersign-axum", "actix-web = \"4\"")),
            ["actix-web"]
        );
        assert_eq!(
            check(
                "countersign-axum",
                "countersign-tower = \"0.1\"\naxum = \"0.8\""
            ),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_framework_adapter_is_caught_with_a_store() {
        let check =
            |dependency| frameworks_do_not_know_stores("x", &with("countersign-axum", dependency));
        assert_eq!(
            named(&check("countersign-redis = \"0.1\"")),
            ["countersign-redis"]
        );
        assert_eq!(named(&check("sqlx = \"0.9\"")), ["sqlx"]);
        assert_eq!(check("tokio = \"1\""), Vec::<String>::new());
    }

    #[test]
    fn a_store_adapter_is_caught_with_a_framework_or_another_store() {
        let check =
            |dependency| stores_know_the_core_alone("x", &with("countersign-redis", dependency));
        assert_eq!(
            named(&check("countersign-axum = \"0.1\"")),
            ["countersign-axum"]
        );
        assert_eq!(
            named(&check("countersign-sqlx = \"0.1\"")),
            ["countersign-sqlx"]
        );
        assert_eq!(named(&check("tower = \"0.5\"")), ["tower"]);
        assert_eq!(
            check("redis = \"1\"\ncountersign = \"0.1\""),
            Vec::<String>::new()
        );
    }

    #[test]
    fn an_adapter_is_caught_with_a_hash_or_a_comparison() {
        for name in [
            "countersign-tower",
            "countersign-axum",
            "countersign-actix",
            "countersign-sqlx",
        ] {
            for dependency in [
                "hmac",
                "sha2",
                "md-5",
                "subtle",
                "constant_time_eq",
                "aws-lc-rs",
                "ed25519-dalek",
            ] {
                let found = adapters_neither_hash_nor_compare(
                    "x",
                    &with(name, &format!("{dependency} = \"1\"")),
                );
                assert_eq!(named(&found), [dependency]);
            }
        }
        assert_eq!(
            adapters_neither_hash_nor_compare("x", &with("countersign", "hmac = \"1\"")),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_published_crate_is_caught_without_the_workspace_lints() {
        let inherits = "[lints]\nworkspace = true";
        let check = |rest| published_crates_forbid_unsafe("x", &krate("countersign", rest)).len();
        assert_eq!(check("[lints.rust]\nunsafe_code = \"forbid\""), 1);
        assert_eq!(check(""), 1);
        assert_eq!(check("publish = false"), 0);
        assert_eq!(check("publish.workspace = true"), 0);
        assert_eq!(check(inherits), 0);
        let lax = ROOT.replace("\"forbid\"", "{ level = \"deny\", priority = 1 }");
        let lax = Crate::parse(
            "x",
            &format!("package.name = \"countersign\"\n{inherits}"),
            &lax,
        )
        .unwrap();
        assert_eq!(published_crates_forbid_unsafe("x", &lax).len(), 1);
    }

    #[test]
    fn a_published_crate_is_caught_with_a_lint_against_panics_switched_off() {
        let on = [
            "unwrap_used",
            "expect_used",
            "panic",
            "indexing_slicing",
            "arithmetic_side_effects",
        ];
        let root = |lints: &[&str]| {
            let lints: Vec<_> = lints
                .iter()
                .map(|lint| format!("{lint} = \"warn\""))
                .collect();
            format!("[workspace.lints.clippy]\n{}", lints.join("\n"))
        };
        let check = |rest: &str, root: &str| {
            let manifest = format!("package.name = \"countersign\"\n{rest}");
            let krate = Crate::parse("x", &manifest, root).unwrap();
            published_crates_refuse_to_panic("x", &krate).len()
        };
        let inherits = "[lints]\nworkspace = true";
        assert_eq!(check(inherits, &root(&on)), 0);
        assert_eq!(check("", &root(&on)), 1);
        for at in 0..on.len() {
            let mut rest = on.to_vec();
            let off = rest.remove(at);
            assert_eq!(check(inherits, &root(&rest)), 1, "{off}");
            let allowed =
                root(&on).replace(&format!("{off} = \"warn\""), &format!("{off} = \"allow\""));
            assert_eq!(check(inherits, &allowed), 1, "{off}");
        }
    }

    #[test]
    fn a_published_crate_is_caught_without_its_rust_version() {
        let check =
            |rest| published_crates_state_their_rust("x", &krate("countersign-cli", rest)).len();
        assert_eq!(check("edition = \"2024\""), 1);
        assert_eq!(check("rust-version = \"1.88\""), 0);
        assert_eq!(check("publish = []"), 0);
    }

    #[test]
    fn a_crate_that_no_release_has_is_caught() {
        let check = |rest, list| {
            published_crates_are_released("x", &krate("countersign-cli", rest), list).len()
        };
        assert_eq!(check("", "countersign\ncountersign-cli\n"), 0);
        assert_eq!(check("", "countersign\ncountersign-clip\n"), 1);
        assert_eq!(check("", ""), 1);
        assert_eq!(check("publish = false", "countersign-cli"), 1);
        assert_eq!(check("publish = false", "countersign"), 0);
    }

    #[test]
    fn a_crate_without_a_role_is_caught() {
        let found = Crate::parse("x", "package.name = \"countersign-rocket\"", ROOT)
            .err()
            .unwrap();
        assert!(found.contains("countersign-rocket"), "{found}");
    }
}
