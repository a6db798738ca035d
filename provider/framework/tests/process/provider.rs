//! The provider's process, as the one who starts it sees it.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::SystemTime,
};

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use rustls::pki_types::CertificateDer;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, ChildStdout, Command},
};

use crate::terraform::Certificate;

/// How the provider is to be started. Its temporary files are in a folder of its own.
pub(crate) struct Start {
    folder: TempDir,
    variables: Vec<(OsString, OsString)>,
    arguments: Vec<&'static str>,
}

impl Start {
    pub(crate) fn by_hand() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
            arguments: Vec::new(),
        }
    }

    pub(crate) fn by_terraform(certificate: &Certificate) -> Self {
        Self::by_hand()
            .with(
                "TF_PLUGIN_MAGIC_COOKIE",
                "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
            )
            .with("PLUGIN_PROTOCOL_VERSIONS", "5,6")
            .with("PLUGIN_CLIENT_CERT", certificate.pem())
    }

    pub(crate) fn with(
        mut self,
        variable: impl Into<OsString>,
        value: impl Into<OsString>,
    ) -> Self {
        self.variables.push((variable.into(), value.into()));
        self
    }

    pub(crate) fn for_debugging(mut self) -> Self {
        self.arguments.push("--debug");
        self
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn command(&self) -> Command {
        self.prepare(Command::new(executable()))
    }

    fn prepare(&self, mut command: Command) -> Command {
        command
            .args(&self.arguments)
            .env_clear()
            .env("TMPDIR", self.folder.path())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    pub(crate) fn is_empty(&self) -> bool {
        fs::read_dir(self.folder.path()).unwrap().next().is_none()
    }

    pub(crate) fn assert_nothing_left(&self) {
        assert!(
            self.is_empty(),
            "the provider left files in its temporary folder"
        );
    }
}

/// Cargo builds the examples of a crate with its tests, beside them; but not where a single test is asked for. What an
/// old build does proves nothing.
pub(crate) fn executable() -> PathBuf {
    let test = env::current_exe().unwrap();
    let executable = test
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples/process_contract");
    let built = fs::metadata(&executable).and_then(|file| file.modified());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let written = last_change(&folder.join("src"))
        .max(last_change(&folder.join("examples/process_contract.rs")));
    assert!(
        built.is_ok_and(|built| built >= written),
        "{} is missing or older than its source: cargo build -p terraform-framework --examples",
        executable.display()
    );
    executable
}

fn last_change(path: &Path) -> SystemTime {
    if path.is_dir() {
        let inside = fs::read_dir(path)
            .unwrap()
            .map(|entry| last_change(&entry.unwrap().path()));
        return inside.max().unwrap_or(SystemTime::UNIX_EPOCH);
    }
    fs::metadata(path).unwrap().modified().unwrap()
}

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
        if let Some(providers) = line.strip_prefix("TF_REATTACH_PROVIDERS=") {
            let providers: serde_json::Value =
                serde_json::from_str(providers.trim_matches('\'')).unwrap();
            let provider = &providers["registry.terraform.io/example/process-contract"];
            assert_eq!(provider["Protocol"], "grpc");
            assert_eq!(provider["ProtocolVersion"], 6);
            assert_eq!(provider["Test"], true);
            assert!(provider["Pid"].is_u64(), "{provider}");
            assert_eq!(provider["Addr"]["Network"], "unix");
            let socket = provider["Addr"]["String"].as_str().unwrap().into();
            return Self {
                socket,
                certificate: Vec::new().into(),
            };
        }
        let parts: Vec<&str> = line.split('|').collect();
        let ["1", "6", "unix", socket, "grpc", certificate] = parts.as_slice() else {
            panic!("not a handshake: {line}");
        };
        let certificate = BASE64_STANDARD_NO_PAD.decode(certificate).unwrap();
        Self {
            socket: socket.into(),
            certificate: certificate.into(),
        }
    }
}

/// A running provider. It is killed when it is dropped.
pub(crate) struct Provider {
    start: Start,
    process: Child,
    output: BufReader<ChildStdout>,
    announcement: String,
    address: Address,
}

/// How a provider ended.
pub(crate) struct End {
    pub(crate) code: Option<i32>,
    /// What came on standard output after the handshake.
    pub(crate) more_output: String,
    /// What came on standard error.
    pub(crate) errors: String,
    pub(crate) start: Start,
}

impl Provider {
    pub(crate) async fn start(start: Start) -> Self {
        let process = start.command().spawn().unwrap();
        Self::meet(start, process).await
    }

    /// The process of this provider is a child's child: the one in between can be killed in Terraform's stead.
    pub(crate) async fn start_below_another_process(start: Start) -> Self {
        let mut between = Command::new("/bin/sh");
        between.args(["-c", "\"$0\" & wait"]).arg(executable());
        let process = start.prepare(between).spawn().unwrap();
        Self::meet(start, process).await
    }

    async fn meet(start: Start, mut process: Child) -> Self {
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).await.unwrap();
        let address = Address::read(line.trim_end());
        Self {
            start,
            process,
            output,
            announcement: line.trim_end().to_owned(),
            address,
        }
    }

    pub(crate) fn setup(&self) -> &Start {
        &self.start
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// What the one who debugs the provider sets for Terraform.
    pub(crate) fn reattach(&self) -> &str {
        let (_variable, value) = self.announcement.split_once('=').unwrap();
        value.trim_matches('\'')
    }

    pub(crate) fn signal(&self, name: &str) {
        let process = self.process.id().unwrap().to_string();
        // The shell's own command: not every system has another.
        let sent = std::process::Command::new("/bin/sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", name, &process])
            .status();
        assert!(sent.unwrap().success());
    }

    pub(crate) async fn ended(mut self) -> End {
        let mut more_output = String::new();
        self.output.read_to_string(&mut more_output).await.unwrap();
        let mut errors = String::new();
        self.process
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut errors)
            .await
            .unwrap();
        let code = self.process.wait().await.unwrap().code();
        End {
            code,
            more_output,
            errors,
            start: self.start,
        }
    }
}
