//! A complete provider, as an author writes it.

mod provider;

use std::process::ExitCode;

use terraform_framework::serve::{ServeOptions, serve};

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    serve(
        provider::Notes::default(),
        ServeOptions::new("example.com/notes/notes"),
    )
    .await
}
