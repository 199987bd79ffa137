//! What the figures were measured on, and how to measure them again.

use std::process::Command;

/// `command` stands behind the programme's name.
pub(crate) fn print(command: &str) {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |rest| {
            rest.trim_start_matches([' ', '\t', ':'])
        });
    let has_sha = cpus
        .lines()
        .find(|line| line.starts_with("flags"))
        .is_some_and(|flags| flags.split(' ').any(|flag| flag == "sha_ni"));
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!(
        "machine   {cpu}, {count} cores, SHA instructions: {}",
        if has_sha { "yes" } else { "no" }
    );
    println!("compiler  {}", compiler());
    let dashes = if command.is_empty() { "" } else { " -- " };
    println!("command   cargo run --release -p countersign-bench{dashes}{command}");
    println!();
}

/// The compiler that `cargo run` finds in this folder, which is the one that built this.
fn compiler() -> String {
    let output = Command::new("rustc").arg("--version").output();
    match output {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => "unknown".to_owned(),
    }
}
