//! Processes that are killed in the middle of a create, with no chance to say good-bye.

use std::fs;
use std::process::Child;

use coe_tests::Stack;
use coe_tests::docker::objects_of;
use coe_tests::process::{Signal, provider_of, send};

use crate::await_condition;

/// An apply that is making machines.
pub(crate) fn apply_in_the_middle(stack: &Stack) -> Child {
    stack.configure_swarm("node_count = 2");
    let terraform = stack.start(&["apply", "-auto-approve", "-input=false"]);
    await_condition("machines are being made", || {
        objects_of(stack.name())
            .iter()
            .any(|object| object.starts_with("container") && !asks_for_privileges(object))
    });
    terraform
}

/// Whether the object is the container by which the provider asks what the engine grants. The engine removes it by
/// itself when it ends.
pub(crate) fn asks_for_privileges(object: &str) -> bool {
    object.ends_with("-privileges")
}

/// What the journals of the stack say; nothing where there is none.
pub(crate) fn journals(stack: &Stack) -> Vec<String> {
    fs::read_dir(stack.folder().join("state/coe/journal"))
        .into_iter()
        .flatten()
        .map(|entry| fs::read_to_string(entry.expect("a file").path()).expect("text"))
        .collect()
}

#[test]
fn the_apply_after_a_killed_provider_cleans_up_and_makes_the_cluster_at_once() {
    let stack = Stack::on_docker("killed");
    let mut terraform = apply_in_the_middle(&stack);
    send(
        Signal::Kill,
        provider_of(terraform.id()).expect("terraform has started the provider"),
    );
    assert!(!terraform.wait().expect("terraform ends").success());
    assert_ne!(objects_of(stack.name()), Vec::<String>::new());
    assert_eq!(journals(&stack).len(), 1);

    stack.apply();
    stack.assert_ready(&["control-plane-1", "worker-1", "worker-2"]);
    stack.assert_plan_is_empty();
    let remembered = journals(&stack);
    assert_eq!(remembered.len(), 1, "only of the cluster that is there");
    for secret in ["SWMTKN", "-----BEGIN"] {
        assert!(!remembered[0].contains(secret), "{secret} is remembered");
    }
    stack.destroy();
    stack.assert_nothing_left();
    assert_eq!(journals(&stack), Vec::<String>::new());
}

#[test]
fn a_provider_whose_terraform_is_killed_unwinds_what_it_made() {
    let stack = Stack::on_docker("orphan");
    let mut terraform = apply_in_the_middle(&stack);
    let provider = provider_of(terraform.id()).expect("terraform has started the provider");
    send(Signal::Kill, terraform.id());
    terraform.wait().expect("terraform ends");
    await_condition("the provider has ended", || {
        !fs::exists(format!("/proc/{provider}")).unwrap_or(true)
    });
    stack.assert_nothing_left();
    assert_eq!(journals(&stack), Vec::<String>::new());

    stack.apply();
    stack.assert_plan_is_empty();
    stack.destroy();
    stack.assert_nothing_left();
}

#[test]
fn a_folder_that_takes_no_journal_is_told_before_anything_is_made() {
    let stack = Stack::on_docker("nojournal");
    fs::write(stack.folder().join("file"), "").expect("the folder takes files");
    stack.configure(&format!(
        "provider \"coe\" {{\n  journal_dir = \"${{path.root}}/file/journal\"\n}}\n{}",
        coe_tests::stack::swarm("node_count = 0")
    ));
    stack.apply_fails_saying(&["journal_dir", "file/journal"]);
    stack.assert_nothing_left();
}
