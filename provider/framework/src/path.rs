//! Where in a resource's data something is.

use std::fmt;

use crate::Value;

/// One step from a value to a value inside it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// An attribute of an object or a nested block.
    Attribute(String),
    /// An element of a map.
    Key(String),
    /// An element of a list or a tuple, from 0.
    Index(u32),
    /// An element of a set. The wire has no spelling for it: a diagnostic's path ends before it.
    Element(Box<Value>),
}

/// The way from the root of a resource's data to a value inside it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path(Vec<Step>);

impl Path {
    /// The whole object.
    pub fn root() -> Self {
        Self::default()
    }

    /// The path of a top-level attribute.
    pub fn attribute_name(name: impl Into<String>) -> Self {
        Self::root().attribute(name)
    }

    /// This path, continued to an attribute.
    #[must_use]
    pub fn attribute(&self, name: impl Into<String>) -> Self {
        self.step(Step::Attribute(name.into()))
    }

    /// This path, continued to an element of a map.
    #[must_use]
    pub fn key(&self, key: impl Into<String>) -> Self {
        self.step(Step::Key(key.into()))
    }

    /// This path, continued to an element of a list.
    #[must_use]
    pub fn index(&self, index: u32) -> Self {
        self.step(Step::Index(index))
    }

    /// This path, continued to an element of a set.
    #[must_use]
    pub fn element(&self, element: Value) -> Self {
        self.step(Step::Element(Box::new(element)))
    }

    /// This path, continued by one step.
    #[must_use]
    pub fn step(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// The steps from the root.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl FromIterator<Step> for Path {
    fn from_iter<I: IntoIterator<Item = Step>>(steps: I) -> Self {
        Self(steps.into_iter().collect())
    }
}

/// Spelled as a user writes it in a configuration: `ports[0].host`, `nodes["a"].address`.
impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Attribute(name) if position == 0 => formatter.write_str(name)?,
                Step::Attribute(name) => write!(formatter, ".{name}")?,
                Step::Key(key) => write!(formatter, "[{key:?}]")?,
                Step::Index(index) => write!(formatter, "[{index}]")?,
                Step::Element(_) => formatter.write_str("[…]")?,
            }
        }
        Ok(())
    }
}
