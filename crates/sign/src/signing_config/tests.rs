//! Which services are chosen, and which signing configs are none.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;

const NOW: &str = "2026-06-01T12:00:00Z";
const KIND: ServiceKind = ServiceKind::Log;

fn now() -> UnixTime {
    UnixTime::parse(NOW).unwrap()
}

/// A service that is valid from then on: name, version, start, operator.
fn service((name, version, start, operator): (&str, u32, &str, &str)) -> Value {
    json!({
        "url": format!("https://{name}.example"), "majorApiVersion": version,
        "validFor": {"start": start}, "operator": operator,
    })
}

fn config(logs: Vec<Value>, selector: Value) -> Value {
    json!({
        "mediaType": MEDIA_TYPE,
        "caUrls": [service(("fulcio", 1, "2022-04-13T20:06:15.000Z", "sigstore.example"))],
        "oidcUrls": [service(("oauth", 1, "2022-04-13T20:06:15Z", "sigstore.example"))],
        "rekorTlogUrls": logs,
        "rekorTlogConfig": selector,
    })
}

fn read(json: &Value) -> Result<SigningConfig, SigningConfigError> {
    SigningConfig::from_json(json.to_string().as_bytes())
}

/// The names of the logs that are chosen.
fn logs(services: Vec<Value>, selector: Value) -> Result<Vec<String>, SigningConfigError> {
    let config = read(&config(services, selector)).unwrap();
    let chosen = several(KIND, &config.logs, config.log_selector.unwrap(), now())?;
    let name = |chosen: &Chosen| chosen.url.host().replace(".example", "");
    Ok(chosen.iter().map(name).collect())
}

#[test]
fn the_public_good_instances_config_is_read() {
    // As its TUF repository serves it.
    let public_good = json!({
        "mediaType": MEDIA_TYPE,
        "caUrls": [service(("fulcio", 1, "2022-04-13T20:06:15.000Z", "sigstore.dev"))],
        "oidcUrls": [service(("oauth2", 1, "2022-04-13T20:06:15.000Z", "sigstore.dev"))],
        "rekorTlogUrls": [service(("rekor", 1, "2021-01-12T11:53:27.000Z", "sigstore.dev"))],
        "tsaUrls": [service(("timestamp", 1, "2025-07-04T00:00:00Z", "sigstore.dev"))],
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaConfig": {"selector": "ANY"},
    });
    let config = read(&public_good).unwrap();
    assert_eq!(config.log_selector, Some(Selector::Any));
    let fulcio = one(
        ServiceKind::CertificateAuthority,
        &config.authorities,
        now(),
    )
    .unwrap();
    assert_eq!(fulcio.url.host(), "fulcio.example");
}

#[test]
fn the_highest_version_then_the_newest_of_each_operator() {
    let all = [
        ("v1-new", 1, "2026-05-01T00:00:00Z", "a"),
        ("a-old", 2, "2025-01-01T00:00:00Z", "a"),
        ("a-new", 2, "2026-01-01T00:00:00Z", "a"),
        ("b", 2, "2025-06-01T00:00:00Z", "b"),
        ("nobody", 2, "2024-01-01T00:00:00Z", ""),
        ("nobody-else", 2, "2023-01-01T00:00:00Z", ""),
        ("not-yet", 2, "2026-06-01T12:00:01Z", "c"),
        ("unknown", 3, "2026-01-01T00:00:00Z", "d"),
    ];
    let services = || all.map(service).to_vec();
    for (selector, expected) in [
        (json!({"selector": "ANY"}), &["a-new"][..]),
        (json!({"selector": "ALL"}), &["a-new", "b", "nobody"]),
        (json!({"selector": "EXACT", "count": 1}), &["a-new"]),
        (json!({"selector": "EXACT", "count": 2}), &["a-new", "b"]),
        (
            json!({"selector": "EXACT", "count": 3}),
            &["a-new", "b", "nobody"],
        ),
    ] {
        assert_eq!(
            logs(services(), selector.clone()).unwrap(),
            expected,
            "{selector}"
        );
    }
    // Two of one operator, or of nobody, are not two; and those of a lower version do not make up for it.
    let error = logs(services(), json!({"selector": "EXACT", "count": 4})).unwrap_err();
    assert!(matches!(
        error,
        SigningConfigError::TooFew {
            wanted: 4,
            found: 3,
            ..
        }
    ));
    assert!(error.to_string().contains("rekorTlogUrls"), "{error}");
}

#[test]
fn what_is_not_valid_now_is_not_chosen() {
    let ends = |end: &str| {
        let mut service = service(("log", 2, "2026-06-01T00:00:00Z", "a"));
        service["validFor"]["end"] = json!(end);
        logs(vec![service], json!({"selector": "ANY"}))
    };
    // The end is inclusive.
    assert_eq!(ends(NOW).unwrap(), ["log"]);
    let error = ends("2026-06-01T11:59:59Z").unwrap_err();
    let told = error.to_string();
    assert!(matches!(
        error,
        SigningConfigError::NoneUsable { listed: 1, .. }
    ));
    assert!(
        told.contains("rekorTlogUrls") && told.contains("2, 1") && told.contains(NOW),
        "{told}"
    );
    let begins = |start: &str| {
        let service = service(("log", 2, start, "a"));
        logs(vec![service], json!({"selector": "ANY"}))
    };
    assert_eq!(begins(NOW).unwrap(), ["log"]);
    assert!(begins("2026-06-01T12:00:01Z").is_err());
    // An old generation serves where no newer one is valid.
    let both = vec![
        service(("new", 2, "2027-01-01T00:00:00Z", "a")),
        service(("old", 1, "2021-01-01T00:00:00Z", "a")),
    ];
    assert_eq!(logs(both, json!({"selector": "ALL"})).unwrap(), ["old"]);
}

#[test]
fn one_authority_is_the_newest_and_there_has_to_be_one() {
    let kind = ServiceKind::CertificateAuthority;
    let list = |services: Vec<Value>| {
        let mut json = config(Vec::new(), json!({"selector": "ANY"}));
        json["caUrls"] = json!(services);
        one(kind, &read(&json).unwrap().authorities, now()).map(|chosen| chosen.url.host())
    };
    let two = vec![
        service(("old", 1, "2022-01-01T00:00:00Z", "a")),
        service(("new", 1, "2026-01-01T00:00:00Z", "b")),
    ];
    assert_eq!(list(two).unwrap(), "new.example");
    assert_eq!(
        list(Vec::new()),
        Err(SigningConfigError::NoneListed { kind })
    );
    let unknown = vec![service(("two", 2, "2022-01-01T00:00:00Z", "a"))];
    assert!(matches!(
        list(unknown),
        Err(SigningConfigError::NoneUsable { .. })
    ));
}

#[test]
fn what_is_no_signing_config() {
    let sound = || {
        let log = service(("log", 2, "2026-01-01T00:00:00Z", "a"));
        config(vec![log], json!({"selector": "ANY"}))
    };
    assert!(read(&sound()).is_ok());
    type Change = fn(&mut Value);
    let changes: [(Change, &str); 18] = [
        (
            |json| {
                json["mediaType"] = json!("application/vnd.dev.sigstore.signingconfig.v0.1+json")
            },
            "v0.1",
        ),
        (
            |json| drop(json.as_object_mut().unwrap().remove("mediaType")),
            "mediaType",
        ),
        (|json| json["rekorUrls"] = json!([]), "rekorUrls"),
        (|json| json["rekorTlogUrls"][0]["uri"] = json!("x"), "uri"),
        (
            |json| json["rekorTlogUrls"][0]["url"] = json!("http://log.example"),
            "https",
        ),
        (
            |json| json["oidcUrls"][0]["url"] = json!("log"),
            "oidcUrls[0]",
        ),
        (
            |json| json["caUrls"][0]["url"] = json!("https://me:secret@log.example"),
            "caUrls[0].url",
        ),
        (
            |json| json["rekorTlogUrls"][0]["majorApiVersion"] = json!("2"),
            "u32",
        ),
        (
            |json| json["rekorTlogUrls"][0]["majorApiVersion"] = json!(-1),
            "u32",
        ),
        (
            |json| json["rekorTlogUrls"][0]["validFor"] = json!({}),
            "start",
        ),
        (
            |json| json["rekorTlogUrls"][0]["validFor"]["start"] = json!("soon"),
            "rekorTlogUrls[0].validFor",
        ),
        (
            |json| json["rekorTlogUrls"][0]["validFor"]["end"] = json!("never"),
            "validFor",
        ),
        (
            |json| json["rekorTlogUrls"][0]["validFor"]["until"] = json!("x"),
            "until",
        ),
        (
            |json| json["rekorTlogConfig"]["selector"] = json!("SERVICE_SELECTOR_UNDEFINED"),
            "UNDEFINED",
        ),
        (
            |json| json["rekorTlogConfig"] = json!({"selector": "EXACT"}),
            "count",
        ),
        (
            |json| json["rekorTlogConfig"] = json!({"selector": "ANY", "count": 2}),
            "count",
        ),
        (
            |json| json["rekorTlogConfig"] = json!({"count": 2}),
            "selector",
        ),
        (|json| *json = json!([]), "malformed"),
    ];
    for (change, told) in changes {
        let mut json = sound();
        change(&mut json);
        let error = read(&json).unwrap_err().to_string();
        assert!(
            error.contains(told) && !error.contains("secret"),
            "{told}: {error}"
        );
    }
    let twice = sound().to_string().replacen('{', r#"{"mediaType":"x","#, 1);
    let error = SigningConfig::from_json(twice.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("duplicate"), "{error}");
    let large = vec![b' '; MOST_BYTES + 1];
    let error = SigningConfig::from_json(&large).unwrap_err();
    assert_eq!(error, SigningConfigError::TooLarge(large.len()));
}
