//! A configuration in a folder of its own, applied with the real terraform.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use tempfile::TempDir;

use crate::complaint::Complaint;
use crate::terraform::{Run, command};
use crate::{docker, provider};

/// Where the clusters of a stack are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Platform {
    CloudStack,
    Docker,
    Hosts,
    OpenStack,
    Simulated,
}

/// A configuration, its state, and a name for its clusters that no other test uses.
///
/// When it is dropped, everything that carries its clusters' labels is removed, also after a failure.
pub struct Stack {
    folder: TempDir,
    name: String,
    platform: Platform,
    environment: Vec<(String, String)>,
}

impl Stack {
    /// An empty one whose clusters are on the Docker Engine.
    pub fn on_docker(what: &str) -> Self {
        Self::new(what, Platform::Docker)
    }

    /// An empty one whose clusters are on machines that exist: its configurations name them.
    pub fn on_hosts(what: &str) -> Self {
        Self::new(what, Platform::Hosts)
    }

    /// An empty one whose clusters are in an OpenStack cloud: its configurations name it.
    pub fn on_openstack(what: &str) -> Self {
        Self::new(what, Platform::OpenStack)
    }

    /// An empty one whose clusters are in a CloudStack cloud, which takes them along when it goes.
    pub fn on_cloudstack(what: &str) -> Self {
        Self::new(what, Platform::CloudStack)
    }

    /// An empty one whose clusters are on a simulated platform in the same folder.
    pub fn simulated(what: &str) -> Self {
        Self::new(what, Platform::Simulated)
    }

    fn new(what: &str, platform: Platform) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = tempfile::Builder::new()
            .prefix("coe-test-")
            .tempdir()
            .expect("a folder");
        fs::write(
            folder.path().join("terraform.rc"),
            format!(
                "provider_installation {{\n  dev_overrides {{\n    \"coe-project/coe\" = \"{}\"\n  }}\n  \
                 direct {{}}\n}}\n",
                provider::folder().display()
            ),
        )
        .expect("the folder takes files");
        Self {
            folder,
            name: format!("t{}-{count}-{what}", std::process::id()),
            platform,
            environment: Vec::new(),
        }
    }

    /// The same, whose terraform sees a variable of the environment.
    #[must_use = "the stack goes, and with it all that it has made"]
    pub fn with_environment(mut self, name: &str, value: String) -> Self {
        self.environment.push((name.to_owned(), value));
        self
    }

    /// The name for its cluster.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its folder.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Replaces the configuration. `NAME` in it becomes [`Stack::name`], `IMAGE` the node image.
    pub fn configure(&self, configuration: &str) -> &Self {
        let (provider, image) = match self.platform {
            Platform::Docker => ("", provider::swarm_node_image()),
            Platform::CloudStack | Platform::Hosts | Platform::OpenStack => ("", ""),
            Platform::Simulated => ("simulated = { dir = \"platform\" }", "node:1"),
        };
        let text = format!(
            "terraform {{\n  required_providers {{\n    coe = {{ source = \"coe-project/coe\" }}\n  }}\n}}\n\n{}{}",
            if configuration.contains("provider \"coe\"") {
                String::new()
            } else {
                format!("provider \"coe\" {{\n  {provider}\n}}\n\n")
            },
            configuration
                .replace("NAME", &self.name)
                .replace("IMAGE", image)
        );
        fs::write(self.folder.path().join("main.tf"), text).expect("the folder takes files");
        self
    }

    /// Replaces the configuration by one Swarm cluster with these arguments beside its name.
    pub fn configure_swarm(&self, arguments: &str) -> &Self {
        self.configure(&swarm(arguments))
    }

    /// Runs terraform.
    pub fn terraform(&self, arguments: &[&str]) -> Run {
        self.run(self.command(arguments), &arguments.join(" "))
    }

    /// A terraform that is about to start.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut terraform = command(self.folder.path(), arguments);
        terraform.envs(self.environment.iter().cloned());
        terraform
    }

    /// Runs a [`Stack::command`] to its end.
    pub fn run(&self, mut terraform: Command, what: &str) -> Run {
        let output = terraform.output().expect("terraform starts");
        Run::new(format!("terraform {what}"), output)
    }

    /// Starts terraform and leaves it running.
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("terraform starts")
    }

    /// The provider's binary as a person starts it in the stack's folder, on the same machine as its terraform.
    pub fn provider_by_hand(&self, arguments: &[&str]) -> Command {
        let mut provider = Command::new(provider::folder().join("terraform-provider-coe"));
        provider
            .args(arguments)
            .current_dir(self.folder.path())
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null());
        provider
    }

    /// Runs the provider's binary by hand to its end.
    pub fn by_hand(&self, arguments: &[&str]) -> Run {
        let output = self.provider_by_hand(arguments).output();
        let command = format!("terraform-provider-coe {}", arguments.join(" "));
        Run::new(command, output.expect("the provider starts"))
    }

    /// Applies the configuration.
    pub fn apply(&self) -> Run {
        self.terraform(&["apply", "-auto-approve", "-input=false"])
            .succeeded()
    }

    /// Applies the configuration, which has to fail.
    pub fn apply_fails_saying(&self, words: &[&str]) -> Run {
        self.terraform(&["apply", "-auto-approve", "-input=false"])
            .failed_saying(words)
    }

    /// What terraform complains of when it runs.
    pub fn complaints(&self, arguments: &[&str]) -> Vec<Complaint> {
        let run = self.terraform(&[arguments, &["-json"]].concat());
        let configuration = fs::read_to_string(self.folder.path().join("main.tf"));
        Complaint::all_in(&run.stdout(), &configuration.expect("a configuration"))
    }

    /// Terraform refuses, and one of its errors is at `place` in the configuration and says each of `words`.
    ///
    /// # Panics
    /// When there is none.
    pub fn refuses_at(&self, arguments: &[&str], place: &str, words: &[&str]) {
        let complaints = self.complaints(arguments);
        let found = complaints.iter().any(|complaint| {
            complaint.severity == "error"
                && complaint.place == place
                && words.iter().all(|word| complaint.text.contains(word))
        });
        assert!(
            found,
            "terraform {}: no error at {place:?} says {words:?}: {complaints:#?}",
            arguments.join(" ")
        );
    }

    /// Destroys everything.
    pub fn destroy(&self) -> Run {
        self.terraform(&["destroy", "-auto-approve", "-input=false"])
            .succeeded()
    }

    /// Plans, and returns the plan as terraform tells it to programs.
    pub fn plan(&self) -> Value {
        let _ = self
            .terraform(&["plan", "-input=false", "-out=plan.bin"])
            .succeeded();
        let shown = self.terraform(&["show", "-json", "plan.bin"]).succeeded();
        serde_json::from_str(&shown.stdout()).expect("terraform writes JSON")
    }

    /// Plans, and nothing may be left to do.
    ///
    /// # Panics
    /// When the plan is not empty.
    pub fn assert_plan_is_empty(&self) {
        let run = self.terraform(&["plan", "-input=false", "-detailed-exitcode"]);
        assert_eq!(run.status(), Some(0), "the plan should be empty: {run}");
    }

    /// What the plan says it will do to the cluster `coe_container_cluster.this`, in words.
    pub fn planned_operations(&self) -> Vec<String> {
        let plan = self.plan();
        let change = plan["resource_changes"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|change| change["address"] == "coe_container_cluster.this")
            .unwrap_or_else(|| panic!("the plan has no cluster: {plan:#}"));
        assert_ne!(
            change["change"]["actions"][0], "no-op",
            "the plan changes nothing: {change:#}"
        );
        strings(&change["change"]["after"]["planned_operations"])
    }

    /// The attributes of a resource in state.
    ///
    /// # Panics
    /// When state has none of that address.
    pub fn state(&self, address: &str) -> Value {
        self.try_state(address)
            .unwrap_or_else(|| panic!("state has no {address}"))
    }

    /// The attributes of a resource in state, if there is one.
    pub fn try_state(&self, address: &str) -> Option<Value> {
        let shown = self.terraform(&["show", "-json"]).succeeded();
        let state: Value = serde_json::from_str(&shown.stdout()).expect("terraform writes JSON");
        state["values"]["root_module"]["resources"]
            .as_array()?
            .iter()
            .find(|resource| resource["address"] == address)
            .map(|resource| resource["values"].clone())
    }

    /// The cluster `coe_container_cluster.this` in state.
    pub fn cluster(&self) -> Value {
        self.state("coe_container_cluster.this")
    }

    /// The status of each node of that cluster, by its name without the cluster's.
    pub fn node_statuses(&self) -> Vec<(String, String)> {
        let cluster = self.cluster();
        let nodes = cluster["nodes"]
            .as_object()
            .expect("nodes is a map")
            .clone();
        nodes
            .into_iter()
            .map(|(name, node)| {
                let short = name
                    .trim_start_matches(&format!("{}-", self.name))
                    .to_owned();
                (
                    short,
                    node["status"].as_str().unwrap_or_default().to_owned(),
                )
            })
            .collect()
    }

    /// All nodes of that cluster are ready, and are these.
    ///
    /// # Panics
    /// When they are not.
    pub fn assert_ready(&self, nodes: &[&str]) {
        let expected: Vec<_> = nodes
            .iter()
            .map(|node| ((*node).to_owned(), "Ready".to_owned()))
            .collect();
        assert_eq!(self.node_statuses(), expected);
    }

    /// Nothing on the engine carries the cluster's label.
    ///
    /// # Panics
    /// When something does.
    pub fn assert_nothing_left(&self) {
        assert_eq!(docker::objects_of(&self.name), Vec::<String>::new());
    }
}

/// The configuration of one Swarm cluster with these arguments beside its name.
pub fn swarm(arguments: &str) -> String {
    format!(
        "resource \"coe_container_cluster\" \"this\" {{\n  name  = \"NAME\"\n  coe   = \"swarm\"\n  image = \
         \"IMAGE\"\n  {arguments}\n}}\n"
    )
}

/// The configuration of one Kubernetes cluster with these arguments beside its name.
pub fn kubernetes(arguments: &str) -> String {
    kubernetes_of(provider::kubernetes_node_image(), arguments)
}

/// The same, of nodes of that image.
pub fn kubernetes_of(image: &str, arguments: &str) -> String {
    format!(
        "resource \"coe_container_cluster\" \"this\" {{\n  name  = \"NAME\"\n  coe   = \"kubernetes\"\n  image = \
         \"{image}\"\n  {arguments}\n}}\n"
    )
}

/// The strings of a JSON array.
pub fn strings(array: &Value) -> Vec<String> {
    array
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

impl Drop for Stack {
    fn drop(&mut self) {
        match self.platform {
            Platform::Docker => docker::remove_objects_of(&self.name),
            // Only the provider knows how; where a test has ended well there is nothing to do.
            Platform::OpenStack => {
                let mut destroy = self.command(&["destroy", "-auto-approve", "-input=false"]);
                _ = destroy.output();
            }
            Platform::CloudStack | Platform::Hosts | Platform::Simulated => {}
        }
    }
}
