//! What the rules look at: the repository's own files, by their path from its root.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::rust_text::{self, TestModule};

/// One text file: its path from the repository's root, with forward slashes, and what it says.
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every text file of the repository; build output, fuzz finds and Git's own files are not part of it.
pub(crate) fn text_files() -> io::Result<Vec<File>> {
    let root = root();
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = relative(&root, &path);
            if path.is_dir() {
                let own = name.rsplit('/').next().unwrap_or_default();
                let generated = ["fuzz/corpus", "fuzz/artifacts", "fuzz/coverage"];
                if own != ".git" && own != "target" && !generated.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if let Ok(text) = String::from_utf8(fs::read(&path)?) {
                files.push(File { name, text });
            }
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// One of them.
pub(crate) fn text_file(name: &str) -> io::Result<Vec<File>> {
    let text = fs::read_to_string(root().join(name))?;
    let name = name.to_owned();
    Ok(vec![File { name, text }])
}

/// The Rust files under `crates/*/src`, without those that are compiled for tests only.
pub(crate) fn library_sources() -> io::Result<Vec<File>> {
    let mut files = text_files()?;
    files.retain(|file| {
        let mut parts = file.name.split('/');
        parts.next() == Some("crates") && parts.nth(1) == Some("src") && file.name.ends_with(".rs")
    });
    let tests: BTreeSet<String> = files
        .iter()
        .flat_map(|file| test_module_files(&file.name, &file.text))
        .collect();
    files.retain(|file| !tests.contains(&file.name));
    Ok(files)
}

/// The manifests of the crates under `crates/`.
pub(crate) fn crate_manifests() -> io::Result<Vec<File>> {
    let mut files = text_files()?;
    files.retain(|file| {
        file.name.starts_with("crates/")
            && file.name.ends_with("/Cargo.toml")
            && file.name.split('/').count() == 3
    });
    Ok(files)
}

pub(crate) fn root_manifest() -> io::Result<String> {
    fs::read_to_string(root().join("Cargo.toml"))
}

fn relative(root: &Path, path: &Path) -> String {
    let parts: Vec<_> = path
        .strip_prefix(root)
        .unwrap_or(path)
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}

/// Where the modules lie that a file declares for tests alone.
fn test_module_files(name: &str, text: &str) -> Vec<String> {
    let (own, _) = name.rsplit_once('/').unwrap_or_default();
    let folder = match name
        .strip_suffix("/lib.rs")
        .or(name.strip_suffix("/main.rs"))
    {
        Some(folder) => folder,
        None => name.strip_suffix(".rs").unwrap_or(name),
    };
    let file = |module: &TestModule<'_>| match module {
        TestModule::Named(module) => format!("{folder}/{module}.rs"),
        TestModule::At(path) => format!("{own}/{path}"),
    };
    rust_text::test_modules(text).iter().map(file).collect()
}

#[test]
fn a_test_module_in_a_file_of_its_own_is_found_beside_its_parent() {
    let declared = "mod a;\n#[cfg(test)]\nmod tests;\n";
    assert_eq!(
        test_module_files("crates/x/src/lib.rs", declared),
        ["crates/x/src/tests.rs"]
    );
    assert_eq!(
        test_module_files("crates/x/src/mac.rs", declared),
        ["crates/x/src/mac/tests.rs"]
    );
    let with_path = "mod a;\n#[cfg(test)]\n#[path = \"mac_tests.rs\"]\nmod tests;\n";
    assert_eq!(
        test_module_files("crates/x/src/mac.rs", with_path),
        ["crates/x/src/mac_tests.rs"]
    );
    assert_eq!(
        test_module_files("crates/x/src/mac.rs", "#[path = \"b.rs\"]\nmod b;\n"),
        Vec::<String>::new()
    );
}
