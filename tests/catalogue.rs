//! Can the scheme model say what known senders do? One file per scheme lies in `catalogue/`; published vectors are judged with them.

#[cfg(test)]
#[path = "catalogue_answers.rs"]
mod answers;
#[cfg(test)]
#[allow(dead_code, reason = "shared with the vectors of built-in schemes")]
#[path = "support/vectors.rs"]
mod cases;
#[cfg(test)]
#[path = "catalogue_files.rs"]
mod files;
#[cfg(test)]
#[path = "catalogue_parts.rs"]
mod parts;
#[cfg(test)]
#[path = "catalogue_vectors.rs"]
mod vectors;

use countersign::scheme::Scheme;
use countersign::{Receiver, SettingError, providers};
use files::{builder, files, read, schemes, secrets};

/// Sound schemes that this version cannot verify, and the field that says so.
const UNSUPPORTED: [(&str, &str); 2] = [("quoter", "algorithm"), ("sinch-voice", "algorithm")];

fn build(scheme: &Scheme) -> Result<Receiver, SettingError> {
    builder(scheme.clone(), secrets(scheme), "https://hooks.example.com").build()
}

#[test]
fn every_file_is_a_scheme_that_makes_sense() {
    for (name, path) in files() {
        let scheme = read(&name, &path);
        assert_eq!(scheme.name, name);
        assert_eq!(scheme.check(), Ok(()), "{name}");
    }
}

#[test]
fn every_scheme_says_the_same_in_toml_and_json() {
    for scheme in schemes() {
        let name = &scheme.name;
        let toml = toml::to_string(&scheme).unwrap_or_else(|error| panic!("{name}: {error}"));
        let again: Scheme =
            toml::from_str(&toml).unwrap_or_else(|error| panic!("{name}: {error}\n{toml}"));
        assert_eq!(again, scheme);
        let json = serde_json::to_string(&scheme).unwrap_or_else(|error| panic!("{name}: {error}"));
        let again: Scheme =
            serde_json::from_str(&json).unwrap_or_else(|error| panic!("{name}: {error}\n{json}"));
        assert_eq!(again, scheme);
    }
}

/// Every field but the title and the sources, which are words for people.
#[test]
fn every_built_in_scheme_is_spelled_as_text_too() {
    for constant in providers::ALL {
        let name = &constant.name;
        let file = files::scheme(name).unwrap_or_else(|| panic!("{name} has no file"));
        let file = Scheme {
            title: constant.title.clone(),
            sources: constant.sources.clone(),
            ..file
        };
        let text = |scheme: &Scheme| toml::to_string(scheme).expect("a scheme has a text");
        assert_eq!(text(&file), text(constant), "{name}");
        assert_eq!(&file, constant);
    }
}

#[test]
fn a_receiver_is_built_unless_it_is_said_that_it_cannot() {
    let mut unsupported = Vec::new();
    for scheme in schemes() {
        match build(&scheme) {
            Ok(_) => {}
            Err(SettingError::Unsupported { field, .. }) => {
                unsupported.push((scheme.name.to_string(), field));
            }
            Err(error) => panic!("{}: {error}", scheme.name),
        }
    }
    let expected = UNSUPPORTED.map(|(name, field)| (name.to_owned(), field));
    assert_eq!(unsupported, expected);
}
