//! The real `terraform` against the process contract: what it accepts is what counts.

use std::{fs, path::Path};

use tempfile::TempDir;
use tokio::process::Command;

use crate::provider::{Provider, Start, executable};

const CONFIGURATION: &str = r#"
terraform {
  required_providers {
    process-contract = { source = "example/process-contract" }
  }
}

provider "process-contract" {}
"#;

/// A folder with a configuration, and a CLI configuration that finds the provider in `bin`.
struct Workspace(TempDir);

impl Workspace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let binaries = folder.path().join("bin");
        fs::create_dir_all(folder.path().join("temporary")).unwrap();
        fs::create_dir(&binaries).unwrap();
        std::os::unix::fs::symlink(
            executable(),
            binaries.join("terraform-provider-process-contract"),
        )
        .unwrap();
        fs::write(folder.path().join("main.tf"), CONFIGURATION).unwrap();
        let overrides = format!(
            "provider_installation {{\n  dev_overrides {{\n    \"example/process-contract\" = \"{}\"\n  }}\n  \
             direct {{}}\n}}\n",
            binaries.display()
        );
        fs::write(folder.path().join("cli.tfrc"), overrides).unwrap();
        Self(folder)
    }

    fn temporary(&self) -> std::path::PathBuf {
        self.0.path().join("temporary")
    }

    /// Runs `terraform`, which has to succeed, and returns what it says on both outputs.
    async fn terraform(&self, arguments: &[&str], variables: &[(&str, &str)]) -> (String, String) {
        let output = Command::new("terraform")
            .args(arguments)
            .current_dir(self.0.path())
            .env("TF_CLI_CONFIG_FILE", self.0.path().join("cli.tfrc"))
            .env("CHECKPOINT_DISABLE", "1")
            .env("TMPDIR", self.temporary())
            .env_remove("TF_LOG")
            .envs(variables.iter().copied())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let [standard, errors] =
            [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(
            output.status.success(),
            "terraform {arguments:?}:\n{standard}\n{errors}"
        );
        (standard, errors)
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

fn assert_schema_is_there(schemas: &str) {
    let schemas: serde_json::Value = serde_json::from_str(schemas).unwrap();
    let provider = &schemas["provider_schemas"]["registry.terraform.io/example/process-contract"];
    assert!(provider["provider"]["block"].is_object(), "{schemas}");
}

#[tokio::test]
async fn terraform_starts_it_reads_its_log_and_ends_it() {
    let workspace = Workspace::new();
    let (schemas, log) = workspace
        .terraform(&["providers", "schema", "-json"], &[("TF_LOG", "debug")])
        .await;
    assert_schema_is_there(&schemas);
    let line = log.lines().find(|line| line.contains("the provider ends"));
    let line = line.unwrap_or_else(|| {
        panic!("Terraform did not show the provider's log, or did not end it:\n{log}")
    });
    assert!(
        line.contains("[DEBUG]") && line.contains("reason=Shutdown"),
        "{line}"
    );
    assert!(!log.contains("plugin failed to exit gracefully"), "{log}");
    assert!(
        is_empty(&workspace.temporary()),
        "the provider left files behind"
    );
}

#[tokio::test]
async fn terraform_finds_one_that_is_being_debugged_again_and_again() {
    let workspace = Workspace::new();
    let provider = Provider::start(Start::by_hand().for_debugging()).await;
    // Without the variable Terraform would start a provider of its own, from nowhere.
    fs::remove_dir_all(workspace.0.path().join("bin")).unwrap();
    for _ in 0..2 {
        let reattach = [("TF_REATTACH_PROVIDERS", provider.reattach())];
        let (schemas, _) = workspace
            .terraform(&["providers", "schema", "-json"], &reattach)
            .await;
        assert_schema_is_there(&schemas);
    }
    provider.signal("INT");
    assert_eq!(provider.ended().await.code, Some(0));
}
