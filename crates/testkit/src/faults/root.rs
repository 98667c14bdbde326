//! Step 22: trust roots that must not load.

use serde_json::{Value, json};

use super::edit::{remove, uncanonical};
use super::{Case, Outcome, v1};

pub(super) fn cases() -> Vec<Case> {
    vec![
        wrong("root-log-without-start", |root| {
            remove(&mut root["tlogs"][0]["publicKey"]["validFor"], "start")
        }),
        wrong("root-log-without-window", |root| {
            remove(&mut root["tlogs"][0]["publicKey"], "validFor")
        }),
        wrong("root-ct-log-without-start", |root| {
            remove(&mut root["ctlogs"][0]["publicKey"]["validFor"], "start")
        }),
        wrong("root-log-twice", |root| {
            let log = root["tlogs"][0].clone();
            root["tlogs"].as_array_mut().expect("an array").push(log);
        }),
        wrong("root-log-id-taken", |root| {
            root["tlogs"][1]["logId"] = root["tlogs"][0]["logId"].clone()
        }),
        wrong("root-log-key-malformed", |root| {
            root["tlogs"][0]["publicKey"]["rawBytes"] = json!("AAAA")
        }),
        wrong("root-log-key-uncanonical", |root| {
            uncanonical(&mut root["tlogs"][1]["publicKey"]["rawBytes"])
        }),
        wrong("root-certificate-malformed", |root| {
            root["certificateAuthorities"][0]["certChain"]["certificates"][0]["rawBytes"] =
                json!("AAAA");
        }),
        wrong("root-chain-empty", |root| {
            root["certificateAuthorities"][0]["certChain"]["certificates"] = json!([])
        }),
        wrong("root-of-another-type", |root| {
            root["mediaType"] = json!("application/json")
        }),
        wrong("root-of-a-future-version", |root| {
            root["mediaType"] = json!("application/vnd.dev.sigstore.trustedroot+json;version=9.9");
        }),
        wrong("root-window-not-a-time", |root| {
            root["tlogs"][0]["publicKey"]["validFor"]["start"] = json!("yesterday");
        }),
        wrong("root-logs-an-object", |root| root["tlogs"] = json!({})),
    ]
}

fn wrong(name: &'static str, edit: fn(&mut Value)) -> Case {
    Case::new(Outcome::Root, name, 22, v1).with_root(edit)
}
