//! Processes that a test has started, and the providers that terraform starts for them.

use std::fs;
use std::path::Path;
use std::process::Command;

/// What a process is sent.
#[derive(Debug, Clone, Copy)]
pub enum Signal {
    /// What Ctrl-C sends.
    Interrupt,
    /// What no process can do anything about.
    Kill,
}

/// Sends a signal; to a process that has ended: nothing.
pub fn send(signal: Signal, process: u32) {
    let name = match signal {
        Signal::Interrupt => "-INT",
        Signal::Kill => "-KILL",
    };
    let sent = Command::new("kill")
        .args([name, &process.to_string()])
        .output();
    sent.expect("kill starts");
}

/// The processes whose working folder it is: a terraform, and the providers that it has started.
pub fn working_in(folder: &Path) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten();
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|process| {
            fs::read_link(format!("/proc/{process}/cwd")).is_ok_and(|cwd| cwd == folder)
        })
        .collect()
}

/// The provider that a terraform has started.
pub fn provider_of(terraform: u32) -> Option<u32> {
    let parent = format!("PPid:\t{terraform}");
    fs::read_dir("/proc").ok()?.find_map(|entry| {
        let process: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let name = fs::read_to_string(format!("/proc/{process}/cmdline")).ok()?;
        let is_child = status.lines().any(|line| line == parent);
        (is_child && name.contains("terraform-provider-coe")).then_some(process)
    })
}
