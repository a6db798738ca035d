//! Schemas, as Terraform reads them.

use crate::proto::tfplugin6::{self, StringKind};
use crate::resource::{IdentitySchema, ImportUse};
use crate::schema::{Block, NestedBlock, NestedObject, Source};
use crate::{Attribute, AttributeKind, Mode, Schema, Type};

pub(crate) fn to_proto(schema: &Schema) -> tfplugin6::Schema {
    tfplugin6::Schema {
        version: schema.version,
        block: Some(block_to_proto(&schema.block, schema.version)),
    }
}

pub(crate) fn identity_to_proto(schema: &IdentitySchema) -> tfplugin6::ResourceIdentitySchema {
    let attributes = schema.attributes.iter().map(|attribute| {
        tfplugin6::resource_identity_schema::IdentityAttribute {
            name: attribute.name.clone(),
            r#type: type_to_proto(&attribute.value_type),
            required_for_import: attribute.import == ImportUse::Required,
            optional_for_import: attribute.import == ImportUse::Optional,
            description: attribute.description.clone(),
        }
    });
    tfplugin6::ResourceIdentitySchema {
        version: schema.version,
        identity_attributes: attributes.collect(),
    }
}

/// A type constraint, as it travels.
pub(crate) fn type_to_proto(value_type: &Type) -> Vec<u8> {
    value_type.to_json().into_bytes()
}

fn block_to_proto(block: &Block, version: i64) -> tfplugin6::schema::Block {
    tfplugin6::schema::Block {
        version,
        attributes: block.attributes.iter().map(attribute_to_proto).collect(),
        block_types: block.blocks.iter().map(nested_block_to_proto).collect(),
        description: block.description.clone(),
        description_kind: StringKind::Markdown.into(),
        deprecated: block.deprecation.is_some(),
        deprecation_message: block.deprecation.clone().unwrap_or_default(),
        computed: false,
    }
}

fn attribute_to_proto(attribute: &Attribute) -> tfplugin6::schema::Attribute {
    // Terraform takes a type or a nested type, never both.
    let (value_type, nested_type) = match &attribute.kind {
        AttributeKind::Plain(value_type) => (type_to_proto(value_type), None),
        AttributeKind::Nested(object) => (Vec::new(), Some(object_to_proto(object))),
    };
    tfplugin6::schema::Attribute {
        name: attribute.name.clone(),
        r#type: value_type,
        nested_type,
        description: attribute.description.clone(),
        required: attribute.source == Source::Required,
        optional: matches!(
            attribute.source,
            Source::Optional | Source::OptionalComputed
        ),
        computed: attribute.source.is_computed(),
        sensitive: attribute.sensitive,
        description_kind: StringKind::Markdown.into(),
        deprecated: attribute.deprecation.is_some(),
        write_only: attribute.write_only,
        deprecation_message: attribute.deprecation.clone().unwrap_or_default(),
    }
}

fn object_to_proto(object: &NestedObject) -> tfplugin6::schema::Object {
    use tfplugin6::schema::object::NestingMode;
    let nesting = match object.mode {
        Mode::Single => NestingMode::Single,
        Mode::List => NestingMode::List,
        Mode::Set => NestingMode::Set,
        Mode::Map => NestingMode::Map,
    };
    tfplugin6::schema::Object {
        attributes: object.attributes.iter().map(attribute_to_proto).collect(),
        nesting: nesting.into(),
        ..Default::default()
    }
}

fn nested_block_to_proto(block: &NestedBlock) -> tfplugin6::schema::NestedBlock {
    use tfplugin6::schema::nested_block::NestingMode;
    let nesting = match block.mode {
        Mode::Single => NestingMode::Single,
        Mode::List => NestingMode::List,
        Mode::Set => NestingMode::Set,
        Mode::Map => NestingMode::Map,
    };
    tfplugin6::schema::NestedBlock {
        type_name: block.name.clone(),
        block: Some(block_to_proto(&block.block, 0)),
        nesting: nesting.into(),
        min_items: block.least.into(),
        max_items: block.most.into(),
    }
}
