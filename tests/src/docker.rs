//! What is on the Docker Engine, seen with the docker CLI and not with our own client.

use std::process::{Command, Stdio};

use crate::provider::workload_image;

/// What a command of the docker CLI wrote.
///
/// # Panics
/// When it fails.
pub fn docker(arguments: &[&str]) -> String {
    try_docker(arguments)
        .unwrap_or_else(|error| panic!("docker {} failed:\n{error}", arguments.join(" ")))
}

/// What a command of the docker CLI wrote, or what it complained of.
pub fn try_docker(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("docker")
        .args(arguments)
        .output()
        .expect("docker starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}

/// Brings the workload's image into the container runtime of a machine that is that container: there is no registry.
///
/// # Panics
/// When it fails.
pub fn bring_workload(machine: &str) {
    let mut saved = Command::new("docker")
        .args(["save", workload_image()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("docker starts");
    let import = ["ctr", "--namespace=k8s.io", "images", "import", "-"];
    let taken = Command::new("docker")
        .args(["exec", "--interactive", machine])
        .args(import)
        .stdin(saved.stdout.take().expect("it writes"))
        .status();
    assert!(taken.expect("docker starts").success());
    assert!(saved.wait().expect("it ends").success());
}

/// Every object that carries the label of a cluster of that name: `container demo-worker-1`, …
pub fn objects_of(cluster: &str) -> Vec<String> {
    objects(&format!("label=io.coe.cluster.name={cluster}"))
        .into_iter()
        .map(|(kind, name)| format!("{kind} {name}"))
        .collect()
}

fn objects(filter: &str) -> Vec<(&'static str, String)> {
    let lists: [(&'static str, &[&str]); 3] = [
        (
            "container",
            &["ps", "--all", "--format", "{{.Names}}", "--filter", filter],
        ),
        (
            "network",
            &["network", "ls", "--format", "{{.Name}}", "--filter", filter],
        ),
        (
            "volume",
            &["volume", "ls", "--format", "{{.Name}}", "--filter", filter],
        ),
    ];
    lists
        .into_iter()
        .flat_map(|(kind, list)| {
            docker(list)
                .lines()
                .filter(|name| !name.is_empty())
                .map(|name| (kind, name.to_owned()))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Removes every object that carries the label of a cluster of that name. Never panics: it runs while a
/// failed test unwinds.
pub fn remove_objects_of(cluster: &str) {
    let filter = format!("label=io.coe.cluster.name={cluster}");
    let listed = |list: &[&str]| -> Vec<String> {
        Command::new("docker").args(list).output().map_or_else(
            |_| Vec::new(),
            |output| {
                String::from_utf8_lossy(&output.stdout)
                    .lines()
                    .map(str::to_owned)
                    .collect()
            },
        )
    };
    let remove = |command: &[&str], names: Vec<String>| {
        if !names.is_empty() {
            let _ = Command::new("docker").args(command).args(names).output();
        }
    };
    remove(
        &["rm", "--force", "--volumes"],
        listed(&["ps", "--all", "--quiet", "--filter", &filter]),
    );
    remove(
        &["network", "rm"],
        listed(&["network", "ls", "--quiet", "--filter", &filter]),
    );
    remove(
        &["volume", "rm", "--force"],
        listed(&["volume", "ls", "--quiet", "--filter", &filter]),
    );
}
