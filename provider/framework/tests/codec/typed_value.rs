//! Makes types with values of them.

use std::{collections::BTreeMap, ops::RangeInclusive};

use proptest::{collection, option, prelude::*};
use terraform_framework::{Number, Type, Value, value::Refinement};

/// Which values are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variety {
    /// Values that are not known, refined or not.
    pub(crate) unknown: bool,
    /// Binary fractions whose shortest decimal spelling is another number. go-cty stores that spelling, so
    /// they do not survive JSON there.
    pub(crate) any_float: bool,
}

/// A type with a value of it.
pub(crate) fn typed_value(variety: Variety) -> impl Strategy<Value = (Type, Value)> {
    wanted_type().prop_flat_map(move |wanted| (Just(wanted.clone()), value(&wanted, variety)))
}

fn name() -> impl Strategy<Value = String> {
    "[a-z_]{1,6}"
}

/// Text that is already in the normal form C that go-cty brings all text to.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~\n\té漢🦀]{0,12}", "[a-z]{30,34}", "[a-z]{254,258}"]
}

/// Types that values have of their own: [`Type::Dynamic`] is only ever a constraint.
fn own_type() -> impl Strategy<Value = Type> {
    nested_type(prop_oneof![Just(Type::Bool), Just(Type::Number), Just(Type::String)].boxed())
}

fn nested_type(leaf: BoxedStrategy<Type>) -> impl Strategy<Value = Type> {
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(Type::list),
            inner.clone().prop_map(Type::set),
            inner.clone().prop_map(Type::map),
            collection::vec(inner.clone(), 1..4).prop_map(Type::Tuple),
            collection::btree_map(name(), inner, 1..4).prop_map(Type::Object),
        ]
    })
}

/// Dynamic stands at the top and in objects and tuples. Elements of a collection are of one type, so there
/// Terraform never sends it.
fn wanted_type() -> impl Strategy<Value = Type> {
    let member = prop_oneof![3 => own_type(), 1 => Just(Type::Dynamic)];
    prop_oneof![
        4 => own_type(),
        1 => Just(Type::Dynamic),
        1 => collection::vec(member.clone(), 1..4).prop_map(Type::Tuple),
        1 => collection::btree_map(name(), member, 1..4).prop_map(Type::Object),
    ]
}

fn value(wanted: &Type, variety: Variety) -> BoxedStrategy<Value> {
    let known = known_value(wanted, variety);
    if variety.unknown {
        prop_oneof![
            8 => known,
            1 => Just(Value::Null),
            1 => Just(Value::unknown()),
            1 => refinement(wanted).prop_map(Value::from),
        ]
        .boxed()
    } else {
        prop_oneof![8 => known, 1 => Just(Value::Null)].boxed()
    }
}

fn known_value(wanted: &Type, variety: Variety) -> BoxedStrategy<Value> {
    // go-cty keeps unknown elements of a set apart; how it sorts them is its own affair.
    let in_set = Variety {
        unknown: false,
        ..variety
    };
    match wanted {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Number => number(variety).prop_map(Value::Number).boxed(),
        Type::String => text().prop_map(Value::String).boxed(),
        Type::List(element) => collection::vec(value(element, variety), 0..4)
            .prop_map(Value::List)
            .boxed(),
        Type::Set(element) => collection::vec(value(element, in_set), 0..4)
            .prop_map(Value::set)
            .boxed(),
        Type::Map(element) => collection::btree_map(text(), value(element, variety), 0..4)
            .prop_map(Value::Map)
            .boxed(),
        Type::Tuple(types) => {
            let elements: Vec<_> = types
                .iter()
                .map(|element| value(element, variety))
                .collect();
            elements.prop_map(Value::List).boxed()
        }
        Type::Object(types) => {
            let names: Vec<String> = types.keys().cloned().collect();
            let values: Vec<_> = types.values().map(|inner| value(inner, variety)).collect();
            values
                .prop_map(move |values| {
                    Value::Object(
                        names
                            .iter()
                            .cloned()
                            .zip(values)
                            .collect::<BTreeMap<_, _>>(),
                    )
                })
                .boxed()
        }
        Type::Dynamic => own_type()
            .prop_flat_map(move |own| {
                let inner = value(&own, variety);
                inner.prop_map(move |inner| Value::Dynamic(Box::new(own.clone()), Box::new(inner)))
            })
            .boxed(),
    }
}

fn number(variety: Variety) -> BoxedStrategy<Number> {
    let decimal = "-?[1-9][0-9]{0,40}(\\.[0-9]{0,30}[1-9])?";
    let plain = prop_oneof![
        edges().prop_map(Number::from),
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        decimal.prop_map(|text| text.parse::<Number>().unwrap()),
        // Binary fractions of a few digits.
        (any::<i16>(), 0..10).prop_map(|(number, places)| {
            Number::from_exact_f64(f64::from(number) / 2_f64.powi(places)).unwrap()
        }),
    ];
    if variety.any_float {
        let float = prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL;
        // Integers beyond go-cty's precision of 512 bits it spells with other digits, to the same end.
        let exact = float
            .prop_filter("too great", |float| float.abs() < 2_f64.powi(512))
            .prop_map(|float| Number::from_exact_f64(float).unwrap());
        prop_oneof![plain, exact].boxed()
    } else {
        plain.boxed()
    }
}

/// Integers on both sides of where an encoding becomes longer.
fn edges() -> impl Strategy<Value = i64> {
    let around = |edge: i64| -> RangeInclusive<i64> { edge - 1..=edge + 1 };
    prop_oneof![
        around(0),
        around(-32),
        around(i64::from(i8::MAX)),
        around(i64::from(i8::MIN)),
        around(i64::from(u8::MAX)),
        around(i64::from(i16::MIN)),
        around(i64::from(u16::MAX)),
        around(i64::from(i32::MIN)),
        around(i64::from(u32::MAX)),
    ]
}

/// What may be known of an unknown value of the type. Bounds are apart: go-cty makes a value known when
/// they leave only one.
fn refinement(wanted: &Type) -> BoxedStrategy<Refinement> {
    if *wanted == Type::Dynamic {
        return Just(Refinement::default()).boxed();
    }
    let is_null = option::of(Just(false));
    match wanted {
        Type::String => (is_null, option::of("[a-z]{1,40}"))
            .prop_map(|(is_null, prefix)| Refinement {
                is_null,
                prefix,
                ..Refinement::default()
            })
            .boxed(),
        Type::Number => {
            let bound = |range: RangeInclusive<i32>| {
                option::of((range.prop_map(Number::from), any::<bool>()))
            };
            (is_null, bound(-70_000..=0), bound(1..=70_000))
                .prop_map(|(is_null, lower_bound, upper_bound)| Refinement {
                    is_null,
                    lower_bound,
                    upper_bound,
                    ..Refinement::default()
                })
                .boxed()
        }
        Type::List(_) | Type::Set(_) | Type::Map(_) => (
            is_null,
            option::of(1_u64..=300),
            option::of(301_u64..=70_000),
        )
            .prop_map(|(is_null, least_length, greatest_length)| Refinement {
                is_null,
                least_length,
                greatest_length,
                ..Refinement::default()
            })
            .boxed(),
        _ => is_null
            .prop_map(|is_null| Refinement {
                is_null,
                ..Refinement::default()
            })
            .boxed(),
    }
}
