//! The provider's process, as the one who starts it sees it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// No secret: by it a provider tells Terraform from a person.
const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

/// Where a provider is to be reached.
#[derive(Clone)]
pub(crate) struct Address {
    socket: PathBuf,
    certificate: CertificateDer<'static>,
}

impl Address {
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(crate) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    fn read(line: &str) -> Self {
        let parts: Vec<&str> = line.split('|').collect();
        let ["1", "6", "unix", socket, "grpc", certificate] = parts.as_slice() else {
            panic!("not a handshake of protocol 6: {line:?}");
        };
        let certificate = BASE64_STANDARD_NO_PAD
            .decode(certificate)
            .expect("the certificate is in base 64");
        Self {
            socket: socket.into(),
            certificate: certificate.into(),
        }
    }
}

/// A running provider. It is killed when it is dropped.
pub(crate) struct Provider {
    process: Child,
    address: Address,
}

impl Provider {
    /// Starts it, and returns once it says where it is to be reached.
    pub(crate) async fn start(binary: &Path, certificate: &str) -> Self {
        let mut process = Command::new(binary)
            .env("TF_PLUGIN_MAGIC_COOKIE", COOKIE)
            .env("PLUGIN_PROTOCOL_VERSIONS", "5,6")
            .env("PLUGIN_CLIENT_CERT", certificate)
            .env_remove("TF_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the provider starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output is piped"))
            .read_line(&mut line)
            .await
            .expect("the provider announces itself");
        Self {
            process,
            address: Address::read(line.trim_end()),
        }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// The most memory that it has had at a time.
    pub(crate) fn peak_kib(&self) -> u64 {
        let process = self.process.id().expect("the provider runs");
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))
            .expect("the system tells of its processes");
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .expect("the system counts memory");
        peak.trim()
            .trim_end_matches(" kB")
            .parse()
            .expect("the count is a number")
    }

    pub(crate) async fn ended(mut self) {
        let status = self.process.wait().await.expect("the provider is a child");
        assert!(status.success(), "the provider ended with {status}");
    }
}
