//! `terraform-provider-coe`: what Terraform starts, and the commands that a person runs by hand.

use std::process::ExitCode;

use terraform_framework::serve::{Mode, ServeOptions, serve};
use terraform_provider_coe::commands::{self, Command, HELP};
use terraform_provider_coe::{ADDRESS, CoeProvider};

/// The end of a run whose arguments are not understood.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    match commands::parse(std::env::args_os().skip(1)) {
        Ok(Command::Plugin) => run(Mode::Plugin),
        Ok(Command::Debug) => run(Mode::Debug),
        Ok(Command::Gc(options)) => commands::gc::run(options),
        Ok(Command::Watch(options)) => commands::watch::run(options),
        Ok(Command::Version) => {
            println!("terraform-provider-coe {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Ok(Command::Help(help)) => {
            println!("{help}");
            ExitCode::SUCCESS
        }
        Err(misuse) => {
            eprintln!("{misuse}");
            ExitCode::from(MISUSED)
        }
    }
}

fn run(mode: Mode) -> ExitCode {
    let options = ServeOptions {
        mode,
        usage: HELP.to_owned(),
        ..ServeOptions::new(ADDRESS)
    };
    match commands::threads() {
        Ok(threads) => threads.block_on(serve(CoeProvider::default(), options)),
        Err(code) => code,
    }
}
