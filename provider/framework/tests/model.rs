//! What the derive macro makes of a struct: its schema, and its values both ways.

#![allow(clippy::unwrap_used, clippy::panic)] // a test may stop at the first surprise

use std::collections::BTreeMap;

use terraform_framework::{
    Attr, AttributeKind, AttributeType, Mode, Model, Number, Path, Set, Timeouts, Type, Value,
    modifiers::use_state_for_unknown,
    schema::Source,
    validators::{between, each, keys, one_of, pattern},
};

/// A thing
/// that remembers.
#[derive(Debug, Clone, PartialEq, Model)]
#[model(version = 2, deprecated = "Use a pen.")]
struct Note {
    /// Name of the note.
    #[attribute(required, replace, validate = [pattern("^[a-z]+$", "be lower-case letters")])]
    name: Attr<String>,
    #[attribute(optional, computed, default = 1, validate = [between(0, 10)])]
    copies: Attr<i64>,
    #[attribute(optional, computed, default = "plain", validate = [one_of(["plain", "fine"])])]
    r#type: Attr<String>,
    #[attribute(optional, computed, default = vec!["a".to_owned()])]
    tags: Attr<Vec<String>>,
    #[attribute(optional, validate = [keys(one_of(["a"])), each(one_of(["b"]))])]
    labels: Option<BTreeMap<String, Attr<String>>>,
    #[attribute(optional)]
    place: Attr<Place>,
    #[attribute(computed)]
    shelves: Attr<BTreeMap<String, Place>>,
    #[attribute(optional)]
    colours: Attr<Set<Place>>,
    #[attribute(computed, keep, rename = "id")]
    identifier: Attr<String>,
    #[attribute(optional, sensitive, write_only)]
    token: Attr<String>,
    #[attribute(optional, deprecated = "It does nothing.", plan = [use_state_for_unknown()])]
    old: Attr<bool>,
    #[attribute(optional)]
    anything: Value,
    #[attribute(optional)]
    exact: Attr<Number>,
    /// Who may read it.
    #[block(list, least = 0, most = 2, deprecated = "Everyone may.")]
    rule: Vec<Rule>,
    #[block(single)]
    seal: Attr<Rule>,
    #[attribute(optional)]
    timeouts: Attr<Timeouts>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Model)]
struct Place {
    #[attribute(required)]
    room: Attr<u16>,
}

#[derive(Debug, Clone, PartialEq, Model)]
struct Rule {
    #[attribute(required)]
    reader: String,
    #[block(set)]
    exceptions: Set<Exception>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Model)]
struct Exception {
    #[attribute(optional)]
    weekday: Attr<u32>,
}

fn place(room: i64) -> Value {
    Value::object([("room", room)])
}

fn note() -> Value {
    Value::object([
        ("name", "shopping".into()),
        ("copies", Value::unknown()),
        ("type", "fine".into()),
        ("tags", Value::list(["x", "y"])),
        ("labels", Value::map([("a", Value::unknown())])),
        ("place", place(4)),
        ("shelves", Value::map([("top", place(1))])),
        ("colours", Value::set([place(2), place(3)])),
        ("id", Value::unknown()),
        ("token", Value::Null),
        ("old", true.into()),
        (
            "anything",
            Value::Dynamic(Box::new(Type::Bool), Box::new(true.into())),
        ),
        ("exact", Value::Number("0.1".parse().unwrap())),
        (
            "rule",
            Value::list([Value::object([
                ("reader", "me".into()),
                ("exceptions", Value::set([Value::object([("weekday", 7)])])),
            ])]),
        ),
        ("seal", Value::Null),
        ("timeouts", Value::Null),
    ])
}

#[test]
fn a_value_becomes_a_struct_and_the_same_value_again() {
    let model = Note::from_value(note(), &Path::root()).unwrap();
    assert_eq!(model.name.known().unwrap(), "shopping");
    assert!(model.copies.is_unknown());
    assert_eq!(model.place.known().unwrap().room, Attr::Known(4));
    assert_eq!(model.colours.known().unwrap().len(), 2);
    assert_eq!(
        model.rule[0].exceptions.iter().next().unwrap().weekday,
        Attr::Known(7)
    );
    assert_eq!(model.into_value(), note());
}

#[test]
fn an_error_names_the_innermost_value() {
    let fault = |change: &dyn Fn(&mut BTreeMap<String, Value>)| {
        let Value::Object(mut attributes) = note() else {
            panic!()
        };
        change(&mut attributes);
        let error = Note::from_value(Value::Object(attributes), &Path::root()).unwrap_err();
        let found = error.iter().next().unwrap();
        (
            found.path.clone().unwrap().to_string(),
            found.detail.clone(),
        )
    };
    let (path, detail) = fault(&|note| {
        note.insert("place".into(), place(70_000));
    });
    assert_eq!(path, "place.room");
    assert_eq!(
        detail,
        "place.room: must be a whole number from 0 to 65535, not 70000."
    );
    let (path, detail) = fault(&|note| {
        note.insert("tags".into(), Value::list([Value::from("x"), Value::Null]));
    });
    assert_eq!(
        (path.as_str(), detail.as_str()),
        ("tags[1]", "tags[1]: a string is needed, not null.")
    );
    let (path, _) = fault(&|note| {
        note.insert("shelves".into(), Value::map([("top", Value::unknown())]));
    });
    assert_eq!(path, "shelves[\"top\"]");
    let (path, _) = fault(&|note| {
        note.remove("rule");
    });
    assert_eq!(path, "rule");
}

#[test]
fn the_schema_says_what_the_struct_says() {
    let schema = Note::schema();
    assert_eq!(schema.version, 2);
    assert_eq!(schema.block.description, "A thing that remembers.");
    assert_eq!(schema.block.deprecation.as_deref(), Some("Use a pen."));

    let attribute = |name: &str| schema.block.attribute(name).unwrap();
    assert_eq!(attribute("name").source, Source::Required);
    assert_eq!(attribute("name").description, "Name of the note.");
    assert_eq!(
        attribute("name").validators[0].description(),
        "must be lower-case letters"
    );
    assert_eq!(
        attribute("name").plan_modifiers[0].description(),
        "a change replaces the resource"
    );
    assert_eq!(attribute("copies").source, Source::OptionalComputed);
    assert_eq!(attribute("copies").default, Some(1.into()));
    assert_eq!(attribute("type").default, Some("plain".into()));
    assert_eq!(attribute("tags").default, Some(Value::list(["a"])));
    assert_eq!(attribute("labels").validators.len(), 2);
    assert_eq!(attribute("id").source, Source::Computed);
    assert_eq!(attribute("id").plan_modifiers.len(), 1);
    assert!(attribute("token").sensitive && attribute("token").write_only);
    assert_eq!(
        attribute("old").deprecation.as_deref(),
        Some("It does nothing.")
    );
    assert_eq!(attribute("anything").value_type(), Type::Dynamic);
    assert_eq!(attribute("exact").value_type(), Type::Number);
    for (name, mode) in [
        ("place", Mode::Single),
        ("shelves", Mode::Map),
        ("colours", Mode::Set),
        ("timeouts", Mode::Single),
    ] {
        let AttributeKind::Nested(nested) = &attribute(name).kind else {
            panic!("{name} is not nested");
        };
        assert_eq!(nested.mode, mode, "{name}");
    }

    let [rule, seal] = &schema.block.blocks[..] else {
        panic!("two blocks")
    };
    assert_eq!(
        (rule.name.as_str(), rule.mode, rule.least, rule.most),
        ("rule", Mode::List, 0, 2)
    );
    assert_eq!(rule.block.description, "Who may read it.");
    assert_eq!(rule.block.deprecation.as_deref(), Some("Everyone may."));
    assert_eq!(rule.block.blocks[0].mode, Mode::Set);
    assert_eq!(seal.mode, Mode::Single);
}

#[test]
fn the_type_of_the_values_follows_from_the_schema() {
    let Type::Object(types) = Note::schema().value_type() else {
        panic!()
    };
    let place = Type::object([("room", Type::Number)]);
    assert_eq!(types["tags"], Type::list(Type::String));
    assert_eq!(types["labels"], Type::map(Type::String));
    assert_eq!(types["shelves"], Type::map(place.clone()));
    assert_eq!(types["colours"], Type::set(place));
    assert_eq!(
        types["rule"],
        Type::list(Type::object([
            ("reader", Type::String),
            (
                "exceptions",
                Type::set(Type::object([("weekday", Type::Number)]))
            ),
        ]))
    );
    let bytes = terraform_framework::codec::msgpack::encode(&note(), &Type::Object(types)).unwrap();
    assert!(!bytes.is_empty());
}

#[test]
fn collections_of_collections_are_plain() {
    let AttributeKind::Plain(plain) = Vec::<Vec<Place>>::kind() else {
        panic!()
    };
    assert_eq!(
        plain,
        Type::list(Type::list(Type::object([("room", Type::Number)])))
    );
    assert_eq!(<()>::schema().value_type(), Type::Object(BTreeMap::new()));
}

#[test]
fn a_float_means_the_decimal_number_that_a_person_wrote() {
    let tenth = Value::Number("0.1".parse().unwrap());
    let float = f64::from_value(tenth.clone(), &Path::root()).unwrap();
    assert_eq!(float.into_value(), tenth);
}
