//! The first words between Terraform and the provider: environment variables one way, one line the other.

use std::path::{Path, PathBuf};

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use rustls::pki_types::{CertificateDer, pem, pem::PemObject};

const COOKIE_VARIABLE: &str = "TF_PLUGIN_MAGIC_COOKIE";
/// No secret: it only tells Terraform from a person who runs the binary by hand.
const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
const VERSIONS_VARIABLE: &str = "PLUGIN_PROTOCOL_VERSIONS";
const CLIENT_CERTIFICATE_VARIABLE: &str = "PLUGIN_CLIENT_CERT";
const SOCKET_FOLDER_VARIABLE: &str = "PLUGIN_UNIX_SOCKET_DIR";
const SOCKET_GROUP_VARIABLE: &str = "PLUGIN_UNIX_SOCKET_GROUP";

/// The version of the handshake itself.
const HANDSHAKE_VERSION: u32 = 1;
/// The major version of the protocol that is served.
pub(super) const PROTOCOL_VERSION: u32 = 6;

#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error("not started by Terraform")]
    NotStartedByTerraform,
    #[error(
        "it speaks version {PROTOCOL_VERSION} of the plugin protocol, and Terraform offers {offered:?} in \
         {VERSIONS_VARIABLE}; Terraform 1.0 and newer speak it"
    )]
    ProtocolVersion { offered: String },
    #[error(
        "there is no client certificate in {CLIENT_CERTIFICATE_VARIABLE}, so anybody on this machine could call the \
         provider; it serves without one only in debug mode"
    )]
    ClientCertificateMissing,
    #[error("cannot read the client certificate in {CLIENT_CERTIFICATE_VARIABLE}")]
    ClientCertificate(#[source] pem::Error),
    #[error(
        "{SOCKET_GROUP_VARIABLE} is {group:?}, and a socket that is shared with a group is not supported: the provider \
         has to run as the user who runs Terraform"
    )]
    SocketGroup { group: String },
}

/// What Terraform asks for.
#[derive(Debug)]
pub(super) struct Handshake {
    /// The only certificate that may connect.
    pub(super) client_certificate: CertificateDer<'static>,
    /// Where the socket's folder has to be.
    pub(super) socket_folder: Option<PathBuf>,
}

impl Handshake {
    /// Reads it from environment variables, which `variable` looks up by name.
    pub(super) fn from_variables(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, HandshakeError> {
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        if given(COOKIE_VARIABLE).as_deref() != Some(COOKIE) {
            return Err(HandshakeError::NotStartedByTerraform);
        }
        let offered = given(VERSIONS_VARIABLE).unwrap_or_default();
        if !offered
            .split(',')
            .any(|version| version.trim().parse() == Ok(PROTOCOL_VERSION))
        {
            return Err(HandshakeError::ProtocolVersion { offered });
        }
        if let Some(group) = given(SOCKET_GROUP_VARIABLE) {
            return Err(HandshakeError::SocketGroup { group });
        }
        let client_certificate =
            given(CLIENT_CERTIFICATE_VARIABLE).ok_or(HandshakeError::ClientCertificateMissing)?;
        Ok(Self {
            client_certificate: CertificateDer::from_pem_slice(client_certificate.as_bytes())
                .map_err(HandshakeError::ClientCertificate)?,
            socket_folder: given(SOCKET_FOLDER_VARIABLE).map(PathBuf::from),
        })
    }
}

/// The one line that Terraform reads on standard output.
pub(super) fn line(socket: &Path, certificate: &CertificateDer<'_>) -> String {
    let socket = socket.display();
    let certificate = BASE64_STANDARD_NO_PAD.encode(certificate);
    format!("{HANDSHAKE_VERSION}|{PROTOCOL_VERSION}|unix|{socket}|grpc|{certificate}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";

    fn read(overrides: &[(&str, Option<&str>)]) -> Result<Handshake, HandshakeError> {
        let usual = [
            (COOKIE_VARIABLE, COOKIE),
            (VERSIONS_VARIABLE, "5,6"),
            (CLIENT_CERTIFICATE_VARIABLE, PEM),
        ];
        Handshake::from_variables(|name| {
            let overridden = overrides.iter().find(|(overridden, _)| *overridden == name);
            let usual = usual
                .iter()
                .find(|(usual, _)| *usual == name)
                .map(|(_, value)| *value);
            overridden
                .map_or(usual, |(_, value)| *value)
                .map(str::to_owned)
        })
    }

    #[test]
    fn reads_what_terraform_asks_for() {
        let handshake = read(&[(SOCKET_FOLDER_VARIABLE, Some("/run/plugins"))]).unwrap();
        assert_eq!(handshake.client_certificate.as_ref(), [1, 2, 3]);
        assert_eq!(
            handshake.socket_folder.as_deref(),
            Some(Path::new("/run/plugins"))
        );
        assert_eq!(
            read(&[(SOCKET_FOLDER_VARIABLE, Some(""))])
                .unwrap()
                .socket_folder,
            None
        );
    }

    #[test]
    fn tells_a_person_from_terraform() {
        for cookie in [None, Some(""), Some("d602")] {
            let error = read(&[(COOKIE_VARIABLE, cookie)]).unwrap_err();
            assert!(
                matches!(error, HandshakeError::NotStartedByTerraform),
                "{error}"
            );
        }
    }

    #[test]
    fn refuses_a_terraform_that_does_not_speak_version_6() {
        for offered in [None, Some("4,5"), Some("16"), Some("six")] {
            let error = read(&[(VERSIONS_VARIABLE, offered)]).unwrap_err();
            assert!(
                matches!(error, HandshakeError::ProtocolVersion { .. }),
                "{error}"
            );
        }
    }

    #[test]
    fn refuses_to_serve_whoever_comes() {
        let error = read(&[(CLIENT_CERTIFICATE_VARIABLE, None)]).unwrap_err();
        assert!(
            matches!(error, HandshakeError::ClientCertificateMissing),
            "{error}"
        );
        let error = read(&[(CLIENT_CERTIFICATE_VARIABLE, Some("no certificate"))]).unwrap_err();
        assert!(
            matches!(error, HandshakeError::ClientCertificate(_)),
            "{error}"
        );
        let error = read(&[(SOCKET_GROUP_VARIABLE, Some("staff"))]).unwrap_err();
        assert!(
            matches!(error, HandshakeError::SocketGroup { .. }),
            "{error}"
        );
    }

    #[test]
    fn certificate_in_the_line_has_no_padding() {
        let line = line(
            Path::new("/tmp/a/socket"),
            &CertificateDer::from_slice(&[255, 254]),
        );
        assert_eq!(line, "1|6|unix|/tmp/a/socket|grpc|//4");
    }
}
