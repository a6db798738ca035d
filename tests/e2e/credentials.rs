//! Credentials that are made on demand and written nowhere.

use coe_tests::Stack;
use coe_tests::stack::{kubernetes, swarm};

#[test]
fn ephemeral_credentials_reach_the_endpoint_and_stay_out_of_state() {
    let stack = Stack::on_docker("creds");
    stack.configure(&format!(
        "{}\nephemeral \"coe_cluster_credentials\" \"this\" {{\n  cluster_id = coe_container_cluster.this.id\n  \
         lifetime = \"10m\"\n}}\n\nresource \"terraform_data\" \"look\" {{\n  provisioner \"local-exec\" {{\n    \
         command = <<-EOT\n      set -eu\n      umask 077\n      certs=$(mktemp -d)\n      trap 'rm -rf \"$certs\"' \
         EXIT\n      printf '%s' \"$CA\" > \"$certs/ca.pem\"\n      printf '%s' \"$CERT\" > \"$certs/cert.pem\"\n      \
         printf '%s' \"$KEY\" > \"$certs/key.pem\"\n      DOCKER_CERT_PATH=$certs docker --host \"$ENDPOINT\" \
         --tlsverify node ls --format '{{{{.Hostname}}}} {{{{.Status}}}}' > nodes.txt\n      if docker --host \
         \"$ENDPOINT\" --tls node ls 2> refused.txt; then exit 1; fi\n    EOT\n    environment = {{\n      CA = \
         ephemeral.coe_cluster_credentials.this.ca_certificate\n      CERT = \
         ephemeral.coe_cluster_credentials.this.client_certificate\n      KEY = \
         ephemeral.coe_cluster_credentials.this.client_key\n      ENDPOINT = \
         ephemeral.coe_cluster_credentials.this.endpoint\n    }}\n  }}\n}}\n",
        swarm("node_count = 1")
    ));
    stack.apply();
    let nodes = std::fs::read_to_string(stack.folder().join("nodes.txt")).expect("the nodes");
    for node in ["control-plane-1", "worker-1"] {
        assert!(
            nodes.contains(&format!("{}-{node} Ready", stack.name())),
            "{nodes}"
        );
    }
    let state = std::fs::read_to_string(stack.folder().join("terraform.tfstate")).expect("state");
    assert!(!state.contains("PRIVATE KEY"), "a key is in state");
    stack.assert_plan_is_empty();

    stack.destroy();
    stack.assert_nothing_left();
}

/// Asks the API of Kubernetes with credentials, by curl and by the kubectl of a control plane.
const ASK_KUBERNETES: &str = r#"
ephemeral "coe_cluster_credentials" "this" {
  cluster_id = coe_container_cluster.this.id
  lifetime   = "10m"
}

resource "terraform_data" "look" {
  provisioner "local-exec" {
    command = <<-EOT
      set -eu
      umask 077
      certs=$(mktemp -d)
      trap 'rm -rf "$certs"' EXIT
      printf '%s' "$CA" > "$certs/ca.pem"
      printf '%s' "$CERT" > "$certs/cert.pem"
      printf '%s' "$KEY" > "$certs/key.pem"
      ask() { curl --silent --show-error --cacert "$certs/ca.pem" "$@"; }
      known() { ask --fail --cert "$certs/cert.pem" --key "$certs/key.pem" "$@"; }
      known "$ENDPOINT/version" > version.json
      known "$ENDPOINT/api/v1/namespaces" > namespaces.json
      ask --output stranger.json --write-out '%%{http_code}' "$ENDPOINT/api/v1/namespaces" > stranger.txt
      printf '%s' "$KUBECONFIG_TEXT" | docker exec --interactive NAME-control-plane-1 kubectl \
        --kubeconfig /dev/stdin --server https://127.0.0.1:6443 config view > kubeconfig.txt
      printf '%s' "$KUBECONFIG_TEXT" | docker exec --interactive NAME-control-plane-1 kubectl \
        --kubeconfig /dev/stdin --server https://127.0.0.1:6443 auth can-i '*' '*' > may.txt
    EOT
    environment = {
      CA              = ephemeral.coe_cluster_credentials.this.ca_certificate
      CERT            = ephemeral.coe_cluster_credentials.this.client_certificate
      KEY             = ephemeral.coe_cluster_credentials.this.client_key
      ENDPOINT        = ephemeral.coe_cluster_credentials.this.endpoint
      KUBECONFIG_TEXT = ephemeral.coe_cluster_credentials.this.kubeconfig
    }
  }
}
"#;

#[test]
fn a_kubernetes_client_reads_the_api_and_its_key_is_in_neither_plan_nor_state() {
    let stack = Stack::on_docker("k8s-creds");
    stack.configure(&format!("{}{ASK_KUBERNETES}", kubernetes("node_count = 0")));
    stack.apply();
    let read = |file: &str| {
        std::fs::read_to_string(stack.folder().join(file))
            .unwrap_or_else(|error| panic!("{file}: {error}"))
    };
    let version = stack.cluster()["coe_version"].clone();
    let version = version.as_str().expect("a version");
    assert!(read("version.json").contains(version), "{version}");
    assert!(read("namespaces.json").contains("\"kube-system\""));
    assert!(
        ["401", "403"].contains(&read("stranger.txt").as_str()),
        "who has no certificate is refused: {}",
        read("stranger.txt")
    );
    let endpoint = stack.cluster()["endpoint"].clone();
    let endpoint = endpoint.as_str().expect("an endpoint");
    let kubeconfig = read("kubeconfig.txt");
    assert!(
        kubeconfig.contains(&format!("server: {endpoint}")),
        "{kubeconfig}"
    );
    let context = format!("current-context: {}", stack.name());
    assert!(kubeconfig.contains(&context), "{kubeconfig}");
    assert_eq!(read("may.txt").trim(), "yes");

    // At this plan the cluster is there, and the credentials are made.
    let _ = stack
        .terraform(&["plan", "-replace=terraform_data.look", "-out=plan.bin"])
        .succeeded();
    let plan = stack
        .terraform(&["show", "-json", "plan.bin"])
        .succeeded()
        .stdout();
    for text in [read("terraform.tfstate"), plan] {
        // As it is, and as a kubeconfig has it.
        for key in ["PRIVATE KEY", "LS0tLS1CRUdJTiBQUklWQVRF"] {
            assert!(!text.contains(key), "a key is in plan or state");
        }
    }
    stack.assert_plan_is_empty();

    stack.destroy();
    stack.assert_nothing_left();
}

/// What the simulated platform says of a kubeconfig: how it begins, or that there is none.
fn kubeconfig_begins(coe: &str) -> String {
    let stack = Stack::simulated("kubeconfig");
    let cluster = swarm("").replace("\"swarm\"", &format!("\"{coe}\""));
    stack.configure(&format!(
        "{cluster}\nephemeral \"coe_cluster_credentials\" \"this\" {{\n  cluster_id = coe_container_cluster.this.id\n\
         }}\n\nresource \"terraform_data\" \"look\" {{\n  provisioner \"local-exec\" {{\n    command = \"printf \
         '%.16s' \\\"$TEXT\\\" > begin.txt\"\n    environment = {{\n      TEXT = \
         ephemeral.coe_cluster_credentials.this.kubeconfig == null ? \"none\" : \
         ephemeral.coe_cluster_credentials.this.kubeconfig\n    }}\n  }}\n}}\n"
    ));
    stack.apply();
    std::fs::read_to_string(stack.folder().join("begin.txt")).expect("the command writes a file")
}

#[test]
fn only_clusters_of_kubernetes_have_a_kubeconfig() {
    assert_eq!(kubeconfig_begins("swarm"), "none");
    assert_eq!(kubeconfig_begins("kubernetes"), "{\n  \"apiVersion\"");
}
