//! `terraform-provider-coe`: what Terraform starts.

use std::process::ExitCode;

use terraform_framework::serve::{Mode, ServeOptions, serve};
use terraform_provider_coe::{ADDRESS, CoeProvider};
use tokio::runtime::Builder;

const HELP: &str = "\
terraform-provider-coe: a Terraform provider that makes and keeps container clusters.

Terraform starts this program by itself; see https://developer.hashicorp.com/terraform/cli for how it finds it.

Usage: terraform-provider-coe [--debug | --version | --help]

  --debug     serve until Ctrl-C, and print TF_REATTACH_PROVIDERS for a Terraform that is started by hand
  --version   print the version
  --help      print this";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        [] => run(Mode::Plugin),
        ["--debug"] => run(Mode::Debug),
        ["--version"] => {
            println!("terraform-provider-coe {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        ["--help"] => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        unknown => {
            eprintln!(
                "terraform-provider-coe: unknown arguments: {}\n\n{HELP}",
                unknown.join(" ")
            );
            ExitCode::from(2)
        }
    }
}

fn run(mode: Mode) -> ExitCode {
    let options = ServeOptions {
        mode,
        usage: HELP.to_owned(),
        ..ServeOptions::new(ADDRESS)
    };
    match Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime.block_on(serve(CoeProvider::default(), options)),
        Err(error) => {
            eprintln!("terraform-provider-coe: no threads to run on: {error}");
            ExitCode::FAILURE
        }
    }
}
