//! The bridge between Terraform's values and the author's own structs.

use std::collections::BTreeMap;

use crate::{
    Attr, AttributeKind, Block, Diagnostic, Diagnostics, Mode, NestedObject, Number, Path, Schema,
    Set, Type, Value, schema::Source,
};

/// A type that can stand in a model: `String`, `bool`, integers, `f64`, [`crate::Number`], `Vec`,
/// [`Set`], `BTreeMap`, `Option`, [`crate::Attr`], [`Value`], and every derived [`Model`].
pub trait AttributeType: Sized {
    /// What the schema says of it.
    fn kind() -> AttributeKind;

    /// Decodes `value`; an error carries `path`, or the path of what is wrong inside.
    fn from_value(value: Value, path: &Path) -> Result<Self, Diagnostics>;

    /// Encodes it.
    fn into_value(self) -> Value;

    /// Where in a value at `path` the type has no place for what is not known before apply: `path` itself, places
    /// inside it, or none. The default asks [`AttributeType::from_value`] and knows of nothing inside.
    ///
    /// A configuration may refer to another resource anywhere, so a resource whose model has such a place could not
    /// be planned. A server refuses to offer it.
    fn known_only(path: &Path) -> Vec<Path> {
        match Self::from_value(Value::unknown(), path) {
            Ok(_) => Vec::new(),
            Err(_) => vec![path.clone()],
        }
    }
}

/// A struct whose fields are the attributes of a resource. Derived: `#[derive(Model)]`.
pub trait Model: AttributeType {
    /// The schema that the struct's fields, their attributes and their doc comments spell.
    fn schema() -> Schema;
}

/// A type that can stand where nested blocks do: a [`Model`], or a collection of one.
pub trait BlockType: AttributeType {
    /// How the blocks are held.
    const MODE: Mode;

    /// What is in each.
    fn block() -> Block;
}

/// The attributes of an object on their way into a model. What the derive macro uses, and a model written
/// by hand can.
#[derive(Debug)]
pub struct Fields<'a> {
    values: BTreeMap<String, Value>,
    path: &'a Path,
}

impl<'a> Fields<'a> {
    /// The attributes of `value`, which is an object.
    pub fn of(value: Value, path: &'a Path) -> Result<Self, Diagnostics> {
        match value {
            Value::Object(values) => Ok(Self { values, path }),
            Value::Dynamic(_, value) => Self::of(*value, path),
            other => Err(mismatch("an object", &other, path)),
        }
    }

    /// Decodes the attribute `name`; one that is missing is null.
    pub fn take<T: AttributeType>(&mut self, name: &str) -> Result<T, Diagnostics> {
        let value = self.values.remove(name).unwrap_or(Value::Null);
        T::from_value(value, &self.path.attribute(name))
    }

    /// [`AttributeType::known_only`] of an attribute at `path` which gets its value from `source`. What the provider
    /// alone makes is unknown as a whole in each plan of a create, and unknown inside only where its author says so.
    pub fn known_only<T: AttributeType>(path: &Path, source: Source) -> Vec<Path> {
        let mut found = T::known_only(path);
        if !source.is_configurable() {
            found.retain(|place| place == path);
        }
        found
    }

    /// [`AttributeType::known_only`] of blocks at `path`. As soon as one of a `dynamic` block's is not known, Terraform
    /// knows none of that name: single ones are always there.
    pub fn known_only_blocks<T: BlockType>(path: &Path) -> Vec<Path> {
        let mut found = T::known_only(path);
        if T::MODE != Mode::Single {
            let depth = path.steps().len() + 1;
            found.retain(|place| place.steps().len() != depth);
        }
        found
    }
}

/// The diagnostic for a value that a model cannot hold.
fn mismatch(wanted: &str, given: &Value, path: &Path) -> Diagnostics {
    let given = given.kind_name();
    let detail = if path.steps().is_empty() {
        format!("{wanted} is needed, not {given}.")
    } else {
        format!("{path}: {wanted} is needed, not {given}.")
    };
    Diagnostic::error("A value does not fit", detail)
        .at(path.clone())
        .into()
}

impl AttributeType for String {
    fn kind() -> AttributeKind {
        AttributeKind::Plain(Type::String)
    }

    fn from_value(value: Value, path: &Path) -> Result<Self, Diagnostics> {
        match value {
            Value::String(text) => Ok(text),
            other => Err(mismatch("a string", &other, path)),
        }
    }

    fn into_value(self) -> Value {
        Value::String(self)
    }
}

impl AttributeType for bool {
    fn kind() -> AttributeKind {
        AttributeKind::Plain(Type::Bool)
    }

    fn from_value(value: Value, path: &Path) -> Result<Self, Diagnostics> {
        match value {
            Value::Bool(truth) => Ok(truth),
            other => Err(mismatch("a bool", &other, path)),
        }
    }

    fn into_value(self) -> Value {
        Value::Bool(self)
    }
}

impl AttributeType for Number {
    fn kind() -> AttributeKind {
        AttributeKind::Plain(Type::Number)
    }

    fn from_value(value: Value, path: &Path) -> Result<Self, Diagnostics> {
        match value {
            Value::Number(number) => Ok(number),
            other => Err(mismatch("a number", &other, path)),
        }
    }

    fn into_value(self) -> Value {
        Value::Number(self)
    }
}

macro_rules! integer {
    ($($integer:ty: $convert:ident),*) => {$(
        impl AttributeType for $integer {
            fn kind() -> AttributeKind {
                Number::kind()
            }

            fn from_value(value: Value, path: &Path) -> Result<Self, Diagnostics> {
                let number = Number::from_value(value, path)?;
                number.$convert().and_then(|integer| integer.try_into().ok()).ok_or_else(|| {
                    let (least, most) = (Self::MIN, Self::MAX);
                    Diagnostic::error(
                        "A number does not fit",
                        format!("{path}: must be a whole number from {least} to {most}, not {number}."),
                    )
                    .at(path.clone())
                    .into()
                })
            }

            fn into_value(self) -> Value {
                Value::Number(self.into())
            }
        }
    )*};
}

integer!(i64: to_i64, u64: to_u64, u32: to_u64, u16: to_u64);

/// The nearest one; encoded as the shortest decimal number that is read as it again, so that a
/// configured 0.1 stays 0.1. What is not finite is null. Use [`Number`] where each digit counts.
impl AttributeType for f64 {
    fn kind() -> AttributeKind {
        Number::kind()
    }

    fn from_value(value: Value, path: &Path) -> Result<Self, Diagnostics> {
        Number::from_value(value, path).map(|number| number.to_f64())
    }

    fn into_value(self) -> Value {
        Number::try_from(self).map_or(Value::Null, Value::Number)
    }
}

/// Of any type.
impl AttributeType for Value {
    fn kind() -> AttributeKind {
        AttributeKind::Plain(Type::Dynamic)
    }

    fn from_value(value: Value, _: &Path) -> Result<Self, Diagnostics> {
        Ok(value)
    }

    fn into_value(self) -> Value {
        self
    }
}

/// An object without attributes.
impl AttributeType for () {
    fn kind() -> AttributeKind {
        AttributeKind::Nested(NestedObject {
            mode: Mode::Single,
            attributes: Vec::new(),
        })
    }

    fn from_value(_: Value, _: &Path) -> Result<Self, Diagnostics> {
        Ok(())
    }

    fn into_value(self) -> Value {
        Value::Object(BTreeMap::new())
    }
}

/// For what needs no configuration.
impl Model for () {
    fn schema() -> Schema {
        Schema::default()
    }
}

/// What a collection of `inner` is: nested objects stay nested.
fn collection(inner: AttributeKind, mode: Mode, of: fn(Box<Type>) -> Type) -> AttributeKind {
    match inner {
        AttributeKind::Nested(NestedObject {
            mode: Mode::Single,
            attributes,
        }) => AttributeKind::Nested(NestedObject { mode, attributes }),
        other => AttributeKind::Plain(of(Box::new(other.value_type()))),
    }
}

impl<T: AttributeType> AttributeType for Vec<T> {
    fn kind() -> AttributeKind {
        collection(T::kind(), Mode::List, Type::List)
    }

    fn from_value(value: Value, path: &Path) -> Result<Self, Diagnostics> {
        match value {
            Value::List(elements) => (0..)
                .zip(elements)
                .map(|(index, element)| T::from_value(element, &path.index(index)))
                .collect(),
            other => Err(mismatch("a list", &other, path)),
        }
    }

    fn into_value(self) -> Value {
        Value::List(self.into_iter().map(T::into_value).collect())
    }

    fn known_only(path: &Path) -> Vec<Path> {
        let mut found = vec![path.clone()];
        found.extend(T::known_only(&path.index(0)));
        found
    }
}

impl<T: AttributeType> AttributeType for Set<T> {
    fn kind() -> AttributeKind {
        collection(T::kind(), Mode::Set, Type::Set)
    }

    fn from_value(value: Value, path: &Path) -> Result<Self, Diagnostics> {
        match value {
            Value::Set(elements) => elements
                .into_iter()
                .map(|element| {
                    let path = path.element(element.clone());
                    T::from_value(element, &path)
                })
                .collect(),
            other => Err(mismatch("a set", &other, path)),
        }
    }

    fn into_value(self) -> Value {
        Value::set(self.into_iter().map(T::into_value))
    }

    fn known_only(path: &Path) -> Vec<Path> {
        let mut found = vec![path.clone()];
        found.extend(T::known_only(&path.element(Value::unknown())));
        found
    }
}

impl<T: AttributeType> AttributeType for BTreeMap<String, T> {
    fn kind() -> AttributeKind {
        collection(T::kind(), Mode::Map, Type::Map)
    }

    fn from_value(value: Value, path: &Path) -> Result<Self, Diagnostics> {
        match value {
            Value::Map(elements) => elements
                .into_iter()
                .map(|(key, element)| {
                    let element = T::from_value(element, &path.key(&key))?;
                    Ok((key, element))
                })
                .collect(),
            other => Err(mismatch("a map", &other, path)),
        }
    }

    fn into_value(self) -> Value {
        Value::Map(
            self.into_iter()
                .map(|(key, element)| (key, element.into_value()))
                .collect(),
        )
    }

    fn known_only(path: &Path) -> Vec<Path> {
        let mut found = vec![path.clone()];
        found.extend(T::known_only(&path.key("…")));
        found
    }
}

impl<T: AttributeType> AttributeType for Option<T> {
    fn kind() -> AttributeKind {
        T::kind()
    }

    fn from_value(value: Value, path: &Path) -> Result<Self, Diagnostics> {
        match value {
            Value::Null => Ok(None),
            value => T::from_value(value, path).map(Some),
        }
    }

    fn into_value(self) -> Value {
        self.map_or(Value::Null, T::into_value)
    }

    fn known_only(path: &Path) -> Vec<Path> {
        T::known_only(path)
    }
}

impl<T: AttributeType> AttributeType for Attr<T> {
    fn kind() -> AttributeKind {
        T::kind()
    }

    fn from_value(value: Value, path: &Path) -> Result<Self, Diagnostics> {
        match value {
            Value::Null => Ok(Self::Null),
            Value::Unknown(_) => Ok(Self::Unknown),
            value => T::from_value(value, path).map(Self::Known),
        }
    }

    fn into_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Unknown => Value::unknown(),
            Self::Known(value) => value.into_value(),
        }
    }

    fn known_only(path: &Path) -> Vec<Path> {
        let mut found = T::known_only(path);
        found.retain(|place| place != path);
        found
    }
}

impl<M: Model> BlockType for M {
    const MODE: Mode = Mode::Single;

    fn block() -> Block {
        M::schema().block
    }
}

impl<M: Model> BlockType for Vec<M> {
    const MODE: Mode = Mode::List;

    fn block() -> Block {
        M::schema().block
    }
}

impl<M: Model> BlockType for Set<M> {
    const MODE: Mode = Mode::Set;

    fn block() -> Block {
        M::schema().block
    }
}

impl<M: Model> BlockType for BTreeMap<String, M> {
    const MODE: Mode = Mode::Map;

    fn block() -> Block {
        M::schema().block
    }
}

impl<T: BlockType> BlockType for Option<T> {
    const MODE: Mode = T::MODE;

    fn block() -> Block {
        T::block()
    }
}

impl<T: BlockType> BlockType for Attr<T> {
    const MODE: Mode = T::MODE;

    fn block() -> Block {
        T::block()
    }
}
