//! What each case is answered with, exactly: `answers.toml`.

use std::collections::{BTreeMap, BTreeSet};

use countersign_testkit::hostile::cases;

/// By server and service, by either alone, or `all`: the names of cases, and their answers.
type Answers = BTreeMap<String, BTreeMap<String, String>>;

pub(crate) fn answers() -> Answers {
    toml::from_str(include_str!("answers.toml")).unwrap()
}

/// What a case is answered with by a server to a service. Several where two of a peer's acts race.
pub(crate) fn due<'a>(answers: &'a Answers, of: [&str; 2], case: &str) -> Vec<&'a str> {
    let both = of.join("-");
    let mut sections = [both.as_str()].into_iter().chain(of).chain(["all"]);
    let found = sections.find_map(|section| answers.get(section)?.get(case));
    found.map_or(Vec::new(), |text| text.split(" or ").collect())
}

#[test]
fn every_case_has_its_answers_and_no_other_has() {
    let cases = cases().unwrap();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name()).collect();
    let answers = answers();
    let answered = answers.values().flat_map(BTreeMap::keys);
    let answered: BTreeSet<&str> = answered.map(String::as_str).collect();
    assert_eq!(answered, names);
}
