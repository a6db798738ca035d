//! The protocol's definitions say what the protocol's facts say: each RPC, message, enum value and field, and no more.
//!
//! The facts lie beside them, as a table: `proto/tfplugin6.tsv`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{collections::BTreeSet, fs, path::Path};

use prost::Message;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    FileDescriptorSet, MethodDescriptorProto,
    field_descriptor_proto::{Label, Type},
};

const PACKAGE: &str = ".tfplugin6.";

/// A row: kind, scope, number, name, type, label, oneof.
type Fact = [String; 7];

fn fact<const N: usize>(columns: [&str; N]) -> Fact {
    let mut columns = columns.into_iter();
    std::array::from_fn(|_| columns.next().unwrap_or_default().to_owned())
}

#[test]
fn definitions_are_the_facts() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/tfplugin6.tsv");
    let table =
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let expected: BTreeSet<Fact> = table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut columns = line.split('\t');
            std::array::from_fn(|_| columns.next().unwrap_or_default().to_owned())
        })
        .collect();
    assert!(
        expected.len() > 400,
        "the table of facts has only {} rows",
        expected.len()
    );

    let defined = defined_facts();
    let missing: Vec<_> = expected.difference(&defined).collect();
    let surplus: Vec<_> = defined.difference(&expected).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "missing: {missing:#?}\nsurplus: {surplus:#?}"
    );
}

fn defined_facts() -> BTreeSet<Fact> {
    let descriptors = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
    let descriptors = FileDescriptorSet::decode(descriptors.as_slice()).unwrap();
    let file = descriptors
        .file
        .into_iter()
        .find(|file| file.package() == "tfplugin6")
        .unwrap();
    assert_eq!(file.syntax(), "proto3");

    let FileDescriptorProto {
        message_type,
        enum_type,
        service,
        ..
    } = file;
    let mut facts = BTreeSet::new();
    for service in &service {
        facts.extend(
            service
                .method
                .iter()
                .map(|method| rpc(service.name(), method)),
        );
    }
    for definition in &enum_type {
        facts.extend(enum_values("", definition));
    }
    for message in &message_type {
        describe_message("", message, &mut facts);
    }
    facts
}

fn rpc(service: &str, method: &MethodDescriptorProto) -> Fact {
    let side = |streaming: bool, name: &str| {
        let name = name.strip_prefix(PACKAGE).unwrap_or(name);
        if streaming {
            format!("stream {name}")
        } else {
            name.to_owned()
        }
    };
    let input = side(method.client_streaming(), method.input_type());
    let output = side(method.server_streaming(), method.output_type());
    fact([
        "rpc",
        service,
        "",
        method.name(),
        &format!("{input} -> {output}"),
    ])
}

fn within(scope: &str, name: &str) -> String {
    if scope.is_empty() {
        name.to_owned()
    } else {
        format!("{scope}.{name}")
    }
}

fn enum_values(scope: &str, definition: &EnumDescriptorProto) -> Vec<Fact> {
    let scope = within(scope, definition.name());
    let value = |value: &prost_types::EnumValueDescriptorProto| {
        fact(["enum", &scope, &value.number().to_string(), value.name()])
    };
    definition.value.iter().map(value).collect()
}

fn describe_message(scope: &str, message: &DescriptorProto, facts: &mut BTreeSet<Fact>) {
    let scope = within(scope, message.name());
    facts.insert(fact(["message", &scope]));
    for definition in &message.enum_type {
        facts.extend(enum_values(&scope, definition));
    }
    let (maps, nested): (Vec<_>, Vec<_>) = message.nested_type.iter().partition(|nested| {
        nested
            .options
            .as_ref()
            .is_some_and(prost_types::MessageOptions::map_entry)
    });
    for nested in nested {
        describe_message(&scope, nested, facts);
    }
    for field in &message.field {
        let map = maps
            .iter()
            .find(|map| field.type_name().rsplit('.').next() == Some(map.name()));
        let (kind, label) = match map {
            Some(map) => (
                format!(
                    "map<{},{}>",
                    type_name(&map.field[0]),
                    type_name(&map.field[1])
                ),
                "",
            ),
            None if field.label() == Label::Repeated => (type_name(field), "repeated"),
            None if field.proto3_optional() => (type_name(field), "optional"),
            None => (type_name(field), ""),
        };
        // proto3 puts an optional field into a oneof of its own, which nobody wrote.
        let oneof = match field.oneof_index {
            Some(index) if !field.proto3_optional() => {
                message.oneof_decl[usize::try_from(index).unwrap()].name()
            }
            _ => "",
        };
        facts.insert(fact([
            "field",
            &scope,
            &field.number().to_string(),
            field.name(),
            &kind,
            label,
            oneof,
        ]));
    }
}

/// The facts name a type as it is written inside its scope: the last part of its name.
fn type_name(field: &FieldDescriptorProto) -> String {
    match field.r#type() {
        Type::Message | Type::Enum if field.type_name().starts_with(PACKAGE) => field
            .type_name()
            .rsplit('.')
            .next()
            .unwrap_or_default()
            .to_owned(),
        Type::Message | Type::Enum => field.type_name().trim_start_matches('.').to_owned(),
        Type::String => "string".to_owned(),
        Type::Bytes => "bytes".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Int64 => "int64".to_owned(),
        other => other.as_str_name().to_owned(),
    }
}
