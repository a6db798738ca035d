//! How a call to CloudStack's API is signed, by the developers guide: the parameters sorted by name, their values
//! encoded, all of it in lower case, HMAC with SHA-1 under the secret key.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The value of the parameter `signature` of a call with those parameters.
pub fn signature(parameters: &BTreeMap<String, String>, secret_key: &str) -> String {
    let signed: Vec<String> = parameters
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("signature"))
        .map(|(name, value)| format!("{name}={}", encode(value)).to_lowercase())
        .collect();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret_key.as_bytes());
    STANDARD.encode(hmac::sign(&key, signed.join("&").as_bytes()))
}

/// As `java.net.URLEncoder` encodes, but for a blank, which is `%20`.
pub fn encode(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b".-*_".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(of: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = of
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        owned.collect()
    }

    /// The example of CloudStack's developers guide.
    #[test]
    fn the_guides_example_is_signed_as_the_guide_says() {
        let call = parameters(&[
            (
                "apikey",
                "plgWJfZK4gyS3mOMTVmjUVg-X-jlWlnfaUJ9GAbBbf9EdM-kAYMmAiLqzzq1ElZLYq_u38zCm0bewzGUdP66mg",
            ),
            ("command", "listUsers"),
            ("response", "json"),
        ]);
        let secret = "VDaACYb0LV9eNjTetIOElcVQkvJck_J_QljX_FcHRj87ZKiy0z0ty0ZsYBkoXkY9b7eq1EhwJaw7FF3akA3KBQ";
        assert_eq!(signature(&call, secret), "TTpdDq/7j/J58XCRHomKoQXEQds=");
    }

    #[test]
    fn a_signature_is_not_of_itself_and_is_of_every_value() {
        let call = parameters(&[("command", "listZones"), ("name", "a b")]);
        let mut signed = call.clone();
        signed.insert("signature".to_owned(), signature(&call, "secret"));
        assert_eq!(signature(&signed, "secret"), signature(&call, "secret"));
        assert_ne!(signature(&call, "other"), signature(&call, "secret"));
        signed.insert("name".to_owned(), "a c".to_owned());
        assert_ne!(signature(&signed, "secret"), signature(&call, "secret"));
        assert_eq!(encode("a b+c~*"), "a%20b%2Bc%7E*");
    }
}
