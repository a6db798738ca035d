//! Brings a cluster that is there to the settings that its labels say.
//!
//! Guarantees: one control plane after the other, each once the one before serves with its settings; one that does not
//! gets back those that it had, and the error has what its component said. The same for kubelets. Asked twice, nothing is
//! started anew the second time. What a script began goes on where its engine is lost, and is taken up by the next.

use futures_util::future::try_join_all;

use super::configuration::kubelet_start;
use super::settings::Settings;
use super::{api_server_files, boot, facts, init, join, mirrors, network, shell};
use crate::coe::{CoeError, NodeAccess};
use crate::model::{ClusterSpec, Role, Secret};
use crate::transport::Exec;

/// What the node's kubeadm is given of a cluster that is changed.
const CONFIGURATION: &str = "/etc/kubernetes/coe/settings.yaml";
/// What its kubelet was last started with.
const KUBELET: &str = "/etc/kubernetes/coe/kubelet.yaml";
/// What the API's certificate was last asked to carry.
const NAMES: &str = "/etc/kubernetes/coe/certified-names";
/// How long a component may take until it serves with new settings, in seconds: several times as long as on a slow
/// machine.
const PATIENCE: u32 = 180;

/// See `Coe::configure`.
pub(super) async fn configure(
    control_plane: &dyn Exec,
    nodes: &[NodeAccess<'_>],
    spec: &ClusterSpec,
) -> Result<(), CoeError> {
    let settings = Settings::of(spec);
    for node in nodes.iter().filter(|node| node.role == Role::ControlPlane) {
        restart_control_plane(node, spec, &settings).await?;
    }
    publish(control_plane).await?;
    let kubelet = join::kubelet_configuration(control_plane).await?;
    // A kubelet that starts anew leaves what runs on its node alone.
    try_join_all(
        nodes
            .iter()
            .map(|node| restart_kubelet(node, &settings, &kubelet)),
    )
    .await?;
    network::manifest(control_plane, &settings).await
}

async fn restart_control_plane(
    node: &NodeAccess<'_>,
    spec: &ClusterSpec,
    settings: &Settings,
) -> Result<(), CoeError> {
    let mut files = api_server_files::files(settings);
    files.push(boot::kubelet_arguments(settings));
    node.exec.put_files(&files).await?;
    let facts = facts::of(node.exec).await?;
    let reached_by = boot::reached_by(node.exec).await?;
    let configuration = init::configuration(spec, settings, node, &facts).await?;
    let script = format!(
        r#"set -e -o pipefail
{alone}
(umask 077 && cat >{CONFIGURATION})
manifests=/etc/kubernetes/manifests
kept=/etc/kubernetes/coe/kept
components="kube-apiserver kube-controller-manager kube-scheduler"
api() {{
    kubectl --kubeconfig /etc/kubernetes/admin.conf --server https://{address}:6443 --request-timeout 5s "$@" 2>/dev/null
}}
# Which manifest it runs, in the kubelet's words, and whether it is ready.
pod() {{
    api --namespace kube-system get pod "$1-{node}" --output \
        "jsonpath={{.metadata.annotations.kubernetes\.io/config\.hash}} {{.status.conditions[?(@.type=='Ready')].status}}" || true
}}
# Where its logs are, one for each start.
logs() {{ ls -td /var/log/pods/kube-system_"$1-{node}"_*/"$1" 2>/dev/null | head -n 1 || true; }}
answers() {{
    local until=$((SECONDS + {PATIENCE}))
    until api get --raw /readyz >/dev/null; do
        [ $SECONDS -lt $until ] || return 1
        sleep 0.2
    done
}}
# Whether it becomes ready, of another manifest than $2. One that was started three times does not.
serves() {{
    local until=$((SECONDS + {PATIENCE})) now logs
    while :; do
        now=$(pod "$1")
        [ "${{now#* }}" = True ] && [ "${{now%% *}}" != "$2" ] && return 0
        logs=$(logs "$1")
        [ -n "$2" ] && [ "$logs" != "$3" ] && [ -e "$logs/2.log" ] && return 1
        [ $SECONDS -lt $until ] || return 1
        sleep 0.2
    done
}}
# An earlier try that came to no end has kept them already.
if [ ! -e $kept ]; then
    rm -rf $kept.draft
    mkdir $kept.draft
    for component in $components; do cp -p $manifests/$component.yaml $kept.draft/; done
    mv $kept.draft $kept
fi
declare -A before old_logs
for component in $components; do
    now=$(pod $component)
    before[$component]=${{now%% *}}
    old_logs[$component]=$(logs $component)
    cp -p $manifests/$component.yaml $kept/$component.last
done
if [ "$(cat {NAMES} 2>/dev/null)" != '{names}' ]; then
    rm -f /etc/kubernetes/pki/apiserver.crt /etc/kubernetes/pki/apiserver.key
    kubeadm init phase certs apiserver --config {CONFIGURATION}
    printf '%s' '{names}' >{NAMES}
fi
kubeadm init phase control-plane all --config {CONFIGURATION}
for component in $components; do
    ! cmp -s $kept/$component.last $manifests/$component.yaml || before[$component]=
    if ! serves $component "${{before[$component]}}" "${{old_logs[$component]}}"; then
        # The newest may have been begun a moment ago.
        said=$(cd "$(logs $component)" && cat $(ls -tr | tail -n 2) | tail -n 5 | cut -d ' ' -f 4-)
        for each in $components; do cp -p $kept/$each.yaml $manifests/; done
        answers || true
        rm -rf $kept
        printf '%s does not serve with the new settings and has its old ones again. It said:\n%s\n' $component "$said" >&2
        exit 1
    fi
done
answers
rm -rf $kept
for file in {folder}/*; do
    case '{files}' in *"$file"*) ;; *) rm -f "$file" ;; esac
done"#,
        alone = boot::alone(boot::KUBEADM),
        address = node.address,
        node = node.exec.node(),
        names = [&reached_by[..], &settings.certificate_names]
            .concat()
            .join(" "),
        folder = api_server_files::FOLDER,
        files = files
            .iter()
            .map(|file| file.path.as_str())
            .collect::<Vec<_>>()
            .join(" "),
    );
    let input = Secret::new(configuration.into_bytes());
    let what = "give the control plane its settings";
    shell::succeed(node.exec, what, shell::reading(script, input)).await
}

/// Has the cluster keep its settings for the nodes that join it, and kube-proxy take its own.
async fn publish(control_plane: &dyn Exec) -> Result<(), CoeError> {
    let script = format!(
        "set -e
{}
kubeadm init phase upload-config all --config {CONFIGURATION}
kubectl() {{ command kubectl --kubeconfig /etc/kubernetes/admin.conf --namespace kube-system \"$@\"; }}
proxy() {{ kubectl get configmap kube-proxy --output 'jsonpath={{.data}}'; }}
before=$(proxy)
kubeadm init phase addon kube-proxy --config {CONFIGURATION}
[ \"$before\" = \"$(proxy)\" ] || kubectl rollout restart daemonset kube-proxy",
        boot::alone(boot::KUBEADM)
    );
    let what = "have the cluster keep its settings";
    shell::succeed(control_plane, what, shell::script(script)).await
}

async fn restart_kubelet(
    node: &NodeAccess<'_>,
    settings: &Settings,
    kubelet: &str,
) -> Result<(), CoeError> {
    let mut files = mirrors::files(settings);
    files.push(boot::kubelet_arguments(settings));
    node.exec.put_files(&files).await?;
    let facts = facts::of(node.exec).await?;
    let own = kubelet_start(node.exec.node(), node.address, &facts);
    let script = format!(
        r#"set -e
{alone}
{mirrors}
(umask 077 && cat >{KUBELET}.draft)
if cmp -s {KUBELET} {KUBELET}.draft; then exit 0; fi
# Those that it is known to run with; an earlier try that came to no end has kept them already.
cd /var/lib/kubelet
for file in config.yaml kubeadm-flags.env; do [ -e $file.kept ] || cp -p $file $file.kept; done
starts() {{
    local until=$((SECONDS + 60))
    until (exec 3<>/dev/tcp/127.0.0.1/10248) 2>/dev/null; do
        [ $SECONDS -lt $until ] || return 1
        sleep 0.1
    done
}}
kubeadm init phase kubelet-start --config {KUBELET}.draft
if ! starts; then
    said=$(journalctl --unit=kubelet --no-pager --output=cat --lines=50 | grep -v '^ *-' | tail -n 5)
    for file in config.yaml kubeadm-flags.env; do mv $file.kept $file; done
    systemctl restart kubelet
    printf 'the kubelet does not start with the new settings and has its old ones again. It said:\n%s\n' "$said" >&2
    exit 1
fi
rm -f ./*.kept
mv {KUBELET}.draft {KUBELET}"#,
        alone = boot::alone(boot::KUBEADM),
        mirrors = mirrors::follow(settings),
    );
    let input = Secret::new(format!("{own}---\n{kubelet}").into_bytes());
    let what = "give the kubelet its settings";
    shell::succeed(node.exec, what, shell::reading(script, input)).await
}
