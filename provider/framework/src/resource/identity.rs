//! What tells a resource from every other for its whole life.

use std::collections::BTreeMap;

use crate::{AttributeType, Diagnostics, Path, Type, Value};

/// The attributes of an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentitySchema {
    /// Raised when identities of the old shape have to be upgraded.
    pub version: i64,
    /// In the order in which the author wrote them.
    pub attributes: Vec<IdentityAttribute>,
}

/// One attribute of an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityAttribute {
    /// As in an `import` block's `identity`.
    pub name: String,
    /// Bool, number, string, or a list of one of them: Terraform allows no other.
    pub value_type: Type,
    /// Whether an import by identity has to give it.
    pub import: ImportUse,
    /// Plain text.
    pub description: String,
}

/// What an import by identity does with an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportUse {
    /// It must be given.
    Required,
    /// It may be given.
    Optional,
}

impl IdentitySchema {
    /// Version 0, without attributes yet.
    pub fn new() -> Self {
        Self {
            version: 0,
            attributes: Vec::new(),
        }
    }

    /// The same schema with another version.
    #[must_use]
    pub fn version(mut self, version: i64) -> Self {
        self.version = version;
        self
    }

    /// The same schema with one more attribute, of the type of `T`.
    #[must_use]
    pub fn attribute<T: AttributeType>(
        mut self,
        name: impl Into<String>,
        import: ImportUse,
        description: impl Into<String>,
    ) -> Self {
        self.attributes.push(IdentityAttribute {
            name: name.into(),
            value_type: T::kind().value_type(),
            import,
            description: description.into(),
        });
        self
    }

    pub(crate) fn value_type(&self) -> Type {
        Type::Object(
            self.attributes
                .iter()
                .map(|attribute| (attribute.name.clone(), attribute.value_type.clone()))
                .collect(),
        )
    }
}

impl Default for IdentitySchema {
    fn default() -> Self {
        Self::new()
    }
}

/// The identity of one resource: values by attribute name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Identity(BTreeMap<String, Value>);

impl Identity {
    /// Without values yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same identity with one more value.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl AttributeType) -> Self {
        self.0.insert(name.into(), value.into_value());
        self
    }

    /// The value of an attribute; an error where it is not of that type.
    pub fn get<T: AttributeType>(&self, name: &str) -> Result<T, Diagnostics> {
        let value = self.0.get(name).cloned().unwrap_or(Value::Null);
        T::from_value(value, &Path::attribute_name(name))
    }

    pub(crate) fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Object(attributes) => Some(Self(attributes)),
            _ => None,
        }
    }

    /// As the schema has it: attributes that were not given are null.
    pub(crate) fn into_value(mut self, schema: &IdentitySchema) -> Value {
        for attribute in &schema.attributes {
            self.0.entry(attribute.name.clone()).or_insert(Value::Null);
        }
        Value::Object(self.0)
    }
}
