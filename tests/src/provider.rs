//! The provider's binary and the node image, made once for all tests of a process.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The root of the repository.
pub fn repository() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("the tests are a folder of the repository")
            .to_owned()
    })
}

/// The folder of the provider's binary, built from what the sources say now.
///
/// `COE_TEST_PROVIDER_DIR` names another one: a release build, say.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        if let Some(folder) = std::env::var_os("COE_TEST_PROVIDER_DIR") {
            return PathBuf::from(folder);
        }
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "terraform-provider-coe"])
            .current_dir(repository())
            .output()
            .expect("cargo starts");
        assert!(
            built.status.success(),
            "the provider does not build:\n{}",
            String::from_utf8_lossy(&built.stderr)
        );
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| repository().join("target"), PathBuf::from);
        target.join("debug")
    })
}

/// The image that Swarm nodes are made from.
pub fn swarm_node_image() -> &'static str {
    static IMAGE: OnceLock<String> = OnceLock::new();
    IMAGE.get_or_init(|| last_line_of("examples/node-images/build", &["swarm"]))
}

/// The image that Kubernetes nodes are made from.
pub fn kubernetes_node_image() -> &'static str {
    static IMAGE: OnceLock<String> = OnceLock::new();
    IMAGE.get_or_init(|| last_line_of("examples/node-images/build", &["kubernetes"]))
}

/// An image of the minor version before that one.
pub fn older_kubernetes_node_image() -> &'static str {
    static IMAGE: OnceLock<String> = OnceLock::new();
    IMAGE.get_or_init(|| last_line_of("examples/node-images/build", &["kubernetes", "v1.33.13"]))
}

/// An image of a service that answers HTTP with the name of its host.
pub fn workload_image() -> &'static str {
    static IMAGE: OnceLock<String> = OnceLock::new();
    IMAGE.get_or_init(|| last_line_of("examples/workload/build", &[]))
}

fn last_line_of(script: &str, arguments: &[&str]) -> String {
    let built = Command::new(repository().join(script))
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{script} does not start: {error}"));
    assert!(
        built.status.success(),
        "{script} failed:\n{}",
        String::from_utf8_lossy(&built.stderr)
    );
    String::from_utf8_lossy(&built.stdout)
        .lines()
        .last()
        .unwrap_or_else(|| panic!("{script} printed nothing"))
        .to_owned()
}
