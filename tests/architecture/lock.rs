//! What the lock file says of the dependencies of dependencies.

use std::collections::BTreeSet;

use toml::{Table, Value};

/// Whoever compiles or looks for C builds with one of these.
const C_BUILDERS: &[&str] = &[
    "autotools",
    "bindgen",
    "cc",
    "cmake",
    "nasm-rs",
    "pkg-config",
    "system-deps",
    "vcpkg",
];

/// None of what a crate is built with compiles C. `direct` are the packages of its manifest, without those for tests; the lock file does not
/// tell the two apart.
pub(crate) fn compiles_no_c(file: &str, name: &str, direct: &[String], lock: &str) -> Vec<String> {
    let packages = match packages(lock) {
        Ok(packages) => packages,
        Err(unreadable) => return vec![unreadable],
    };
    let Some(own) = packages.iter().find(|package| package.name == name) else {
        return vec![format!("{file}: Cargo.lock knows no {name}")];
    };
    let is_direct = |entry: &&String| {
        let name = entry.split(' ').next().unwrap_or_default();
        direct.iter().any(|known| known == name)
    };
    let mut open: Vec<&String> = own.dependencies.iter().filter(is_direct).collect();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    while let Some(entry) = open.pop() {
        if !seen.insert(entry) {
            continue;
        }
        let (name, version) = entry.split_once(' ').unwrap_or((entry, ""));
        // A crate of the workspace is looked at by itself, and its tests may have what they like.
        let of = |package: &&Package| {
            let is_it = package.name == name && package.version.starts_with(version);
            is_it && !package.is_ours
        };
        for package in packages.iter().filter(of) {
            for dependency in &package.dependencies {
                let builder = dependency.split(' ').next().unwrap_or_default();
                if C_BUILDERS.contains(&builder) {
                    found.push(format!(
                        "{file}: `{name}` builds with `{builder}`, but a published crate needs no C"
                    ));
                }
            }
            open.extend(&package.dependencies);
        }
    }
    found
}

struct Package {
    name: String,
    version: String,
    /// It comes from no registry.
    is_ours: bool,
    /// `name`, or `name version` where there are several.
    dependencies: Vec<String>,
}

fn packages(lock: &str) -> Result<Vec<Package>, String> {
    let lock: Table = lock.parse().map_err(|e| format!("Cargo.lock: {e}"))?;
    let packages = lock.get("package").and_then(Value::as_array);
    let text = |package: &Value, key: &str| {
        let value = package.get(key).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let packages = packages.into_iter().flatten().map(|package| Package {
        name: text(package, "name"),
        version: text(package, "version"),
        is_ours: package.get("source").is_none(),
        dependencies: package
            .get("dependencies")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.as_str().map(str::to_owned))
            .collect(),
    });
    Ok(packages.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
        package = [
            { name = "countersign", version = "0.1.0", dependencies = ["far", "loom", "near 2.0.0", "ours"] },
            { name = "far", version = "1.0.0", source = "registry", dependencies = ["hidden"] },
            { name = "hidden", version = "1.0.0", source = "registry", dependencies = ["far", "cc"] },
            { name = "cc", version = "1.0.0", source = "registry" },
            { name = "loom", version = "1.0.0", source = "registry", dependencies = ["cmake"] },
            { name = "near", version = "1.0.0", source = "registry", dependencies = ["pkg-config"] },
            { name = "near", version = "2.0.0", source = "registry" },
            { name = "ours", version = "0.1.0", dependencies = ["loom"] },
        ]
    "#;

    #[track_caller]
    fn names(direct: &[&str], found: &[&str]) {
        let direct: Vec<_> = direct.iter().map(|name| (*name).to_owned()).collect();
        let all = compiles_no_c("x", "countersign", &direct, LOCK);
        let named: Vec<_> = all
            .iter()
            .filter_map(|text| text.split('`').nth(1))
            .collect();
        assert_eq!(named, found, "{all:?}");
    }

    #[test]
    fn a_crate_is_caught_with_c_however_far_away() {
        names(&["far"], &["hidden"]);
        names(&["far", "near"], &["hidden"]);
        names(&["loom"], &["loom"]);
    }

    #[test]
    fn what_only_tests_use_and_another_version_may_have_c() {
        names(&["near"], &[]);
        names(&["ours"], &[]);
        names(&[], &[]);
    }

    #[test]
    fn a_crate_that_the_lock_does_not_know_is_caught() {
        assert_eq!(
            compiles_no_c("x", "unknown", &[], LOCK),
            ["x: Cargo.lock knows no unknown"]
        );
        assert_eq!(compiles_no_c("x", "countersign", &[], "=").len(), 1);
    }
}
