//! Compiles the protocol's definitions. `protox` is a compiler in Rust, so that a build needs no `protoc`.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(["tfplugin6.proto", "go_plugin.proto"], ["proto"])?;

    // The test that compares the definitions with the protocol's facts reads it.
    let output = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(output.join("descriptors.bin"), descriptors.encode_to_vec())?;

    // Ordered maps: the same schema is the same bytes in each answer.
    // The clients have no transport of their own: only tests use them, over a channel that they make.
    tonic_prost_build::configure()
        .btree_map(".")
        .build_transport(false)
        .compile_fds(descriptors)?;
    Ok(())
}
