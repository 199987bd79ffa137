//! SIGHUP: the secrets are read again, and exchanged while deliveries come in.

use std::sync::Arc;

use super::Origin;
use super::file::File;
use super::line::Lines;
use super::mistakes::Mistakes;
use super::route::Route;
use super::serve::{Asked, Signals};
use super::settings::Settings;

/// What is read again, and whose secrets are exchanged.
#[derive(Clone, Debug)]
pub(super) struct Reloading(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    origin: Origin,
    running: File,
    settings: Arc<Settings>,
    lines: Lines,
}

impl Reloading {
    pub(super) fn new(
        origin: Origin,
        running: File,
        settings: Arc<Settings>,
        lines: &Lines,
    ) -> Self {
        let lines = lines.clone();
        Self(Arc::new(Parts {
            origin,
            running,
            settings,
            lines,
        }))
    }

    /// Reads as often as it is asked for, until a signal asks to stop. A file that does not come to its end does not hold that up, so files are
    /// read in a thread of their own: one reading after the other, and once more when it is asked for during the last.
    pub(super) async fn until_stop(&self, signals: &mut Signals) {
        let start = || {
            let parts = Arc::clone(&self.0);
            tokio::task::spawn_blocking(move || parts.reload())
        };
        while signals.next().await == Asked::Reload {
            let mut is_asked = true;
            while is_asked {
                is_asked = false;
                let mut reading = start();
                loop {
                    tokio::select! {
                        _ = &mut reading => break,
                        asked = signals.next() => match asked {
                            Asked::Stop => return,
                            Asked::Reload => is_asked = true,
                        },
                    }
                }
            }
        }
    }
}

impl Parts {
    /// Reads everything again. Unless all of it makes sense nothing changes, which is said.
    fn reload(&self) {
        let lines = &self.lines;
        match self.exchange() {
            Ok(true) => lines.notice("the secrets were read again"),
            Ok(false) => lines.notice(
                "the secrets were read again; what else has changed in the file is done when the program starts again",
            ),
            Err(mistakes) => {
                lines.notice(mistakes.to_string());
                lines.notice("nothing was changed: the secrets stay as they were");
            }
        }
    }

    /// Is everything but the secrets as it was?
    fn exchange(&self) -> Result<bool, Mistakes> {
        let (file, settings) = self.origin.read(&self.lines)?;
        let mut is_same = without_secrets(&self.running) == without_secrets(&file);
        for new in settings.routes {
            let mut routes = self.settings.routes.iter();
            let old = routes.find(|old| old.name == new.name);
            is_same = is_same && old.is_some_and(|old| is_same_scheme(old, &new));
            let same_name = |old: &&Route| old.receiver.scheme().name == new.receiver.scheme().name;
            // A receiver was made of the same ring, so this one takes it, too.
            let is_rotated = old
                .filter(same_name)
                .is_some_and(|old| old.receiver.rotate(new.ring).is_ok());
            is_same = is_same && is_rotated;
        }
        Ok(is_same)
    }
}

/// A scheme of one's own is in a file of its own, which may have changed.
fn is_same_scheme(old: &Route, new: &Route) -> bool {
    old.receiver.scheme() == new.receiver.scheme()
}

fn without_secrets(file: &File) -> File {
    let mut file = file.clone();
    for route in file.route.values_mut() {
        route.secrets.clear();
    }
    file
}
