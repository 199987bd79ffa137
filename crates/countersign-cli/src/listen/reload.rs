//! SIGHUP: the secrets are read again, and exchanged while deliveries come in.

use super::file::File;
use super::line::Lines;
use super::mistakes::Mistakes;
use super::route::Route;
use super::{Origin, tell};

/// Reads everything again. Unless all of it makes sense nothing changes, which is said.
pub(super) fn reload(routes: &[Route], running: &File, origin: &Origin, lines: &Lines) {
    match exchange(routes, running, origin, lines) {
        Ok(true) => tell("the secrets were read again"),
        Ok(false) => tell(
            "the secrets were read again; what else has changed in the file is done when the program starts again",
        ),
        Err(mistakes) => {
            tell(&mistakes.to_string());
            tell("nothing was changed: the secrets stay as they were");
        }
    }
}

/// Is everything but the secrets as it was?
fn exchange(
    routes: &[Route],
    running: &File,
    origin: &Origin,
    lines: &Lines,
) -> Result<bool, Mistakes> {
    let (file, settings) = origin.read(lines)?;
    let mut is_same = without_secrets(running) == without_secrets(&file);
    for new in settings.routes {
        let old = routes.iter().find(|old| old.name == new.name);
        let same_scheme = |old: &&Route| old.receiver.scheme().name == new.receiver.scheme().name;
        // A receiver was made of the same ring, so this one takes it, too.
        let is_rotated = old
            .filter(same_scheme)
            .is_some_and(|old| old.receiver.rotate(new.ring).is_ok());
        is_same = is_same && is_rotated;
    }
    Ok(is_same)
}

fn without_secrets(file: &File) -> File {
    let mut file = file.clone();
    for route in file.route.values_mut() {
        route.secrets.clear();
    }
    file
}
