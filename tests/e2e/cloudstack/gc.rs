//! What a killed create has left in a cloud goes by the command of the provider's binary.

use std::fs;

use coe_tests::await_condition;
use coe_tests::process::{Signal, provider_of, send};
use serde_json::json;

use super::Lab;

#[test]
fn what_a_killed_create_left_in_a_cloud_is_found_by_the_providers_own_arguments() {
    // No machine ever lets anybody in, so the create is in its middle.
    let lab = Lab::pretended();
    let stack = lab.stack("gc-cs");
    stack.configure(&lab.swarm("node_count = 1"));
    let mut terraform = stack.start(&["apply", "-auto-approve", "-input=false"]);
    await_condition("the cloud has made a machine", || {
        lab.machine(&format!("{}-worker-1", stack.name())).is_some()
    });
    let provider = provider_of(terraform.id()).expect("terraform has started the provider");
    send(Signal::Kill, provider);
    assert!(!terraform.wait().expect("terraform ends").success());
    let left = lab.objects();
    assert!(
        left.iter().any(|object| object.starts_with("network ")),
        "{left:?}"
    );

    let key = lab.keys.path().join("key");
    let arguments = json!({ "cloudstack": {
        "template": "debian-12",
        "service_offering": "small",
        "ssh": { "private_key_file": key.display().to_string() },
    }});
    let file = stack.folder().join("coe.json");
    fs::write(&file, arguments.to_string()).expect("the folder takes files");
    let file = file.display().to_string();
    let gc = |more: &str, exit, said: &str| {
        let run = stack.by_hand(&["gc", "--configuration", &file, more]);
        assert_eq!(run.status(), Some(exit), "{run}");
        assert!(run.text().contains(said), "{said:?} is missing: {run}");
    };
    gc("--dry-run", 0, "its process died on this machine");
    assert_eq!(lab.objects(), left);
    gc("--yes", 0, "Removed what was left of 1 cluster");
    lab.assert_nothing_left();
    gc("--yes", 0, "Nothing to remove");

    fs::write(&file, r#"{"cloudstack": {"templat": "debian-12"}}"#).expect("it is written");
    gc("--yes", 1, "cloudstack.templat");
}
