//! A complete provider, as an author writes it.

mod provider;

use std::process::ExitCode;

use terraform_framework::ProviderServer;
use terraform_framework::serve::{ServeOptions, serve_service};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let server = ProviderServer::new(provider::Notes::default());
    let cancellation = server.cancellation().clone();
    serve_service(
        server,
        cancellation,
        ServeOptions::new("example.com/notes/notes"),
    )
    .await
}
