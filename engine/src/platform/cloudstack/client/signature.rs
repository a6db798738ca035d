//! How a call is signed: version 3, with the moment at which it ends. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};

use crate::model::Secret;

/// The parameters of a call by their names, which are in lower case: the server sorts them as they were sent.
pub(super) type Parameters = BTreeMap<String, String>;

/// How long a call is good for. A server takes none that ends later than 15 minutes from its own now.
const GOOD_FOR: SignedDuration = SignedDuration::from_mins(10);

/// The body of a call: its parameters, who calls, until when, and the signature of all that.
pub(super) fn signed(
    parameters: &Parameters,
    api_key: &Secret<String>,
    secret_key: &Secret<String>,
    now: Timestamp,
) -> Secret<String> {
    let ends = now + GOOD_FOR;
    let mut parameters = parameters.clone();
    parameters.insert("response".to_owned(), "json".to_owned());
    parameters.insert("apikey".to_owned(), api_key.expose().clone());
    parameters.insert("signatureversion".to_owned(), "3".to_owned());
    parameters.insert(
        "expires".to_owned(),
        ends.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string(),
    );
    let signature = signature(&parameters, secret_key.expose());
    let mut body = String::new();
    for (name, value) in &parameters {
        // Writing to a text cannot fail.
        _ = write!(body, "{}={}&", encoded(name), encoded(value));
    }
    _ = write!(body, "signature={}", encoded(&signature));
    Secret::new(body)
}

fn signature(parameters: &Parameters, secret_key: &str) -> String {
    let pairs: Vec<String> = parameters
        .iter()
        // Names as they are: the server takes them apart before it looks at the signature.
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    let text = pairs.join("&").to_lowercase();
    // The API knows no other.
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret_key.as_bytes());
    STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

/// A value as the server itself encodes it to see whether the signature is right: what Java's `URLEncoder` writes, and
/// `%20` for a space.
fn encoded(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.*".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// The example of CloudStack's guide for developers.
    #[test]
    fn the_guides_example_has_its_signature() {
        let of = parameters(&[
            (
                "apikey",
                "plgWJfZK4gyS3mOMTVmjUVg-X-jlWlnfaUJ9GAbBbf9EdM-kAYMmAiLqzzq1ElZLYq_u38zCm0bewzGUdP66mg",
            ),
            ("command", "listUsers"),
            ("response", "json"),
        ]);
        let key = "VDaACYb0LV9eNjTetIOElcVQkvJck_J_QljX_FcHRj87ZKiy0z0ty0ZsYBkoXkY9b7eq1EhwJaw7FF3akA3KBQ";
        assert_eq!(signature(&of, key), "TTpdDq/7j/J58XCRHomKoQXEQds=");
    }

    #[test]
    fn a_value_is_encoded_as_the_server_encodes_it() {
        assert_eq!(encoded("a b+c~d*e"), "a%20b%2Bc%7Ed*e");
        assert_eq!(encoded("ä/="), "%C3%A4%2F%3D");
        // Case does not matter to the signature, nor does it to what is sent.
        let one = signature(&parameters(&[("name", "über A")]), "key");
        assert_eq!(one, signature(&parameters(&[("name", "über a")]), "key"));
        assert_ne!(one, signature(&parameters(&[("name", "über B")]), "key"));
    }

    #[test]
    fn a_call_says_until_when_it_is_good() {
        let now: Timestamp = "2026-11-28T02:00:00Z".parse().unwrap();
        let key = |text: &str| Secret::new(text.to_owned());
        let of = parameters(&[("command", "listZones"), ("details[0].io.coe.a", "b c")]);
        let body = signed(&of, &key("me"), &key("secret"), now);
        let (told, signature) = body.expose().split_once("&signature=").unwrap();
        assert_eq!(
            told,
            "apikey=me&command=listZones&details%5B0%5D.io.coe.a=b%20c&expires=2026-11-28T02%3A10%3A00%2B0000&\
             response=json&signatureversion=3"
        );
        assert!(signature.ends_with("%3D"), "{signature}");
        assert!(!body.expose().contains("secret"));
    }
}
