//! Where a node looks for images before their registry. Pure, but for the script that says so to a node that runs.

use super::authorities::public;
use super::settings::Settings;
use crate::transport::NodeFile;

/// Where containerd looks for what it is told of registries, a folder each. It reads them at each pull.
const FOLDER: &str = "/etc/containerd/certs.d";
/// How files begin that were put there from here.
const MARK: &str = "# Written by coe.";
const SCRIPT: &str = "/etc/containerd/coe-use-mirrors";
const DROP_IN: &str = "/etc/systemd/system/containerd.service.d/20-coe.conf";

/// What a node has of it from its start.
pub(super) fn files(settings: &Settings) -> Vec<NodeFile> {
    let mut files: Vec<NodeFile> = settings
        .mirrors
        .iter()
        .map(|(registry, urls)| public(&format!("{FOLDER}/{registry}/hosts.toml"), hosts(urls)))
        .collect();
    if !files.is_empty() {
        files.push(NodeFile {
            mode: 0o755,
            ..public(SCRIPT, script())
        });
        files.push(public(
            DROP_IN,
            format!("[Service]\nExecStartPre={SCRIPT}\n"),
        ));
    }
    files
}

fn hosts(urls: &[String]) -> String {
    let host =
        |url: &String| format!("\n[host.{url:?}]\n  capabilities = [\"pull\", \"resolve\"]\n");
    let hosts: String = urls.iter().map(host).collect();
    format!("{MARK}\n{hosts}")
}

/// A containerd whose configuration names no such folder does not look for one.
fn script() -> String {
    format!(
        r#"#!/bin/sh
# Has containerd look for mirrors of registries in {FOLDER}.
set -e
configuration=/etc/containerd/config.toml
[ -e "$configuration" ] || echo 'version = 2' >"$configuration"
! grep -q certs.d "$configuration" || exit 0
table='plugins."io.containerd.grpc.v1.cri".registry'
! grep -q '^version = 3' "$configuration" || table='plugins."io.containerd.cri.v1.images".registry'
printf '\n[%s]\n  config_path = "%s"\n' "$table" {FOLDER} >>"$configuration"
"#
    )
}

/// The script that makes a node forget the mirrors that are no more; its files are there.
pub(super) fn follow(settings: &Settings) -> String {
    let wanted: Vec<&str> = settings.mirrors.keys().map(String::as_str).collect();
    format!(
        r#"for hosts in {FOLDER}/*/hosts.toml; do
    grep -qsx '{MARK}' "$hosts" || continue
    registry=$(basename "$(dirname "$hosts")")
    case ' {wanted} ' in *" $registry "*) ;; *) rm -f "$hosts" ;; esac
done
if [ -x {SCRIPT} ] && ! grep -qs certs.d /etc/containerd/config.toml; then
    {SCRIPT}
    systemctl restart containerd
fi"#,
        wanted = wanted.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ClusterSpec;

    #[test]
    fn each_registry_has_its_mirrors_in_their_order() {
        let mirrors = "docker.io=https://a.example.org:5000/v2 docker.io=http://b.example.org";
        let spec = ClusterSpec {
            labels: [("registry_mirrors".to_owned(), mirrors.to_owned())].into(),
            ..ClusterSpec::smallest("demo")
        };
        let files = files(&Settings::of(&spec));
        assert_eq!(
            files[0].path,
            "/etc/containerd/certs.d/docker.io/hosts.toml"
        );
        expect_test::expect![[r#"
            # Written by coe.

            [host."https://a.example.org:5000/v2"]
              capabilities = ["pull", "resolve"]

            [host."http://b.example.org"]
              capabilities = ["pull", "resolve"]
        "#]]
        .assert_eq(std::str::from_utf8(files[0].content.expose()).unwrap());
        assert!(super::files(&Settings::of(&ClusterSpec::smallest("demo"))).is_empty());
    }
}
