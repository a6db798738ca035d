//! `examples/docker-kubernetes`, which people start from, with each of its files of values.

use std::fs;

use coe_tests::docker::try_docker;
use coe_tests::process::{Signal, provider_of, send};
use coe_tests::provider::{
    kubernetes_node_image, older_kubernetes_node_image, repository, workload_image,
};
use coe_tests::stack::strings;
use coe_tests::terraform::Run;
use serde_json::Value;

use super::*;

const CLUSTER: &str = "coe_container_cluster.demo";

/// The example in a folder of its own.
struct Example {
    stack: Stack,
}

impl Example {
    fn new(what: &str) -> Self {
        let stack = Stack::on_docker(what);
        let example = repository().join("examples/docker-kubernetes");
        for file in fs::read_dir(example).expect("the example is there") {
            let file = file.expect("the folder can be read");
            let name = file.file_name();
            let extension = file.path();
            let extension = extension.extension().unwrap_or_default();
            // What somebody who tried it has left there is none of it.
            if extension == "tf"
                || (extension == "tfvars" && !name.to_string_lossy().contains(".auto."))
            {
                fs::copy(file.path(), stack.folder().join(name)).expect("the folder takes files");
            }
        }
        Self { stack }
    }

    /// Applies it, with these values beside its name and the images.
    fn apply(&self, image: &str, values: &[&str]) -> Run {
        let values = self.values(image, values);
        let apply = ["apply", "-auto-approve", "-input=false"];
        self.run(&apply, &values).succeeded()
    }

    /// Begins to apply it, and kills the provider in the middle of the upgrade: once the control plane's machine is
    /// the newer one.
    fn kill_when_control_plane_is_of(&self, image: &str, values: &[&str]) {
        let values = self.values(image, values);
        let apply = ["apply", "-auto-approve", "-input=false"];
        let arguments: Vec<&str> = apply
            .into_iter()
            .chain(values.iter().map(String::as_str))
            .collect();
        let mut terraform = self.stack.start(&arguments);
        let control_plane = format!("{}-control-plane-1", self.stack.name());
        let its_image = ["inspect", "--format={{.Config.Image}}", &control_plane];
        await_condition("the control plane's machine is the newer one", || {
            try_docker(&its_image).is_ok_and(|is| is.trim() == image)
        });
        let provider = provider_of(terraform.id()).expect("terraform has started the provider");
        send(Signal::Kill, provider);
        assert!(!terraform.wait().expect("terraform ends").success());
    }

    /// Nothing is left to do with these values.
    fn assert_plan_is_empty(&self, image: &str, values: &[&str]) {
        let values = self.values(image, values);
        let planned = self.run(&["plan", "-input=false", "-detailed-exitcode"], &values);
        assert_eq!(planned.status(), Some(0), "{planned}");
    }

    fn run(&self, command: &[&str], values: &[String]) -> Run {
        let values = values.iter().map(String::as_str);
        let arguments: Vec<&str> = command.iter().copied().chain(values).collect();
        self.stack.terraform(&arguments)
    }

    fn values(&self, image: &str, values: &[&str]) -> Vec<String> {
        let given = values.iter().map(|value| (*value).to_owned());
        let own = [
            format!("-var=name={}", self.stack.name()),
            format!("-var=image={image}"),
            format!("-var=preload_images=[\"{}\"]", workload_image()),
        ];
        given.chain(own).collect()
    }

    /// The version of each node that is ready, by its name without the cluster's.
    fn ready(&self) -> Vec<(String, String)> {
        let cluster = self.stack.state(CLUSTER);
        let nodes = cluster["nodes"].as_object().expect("it has nodes").iter();
        nodes
            .filter(|(_, node)| node["status"] == "Ready")
            .map(|(name, node)| {
                let name = name.replace(&format!("{}-", self.stack.name()), "");
                let version = node["version"].as_str().unwrap_or_default();
                (name, version.to_owned())
            })
            .collect()
    }

    fn operations(&self) -> Vec<String> {
        strings(&self.stack.state(CLUSTER)["planned_operations"])
    }
}

#[test]
fn it_is_made_upgraded_with_room_for_its_work_and_becomes_one_that_bears_a_loss() {
    let (older, newer) = (older_kubernetes_node_image(), kubernetes_node_image());
    let example = Example::new("k8s-ex");
    let one_worker = ["-var=node_count=1"];
    example.apply(older, &one_worker);
    deploy(&example.stack);

    let kubeconfig = format!("{}.kubeconfig", example.stack.name());
    let kubeconfig = fs::read(example.stack.folder().join(kubeconfig)).expect("it was written");
    let kubeconfig: Value = serde_json::from_slice(&kubeconfig).expect("a kubeconfig is JSON here");
    let endpoint = example.stack.state(CLUSTER)["endpoint"].clone();
    assert!(endpoint.is_string(), "{endpoint}");
    assert_eq!(kubeconfig["clusters"][0]["cluster"]["server"], endpoint);

    example.kill_when_control_plane_is_of(newer, &one_worker);
    example.apply(newer, &one_worker);
    let version = newer.rsplit_once(":v").expect("the tag is a version").1;
    let nodes = |names: &[&str]| -> Vec<(String, String)> {
        let of = |name: &&str| ((*name).to_owned(), version.to_owned());
        names.iter().map(of).collect()
    };
    assert_eq!(
        example.ready(),
        nodes(&["control-plane-1", "worker-1"]),
        "{:?}",
        example.operations()
    );
    example.assert_plan_is_empty(newer, &one_worker);

    let ha = ["-var-file=ha.tfvars"];
    example.apply(newer, &ha);
    let all = [
        "control-plane-1",
        "control-plane-2",
        "control-plane-3",
        "worker-1",
        "worker-2",
    ];
    assert_eq!(example.ready(), nodes(&all), "{:?}", example.operations());
    example.assert_plan_is_empty(newer, &ha);
}

/// A network without a way out, which is no cluster's.
struct AirGap {
    name: String,
}

impl AirGap {
    fn new() -> Self {
        let process = std::process::id();
        let name = format!("t{process}-air-gapped");
        // Of the range that is nobody's (RFC 2544); another one for each run of the tests.
        let subnet = format!("--subnet=198.18.{}.0/24", process % 256);
        docker(&["network", "create", "--internal", &subnet, &name]);
        Self { name }
    }
}

impl Drop for AirGap {
    fn drop(&mut self) {
        let _ = coe_tests::docker::try_docker(&["network", "rm", &self.name]);
    }
}

#[test]
fn it_works_where_nodes_reach_nothing_but_one_another() {
    let network = AirGap::new();
    let example = Example::new("k8s-air");
    let image = kubernetes_node_image();
    let id = format!("-var=network={{id=\"{}\"}}", network.name);
    let values = ["-var-file=air-gapped.tfvars", "-var=node_count=1", &id];
    example.apply(image, &values);
    deploy(&example.stack);
    let addresses = [
        "get",
        "pods",
        "--selector=app=web",
        "--output=jsonpath={.items[*].status.podIP}",
    ];
    let addresses = kubectl(&example.stack, 1, &addresses);
    assert_eq!(addresses.split_whitespace().count(), 3, "{addresses}");
    let control_plane = format!("{}-control-plane-1", example.stack.name());
    for address in addresses.split_whitespace() {
        let url = format!("http://{address}/");
        let said = ["exec", &control_plane, "curl", "-sS", "--max-time", "10"];
        let said = docker(&[&said[..], &[&url]].concat());
        assert!(said.contains("web-"), "{url} from another node: {said}");
    }
    let pod = ["get", "pods", "--selector=app=web", "--output=name"];
    let pod = kubectl(&example.stack, 1, &pod);
    let pod = pod.lines().next().expect("there are three");
    let ask = [
        "exec",
        pod,
        "--",
        "wget",
        "-qO-",
        "http://web.default.svc.cluster.local/",
    ];
    assert!(kubectl(&example.stack, 1, &ask).contains("web-"));
    example.assert_plan_is_empty(image, &values);

    let destroy = ["destroy", "-auto-approve", "-input=false"];
    let _ = example
        .run(&destroy, &example.values(image, &values))
        .succeeded();
    example.stack.assert_nothing_left();
    docker(&["network", "inspect", &network.name]);
}
