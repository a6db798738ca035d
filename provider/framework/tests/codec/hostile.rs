//! Bytes that nobody should send end in an error that names the place, never in a panic, and cost no more
//! than their own size.

use proptest::prelude::*;
use terraform_framework::{
    Type, Value,
    codec::{json, msgpack},
};

use crate::typed_value::{Variety, typed_value};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_answered(
        (wanted, _) in typed_value(Variety { unknown: false, any_float: false }),
        bytes in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let _ = msgpack::decode(&bytes, &wanted);
        let _ = json::decode(&bytes, &wanted);
        let _ = Type::from_json(&bytes);
    }

    #[test]
    fn a_value_cut_short_is_an_error(
        (wanted, value) in typed_value(Variety { unknown: true, any_float: true }),
        cut in any::<prop::sample::Index>(),
    ) {
        let bytes = msgpack::encode(&value, &wanted).unwrap();
        let cut = cut.index(bytes.len());
        prop_assert!(msgpack::decode(&bytes[..cut], &wanted).is_err());
    }

    #[test]
    fn a_changed_byte_is_answered(
        (wanted, value) in typed_value(Variety { unknown: true, any_float: true }),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = msgpack::encode(&value, &wanted).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = msgpack::decode(&bytes, &wanted);
    }
}

fn refusal(bytes: &[u8], wanted: &Type) -> String {
    msgpack::decode(bytes, wanted).unwrap_err().to_string()
}

#[test]
fn a_length_is_not_believed() {
    let ends = "the message ends in the middle of a value";
    for (bytes, wanted) in [
        (&b"\xdd\xff\xff\xff\xff"[..], Type::list(Type::Bool)),
        (b"\xdd\xff\xff\xff\xff", Type::set(Type::Bool)),
        (b"\xdf\xff\xff\xff\xff", Type::map(Type::Bool)),
        (b"\xdb\xff\xff\xff\xff", Type::String),
        (b"\xc9\xff\xff\xff\xff\x0c", Type::String),
        (b"\x92\xc6\xff\xff\xff\xff", Type::Dynamic),
    ] {
        assert!(refusal(bytes, &wanted).ends_with(ends), "{wanted}");
    }
}

#[test]
fn depth_has_an_end() {
    // Each level is a dynamic value that holds a dynamic value.
    let level = b"\x92\xc4\x09\"dynamic\"";
    let mut bytes = level.repeat(100_000);
    bytes.extend(b"\xc0");
    assert!(refusal(&bytes, &Type::Dynamic).ends_with("nested more than 128 deep"));

    let level = br#"{"type":"dynamic","value":"#;
    let mut bytes = level.repeat(1_000);
    bytes.extend(b"null");
    bytes.extend(b"}".repeat(1_000));
    assert!(json::decode(&bytes, &Type::Dynamic).is_err());

    let mut deep = Value::Null;
    for _ in 0..200 {
        deep = Value::Dynamic(Box::new(Type::Dynamic), Box::new(deep));
    }
    assert!(msgpack::encode(&deep, &Type::Dynamic).is_err());
    assert!(json::encode(&deep, &Type::Dynamic).is_err());
}

#[test]
fn the_value_at_fault_is_named() {
    let wanted = Type::object([("ports", Type::map(Type::list(Type::Number)))]);
    assert_eq!(
        refusal(b"\x81\xa5ports\x81\xa3web\x92\x01\xc3", &wanted),
        "could not read ports[\"web\"][1]: a number is needed, not a bool"
    );
    assert_eq!(
        refusal(b"\x80", &wanted),
        "could not read ports: the attribute is missing"
    );
    assert_eq!(
        refusal(b"\x81\xa4port\xc0", &wanted),
        "could not read port: the schema has no such attribute"
    );
    assert_eq!(
        refusal(b"\xc0\xc0", &wanted),
        "could not read the value: 1 bytes follow the value"
    );
    assert_eq!(
        json::decode(br#"{"ports":{"web":[1,{}]}}"#, &wanted)
            .unwrap_err()
            .to_string(),
        "could not read ports[\"web\"][1]: a number is needed, not an object"
    );
}

#[test]
fn what_is_no_number_is_refused() {
    for bytes in [
        &b"\xa3NaN"[..],
        b"\xa0",
        b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00",
        b"\xab1e999999999",
    ] {
        assert!(msgpack::decode(bytes, &Type::Number).is_err());
    }
}
