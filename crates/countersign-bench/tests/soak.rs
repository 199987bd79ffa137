//! The mixed load, short enough for every run of the tests.
#![cfg(test)]

use std::process::Command;

#[test]
fn nothing_is_lost_or_done_twice_and_memory_does_not_grow() {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign-bench"))
        .args(["soak", "20000"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    let held = text.lines().filter(|line| line.starts_with("ok ")).count();
    assert_eq!((held, errors.as_ref()), (8, ""), "{text}");
}
