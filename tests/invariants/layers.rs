//! Who may know of whom.

use crate::sources::{assert_holds, breaches, files, has_extension, naming};

fn is_code(path: &str) -> bool {
    has_extension(path, "rs") || has_extension(path, "toml")
}

#[test]
fn the_engine_never_mentions_terraform() {
    let engine = files(|path| path.starts_with("engine/") && is_code(path));
    assert_holds(
        "the engine knows nothing of Terraform",
        &naming(&engine, &["terraform", "hcl"]),
    );
}

#[test]
fn the_provider_never_names_the_api_of_a_platform() {
    let provider = files(|path| {
        path.starts_with("provider/") && !path.starts_with("provider/framework/") && is_code(path)
    });
    assert_holds(
        "the provider reaches platforms through the engine alone",
        &naming(
            &provider,
            &["bollard", "reqwest", "hyper", "rustls", "rcgen"],
        ),
    );
}

#[test]
fn platforms_never_name_a_coe() {
    let platforms = files(|path| path.starts_with("engine/src/platform/"));
    assert_holds(
        "a platform makes machines and does not know what runs on them",
        &naming(&platforms, &["swarm", "kubernetes", "kubeadm", "dcos"]),
    );
}

#[test]
fn coe_drivers_never_name_a_platform() {
    let drivers = files(|path| path.starts_with("engine/src/coe/"));
    // Not `docker` alone: Swarm is a part of what runs on the nodes, and is called so.
    assert_holds(
        "a COE driver works on nodes of any platform",
        &naming(
            &drivers,
            &[
                "use crate::platform",
                "platform::docker",
                "bollard",
                "openstack",
                "cloudstack",
                "simulated",
            ],
        ),
    );
}

#[test]
fn the_framework_knows_nothing_of_clusters() {
    let framework = files(|path| path.starts_with("provider/framework/") && is_code(path));
    assert_holds(
        "the framework could be published on its own",
        &breaches(&framework, |line| {
            words(line)
                .find(|word| ["cluster", "clusters", "coe", "swarm", "docker"].contains(&&**word))
                .map(|word| format!("names {word}"))
        }),
    );
}

/// The words of a line, in lower case; those of an identifier each for themselves.
fn words(line: &str) -> impl Iterator<Item = String> + '_ {
    line.split(|character: char| !character.is_alphanumeric())
        .flat_map(|part| {
            let mut words = vec![String::new()];
            for character in part.chars() {
                if character.is_uppercase() {
                    words.push(String::new());
                }
                if let Some(word) = words.last_mut() {
                    word.extend(character.to_lowercase());
                }
            }
            words
        })
        .filter(|word| !word.is_empty())
}

#[test]
fn identifiers_are_taken_apart() {
    let found: Vec<_> = words("struct ContainerCluster; use coe_engine::x;").collect();
    assert_eq!(
        found,
        [
            "struct",
            "container",
            "cluster",
            "use",
            "coe",
            "engine",
            "x"
        ]
    );
}
