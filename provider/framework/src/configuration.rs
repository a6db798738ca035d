//! A configuration on its way to an author's own code.

use crate::codec::{document, json};
use crate::server::planning::with_defaults;
use crate::server::validation::{WriteOnly, check_config};
use crate::{Diagnostic, Diagnostics, Model, Path, Type, Value};

/// A configuration that somebody wrote as JSON and not in a language of Terraform's: an object of arguments, judged by the
/// rules of the schema. A name that the schema does not have is an error. `document` says what it is, for messages.
pub fn from_json<M: Model>(text: &[u8], document: &str) -> Result<M, Diagnostics> {
    let parsed = document::read(text).map_err(|error| {
        Diagnostic::error(
            format!("{document} is not JSON"),
            format!("{error}. It is an object of arguments."),
        )
    })?;
    let schema = M::schema();
    let wanted = schema.value_type();
    let mut found = Diagnostics::new();
    find_strangers(&parsed, &wanted, &Path::root(), &mut found);
    if found.has_error() {
        return Err(found);
    }
    let config = json::decode(text, &wanted)?;
    let members = (&schema.block).into();
    let found = check_config(members, &config, WriteOnly::Allowed);
    if found.has_error() {
        return Err(found);
    }
    M::from_value(with_defaults(members, &config), &Path::root())
}

/// The names that the type does not have: reading drops them.
fn find_strangers(given: &serde_json::Value, wanted: &Type, path: &Path, found: &mut Diagnostics) {
    match (given, wanted) {
        (serde_json::Value::Object(given), Type::Object(types)) => {
            for (name, value) in given {
                let path = path.attribute(name);
                if let Some(wanted) = types.get(name) {
                    find_strangers(value, wanted, &path, found);
                } else {
                    let known: Vec<&str> = types.keys().map(String::as_str).collect();
                    let detail = format!("There are: {}.", known.join(", "));
                    let error = Diagnostic::error(format!("There is no argument {name:?}"), detail);
                    found.push(error.at(path));
                }
            }
        }
        (serde_json::Value::Object(given), Type::Map(element)) => {
            for (key, value) in given {
                find_strangers(value, element, &path.key(key), found);
            }
        }
        (serde_json::Value::Array(given), Type::List(element) | Type::Set(element)) => {
            for (index, value) in (0..).zip(given) {
                find_strangers(value, element, &path.index(index), found);
            }
        }
        // Anything else is what reading judges.
        _ => {}
    }
}

/// `config` as a model, or `None` where the model has no place for what is not known yet: a plain `String` cannot say
/// "unknown". Such a configuration is judged when all of it is known; Terraform validates again then.
pub(crate) fn to_validate<M: Model>(config: Value) -> Result<Option<M>, Diagnostics> {
    let wholly_known = config.is_wholly_known();
    match M::from_value(config, &Path::root()) {
        Ok(config) => Ok(Some(config)),
        Err(_) if !wholly_known => Ok(None),
        Err(diagnostics) => Err(diagnostics),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Attr;
    use crate::validators::at_least;

    #[derive(Model, Debug, PartialEq)]
    struct Machine {
        #[attribute(required)]
        address: String,
        #[attribute(optional, validate = [at_least(1)])]
        port: Attr<i64>,
    }

    #[derive(Model, Debug, PartialEq)]
    struct Inventory {
        #[attribute(optional)]
        machines: Attr<Vec<Machine>>,
        #[attribute(optional)]
        user: Attr<String>,
    }

    fn read(text: &str) -> Result<Inventory, String> {
        from_json(text.as_bytes(), "inventory.json").map_err(|found| found.to_string())
    }

    #[test]
    fn what_is_said_is_there_and_the_rest_is_null() {
        let read = read(r#"{"machines": [{"address": "10.0.0.1", "port": 2222}]}"#);
        let machine = Machine {
            address: "10.0.0.1".to_owned(),
            port: Attr::Known(2222),
        };
        let wanted = Inventory {
            machines: Attr::Known(vec![machine]),
            user: Attr::Null,
        };
        assert_eq!(read, Ok(wanted));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, said) in [
            ("{", "inventory.json is not JSON"),
            (
                r#"{"usr": "x"}"#,
                "error at usr: There is no argument \"usr\"",
            ),
            (
                r#"{"machines": [{"address": "x", "prot": 1}]}"#,
                "machines[0].prot",
            ),
            (
                r#"{"machines": [{"port": 1}]}"#,
                "machines[0].address is missing",
            ),
            (
                r#"{"machines": [{"address": "x", "port": 0}]}"#,
                "machines[0].port",
            ),
            (r#"{"machines": {}}"#, "not an object"),
            ("[]", "not a list"),
        ] {
            let found = read(text).expect_err(text);
            assert!(found.contains(said), "{text}: {found}");
        }
    }
}
