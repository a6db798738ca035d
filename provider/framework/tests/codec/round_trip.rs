//! What is written is read as the same value.

use proptest::prelude::*;
use terraform_framework::{
    Type, Value,
    codec::{json, msgpack},
    value::Refinement,
};

use crate::typed_value::{Variety, typed_value};

proptest! {
    // No file beside the source: a failing case is printed whole.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn msgpack_gives_every_value_back(
        (wanted, value) in typed_value(Variety { unknown: true, any_float: true })
    ) {
        let bytes = msgpack::encode(&value, &wanted).unwrap();
        prop_assert_eq!(msgpack::decode(&bytes, &wanted).unwrap(), value);
    }

    #[test]
    fn json_gives_every_known_value_back(
        (wanted, value) in typed_value(Variety { unknown: false, any_float: true })
    ) {
        let bytes = json::encode(&value, &wanted).unwrap();
        prop_assert_eq!(json::decode(&bytes, &wanted).unwrap(), value);
    }

    #[test]
    fn a_type_gives_itself_back(
        (wanted, _) in typed_value(Variety { unknown: false, any_float: false })
    ) {
        prop_assert_eq!(Type::from_json(wanted.to_json().as_bytes()).unwrap(), wanted);
    }
}

#[test]
fn numbers_take_the_shortest_form_that_loses_nothing() {
    for (number, bytes) in [
        ("7", &b"\x07"[..]),
        ("-1", b"\xff"),
        (
            "9223372036854775807",
            b"\xcf\x7f\xff\xff\xff\xff\xff\xff\xff",
        ),
        ("0.5", b"\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00"),
        ("0.1", b"\xa30.1"),
        ("9223372036854775808", b"\xb39223372036854775808"),
    ] {
        let value = Value::Number(number.parse().unwrap());
        assert_eq!(
            msgpack::encode(&value, &Type::Number).unwrap(),
            bytes,
            "{number}"
        );
        assert_eq!(
            msgpack::decode(bytes, &Type::Number).unwrap(),
            value,
            "{number}"
        );
    }
}

#[test]
fn an_unknown_value_is_one_extension_byte_or_a_map() {
    let plain = msgpack::encode(&Value::unknown(), &Type::String).unwrap();
    assert_eq!(plain, b"\xd4\x00\x00");
    let refinement = Refinement {
        is_null: Some(false),
        prefix: Some("i-".into()),
        ..Refinement::default()
    };
    let refined = Value::from(refinement);
    let bytes = msgpack::encode(&refined, &Type::String).unwrap();
    assert_eq!(bytes, b"\xc7\x07\x0c\x82\x01\xc2\x02\xa2i-");
    assert_eq!(msgpack::decode(&bytes, &Type::String).unwrap(), refined);
}

#[test]
fn a_long_prefix_is_cut_where_it_stays_true() {
    let refinement = Refinement {
        prefix: Some("é".repeat(1000)),
        ..Refinement::default()
    };
    let bytes = msgpack::encode(&refinement.into(), &Type::String).unwrap();
    let Value::Unknown(read) = msgpack::decode(&bytes, &Type::String).unwrap() else {
        panic!()
    };
    assert_eq!(read.prefix.unwrap(), "é".repeat(126));
}

#[test]
fn a_newer_refinement_is_read_as_far_as_it_is_understood() {
    let bytes = b"\xc7\x06\x0c\x82\x01\xc2\x09\xc3\x00";
    let Value::Unknown(read) = msgpack::decode(bytes, &Type::Bool).unwrap() else {
        panic!()
    };
    assert_eq!(
        *read,
        Refinement {
            is_null: Some(false),
            ..Refinement::default()
        }
    );
}

#[test]
fn stored_state_is_read_as_leniently_as_terraform_reads_it() {
    let wanted = Type::object([
        ("name", Type::String),
        ("count", Type::Number),
        ("on", Type::Bool),
        ("new", Type::list(Type::String)),
    ]);
    let stored = br#" {"name": 7, "count": "1.50", "on": "true", "removed": [{}]} "#;
    assert_eq!(
        json::decode(stored, &wanted).unwrap(),
        Value::object([
            ("name", "7".into()),
            ("count", Value::Number("1.5".parse().unwrap())),
            ("on", true.into()),
            ("new", Value::Null),
        ])
    );
}

#[test]
fn numbers_in_json_keep_their_digits() {
    for digits in [
        "0.1",
        "18446744073709551617",
        "0.30000000000000000000000000000000001",
    ] {
        let value = json::decode(digits.as_bytes(), &Type::Number).unwrap();
        assert_eq!(
            json::encode(&value, &Type::Number).unwrap(),
            digits.as_bytes()
        );
    }
}

#[test]
fn what_does_not_fit_the_type_is_not_written() {
    let wanted = Type::object([("ports", Type::list(Type::Number))]);
    for (value, message) in [
        (
            Value::object([("ports", Value::list(["80"]))]),
            "could not write ports[0]: a number is needed, not a string",
        ),
        (
            Value::object([("port", Value::from(1))]),
            "could not write port: the schema has no such attribute",
        ),
        (
            "text".into(),
            "could not write the value: an object is needed, not a string",
        ),
    ] {
        assert_eq!(
            msgpack::encode(&value, &wanted).unwrap_err().to_string(),
            message
        );
        assert_eq!(
            json::encode(&value, &wanted).unwrap_err().to_string(),
            message
        );
    }
    let unknown = Value::object([("ports", Value::List(vec![Value::unknown()]))]);
    assert!(
        json::encode(&unknown, &wanted)
            .unwrap_err()
            .to_string()
            .contains("ports[0]")
    );
}
