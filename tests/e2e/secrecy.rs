//! What nobody may read: keys and tokens are in no plan, state, log or journal.

use std::fs;
use std::path::Path;

use coe_tests::Stack;
use coe_tests::docker::docker;
use coe_tests::stack::swarm;

/// Every file below a folder, as it is on the disk.
fn files_below(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("the folder is there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_below(&path, found);
        } else if let Ok(content) = fs::read(&path) {
            found.push((path.display().to_string(), content));
        }
    }
}

fn contains(content: &[u8], secret: &str) -> bool {
    content
        .windows(secret.len())
        .any(|window| window == secret.as_bytes())
}

/// The first line of what a PEM text encodes.
fn first_line(pem: &str) -> String {
    pem.lines().nth(1).expect("a line of base64").to_owned()
}

#[test]
fn no_key_and_no_token_is_in_plan_state_log_or_journal() {
    let stack = Stack::on_docker("secrecy");
    stack.configure(&format!(
        "{}\nephemeral \"coe_cluster_credentials\" \"this\" {{\n  cluster_id = coe_container_cluster.this.id\n}}\n\n\
         resource \"terraform_data\" \"key\" {{\n  provisioner \"local-exec\" {{\n    command = \"umask 077; printf '%s' \
         \\\"$KEY\\\" > key.pem\"\n    environment = {{\n      KEY = \
         ephemeral.coe_cluster_credentials.this.client_key\n    }}\n  }}\n}}\n",
        swarm("node_count = 1")
    ));
    let traced = |arguments: &[&str], log: &str| {
        let mut terraform = stack.command(arguments);
        terraform
            .env("TF_LOG", "trace")
            .env("TF_LOG_PATH", stack.folder().join(log));
        stack.run(terraform, log).succeeded().text()
    };
    let mut shown = vec![
        traced(&["plan", "-input=false", "-out=plan.bin"], "plan.log"),
        traced(&["apply", "-input=false", "plan.bin"], "apply.log"),
        traced(&["plan", "-input=false", "-out=plan.bin"], "again.log"),
    ];
    for what in [&["show", "-json", "plan.bin"][..], &["show", "-json"]] {
        shown.push(stack.terraform(what).succeeded().text());
    }
    let key_file = stack.folder().join("key.pem");
    let client_key = fs::read_to_string(&key_file).expect("the command wrote the key");
    fs::remove_file(&key_file).expect("the key is there");

    let first = format!("{}-control-plane-1", stack.name());
    let on_first = |command: &[&str]| docker(&[&["exec", &first], command].concat());
    let token = |role: &str| on_first(&["docker", "swarm", "join-token", "--quiet", role]);
    let secrets = [
        first_line(&on_first(&["cat", "/etc/docker/tls/ca-key.pem"])),
        first_line(&on_first(&["cat", "/etc/docker/tls/key.pem"])),
        first_line(&client_key),
        token("worker"),
        token("manager"),
    ];
    let mut files = Vec::new();
    files_below(stack.folder(), &mut files);
    let made = format!("make control plane {first} a cluster");
    assert!(
        files
            .iter()
            .any(|(path, log)| path.ends_with("apply.log") && contains(log, &made)),
        "the log tells what the provider does"
    );
    files.extend(
        shown
            .into_iter()
            .map(|text| ("output".to_owned(), text.into_bytes())),
    );
    for (position, secret) in secrets.iter().enumerate() {
        assert!(secret.len() > 20, "secret {position} is short");
        for (path, content) in &files {
            assert!(!contains(content, secret), "secret {position} is in {path}");
        }
    }

    stack.destroy();
    stack.assert_nothing_left();
}
