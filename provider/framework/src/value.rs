//! Terraform's values.

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    hash::{Hash, Hasher},
};

use crate::{Number, Path, Step, Type};

/// A value. Its type is known from the schema; only [`Value::Dynamic`] brings its own.
#[derive(Debug, Clone)]
pub enum Value {
    /// Not set.
    Null,
    /// Not known before apply, with what is known about it all the same.
    Unknown(Box<Refinement>),
    /// true or false.
    Bool(bool),
    /// A decimal number.
    Number(Number),
    /// Unicode text.
    String(String),
    /// The elements of a list or a tuple.
    List(Vec<Value>),
    /// The elements of a set: equal to another in any order. [`Value::set`] makes one without doubles.
    Set(Vec<Value>),
    /// The elements of a map.
    Map(BTreeMap<String, Value>),
    /// The attributes of an object.
    Object(BTreeMap<String, Value>),
    /// A value of an attribute whose type is [`Type::Dynamic`], with its type.
    Dynamic(Box<Type>, Box<Value>),
}

/// What is known of a value that is not known itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Refinement {
    /// Whether it will be null (`Some(true)`) or will not (`Some(false)`).
    pub is_null: Option<bool>,
    /// How a string will begin.
    pub prefix: Option<String>,
    /// The least that a number can be, and whether it can be just that.
    pub lower_bound: Option<(Number, bool)>,
    /// The most that a number can be, and whether it can be just that.
    pub upper_bound: Option<(Number, bool)>,
    /// The least number of elements.
    pub least_length: Option<u64>,
    /// The greatest number of elements.
    pub greatest_length: Option<u64>,
}

impl Value {
    /// A value that is not known, and nothing is known about it.
    pub fn unknown() -> Self {
        Self::Unknown(Box::default())
    }

    /// A list of `elements`.
    pub fn list<V: Into<Self>>(elements: impl IntoIterator<Item = V>) -> Self {
        Self::List(elements.into_iter().map(Into::into).collect())
    }

    /// A set of `elements`, sorted and without doubles.
    ///
    /// Elements that are not wholly known are all kept: two unknown ones may yet turn out to differ.
    pub fn set<V: Into<Self>>(elements: impl IntoIterator<Item = V>) -> Self {
        let mut elements: Vec<Self> = elements.into_iter().map(Into::into).collect();
        elements.sort();
        elements.dedup_by(|later, earlier| later == earlier && later.is_wholly_known());
        Self::Set(elements)
    }

    /// A map of `elements`.
    pub fn map<K: Into<String>, V: Into<Self>>(elements: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::Map(
            elements
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        )
    }

    /// An object with `attributes`.
    pub fn object<K: Into<String>, V: Into<Self>>(
        attributes: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        Self::Object(
            attributes
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }

    /// Whether it is not set; a dynamic value also where the value that it holds is not set.
    pub fn is_null(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Dynamic(_, value) => value.is_null(),
            _ => false,
        }
    }

    /// Whether the value itself is not known; what is inside a known one is not looked at.
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::Unknown(_) => true,
            Self::Dynamic(_, value) => value.is_unknown(),
            _ => false,
        }
    }

    /// Whether neither it nor anything inside it is unknown.
    pub fn is_wholly_known(&self) -> bool {
        match self {
            Self::Unknown(_) => false,
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => true,
            Self::List(elements) | Self::Set(elements) => {
                elements.iter().all(Self::is_wholly_known)
            }
            Self::Map(elements) | Self::Object(elements) => {
                elements.values().all(Self::is_wholly_known)
            }
            Self::Dynamic(_, value) => value.is_wholly_known(),
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Dynamic(_, value) => value.as_str(),
            _ => None,
        }
    }

    /// Whether a boolean is true.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            Self::Dynamic(_, value) => value.as_bool(),
            _ => None,
        }
    }

    /// The number.
    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Self::Number(number) => Some(number),
            Self::Dynamic(_, value) => value.as_number(),
            _ => None,
        }
    }

    /// The elements of a list, a tuple or a set.
    pub fn as_elements(&self) -> Option<&[Self]> {
        match self {
            Self::List(elements) | Self::Set(elements) => Some(elements),
            Self::Dynamic(_, value) => value.as_elements(),
            _ => None,
        }
    }

    /// The elements of a map, or the attributes of an object.
    pub fn as_entries(&self) -> Option<&BTreeMap<String, Self>> {
        match self {
            Self::Map(entries) | Self::Object(entries) => Some(entries),
            Self::Dynamic(_, value) => value.as_entries(),
            _ => None,
        }
    }

    /// The value one step inside this one.
    pub fn get(&self, step: &Step) -> Option<&Self> {
        match (self, step) {
            (Self::Dynamic(_, value), step) => value.get(step),
            (Self::Object(attributes), Step::Attribute(name)) => attributes.get(name),
            (Self::Map(elements), Step::Key(key)) => elements.get(key),
            (Self::List(elements), Step::Index(index)) => {
                elements.get(usize::try_from(*index).ok()?)
            }
            (Self::Set(elements), Step::Element(element)) => {
                elements.iter().find(|candidate| *candidate == &**element)
            }
            _ => None,
        }
    }

    /// The value at `path` inside this one.
    pub fn at(&self, path: &Path) -> Option<&Self> {
        path.steps()
            .iter()
            .try_fold(self, |value, step| value.get(step))
    }

    /// What it is, for a message: `a string`.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Unknown(_) => "a value not known before apply",
            Self::Bool(_) => "a bool",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Set(_) => "a set",
            Self::Map(_) => "a map",
            Self::Object(_) => "an object",
            Self::Dynamic(_, value) => value.kind_name(),
        }
    }

    /// Where values of different kinds stand among one another.
    ///
    /// What is unknown comes last, as in Terraform's own sets.
    fn rank(&self) -> u8 {
        match self {
            Self::Bool(_) => 0,
            Self::Number(_) => 1,
            Self::String(_) => 2,
            Self::List(_) => 3,
            Self::Set(_) => 4,
            Self::Map(_) => 5,
            Self::Object(_) => 6,
            Self::Dynamic(..) => 7,
            Self::Null => 8,
            Self::Unknown(_) => 9,
        }
    }
}

fn sorted(elements: &[Value]) -> Vec<&Value> {
    let mut sorted: Vec<&Value> = elements.iter().collect();
    sorted.sort();
    sorted
}

// By hand, because a set is the same set in any order.
impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Unknown(one), Self::Unknown(two)) => one.cmp(two),
            (Self::Bool(one), Self::Bool(two)) => one.cmp(two),
            (Self::Number(one), Self::Number(two)) => one.cmp(two),
            (Self::String(one), Self::String(two)) => one.cmp(two),
            (Self::List(one), Self::List(two)) => one.cmp(two),
            (Self::Set(one), Self::Set(two)) => sorted(one).cmp(&sorted(two)),
            (Self::Map(one), Self::Map(two)) | (Self::Object(one), Self::Object(two)) => {
                one.cmp(two)
            }
            (Self::Dynamic(type_of_one, one), Self::Dynamic(type_of_two, two)) => {
                (type_of_one, one).cmp(&(type_of_two, two))
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rank().hash(state);
        match self {
            Self::Null => {}
            Self::Unknown(refinement) => refinement.hash(state),
            Self::Bool(truth) => truth.hash(state),
            Self::Number(number) => number.hash(state),
            Self::String(text) => text.hash(state),
            Self::List(elements) => elements.hash(state),
            Self::Set(elements) => sorted(elements).hash(state),
            Self::Map(elements) | Self::Object(elements) => elements.hash(state),
            Self::Dynamic(value_type, value) => (value_type, value).hash(state),
        }
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number.into())
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<Refinement> for Value {
    fn from(refinement: Refinement) -> Self {
        Self::Unknown(Box::new(refinement))
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hash, Hasher};

    use super::*;

    fn hash(value: &Value) -> u64 {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn a_set_is_the_same_in_any_order() {
        let one = Value::Set(vec!["a".into(), "b".into(), Value::Null]);
        let two = Value::Set(vec![Value::Null, "b".into(), "a".into()]);
        assert_eq!(one, two);
        assert_eq!(hash(&one), hash(&two));
        assert_ne!(one, Value::set(["a", "b"]));
        assert_ne!(
            Value::List(vec!["a".into(), "b".into()]),
            Value::List(vec!["b".into(), "a".into()])
        );
    }

    #[test]
    fn a_set_keeps_what_may_yet_differ() {
        assert_eq!(Value::set(["a", "a"]).as_elements().unwrap().len(), 1);
        assert_eq!(
            Value::set([Value::unknown(), Value::unknown()])
                .as_elements()
                .unwrap()
                .len(),
            2
        );
    }

    #[test]
    fn a_path_leads_to_the_value_inside() {
        let value = Value::object([(
            "ports",
            Value::list([Value::object([("host", Value::from(80))])]),
        )]);
        let path = Path::attribute_name("ports").index(0).attribute("host");
        assert_eq!(value.at(&path), Some(&Value::from(80)));
        assert_eq!(value.at(&Path::attribute_name("ports").index(1)), None);
    }
}
