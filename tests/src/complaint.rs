//! What terraform complains of, as it tells it to programs.

use serde_json::Value;

/// A diagnostic of terraform's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// `error` or `warning`.
    pub severity: String,
    /// The summary and the detail, in one line.
    pub text: String,
    /// The part of the configuration that it points at; empty: it points at nothing.
    pub place: String,
}

impl Complaint {
    /// Those in the output of `validate -json`, or of another command with `-json`, about that configuration.
    pub(crate) fn all_in(output: &str, configuration: &str) -> Vec<Self> {
        let values = serde_json::Deserializer::from_str(output).into_iter::<Value>();
        let values = values.map(|value| value.expect("terraform writes JSON"));
        values
            .flat_map(|value| match value["diagnostics"].as_array() {
                Some(all) => all.clone(),
                None => vec![value["diagnostic"].clone()],
            })
            .filter(Value::is_object)
            .map(|diagnostic| Self::of(&diagnostic, configuration))
            .collect()
    }

    fn of(diagnostic: &Value, configuration: &str) -> Self {
        let text = |name: &str| diagnostic[name].as_str().unwrap_or_default();
        let words = format!("{} {}", text("summary"), text("detail"));
        let byte = |end: &str| {
            let byte = diagnostic["range"][end]["byte"].as_u64();
            byte.and_then(|byte| usize::try_from(byte).ok())
        };
        let place = match (byte("start"), byte("end")) {
            (Some(start), Some(end)) => configuration.get(start..end).unwrap_or_default(),
            _ => "",
        };
        Self {
            severity: text("severity").to_owned(),
            text: words.split_whitespace().collect::<Vec<_>>().join(" "),
            place: place.to_owned(),
        }
    }
}
