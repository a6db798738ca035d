//! The cluster's CAs and what they sign: what kubeadm would make (its "PKI certificates and requirements"),
//! made here, so that every node's identity is known before its machine starts.

use std::time::Duration;

use base64::Engine as _;
use futures_util::future::try_join_all;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use serde_json::json;

use crate::coe::certificates::{
    AUTHORITY_LIFE, Signed, alternative_name, failed, params, self_sign, sign,
};
use crate::coe::{ClusterSecrets, CoeError, Credentials, secret_text};
use crate::model::{NodeName, Secret};
use crate::transport::{Exec, NodeFile};

/// Where kubeadm keeps and finds it all.
pub(super) const FOLDER: &str = "/etc/kubernetes/pki";
const CA_CERTIFICATE: &str = "/etc/kubernetes/pki/ca.crt";
const CA_KEY: &str = "/etc/kubernetes/pki/ca.key";
const ACCOUNT_KEY: &str = "/etc/kubernetes/pki/sa.key";
const ACCOUNT_PUBLIC_KEY: &str = "/etc/kubernetes/pki/sa.pub";

/// The group to which kubeadm binds `cluster-admin`: what it may can be taken from it.
pub(super) const ADMINISTRATORS: &str = "kubeadm:cluster-admins";
/// The group that may everything before and beside every rule: for the engine alone, which asks before there
/// are rules.
const MASTERS: &str = "system:masters";
/// How long what the engine asks by is good: longer than any operation with one connection.
const ENGINE_LIFE: Duration = Duration::from_hours(1);
/// As long as kubeadm's own certificates live.
const NODE_LIFE: Duration = Duration::from_hours(365 * 24);

/// CAs that all control planes have beside the cluster's own: folder and name below [`FOLDER`], common name.
const OTHER_AUTHORITIES: [(&str, &str); 2] =
    [("front-proxy-ca", "front-proxy-ca"), ("etcd/ca", "etcd-ca")];

/// All that control planes have in common.
pub(super) fn new() -> Result<ClusterSecrets, CoeError> {
    let cluster = authority("kubernetes")?;
    let mut shared = Vec::new();
    for (path, name) in OTHER_AUTHORITIES {
        let made = authority(name)?;
        shared.push(public(&format!("{FOLDER}/{path}.crt"), made.certificate));
        shared.push(private(&format!("{FOLDER}/{path}.key"), &made.key));
    }
    let accounts = KeyPair::generate()
        .map_err(|error| failed("make the key that signs service accounts", &error))?;
    shared.push(private(ACCOUNT_KEY, &Secret::new(accounts.serialize_pem())));
    shared.push(public(ACCOUNT_PUBLIC_KEY, accounts.public_key_pem()));
    Ok(ClusterSecrets {
        ca_certificate: cluster.certificate,
        ca_key: cluster.key,
        shared,
    })
}

fn authority(name: &str) -> Result<Signed, CoeError> {
    let what = format!("make the CA {name}");
    let mut params = params(name, AUTHORITY_LIFE);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.subject_alt_names = vec![alternative_name(name, &what)?];
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
        KeyUsagePurpose::KeyCertSign,
    ];
    self_sign(&params, &what)
}

/// The same of a cluster that is there.
pub(super) async fn read(control_plane: &dyn Exec) -> Result<ClusterSecrets, CoeError> {
    let (ca_certificate, ca_key) = read_own(control_plane).await?;
    let mut paths: Vec<String> = OTHER_AUTHORITIES
        .iter()
        .flat_map(|(path, _)| {
            [
                format!("{FOLDER}/{path}.crt"),
                format!("{FOLDER}/{path}.key"),
            ]
        })
        .collect();
    paths.extend([ACCOUNT_KEY.to_owned(), ACCOUNT_PUBLIC_KEY.to_owned()]);
    let shared = try_join_all(paths.into_iter().map(async |path| {
        let text = secret_text(control_plane, &path).await?;
        Ok::<_, CoeError>(private(&path, &text))
    }));
    Ok(ClusterSecrets {
        ca_certificate,
        ca_key,
        shared: shared.await?,
    })
}

/// The cluster's own CA: certificate and key.
pub(super) async fn read_own(
    control_plane: &dyn Exec,
) -> Result<(String, Secret<String>), CoeError> {
    let (certificate, key) = futures_util::try_join!(
        secret_text(control_plane, CA_CERTIFICATE),
        secret_text(control_plane, CA_KEY),
    )?;
    Ok((certificate.expose().clone(), key))
}

/// The CA's certificate as every node has it.
pub(super) fn ca_certificate(secrets: &ClusterSecrets) -> NodeFile {
    public(CA_CERTIFICATE, secrets.ca_certificate.clone())
}

/// The CA's key as control planes have it.
pub(super) fn ca_key(secrets: &ClusterSecrets) -> NodeFile {
    private(CA_KEY, &secrets.ca_key)
}

/// A client's certificate of that group and life.
pub(super) fn client(
    secrets: &ClusterSecrets,
    group: &str,
    life: Duration,
) -> Result<Credentials, CoeError> {
    let signed = client_of(
        &secrets.ca_certificate,
        &secrets.ca_key,
        &client_params("coe", group, life),
    )?;
    Ok(Credentials {
        ca_certificate: secrets.ca_certificate.clone(),
        client_certificate: signed.certificate,
        client_key: signed.key,
    })
}

/// A certificate by which the engine itself asks.
pub(super) fn engine(ca_certificate: &str, ca_key: &Secret<String>) -> Result<Signed, CoeError> {
    let params = client_params("coe", MASTERS, ENGINE_LIFE);
    client_of(ca_certificate, ca_key, &params)
}

/// A certificate by which the engine asks etcd, and the CA that etcd's own is of.
pub(super) async fn etcd_client(control_plane: &dyn Exec) -> Result<(String, Signed), CoeError> {
    let (certificate, key) = (
        format!("{FOLDER}/etcd/ca.crt"),
        format!("{FOLDER}/etcd/ca.key"),
    );
    let (certificate, key) = futures_util::try_join!(
        secret_text(control_plane, &certificate),
        secret_text(control_plane, &key),
    )?;
    let identity = engine(certificate.expose(), &key)?;
    Ok((certificate.expose().clone(), identity))
}

/// The identity of a node's kubelet (Kubernetes, "Using Node Authorization").
pub(super) fn kubelet(secrets: &ClusterSecrets, node: &NodeName) -> Result<Signed, CoeError> {
    let params = client_params(&format!("system:node:{node}"), "system:nodes", NODE_LIFE);
    client_of(&secrets.ca_certificate, &secrets.ca_key, &params)
}

fn client_params(name: &str, group: &str, life: Duration) -> CertificateParams {
    let mut params = params(name, life);
    params
        .distinguished_name
        .push(DnType::OrganizationName, group);
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
    ];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn client_of(
    ca_certificate: &str,
    ca_key: &Secret<String>,
    params: &CertificateParams,
) -> Result<Signed, CoeError> {
    sign(
        ca_certificate,
        ca_key,
        params,
        "make a client's certificate",
    )
}

/// A kubeconfig of one user of one cluster, whose identity is in it. JSON, which is YAML too.
pub(super) fn kubeconfig(name: &str, server: &str, credentials: &Credentials) -> Secret<String> {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": name,
            "cluster": {
                "server": server,
                "certificate-authority-data": base64(&credentials.ca_certificate),
            },
        }],
        "users": [{
            "name": name,
            "user": {
                "client-certificate-data": base64(&credentials.client_certificate),
                "client-key-data": base64(credentials.client_key.expose()),
            },
        }],
        "contexts": [{ "name": name, "context": { "cluster": name, "user": name } }],
        "current-context": name,
    });
    Secret::new(format!("{config:#}\n"))
}

/// As kubeconfigs have PEM.
pub(super) fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

pub(super) fn public(path: &str, content: String) -> NodeFile {
    NodeFile {
        path: path.to_owned(),
        mode: 0o644,
        content: Secret::new(content.into_bytes()),
    }
}

pub(super) fn private(path: &str, content: &Secret<String>) -> NodeFile {
    NodeFile {
        path: path.to_owned(),
        mode: 0o600,
        content: Secret::new(content.expose().clone().into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_kubeconfig_has_one_context_with_the_identity_in_it() {
        let secrets = new().unwrap();
        let credentials = client(&secrets, ADMINISTRATORS, Duration::from_hours(1)).unwrap();
        let text = kubeconfig("demo", "https://127.0.0.1:6443", &credentials);
        let config: Value = serde_json::from_str(text.expose()).unwrap();
        let decoded = |pointer: &str| {
            let text = config.pointer(pointer).and_then(Value::as_str).unwrap();
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(text)
                .unwrap();
            String::from_utf8(bytes).unwrap()
        };
        for name in [
            "/current-context",
            "/contexts/0/name",
            "/contexts/0/context/cluster",
            "/contexts/0/context/user",
            "/clusters/0/name",
            "/users/0/name",
        ] {
            assert_eq!(config.pointer(name), Some(&json!("demo")), "{name}");
        }
        let cluster = &config["clusters"][0]["cluster"];
        assert_eq!(cluster["server"], "https://127.0.0.1:6443");
        assert_eq!(
            decoded("/clusters/0/cluster/certificate-authority-data"),
            credentials.ca_certificate
        );
        assert_eq!(
            decoded("/users/0/user/client-certificate-data"),
            credentials.client_certificate
        );
        assert_eq!(
            decoded("/users/0/user/client-key-data"),
            *credentials.client_key.expose()
        );
    }
}
