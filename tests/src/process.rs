//! Processes that a test has started, and the providers that terraform starts for them.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Output};

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
    send_to(signal, &process.to_string());
}

fn send_to(signal: Signal, whom: &str) {
    let name = match signal {
        Signal::Interrupt => "-INT",
        Signal::Kill => "-KILL",
    };
    let sent = Command::new("kill").args([name, "--", whom]).output();
    sent.expect("kill starts");
}

/// A process and those that it starts, as a terminal has them: a signal meets all of them. Those that still run
/// when it is dropped are killed.
pub struct Foreground {
    leader: Option<Child>,
    group: u32,
}

impl Foreground {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        let leader = command.process_group(0).spawn().expect("it starts");
        let group = leader.id();
        Self {
            leader: Some(leader),
            group,
        }
    }

    /// The process that was started.
    pub fn id(&self) -> u32 {
        self.group
    }

    /// Sends a signal to all of them.
    pub fn send(&self, signal: Signal) {
        send_to(signal, &format!("-{}", self.group));
    }

    /// Waits until the process that was started has ended. Others of the group may go on.
    ///
    /// # Panics
    /// When that was waited for before.
    pub fn wait(&mut self) -> Output {
        let leader = self.leader.take().expect("it is waited for once");
        leader.wait_with_output().expect("it ends")
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        self.send(Signal::Kill);
        if let Some(mut leader) = self.leader.take() {
            _ = leader.wait();
        }
    }
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
