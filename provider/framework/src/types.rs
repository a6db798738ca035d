//! Terraform's type system.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A type constraint, as it travels in JSON: `"string"`, `["list","string"]`, `["object",{…}]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Type {
    /// true or false.
    Bool,
    /// A decimal number of any size.
    Number,
    /// Unicode text.
    String,
    /// Any type: the value brings its own.
    Dynamic,
    /// Elements of one type, in order.
    List(Box<Type>),
    /// Distinct elements of one type, without an order.
    Set(Box<Type>),
    /// Elements of one type by key.
    Map(Box<Type>),
    /// Elements of a type each, in order.
    Tuple(Vec<Type>),
    /// Attributes of a type each, by name.
    Object(BTreeMap<String, Type>),
}

impl Type {
    /// The type of a list of `elements`.
    pub fn list(elements: Self) -> Self {
        Self::List(Box::new(elements))
    }

    /// The type of a set of `elements`.
    pub fn set(elements: Self) -> Self {
        Self::Set(Box::new(elements))
    }

    /// The type of a map of `elements`.
    pub fn map(elements: Self) -> Self {
        Self::Map(Box::new(elements))
    }

    /// The type of an object with `attributes`.
    pub fn object<K: Into<String>>(attributes: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Object(
            attributes
                .into_iter()
                .map(|(name, inner)| (name.into(), inner))
                .collect(),
        )
    }

    /// Reads the JSON of a type constraint. It may be nested about 120 deep.
    pub fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// Writes the JSON of the type constraint.
    pub fn to_json(&self) -> String {
        serde_json::Value::from(self).to_string()
    }
}

/// As a person says it: `list of string`.
impl fmt::Display for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => formatter.write_str("bool"),
            Self::Number => formatter.write_str("number"),
            Self::String => formatter.write_str("string"),
            Self::Dynamic => formatter.write_str("any type"),
            Self::List(elements) => write!(formatter, "list of {elements}"),
            Self::Set(elements) => write!(formatter, "set of {elements}"),
            Self::Map(elements) => write!(formatter, "map of {elements}"),
            Self::Tuple(_) => formatter.write_str("tuple"),
            Self::Object(_) => formatter.write_str("object"),
        }
    }
}

impl From<&Type> for serde_json::Value {
    fn from(constraint: &Type) -> Self {
        let (kind, inside) = match constraint {
            Type::Bool => return "bool".into(),
            Type::Number => return "number".into(),
            Type::String => return "string".into(),
            Type::Dynamic => return "dynamic".into(),
            Type::List(elements) => ("list", Self::from(&**elements)),
            Type::Set(elements) => ("set", Self::from(&**elements)),
            Type::Map(elements) => ("map", Self::from(&**elements)),
            Type::Tuple(elements) => ("tuple", elements.iter().map(Self::from).collect()),
            Type::Object(attributes) => (
                "object",
                attributes
                    .iter()
                    .map(|(name, inner)| (name.clone(), Self::from(inner)))
                    .collect(),
            ),
        };
        Self::Array(vec![kind.into(), inside])
    }
}

impl Serialize for Type {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::Value::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Type {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Constraint;

        impl<'de> de::Visitor<'de> for Constraint {
            type Value = Type;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a type constraint such as \"string\" or [\"list\",\"string\"]")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Type, E> {
                match name {
                    "bool" => Ok(Type::Bool),
                    "number" => Ok(Type::Number),
                    "string" => Ok(Type::String),
                    "dynamic" => Ok(Type::Dynamic),
                    other => Err(E::unknown_variant(
                        other,
                        &["bool", "number", "string", "dynamic"],
                    )),
                }
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut parts: A) -> Result<Type, A::Error> {
                fn inside<'de, A: de::SeqAccess<'de>, T: Deserialize<'de>>(
                    parts: &mut A,
                ) -> Result<T, A::Error> {
                    parts.next_element()?.ok_or_else(|| {
                        de::Error::invalid_length(1, &"the kind and what is inside it")
                    })
                }
                let kind: String = parts
                    .next_element()?
                    .ok_or_else(|| de::Error::invalid_length(0, &"the kind of the type"))?;
                let constraint = match kind.as_str() {
                    "list" => Type::List(inside(&mut parts)?),
                    "set" => Type::Set(inside(&mut parts)?),
                    "map" => Type::Map(inside(&mut parts)?),
                    "tuple" => Type::Tuple(inside(&mut parts)?),
                    "object" => Type::Object(inside(&mut parts)?),
                    other => {
                        return Err(de::Error::unknown_variant(
                            other,
                            &["list", "set", "map", "tuple", "object"],
                        ));
                    }
                };
                // The third part of an object names attributes that a configuration may leave out.
                // A value has all of them, so it says nothing about values.
                while parts.next_element::<de::IgnoredAny>()?.is_some() {}
                Ok(constraint)
            }
        }

        deserializer.deserialize_any(Constraint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_spelled_as_the_protocol_spells_it() {
        for (constraint, json) in [
            (Type::Bool, r#""bool""#),
            (Type::Number, r#""number""#),
            (Type::String, r#""string""#),
            (Type::Dynamic, r#""dynamic""#),
            (
                Type::list(Type::set(Type::String)),
                r#"["list",["set","string"]]"#,
            ),
            (
                Type::Tuple(vec![Type::Bool, Type::Dynamic]),
                r#"["tuple",["bool","dynamic"]]"#,
            ),
            (
                Type::object([("b", Type::map(Type::Number)), ("a", Type::String)]),
                r#"["object",{"a":"string","b":["map","number"]}]"#,
            ),
        ] {
            assert_eq!(constraint.to_json(), json);
            assert_eq!(Type::from_json(json.as_bytes()).unwrap(), constraint);
        }
    }

    #[test]
    fn optional_attributes_of_an_object_are_read_over() {
        let json = br#"["object",{"a":"string"},["a"]]"#;
        assert_eq!(
            Type::from_json(json).unwrap(),
            Type::object([("a", Type::String)])
        );
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for json in [r#""text""#, r#"["list"]"#, "[]", "3", r#"["list","string""#] {
            assert!(Type::from_json(json.as_bytes()).is_err(), "{json}");
        }
        let deep = format!(
            "{}{}{}",
            r#"["list","#.repeat(5000),
            r#""string""#,
            "]".repeat(5000)
        );
        assert!(Type::from_json(deep.as_bytes()).is_err());
    }
}
