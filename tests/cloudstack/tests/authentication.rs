//! Who is let in.

use std::collections::BTreeMap;
use std::process::Command;

use coe_tests::cloudstack::signature::{encode, signature};
use coe_tests::cloudstack::{Cloud, Refusal};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::fixture::code;

/// A call that is signed until so many minutes from now.
fn signed(cloud: &Cloud, command: &str, minutes: i64) -> BTreeMap<String, String> {
    let expires = Timestamp::now() + SignedDuration::from_mins(minutes);
    let expires = expires.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string();
    let mut call: BTreeMap<String, String> = [
        ("apikey", cloud.api_key()),
        ("command", command),
        ("response", "json"),
        ("signatureversion", "3"),
        ("expires", &expires),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let sign = signature(&call, cloud.secret_key());
    call.insert("signature".to_owned(), sign);
    call
}

fn get(cloud: &Cloud, path: &str, call: &BTreeMap<String, String>) -> (String, String) {
    get_within(cloud, path, call, 30)
}

/// Head and body of the answer, both empty where there is none in so many seconds.
fn get_within(
    cloud: &Cloud,
    path: &str,
    call: &BTreeMap<String, String>,
    seconds: u32,
) -> (String, String) {
    let query: Vec<String> = call
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    let url = cloud.url().replace("/client/api", path);
    let output = Command::new("curl")
        .args(["-s", "-i", "--max-time", &seconds.to_string(), "--cacert"])
        .arg(cloud.ca_file())
        .arg(format!("{url}?{}", query.join("&")))
        .output()
        .expect("curl starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    (head.to_owned(), body.to_owned())
}

#[test]
fn only_a_good_signature_is_let_in() {
    let cloud = Cloud::pretended();
    assert!(cloud.post(&signed(&cloud, "listZones", 5)).is_ok());

    let mut altered = signed(&cloud, "listZones", 5);
    altered.insert("name".to_owned(), "other".to_owned());
    assert_eq!(code(cloud.post(&altered)), 401);
    let mut unknown = signed(&cloud, "listZones", 5);
    unknown.insert("apikey".to_owned(), "nobody's".to_owned());
    assert_eq!(code(cloud.post(&unknown)), 401);
    assert_eq!(code(cloud.post(&signed(&cloud, "listZones", -1))), 401);
    assert_eq!(code(cloud.post(&signed(&cloud, "listZones", 20))), 401);

    cloud.set(&json!({ "keys": "disabled" }));
    let refusal = cloud.post(&signed(&cloud, "listZones", 5));
    assert_eq!(
        refusal,
        Err(Refusal {
            code: 401,
            text: "unable to verify user credentials and/or request signature".to_owned(),
        })
    );
    assert!(cloud.try_ask_as_admin("listZones", &[]).is_ok());
}

#[test]
fn a_signature_ages_by_the_clouds_clock_which_it_tells() {
    let cloud = Cloud::pretended();
    cloud.set(&json!({ "clock_skew_seconds": 3600 }));
    let call = signed(&cloud, "listZones", 5);
    assert_eq!(code(cloud.post(&call)), 401);
    let (head, _) = get(&cloud, "/client/api", &call);
    let date = head
        .lines()
        .find_map(|line| {
            line.to_lowercase()
                .strip_prefix("date: ")
                .map(str::to_owned)
        })
        .expect("the answer has a date");
    let date = jiff::fmt::rfc2822::parse(&date).expect("a date of RFC 2822");
    let ahead = date.timestamp().as_second() - Timestamp::now().as_second();
    assert!((3590..3610).contains(&ahead), "{ahead}");
}

#[test]
fn changes_are_posted_and_paths_are_right() {
    let cloud = Cloud::pretended();
    let (head, body) = get(&cloud, "/client/api", &signed(&cloud, "listZones", 5));
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["listzonesresponse"]["zone"][0]["name"], "zone-1");

    let (head, body) = get(&cloud, "/client/api", &signed(&cloud, "createNetwork", 5));
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    assert!(body.contains("using POST"), "{body}");
    let (head, _) = get(&cloud, "/client", &signed(&cloud, "listZones", 5));
    assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
    let mut in_xml = signed(&cloud, "listZones", 5);
    in_xml.remove("response");
    in_xml.remove("signature");
    let sign = signature(&in_xml, cloud.secret_key());
    in_xml.insert("signature".to_owned(), sign);
    let (_, body) = get(&cloud, "/client/api", &in_xml);
    assert!(body.starts_with("<?xml "), "{body}");
    let (head, body) = get(&cloud, "/client/api", &signed(&cloud, "makeTea", 5));
    assert!(head.starts_with("HTTP/1.1 432 "), "{head}");
    assert!(body.starts_with("{\"errorresponse\":"), "{body}");
}

#[test]
fn who_calls_too_often_is_told_to_wait() {
    let cloud = Cloud::pretended();
    cloud.set(&json!({ "throttle": { "calls": 2, "seconds": 60 } }));
    cloud.ask("listZones", &[]);
    cloud.ask("listZones", &[]);
    assert_eq!(code(cloud.try_ask("listZones", &[])), 429);
    cloud.set(&json!({ "throttle": null }));
    cloud.ask("listZones", &[]);
}

#[test]
fn a_call_that_hangs_is_not_answered() {
    let cloud = Cloud::pretended();
    cloud.set(&json!({ "faults": [{ "command": "*", "kind": "hang" }] }));
    let (head, _) = get_within(&cloud, "/client/api", &signed(&cloud, "listZones", 5), 2);
    assert_eq!(head, "");
    assert_eq!(cloud.calls("listZones"), 1);
    let (head, _) = get(&cloud, "/client/api", &signed(&cloud, "listZones", 5));
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
}
