//! Values on the wire: MessagePack between Terraform and its providers, JSON in stored state.
//!
//! Nothing that comes from outside can exhaust the memory or the stack: no length prefix is trusted, and
//! values may be nested [`DEEPEST`] deep.

use crate::{Diagnostic, Diagnostics, Path, Step, Value};

pub(crate) mod document;
pub mod json;
pub mod msgpack;

/// How deep values may be nested: as deep as JSON may be where Terraform stores it.
pub const DEEPEST: usize = 128;

/// Why a value could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// What came in is not what the schema says.
    #[error("could not read {}: {what}", place(path))]
    Decode {
        /// The innermost value that is at fault.
        path: Path,
        /// What is wrong with it.
        what: String,
    },
    /// What goes out is not what the schema says.
    #[error("could not write {}: {what}", place(path))]
    Encode {
        /// The innermost value that is at fault.
        path: Path,
        /// What is wrong with it.
        what: String,
    },
}

fn place(path: &Path) -> String {
    if path.steps().is_empty() {
        "the value".to_owned()
    } else {
        path.to_string()
    }
}

impl From<CodecError> for Diagnostic {
    fn from(error: CodecError) -> Self {
        let (summary, path, what) = match error {
            CodecError::Decode { path, what } => {
                ("A value from Terraform could not be read", path, what)
            }
            CodecError::Encode { path, what } => {
                ("A value could not be written for Terraform", path, what)
            }
        };
        Self::error(summary, format!("{}: {what}.", place(&path))).at(path)
    }
}

impl From<CodecError> for Diagnostics {
    fn from(error: CodecError) -> Self {
        Diagnostic::from(error).into()
    }
}

/// What is wrong, and the way out from there: the path is put together only when there is an error.
#[derive(Debug)]
struct Fault {
    what: String,
    steps_outwards: Vec<Step>,
}

impl Fault {
    fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            steps_outwards: Vec::new(),
        }
    }

    fn too_deep() -> Self {
        Self::new(format!("it is nested more than {DEEPEST} deep"))
    }

    fn mismatch(value: &Value, wanted: &crate::Type) -> Self {
        Self::new(format!(
            "{} is needed, not {}",
            Article(wanted),
            value.kind_name()
        ))
    }

    fn inside(mut self, step: Step) -> Self {
        self.steps_outwards.push(step);
        self
    }

    fn inside_list(self, position: usize) -> Self {
        // The wire counts no further either.
        self.inside(Step::Index(u32::try_from(position).unwrap_or(u32::MAX)))
    }

    fn path(&self) -> Path {
        self.steps_outwards.iter().rev().cloned().collect()
    }

    fn decode(self) -> CodecError {
        CodecError::Decode {
            path: self.path(),
            what: self.what,
        }
    }

    fn encode(self) -> CodecError {
        CodecError::Encode {
            path: self.path(),
            what: self.what,
        }
    }
}

/// A type with its article: `a list of string`.
struct Article<'a>(&'a crate::Type);

impl std::fmt::Display for Article<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            crate::Type::Object(_) => write!(formatter, "an {}", self.0),
            crate::Type::Dynamic => write!(formatter, "a value with its type"),
            _ => write!(formatter, "a {}", self.0),
        }
    }
}

/// An attribute that the type does not know is a mistake of whoever made the value.
fn no_stranger(
    values: &std::collections::BTreeMap<String, Value>,
    types: &std::collections::BTreeMap<String, crate::Type>,
) -> Result<(), Fault> {
    match values.keys().find(|name| !types.contains_key(*name)) {
        None => Ok(()),
        Some(name) => {
            Err(Fault::new("the schema has no such attribute")
                .inside(Step::Attribute(name.clone())))
        }
    }
}
