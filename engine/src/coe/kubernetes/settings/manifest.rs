//! What users write as YAML.

use serde_json::Value;

use crate::coe::labels::NoValue;

/// A manifest: objects as the API has them, each a document. The API alone knows whether it takes them.
pub(super) fn objects(text: &str) -> Result<String, NoValue> {
    let objects = documents(text)?;
    if objects.is_empty() {
        return Err(NoValue::allowed(
            "It is a manifest, and there is no object in it",
        ));
    }
    for (position, object) in objects.iter().enumerate() {
        let has = |path: &str| object.pointer(path).is_some_and(Value::is_string);
        let is_list = object.get("items").is_some_and(Value::is_array);
        if !has("/apiVersion") || !has("/kind") || !(is_list || has("/metadata/name")) {
            return Err(NoValue::allowed(format!(
                "It is a manifest, and number {} of its objects has no apiVersion, no kind or no metadata.name",
                position + 1
            )));
        }
    }
    Ok(text.to_owned())
}

/// A policy of what the API server keeps a log of. As JSON: of YAML it takes less than is YAML.
pub(super) fn audit_policy(text: &str) -> Result<String, NoValue> {
    let policies = documents(text)?;
    let is_policy = |policy: &Value| {
        policy.get("apiVersion").and_then(Value::as_str) == Some("audit.k8s.io/v1")
            && policy.get("kind").and_then(Value::as_str) == Some("Policy")
            && policy.get("rules").is_some_and(Value::is_array)
    };
    if let [policy] = policies.as_slice()
        && is_policy(policy)
    {
        return Ok(format!("{policy:#}\n"));
    }
    Err(NoValue::allowed(
        "It is one object of kind Policy of audit.k8s.io/v1 that has rules",
    ))
}

/// The documents that are not empty.
fn documents(text: &str) -> Result<Vec<Value>, NoValue> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)
        .map_err(|error| NoValue::allowed(format!("It is YAML, and it cannot be read: {error}")))?;
    Ok(documents
        .into_iter()
        .filter(|document| !document.is_null())
        .collect())
}
