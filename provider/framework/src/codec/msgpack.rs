//! MessagePack, as Terraform and its providers speak it.
//!
//! The same value gives the same bytes as the library that Terraform itself uses (go-cty): integers and
//! floats where they are exact, else a decimal string; attributes in the order of their names; unknown
//! values as extensions.

use std::collections::BTreeMap;

use rmp::{Marker, decode, encode};

use super::{Article, CodecError, DEEPEST, Fault};
use crate::{Number, Step, Type, Value, value::Refinement};

/// The extension of an unknown value of which nothing is known.
const UNKNOWN: i8 = 0;
/// The extension of an unknown value with a map of what is known.
const REFINED: i8 = 12;
/// The longest such map that go-cty reads.
const LONGEST_REFINEMENT: usize = 1024;
/// The longest prefix that go-cty writes, so that the map stays below its bound.
const LONGEST_PREFIX: usize = 256;

/// The keys of what is known about an unknown value.
mod refinement_key {
    pub(super) const IS_NULL: i64 = 1;
    pub(super) const PREFIX: i64 = 2;
    pub(super) const LOWER_BOUND: i64 = 3;
    pub(super) const UPPER_BOUND: i64 = 4;
    pub(super) const LEAST_LENGTH: i64 = 5;
    pub(super) const GREATEST_LENGTH: i64 = 6;
}

/// Reads a value of the type `wanted`.
pub fn decode(bytes: &[u8], wanted: &Type) -> Result<Value, CodecError> {
    let mut input = Input { rest: bytes };
    let value = input.value(wanted, 0).map_err(Fault::decode)?;
    if input.rest.is_empty() {
        Ok(value)
    } else {
        Err(Fault::new(format!("{} bytes follow the value", input.rest.len())).decode())
    }
}

/// Writes `value`, which is of the type `wanted`. Attributes that an object lacks are null.
pub fn encode(value: &Value, wanted: &Type) -> Result<Vec<u8>, CodecError> {
    let mut output = Vec::new();
    write_value(&mut output, value, wanted, 0).map_err(Fault::encode)?;
    Ok(output)
}

/// What is left to read.
struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn marker(&self) -> Result<Marker, Fault> {
        self.rest
            .first()
            .copied()
            .map(Marker::from_u8)
            .ok_or_else(ends_early)
    }

    fn bytes(&mut self, length: u32) -> Result<&'a [u8], Fault> {
        let length = usize::try_from(length).map_err(|_| ends_early())?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(ends_early)?;
        self.rest = rest;
        Ok(taken)
    }

    fn value(&mut self, wanted: &Type, depth: usize) -> Result<Value, Fault> {
        if depth > DEEPEST {
            return Err(Fault::too_deep());
        }
        match self.marker()? {
            marker if is_extension(marker) => return self.unknown(wanted),
            Marker::Null => {
                decode::read_nil(&mut self.rest).map_err(fault)?;
                return Ok(Value::Null);
            }
            _ => {}
        }
        match wanted {
            Type::Bool => Ok(Value::Bool(self.bool()?)),
            Type::Number => Ok(Value::Number(self.number()?)),
            Type::String => Ok(Value::String(self.text("a string")?.to_owned())),
            Type::Dynamic => self.dynamic(depth),
            Type::List(elements) => Ok(Value::List(self.elements(wanted, elements, depth)?)),
            Type::Set(elements) => Ok(Value::set(self.elements(wanted, elements, depth)?)),
            Type::Tuple(elements) => self.tuple(wanted, elements, depth),
            Type::Map(elements) => self.map(wanted, elements, depth),
            Type::Object(attributes) => self.object(wanted, attributes, depth),
        }
    }

    fn bool(&mut self) -> Result<bool, Fault> {
        self.expect(
            matches!(self.marker()?, Marker::True | Marker::False),
            "a bool",
        )?;
        decode::read_bool(&mut self.rest).map_err(fault)
    }

    fn number(&mut self) -> Result<Number, Fault> {
        match self.marker()? {
            Marker::U64 => Ok(decode::read_u64(&mut self.rest).map_err(fault)?.into()),
            Marker::F32 => {
                Number::from_exact_f64(f64::from(decode::read_f32(&mut self.rest).map_err(fault)?))
                    .map_err(fault)
            }
            Marker::F64 => Number::from_exact_f64(decode::read_f64(&mut self.rest).map_err(fault)?)
                .map_err(fault),
            marker if is_text(marker) => self.text("a number")?.parse().map_err(fault),
            _ => {
                self.expect(self.next_is_integer()?, "a number")?;
                Ok(Number::from(
                    decode::read_int::<i64, _>(&mut self.rest).map_err(fault)?,
                ))
            }
        }
    }

    fn text(&mut self, wanted: &str) -> Result<&'a str, Fault> {
        self.expect(is_text(self.marker()?), wanted)?;
        let length = decode::read_str_len(&mut self.rest).map_err(fault)?;
        std::str::from_utf8(self.bytes(length)?).map_err(fault)
    }

    fn elements(
        &mut self,
        wanted: &Type,
        element: &Type,
        depth: usize,
    ) -> Result<Vec<Value>, Fault> {
        // Grows as elements are really there: the length is only what the sender says.
        let mut elements = Vec::new();
        for position in 0..self.array_length(wanted)? {
            let read = self.value(element, depth + 1);
            elements.push(read.map_err(|fault| fault.inside_list(position as usize))?);
        }
        Ok(elements)
    }

    fn tuple(&mut self, wanted: &Type, types: &[Type], depth: usize) -> Result<Value, Fault> {
        let length = self.array_length(wanted)? as usize;
        if length != types.len() {
            return Err(Fault::new(format!(
                "a tuple of {} elements is needed, not of {length}",
                types.len()
            )));
        }
        let read = types.iter().enumerate().map(|(position, element)| {
            self.value(element, depth + 1)
                .map_err(|fault| fault.inside_list(position))
        });
        Ok(Value::List(read.collect::<Result<_, _>>()?))
    }

    fn map(&mut self, wanted: &Type, element: &Type, depth: usize) -> Result<Value, Fault> {
        let mut elements = BTreeMap::new();
        for _ in 0..self.map_length(wanted)? {
            let key = self.text("a string as key")?;
            let value = self
                .value(element, depth + 1)
                .map_err(|fault| fault.inside(Step::Key(key.to_owned())))?;
            elements.insert(key.to_owned(), value);
        }
        Ok(Value::Map(elements))
    }

    fn object(
        &mut self,
        wanted: &Type,
        types: &BTreeMap<String, Type>,
        depth: usize,
    ) -> Result<Value, Fault> {
        let mut attributes = BTreeMap::new();
        for _ in 0..self.map_length(wanted)? {
            let name = self.text("a string as attribute name")?;
            let value = match types.get(name) {
                Some(attribute) => self.value(attribute, depth + 1),
                None => Err(Fault::new("the schema has no such attribute")),
            }
            .map_err(|fault| fault.inside(Step::Attribute(name.to_owned())))?;
            attributes.insert(name.to_owned(), value);
        }
        match types.keys().find(|name| !attributes.contains_key(*name)) {
            None => Ok(Value::Object(attributes)),
            Some(missing) => {
                Err(Fault::new("the attribute is missing").inside(Step::Attribute(missing.clone())))
            }
        }
    }

    fn dynamic(&mut self, depth: usize) -> Result<Value, Fault> {
        let length = self.array_length(&Type::Dynamic)?;
        if length != 2 {
            return Err(Fault::new(format!(
                "a pair of type and value is needed, not {length} elements"
            )));
        }
        let json = if is_text(self.marker()?) {
            self.text("a type")?.as_bytes()
        } else {
            let length = decode::read_bin_len(&mut self.rest).map_err(fault)?;
            self.bytes(length)?
        };
        let own_type = Type::from_json(json).map_err(fault)?;
        let value = self.value(&own_type, depth + 1)?;
        Ok(Value::Dynamic(Box::new(own_type), Box::new(value)))
    }

    fn unknown(&mut self, wanted: &Type) -> Result<Value, Fault> {
        let meta = decode::read_ext_meta(&mut self.rest).map_err(fault)?;
        let body = self.bytes(meta.size)?;
        // As go-cty: an extension of one byte or none is unknown, whatever its type.
        if body.len() <= 1 || (meta.typeid == REFINED && *wanted == Type::Dynamic) {
            return Ok(Value::unknown());
        }
        if meta.typeid != REFINED || body.len() > LONGEST_REFINEMENT {
            return Err(Fault::new(format!(
                "extension {} of {} bytes is not a way to say unknown",
                meta.typeid,
                body.len()
            )));
        }
        let refinement = Input { rest: body }.refinement()?;
        Ok(if refinement.is_null == Some(true) {
            // It is not known only in name.
            Value::Null
        } else {
            refinement.into()
        })
    }

    fn refinement(&mut self) -> Result<Refinement, Fault> {
        let mut refinement = Refinement::default();
        for _ in 0..decode::read_map_len(&mut self.rest).map_err(fault)? {
            self.expect(self.next_is_integer()?, "a number as key")?;
            match decode::read_int::<i64, _>(&mut self.rest).map_err(fault)? {
                refinement_key::IS_NULL => refinement.is_null = Some(self.bool()?),
                refinement_key::PREFIX => {
                    refinement.prefix = Some(self.text("a string")?.to_owned());
                }
                refinement_key::LOWER_BOUND => refinement.lower_bound = Some(self.bound()?),
                refinement_key::UPPER_BOUND => refinement.upper_bound = Some(self.bound()?),
                refinement_key::LEAST_LENGTH => refinement.least_length = Some(self.length()?),
                refinement_key::GREATEST_LENGTH => {
                    refinement.greatest_length = Some(self.length()?);
                }
                // From a newer Terraform. How long its value is cannot be told; less is known, no more.
                _ => break,
            }
        }
        Ok(refinement)
    }

    fn bound(&mut self) -> Result<(Number, bool), Fault> {
        match decode::read_array_len(&mut self.rest).map_err(fault)? {
            2 => Ok((self.number()?, self.bool()?)),
            _ => Err(Fault::new("a bound is a number and whether it is included")),
        }
    }

    fn length(&mut self) -> Result<u64, Fault> {
        self.expect(self.next_is_integer()?, "a number of elements")?;
        decode::read_int(&mut self.rest).map_err(fault)
    }

    fn array_length(&mut self, wanted: &Type) -> Result<u32, Fault> {
        let is_array = matches!(
            self.marker()?,
            Marker::FixArray(_) | Marker::Array16 | Marker::Array32
        );
        self.expect(is_array, Article(wanted))?;
        decode::read_array_len(&mut self.rest).map_err(fault)
    }

    fn map_length(&mut self, wanted: &Type) -> Result<u32, Fault> {
        let is_map = matches!(
            self.marker()?,
            Marker::FixMap(_) | Marker::Map16 | Marker::Map32
        );
        self.expect(is_map, Article(wanted))?;
        decode::read_map_len(&mut self.rest).map_err(fault)
    }

    fn next_is_integer(&self) -> Result<bool, Fault> {
        Ok(matches!(
            self.marker()?,
            Marker::FixPos(_)
                | Marker::FixNeg(_)
                | Marker::U8
                | Marker::U16
                | Marker::U32
                | Marker::U64
                | Marker::I8
                | Marker::I16
                | Marker::I32
                | Marker::I64
        ))
    }

    fn expect(&self, met: bool, wanted: impl std::fmt::Display) -> Result<(), Fault> {
        if met {
            Ok(())
        } else {
            Err(Fault::new(format!(
                "{wanted} is needed, not {}",
                spoken(self.marker()?)
            )))
        }
    }
}

fn ends_early() -> Fault {
    Fault::new("the message ends in the middle of a value")
}

fn fault(error: impl std::fmt::Display) -> Fault {
    Fault::new(error.to_string())
}

fn is_text(marker: Marker) -> bool {
    matches!(
        marker,
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32
    )
}

fn is_extension(marker: Marker) -> bool {
    matches!(
        marker,
        Marker::FixExt1
            | Marker::FixExt2
            | Marker::FixExt4
            | Marker::FixExt8
            | Marker::FixExt16
            | Marker::Ext8
            | Marker::Ext16
            | Marker::Ext32
    )
}

/// What a marker begins, for a message.
fn spoken(marker: Marker) -> &'static str {
    match marker {
        Marker::True | Marker::False => "a bool",
        marker if is_text(marker) => "a string",
        marker if is_extension(marker) => "an unknown value",
        Marker::Null => "null",
        Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => "a list",
        Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => "a map",
        Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => "bytes",
        Marker::Reserved => "an undefined mark",
        _ => "a number",
    }
}

fn write_value(
    output: &mut Vec<u8>,
    value: &Value,
    wanted: &Type,
    depth: usize,
) -> Result<(), Fault> {
    if depth > DEEPEST {
        return Err(Fault::too_deep());
    }
    match (value, wanted) {
        (Value::Null, _) => encode::write_nil(output).map_err(fault),
        (Value::Unknown(refinement), _) => write_unknown(output, refinement, wanted),
        (Value::Bool(truth), Type::Bool) => encode::write_bool(output, *truth).map_err(fault),
        (Value::Number(number), Type::Number) => write_number(output, number),
        (Value::String(text), Type::String) => write_text(output, text),
        (Value::List(elements), Type::List(element))
        | (Value::Set(elements), Type::Set(element)) => {
            encode::write_array_len(output, count(elements.len())?).map_err(fault)?;
            for (position, value) in elements.iter().enumerate() {
                write_value(output, value, element, depth + 1)
                    .map_err(|fault| fault.inside_list(position))?;
            }
            Ok(())
        }
        (Value::List(elements), Type::Tuple(types)) if elements.len() == types.len() => {
            encode::write_array_len(output, count(elements.len())?).map_err(fault)?;
            for (position, (value, element)) in elements.iter().zip(types).enumerate() {
                write_value(output, value, element, depth + 1)
                    .map_err(|fault| fault.inside_list(position))?;
            }
            Ok(())
        }
        (Value::Map(elements), Type::Map(element)) => {
            encode::write_map_len(output, count(elements.len())?).map_err(fault)?;
            for (key, value) in elements {
                write_text(output, key)?;
                write_value(output, value, element, depth + 1)
                    .map_err(|fault| fault.inside(Step::Key(key.clone())))?;
            }
            Ok(())
        }
        (Value::Object(values), Type::Object(types)) => {
            super::no_stranger(values, types)?;
            encode::write_map_len(output, count(types.len())?).map_err(fault)?;
            for (name, attribute) in types {
                write_text(output, name)?;
                let value = values.get(name).unwrap_or(&Value::Null);
                write_value(output, value, attribute, depth + 1)
                    .map_err(|fault| fault.inside(Step::Attribute(name.clone())))?;
            }
            Ok(())
        }
        (Value::Dynamic(own_type, value), Type::Dynamic) => {
            encode::write_array_len(output, 2).map_err(fault)?;
            encode::write_bin(output, own_type.to_json().as_bytes()).map_err(fault)?;
            write_value(output, value, own_type, depth + 1)
        }
        _ => Err(Fault::mismatch(value, wanted)),
    }
}

fn count(length: usize) -> Result<u32, Fault> {
    u32::try_from(length).map_err(|_| Fault::new(format!("{length} elements are too many")))
}

fn write_text(output: &mut Vec<u8>, text: &str) -> Result<(), Fault> {
    count(text.len())?;
    encode::write_str(output, text).map_err(fault)
}

fn write_number(output: &mut Vec<u8>, number: &Number) -> Result<(), Fault> {
    if let Some(integer) = number.to_i64() {
        encode::write_sint(output, integer).map_err(fault)?;
    } else if let Some(float) = number.to_exact_f64().filter(|_| !number.is_integer()) {
        encode::write_f64(output, float).map_err(fault)?;
    } else {
        // An integer beyond 64 bits too: a float would be exact, but go-cty writes a string.
        write_text(output, &number.to_string())?;
    }
    Ok(())
}

fn write_unknown(output: &mut Vec<u8>, known: &Refinement, wanted: &Type) -> Result<(), Fault> {
    let mut entries = 0;
    let mut body = Vec::new();
    let mut key = |body: &mut Vec<u8>, key: i64| {
        entries += 1;
        encode::write_sint(body, key).map(drop).map_err(fault)
    };

    // What does not fit the type is left out: less is known, which is never wrong.
    if let Some(is_null) = known.is_null.filter(|_| *wanted != Type::Dynamic) {
        key(&mut body, refinement_key::IS_NULL)?;
        encode::write_bool(&mut body, is_null).map_err(fault)?;
    }
    match wanted {
        Type::Number => {
            for (name, bound) in [
                (refinement_key::LOWER_BOUND, &known.lower_bound),
                (refinement_key::UPPER_BOUND, &known.upper_bound),
            ] {
                if let Some((number, included)) = bound {
                    key(&mut body, name)?;
                    encode::write_array_len(&mut body, 2).map_err(fault)?;
                    write_number(&mut body, number)?;
                    encode::write_bool(&mut body, *included).map_err(fault)?;
                }
            }
        }
        Type::String => {
            if let Some(prefix) = known.prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
                key(&mut body, refinement_key::PREFIX)?;
                write_text(&mut body, safe_prefix(prefix))?;
            }
        }
        Type::List(_) | Type::Set(_) | Type::Map(_) => {
            for (name, length) in [
                (
                    refinement_key::LEAST_LENGTH,
                    known.least_length.filter(|least| *least > 0),
                ),
                (refinement_key::GREATEST_LENGTH, known.greatest_length),
            ] {
                if let Some(length) = length {
                    key(&mut body, name)?;
                    encode::write_uint(&mut body, length).map_err(fault)?;
                }
            }
        }
        Type::Bool | Type::Dynamic | Type::Tuple(_) | Type::Object(_) => {}
    }

    // Bounds of thousands of digits would break go-cty's bound; nobody misses them.
    if entries == 0 || body.len() >= LONGEST_REFINEMENT {
        encode::write_ext_meta(output, 1, UNKNOWN).map_err(fault)?;
        output.push(0);
        return Ok(());
    }
    let mut map = Vec::new();
    encode::write_map_len(&mut map, entries).map_err(fault)?;
    map.append(&mut body);
    encode::write_ext_meta(output, count(map.len())?, REFINED).map_err(fault)?;
    output.append(&mut map);
    Ok(())
}

/// The part of a long prefix that stays true: the last character may yet be joined by another.
fn safe_prefix(prefix: &str) -> &str {
    if prefix.len() <= LONGEST_PREFIX {
        return prefix;
    }
    let end = prefix.floor_char_boundary(LONGEST_PREFIX - 1);
    prefix
        .get(..end)
        .and_then(|cut| cut.get(..cut.char_indices().next_back()?.0))
        .unwrap_or("")
}
