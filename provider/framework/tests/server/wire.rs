//! Values as Terraform sends them, and answers as a test reads them.

use terraform_framework::codec::msgpack;
use terraform_framework::proto::tfplugin6::attribute_path::step::Selector;
use terraform_framework::proto::tfplugin6::{AttributePath, Diagnostic, DynamicValue};
use terraform_framework::{Model, Type, Value};

/// An object of the model `M`; attributes that are not given are null, and blocks are an empty list.
pub(crate) fn object<M: Model>(attributes: &[(&str, Value)]) -> DynamicValue {
    let schema = M::schema();
    let blocks = schema
        .block
        .blocks
        .iter()
        .map(|block| (block.name.as_str(), Value::List(Vec::new())));
    let object = Value::object(blocks.chain(attributes.iter().cloned()));
    encode(&object, &schema.value_type())
}

pub(crate) fn null() -> DynamicValue {
    DynamicValue {
        msgpack: vec![0xc0],
        json: Vec::new(),
    }
}

pub(crate) fn encode(value: &Value, wanted: &Type) -> DynamicValue {
    DynamicValue {
        msgpack: msgpack::encode(value, wanted).unwrap(),
        json: Vec::new(),
    }
}

pub(crate) fn decode<M: Model>(wire: Option<&DynamicValue>) -> Value {
    let wire = wire.expect("the answer has a value");
    msgpack::decode(&wire.msgpack, &M::schema().value_type()).unwrap()
}

/// The attribute `name` of an answered object.
pub(crate) fn attribute<M: Model>(wire: Option<&DynamicValue>, name: &str) -> Value {
    let Value::Object(attributes) = decode::<M>(wire) else {
        panic!("an object is needed")
    };
    attributes[name].clone()
}

pub(crate) fn spelled(path: &AttributePath) -> String {
    let steps = path
        .steps
        .iter()
        .map(|step| match step.selector.as_ref().unwrap() {
            Selector::AttributeName(name) => format!(".{name}"),
            Selector::ElementKeyString(key) => format!("[{key:?}]"),
            Selector::ElementKeyInt(index) => format!("[{index}]"),
        });
    steps.collect::<String>().trim_start_matches('.').to_owned()
}

/// Each as one line: where, what, and why.
pub(crate) fn lines(diagnostics: &[Diagnostic]) -> Vec<String> {
    let line = |found: &Diagnostic| {
        let place = found.attribute.as_ref().map(spelled).unwrap_or_default();
        format!("{place}: {}: {}", found.summary, found.detail)
    };
    diagnostics.iter().map(line).collect()
}

/// Fails the test where there is any diagnostic.
pub(crate) fn fine(diagnostics: &[Diagnostic]) {
    assert_eq!(lines(diagnostics), Vec::<String>::new());
}

/// The only diagnostic, as one line.
pub(crate) fn only(diagnostics: &[Diagnostic]) -> String {
    let lines = lines(diagnostics);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines[0].clone()
}
