//! Credentials that are made on demand and written nowhere.

use coe_tests::Stack;
use coe_tests::stack::swarm;

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
