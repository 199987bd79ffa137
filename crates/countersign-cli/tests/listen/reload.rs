//! SIGHUP: secrets are exchanged while it runs, or stay as they were.

use std::fs;
use std::path::Path;
use std::process::Command;

use countersign::system_now;

use crate::running::{Running, ends, file, secret, start};
use crate::sockets::{exchange, stripe_with};

const READ: &str = "countersign: the secrets were read again";
const KEPT: &str = "countersign: nothing was changed: the secrets stay as they were";

/// The status of a delivery that is signed with this secret.
#[track_caller]
fn status(running: &Running, name: &str, id: &str) -> u16 {
    exchange(running.address, &stripe_with(name, id, system_now())).status()
}

#[test]
fn a_secret_in_a_file_is_exchanged() {
    let kept = file("reload.secret", secret("STRIPE_SECRET"));
    let path = file(
        "reload-file.toml",
        "[route.stripe]\nsecrets = [{ file = 'reload.secret' }]\nacknowledge = true\n",
    );
    let running = start(&[&path, "--json"]);
    assert_eq!(status(&running, "STRIPE_SECRET", "evt_1"), 200);
    assert_eq!(status(&running, "STRIPE_NEXT", "evt_2"), 401);
    fs::write(&kept, format!("{}\n", secret("STRIPE_NEXT"))).unwrap();
    running.signal("HUP");
    running.noticed(READ);
    assert_eq!(status(&running, "STRIPE_NEXT", "evt_2"), 200);
    assert_eq!(status(&running, "STRIPE_SECRET", "evt_3"), 401);

    // A bad one changes nothing, and neither does one that is gone.
    fs::write(&kept, "changeme").unwrap();
    running.signal("HUP");
    let mistake = "route.stripe.secrets[0]: reload.secret: the secret is a placeholder";
    running.noticed(&format!("countersign: {path}:2: {mistake}"));
    running.noticed(KEPT);
    assert_eq!(status(&running, "STRIPE_NEXT", "evt_4"), 200);
    fs::remove_file(&kept).unwrap();
    running.signal("HUP");
    running.noticed(KEPT);
    assert_eq!(status(&running, "STRIPE_NEXT", "evt_5"), 200);
    fs::write(&kept, secret("STRIPE_SECRET")).unwrap();
    running.signal("HUP");
    running.noticed(READ);
    assert_eq!(status(&running, "STRIPE_SECRET", "evt_6"), 200);
    // What was done before is known all the while.
    assert_eq!(status(&running, "STRIPE_SECRET", "evt_1"), 200);
    let lines = running.stop();
    assert!(lines.last().unwrap().contains("\"duplicate\""), "{lines:?}");
}

#[test]
fn the_list_of_secrets_is_read_again() {
    let section =
        |secrets: &str| format!("[route.stripe]\nsecrets = [{secrets}]\nacknowledge = true\n");
    let path = file("reload-list.toml", &section("{ env = 'STRIPE_SECRET' }"));
    let running = start(&[&path]);
    let write = |text: &str| fs::write(Path::new(&path), text).unwrap();
    write(&section(
        "{ env = 'STRIPE_SECRET' }, { env = 'STRIPE_NEXT' }",
    ));
    running.signal("HUP");
    running.noticed(READ);
    assert_eq!(status(&running, "STRIPE_SECRET", "evt_1"), 200);
    assert_eq!(status(&running, "STRIPE_NEXT", "evt_2"), 200);
    // A window that is over.
    write(&section(
        "{ env = 'STRIPE_SECRET', not_after = 2020-01-31T12:00:00Z }, { env = 'STRIPE_NEXT' }",
    ));
    running.signal("HUP");
    running.noticed(READ);
    assert_eq!(status(&running, "STRIPE_SECRET", "evt_3"), 401);
    assert_eq!(status(&running, "STRIPE_NEXT", "evt_4"), 200);

    // What else has changed is said to take a restart, and a file with a mistake changes nothing.
    write(&section("{ env = 'STRIPE_SECRET' }").replace("[route", "[store]\ncapacity = 5\n[route"));
    // As long as it is so.
    for _ in 0..2 {
        running.signal("HUP");
        running.noticed(
            "countersign: the secrets were read again; what else has changed in the file is done when the program starts again",
        );
    }
    assert_eq!(status(&running, "STRIPE_SECRET", "evt_5"), 200);
    write(&section("{ env = 'STRIPE_NEXT' }").replace("acknowledge", "acknowlege"));
    running.signal("HUP");
    running.noticed(KEPT);
    assert_eq!(status(&running, "STRIPE_SECRET", "evt_6"), 200);
    assert_eq!(status(&running, "STRIPE_NEXT", "evt_7"), 401);
}

#[test]
fn a_file_without_an_end_does_not_hold_up_the_end() {
    let kept = file("endless.secret", secret("STRIPE_SECRET"));
    let path = file(
        "reload-endless.toml",
        "[route.stripe]\nsecrets = [{ file = 'endless.secret' }]\nacknowledge = true\n",
    );
    let mut running = start(&[&path]);
    fs::remove_file(&kept).unwrap();
    // Whoever opens it waits for somebody who writes.
    let made = Command::new("mkfifo").arg(&kept).status().unwrap();
    assert!(made.success());
    running.signal("HUP");
    assert_eq!(status(&running, "STRIPE_SECRET", "evt_1"), 200);
    running.signal("TERM");
    assert_eq!(running.code(), Some(0));
    fs::remove_file(&kept).unwrap();
}

#[test]
fn a_scheme_of_ones_own_that_has_changed_takes_a_restart() {
    let scheme = file(
        "reload-acme.toml",
        include_str!("../../../../examples/receiver-file/acme.toml"),
    );
    let path = file(
        "reload-scheme.toml",
        "[schemes]\nacme = 'reload-acme.toml'\n[route.acme]\nsecrets = [{ env = 'ACME_SECRET' }]\nacknowledge = true\n",
    );
    let running = start(&[&path]);
    running.signal("HUP");
    running.noticed(READ);
    let text = fs::read_to_string(&scheme).unwrap();
    fs::write(&scheme, text.replace("tolerance = 300", "tolerance = 200")).unwrap();
    running.signal("HUP");
    running.noticed(&format!(
        "{READ}; what else has changed in the file is done when the program starts again"
    ));
}

#[test]
fn secrets_whose_time_is_over_are_told() {
    let path = |name: &str, second: &str| {
        file(
            name,
            &format!(
                "[route.stripe]\nsecrets = [{{ env = 'STRIPE_SECRET', not_after = 2020-01-31T12:00:00Z }}{second}]\nacknowledge = true\n"
            ),
        )
    };
    let told = "countersign: route stripe: not_after of all its secrets is over: nothing passes\n";
    for (name, second, told) in [
        ("over.toml", "", told),
        ("not-over.toml", ", { env = 'STRIPE_NEXT' }", ""),
    ] {
        assert_eq!(
            ends(&[&path(name, second), "--check"]),
            (Some(0), "ok: 1 route\n".to_owned(), told.to_owned())
        );
    }
}
