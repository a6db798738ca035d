//! The bridge between Terraform's values and the author's own structs.

use crate::{AttributeKind, Diagnostics, Path, Schema, Value};

/// A type that can stand in a model: `String`, `bool`, integers, [`crate::Number`], `Vec`, `BTreeSet`,
/// `BTreeMap`, `Option`, [`crate::Attr`], and every derived [`Model`].
pub trait AttributeType: Sized {
    /// What the schema says of it.
    fn kind() -> AttributeKind;

    /// Decodes `value`; an error carries `path`, or the path of what is wrong inside.
    fn from_value(value: Value, path: &Path) -> Result<Self, Diagnostics>;

    /// Encodes it.
    fn into_value(self) -> Value;
}

/// A struct whose fields are the attributes of a resource. Derived: `#[derive(Model)]`.
pub trait Model: AttributeType {
    /// The schema that the struct's fields, their attributes and their doc comments spell.
    fn schema() -> Schema;
}
