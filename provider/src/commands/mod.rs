//! The commands that a person runs by hand. Terraform starts the same program without any argument.

mod arguments;
pub mod gc;
mod platform;
mod span;
pub mod watch;

use std::io::Write as _;
use std::process::ExitCode;

use tokio::runtime::{Builder, Runtime};

pub use arguments::{Misuse, parse};
pub use platform::PlatformOptions;

/// What the program prints of itself.
pub const HELP: &str = "\
terraform-provider-coe: a Terraform provider that makes and keeps container clusters.

Terraform starts this program by itself; see https://developer.hashicorp.com/terraform/cli for how it finds it.

Usage: terraform-provider-coe [--debug | --version | --help]
       terraform-provider-coe gc [--help] [option]...
       terraform-provider-coe watch [--help] [option]... [cluster]

  gc          list what interrupted operations have left on a platform, and remove it
  watch       show what is being done to clusters, as it is done
  --debug     serve until Ctrl-C, and print TF_REATTACH_PROVIDERS for a Terraform that is started by hand
  --version   print the version
  --help      print this";

/// What the program is asked for.
#[derive(Debug, PartialEq)]
pub enum Command {
    /// To serve the Terraform that has started it.
    Plugin,
    /// To serve one that is started by hand.
    Debug,
    /// Its version.
    Version,
    /// A help text.
    Help(&'static str),
    /// To remove what interrupted operations have left.
    Gc(gc::Options),
    /// To show what is being done.
    Watch(watch::Options),
}

/// The end of a command that could not do what it was asked.
const FAILED: u8 = 1;

/// Threads to run on, or the exit code of a process that gets none.
pub fn threads() -> Result<Runtime, ExitCode> {
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build();
    runtime.map_err(|error| {
        complain(&format!("no threads to run on: {error}"));
        ExitCode::from(FAILED)
    })
}

/// Writes to standard output. What nobody reads any more is not written.
fn say(text: &str) {
    let mut output = std::io::stdout().lock();
    _ = output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush());
}

fn complain(text: &str) {
    _ = writeln!(std::io::stderr(), "terraform-provider-coe: {text}");
}
