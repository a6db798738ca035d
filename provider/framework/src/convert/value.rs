//! Values, in MessagePack or JSON as they come, and in MessagePack as they go.

use crate::codec::{json, msgpack};
use crate::proto::tfplugin6::DynamicValue;
use crate::{Diagnostics, Type, Value};

/// The value in `wire`; null where there is none.
pub(crate) fn from_proto(wire: Option<&DynamicValue>, wanted: &Type) -> Result<Value, Diagnostics> {
    match wire {
        Some(wire) if !wire.msgpack.is_empty() => Ok(msgpack::decode(&wire.msgpack, wanted)?),
        Some(wire) if !wire.json.is_empty() => Ok(json::decode(&wire.json, wanted)?),
        _ => Ok(Value::Null),
    }
}

/// The object in `wire`, or `None` where it is null: a resource that is not there.
pub(crate) fn object_from_proto(
    wire: Option<&DynamicValue>,
    wanted: &Type,
) -> Result<Option<Value>, Diagnostics> {
    from_proto(wire, wanted).map(|value| if value.is_null() { None } else { Some(value) })
}

pub(crate) fn to_proto(value: &Value, wanted: &Type) -> Result<DynamicValue, Diagnostics> {
    Ok(DynamicValue {
        msgpack: msgpack::encode(value, wanted)?,
        json: Vec::new(),
    })
}

/// Null: no resource.
pub(crate) fn null() -> DynamicValue {
    const NIL: u8 = 0xc0;
    DynamicValue {
        msgpack: vec![NIL],
        json: Vec::new(),
    }
}
