//! The object that an Event is about.

use serde_json::Value;

use crate::{Operation, Review};

/// The longest name, kind and uid that are written into an Event (names of Kubernetes have at most 253 characters).
const MOST_NAME: usize = 253;
/// Of a namespace, a DNS label.
const MOST_LABEL: usize = 63;

/// What is looked at in an object, besides its kind.
pub(crate) const LOOKED_AT: [&[&str]; 4] = [
    &["metadata", "name"],
    &["metadata", "generateName"],
    &["metadata", "uid"],
    &["metadata", "ownerReferences"],
];

/// What an Event is about, in the namespace in which it is written too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Subject {
    /// The review's, which the API server says; never an object's own word.
    pub(crate) namespace: String,
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    /// None of an object that is not there yet.
    pub(crate) uid: Option<String>,
}

impl Subject {
    /// The controller that the object names as its owner, where people look; else the object itself. An owner is the maker's word: it says where to write, in
    /// the maker's own namespace, and nothing else.
    ///
    /// None for an object of no namespace, and where a name is none of Kubernetes: it would end in a path.
    pub(crate) fn of(review: &Review) -> Option<Self> {
        let namespace = review.namespace.as_deref()?;
        if !is_label(namespace) {
            return None;
        }
        let object = review.object.as_ref()?;
        owner(object, namespace).or_else(|| itself(review, object, namespace))
    }
}

fn owner(object: &Value, namespace: &str) -> Option<Subject> {
    let owners = object["metadata"]["ownerReferences"].as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == true)?;
    let text = |field: &str| owner[field].as_str().map(str::to_owned);
    Subject {
        namespace: namespace.to_owned(),
        api_version: text("apiVersion")?,
        kind: text("kind")?,
        name: text("name")?,
        uid: Some(text("uid")?),
    }
    .checked()
}

fn itself(review: &Review, object: &Value, namespace: &str) -> Option<Subject> {
    let metadata = &object["metadata"];
    let name = ["name", "generateName"]
        .iter()
        .find_map(|field| metadata[*field].as_str().filter(|name| !name.is_empty()));
    let old = review.old_object.as_ref();
    let uid = old.and_then(|old| old["metadata"]["uid"].as_str());
    Subject {
        namespace: namespace.to_owned(),
        api_version: object["apiVersion"].as_str()?.to_owned(),
        kind: review.kind.kind.clone(),
        name: name?.to_owned(),
        // What is refused while it is made never comes to be, whatever uid it has.
        uid: uid
            .filter(|_| review.operation == Operation::Update)
            .map(str::to_owned),
    }
    .checked()
}

impl Subject {
    fn checked(self) -> Option<Self> {
        let uid = self.uid.as_deref().unwrap_or("-");
        let version = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'/');
        let name = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.')
        };
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let is_good = made_of(&self.api_version, version)
            && made_of(&self.kind, word)
            && made_of(&self.name, name)
            && !matches!(self.name.as_str(), "." | "..")
            && made_of(uid, word);
        is_good.then_some(self)
    }
}

fn made_of(text: &str, of: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.len() <= MOST_NAME && text.bytes().all(of)
}

fn is_label(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= MOST_LABEL && made_of(text, plain)
}
