//! The same bytes as go-cty, the library that Terraform itself uses, in both directions.
//!
//! go-cty is asked through a small program in Go under `tests/protocol/cty-codec`, which is built here. Go
//! must be installed: a check that quietly does not run is no check.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use terraform_framework::{
    Type, Value,
    codec::{json, msgpack},
};

use crate::typed_value::{Variety, typed_value};

const CASES: usize = 2000;

/// Builds the program that asks go-cty. Under a name for each test: they run beside one another.
fn build(name: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/protocol/cty-codec");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let built = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(&source)
        .output()
        .expect("`go` could not be started; this test needs Go (https://go.dev) in the PATH");
    assert!(
        built.status.success(),
        "go build in {} failed:\n{}",
        source.display(),
        String::from_utf8_lossy(&built.stderr)
    );
    program
}

/// Sends all lines, and gives the answer to each.
fn ask(program: &Path, lines: Vec<String>) -> Vec<String> {
    let mut process = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program that asks go-cty was just built");
    let mut input = process.stdin.take().expect("its input is piped");
    // Beside the reading, so that neither side waits for the other with a full pipe.
    let writer = thread::spawn(move || {
        for line in lines {
            writeln!(input, "{line}").expect("the program reads until its input ends");
        }
    });
    let output = process.wait_with_output().expect("the program runs");
    writer.join().expect("all lines were written");
    assert!(
        output.status.success(),
        "the program that asks go-cty failed"
    );
    let answers = String::from_utf8(output.stdout).expect("the answers are text");
    answers.lines().map(str::to_owned).collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    hexadecimal
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Whether go-cty sorts all sets inside as we do. Sets of compound values it sorts by a hash of its own.
fn is_canonical(value: &Value) -> bool {
    match value {
        Value::Set(elements) => elements.iter().all(|element| {
            matches!(
                element,
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)
            )
        }),
        Value::List(elements) => elements.iter().all(is_canonical),
        Value::Map(elements) | Value::Object(elements) => elements.values().all(is_canonical),
        Value::Dynamic(_, value) => is_canonical(value),
        _ => true,
    }
}

fn assert_same(theirs: &str, ours: &[u8], wanted: &Type, value: &Value, what: &str) {
    if is_canonical(value) {
        assert_eq!(
            theirs,
            hexadecimal(ours),
            "{what}: {value:?} of {}",
            wanted.to_json()
        );
    }
    let read = msgpack::decode(&bytes(theirs), wanted).unwrap();
    assert_eq!(read, *value, "{what}: of {}", wanted.to_json());
}

fn compare(name: &str, variety: Variety) {
    let program = build(name);
    // The same cases each time, so that a failure is seen again.
    let mut runner = TestRunner::deterministic();
    let strategy = typed_value(variety);
    let cases: Vec<(Type, Value, Vec<u8>)> = (0..CASES)
        .map(|_| {
            let (wanted, value) = strategy.new_tree(&mut runner).unwrap().current();
            let bytes = msgpack::encode(&value, &wanted).unwrap();
            (wanted, value, bytes)
        })
        .collect();
    let lines = cases.iter().map(|(wanted, value, bytes)| {
        let stored = if variety.any_float || !value.is_wholly_known() {
            String::new()
        } else {
            String::from_utf8(json::encode(value, wanted).unwrap()).unwrap()
        };
        format!("{}\t{}\t{stored}", wanted.to_json(), hexadecimal(bytes))
    });
    let answers = ask(&program, lines.collect());
    assert_eq!(answers.len(), CASES);

    let mut canonical = 0;
    let mut stored_cases = 0;
    for ((wanted, value, ours), answer) in cases.iter().zip(&answers) {
        let parts: Vec<&str> = answer.split('\t').collect();
        let [again, stored, from_stored] = parts[..] else {
            panic!("go-cty refused {value:?} of {}: {answer}", wanted.to_json());
        };
        assert_ne!(
            again,
            "error",
            "go-cty refused {value:?} of {}: {answer}",
            wanted.to_json()
        );
        assert_same(again, ours, wanted, value, "from our MessagePack");
        canonical += usize::from(is_canonical(value));
        if !variety.any_float && value.is_wholly_known() {
            stored_cases += 1;
            assert_eq!(
                json::decode(stored.as_bytes(), wanted).unwrap(),
                *value,
                "from their JSON"
            );
            assert_same(from_stored, ours, wanted, value, "from our JSON");
        }
    }
    // Else the comparison would have nothing to compare.
    assert!(
        canonical > CASES / 2,
        "only {canonical} cases were compared byte by byte"
    );
    assert!(
        variety.any_float || stored_cases > CASES / 3,
        "only {stored_cases} cases were stored"
    );
}

#[test]
fn known_values_are_the_same_to_go_cty_in_msgpack_and_in_json() {
    compare(
        "cty-codec-known",
        Variety {
            unknown: false,
            any_float: false,
        },
    );
}

#[test]
fn unknown_values_are_the_same_to_go_cty() {
    compare(
        "cty-codec-unknown",
        Variety {
            unknown: true,
            any_float: false,
        },
    );
}

#[test]
fn every_float_is_the_same_to_go_cty() {
    compare(
        "cty-codec-float",
        Variety {
            unknown: true,
            any_float: true,
        },
    );
}
