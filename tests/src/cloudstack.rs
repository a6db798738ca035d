//! A cloud that speaks CloudStack's API and is this machine's own: the server of `tests/cloudstack`, one a test.

mod account;
pub mod signature;

pub use account::login_key;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::await_condition;
use crate::provider::repository;

/// A cloud. It goes with all its machines when it is dropped.
pub struct Cloud {
    server: Child,
    folder: TempDir,
    ready: Value,
}

/// The server's program, built from what the sources say now.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--workspace"])
            .args(["--example", "cloudstack_server"])
            .current_dir(repository())
            .output()
            .expect("cargo starts");
        assert!(
            built.status.success(),
            "the server does not build:\n{}",
            String::from_utf8_lossy(&built.stderr)
        );
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| repository().join("target"), PathBuf::from);
        target.join("debug/examples/cloudstack_server")
    })
}

/// An answer that is not a success: HTTP's code, CloudStack's own, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The code.
    pub code: u64,
    /// What it says.
    pub text: String,
}

impl Cloud {
    /// A cloud whose machines are pretended: no container, and only states.
    pub fn pretended() -> Self {
        Self::with(&json!({ "machines": "none" }))
    }

    /// A cloud whose machines are containers.
    pub fn start() -> Self {
        Self::with(&json!({}))
    }

    /// A cloud with these settings of `tests/cloudstack/README.md`.
    ///
    /// # Panics
    /// When it does not start.
    pub fn with(settings: &Value) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut server = Command::new(program())
            .arg(folder.path())
            .arg(settings.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let output = server.stdout.take().expect("it is piped");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("the server says where it listens");
        let ready = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("the server did not start ({error}): {line}"));
        Self {
            server,
            folder,
            ready,
        }
    }

    fn told(&self, what: &str) -> &str {
        self.ready[what].as_str().expect("the server says it")
    }

    /// Where its API is: `CLOUDSTACK_API_URL`.
    pub fn url(&self) -> &str {
        self.told("url")
    }

    /// `CLOUDSTACK_API_KEY` of the account `coe`.
    pub fn api_key(&self) -> &str {
        self.told("api_key")
    }

    /// `CLOUDSTACK_SECRET_KEY` of the account `coe`.
    pub fn secret_key(&self) -> &str {
        self.told("secret_key")
    }

    /// The certificate that the server's own is signed with: `CLOUDSTACK_CA_FILE`.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// By which label on the Docker Engine all that is its own is found.
    pub fn label(&self) -> &str {
        self.told("label")
    }

    /// The variables that name the cloud and the account `coe`.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("CLOUDSTACK_API_URL", self.url().to_owned()),
            ("CLOUDSTACK_API_KEY", self.api_key().to_owned()),
            ("CLOUDSTACK_SECRET_KEY", self.secret_key().to_owned()),
            ("CLOUDSTACK_CA_FILE", self.ca_file().display().to_string()),
        ]
    }

    /// Changes settings, and arms faults.
    ///
    /// # Panics
    /// When the server does not know one of them.
    pub fn set(&self, settings: &Value) {
        let (status, answer) = curl(&[self.told("control")], Some(&settings.to_string()));
        assert_eq!(status, 200, "{answer}");
    }

    /// What it counts and has: `calls`, `unknown_parameters`, `machines`, `settings`.
    pub fn state(&self) -> Value {
        let (status, answer) = curl(&[self.told("control")], None);
        assert_eq!(status, 200, "{answer}");
        serde_json::from_str(&answer).expect("the state is JSON")
    }

    /// How often a command was called.
    pub fn calls(&self, command: &str) -> u64 {
        self.state()["calls"][command.to_lowercase()]
            .as_u64()
            .unwrap_or_default()
    }

    /// How many calls there were of any command.
    pub fn all_calls(&self) -> u64 {
        let state = self.state();
        let calls = state["calls"].as_object().into_iter().flatten();
        calls.filter_map(|(_, count)| count.as_u64()).sum()
    }

    /// What the cloud answers to a command of the account `coe`, whose answer is the object inside the reply.
    pub fn try_ask(&self, command: &str, parameters: &[(&str, &str)]) -> Result<Value, Refusal> {
        self.try_ask_as(self.api_key(), self.secret_key(), command, parameters)
    }

    /// The same of the cloud's administrator.
    pub fn try_ask_as_admin(
        &self,
        command: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Value, Refusal> {
        let (key, secret) = (self.told("admin_api_key"), self.told("admin_secret_key"));
        self.try_ask_as(key, secret, command, parameters)
    }

    /// The same of another account, `other`.
    pub fn try_ask_as_other(
        &self,
        command: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Value, Refusal> {
        let (key, secret) = (self.told("other_api_key"), self.told("other_secret_key"));
        self.try_ask_as(key, secret, command, parameters)
    }

    fn try_ask_as(
        &self,
        api_key: &str,
        secret_key: &str,
        command: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Value, Refusal> {
        let expires = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(5);
        let expires = expires.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string();
        let common = [
            ("apikey", api_key),
            ("command", command),
            ("response", "json"),
            ("signatureversion", "3"),
            ("expires", &expires),
        ];
        let mut call: BTreeMap<String, String> = common
            .iter()
            .chain(parameters)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let signed = signature::signature(&call, secret_key);
        call.insert("signature".to_owned(), signed);
        self.post(&call)
    }

    /// What the cloud answers to these parameters, signed or not.
    pub fn post(&self, call: &BTreeMap<String, String>) -> Result<Value, Refusal> {
        let form: Vec<String> = call
            .iter()
            .map(|(name, value)| format!("{name}={}", signature::encode(value)))
            .collect();
        let ca = self.ca_file().display().to_string();
        let (status, body) = curl(&["--cacert", &ca, self.url()], Some(&form.join("&")));
        let reply: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
        let inside = reply
            .as_object()
            .and_then(|reply| reply.values().next())
            .cloned()
            .unwrap_or(Value::Null);
        if status == 200 {
            return Ok(inside);
        }
        Err(Refusal {
            code: inside["errorcode"].as_u64().unwrap_or(status),
            text: inside["errortext"].as_str().unwrap_or(&body).to_owned(),
        })
    }

    /// What the cloud answers, of a command that succeeds.
    ///
    /// # Panics
    /// When it does not.
    pub fn ask(&self, command: &str, parameters: &[(&str, &str)]) -> Value {
        self.try_ask(command, parameters)
            .unwrap_or_else(|refusal| panic!("{command} {parameters:?}: {refusal:?}"))
    }

    /// What comes of the job that a command begins, once that has ended.
    pub fn try_run(&self, command: &str, parameters: &[(&str, &str)]) -> Result<Value, Refusal> {
        let job = self.try_ask(command, parameters)?;
        let job = job["jobid"].as_str().expect("the command begins a job");
        self.await_job(job)
    }

    /// What comes of a job that succeeds.
    ///
    /// # Panics
    /// When it does not.
    pub fn run(&self, command: &str, parameters: &[(&str, &str)]) -> Value {
        self.try_run(command, parameters)
            .unwrap_or_else(|refusal| panic!("{command} {parameters:?}: {refusal:?}"))
    }

    /// What comes of a job, once it has ended.
    pub fn await_job(&self, job: &str) -> Result<Value, Refusal> {
        let mut ended = Value::Null;
        await_condition("the job ends", || {
            ended = self.ask("queryAsyncJobResult", &[("jobid", job)]);
            ended["jobstatus"] != 0
        });
        let result = ended["jobresult"].clone();
        if ended["jobstatus"] == 1 {
            return Ok(result);
        }
        Err(Refusal {
            code: result["errorcode"].as_u64().unwrap_or_default(),
            text: result["errortext"].as_str().unwrap_or_default().to_owned(),
        })
    }
}

/// HTTP's status, and the answer's body; 0 where there was no answer.
fn curl(arguments: &[&str], body: Option<&str>) -> (u64, String) {
    let mut curl = Command::new("curl");
    curl.args(["-s", "--max-time", "30", "-w", "\n%{http_code}"]);
    if body.is_some() {
        // Not among the arguments: it may be long, and signed.
        curl.args(["--data-binary", "@-"]);
    }
    let mut curl = curl
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("curl starts");
    let mut input = curl.stdin.take().expect("it is piped");
    input
        .write_all(body.unwrap_or_default().as_bytes())
        .expect("curl reads");
    drop(input);
    let output = curl.wait_with_output().expect("curl ends");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').unwrap_or(("", &text));
    (status.parse().unwrap_or_default(), body.to_owned())
}

impl Drop for Cloud {
    fn drop(&mut self) {
        // The end of its input is what it ends at, once all that it made is gone.
        drop(self.server.stdin.take());
        _ = self.server.wait();
    }
}
