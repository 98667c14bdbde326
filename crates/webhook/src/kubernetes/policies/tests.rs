#![allow(clippy::unwrap_used)]
use super::*;
use kube::core::Status;

#[test]
fn an_object_is_read_with_what_it_is_known_by() {
    let object: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "countersign.dev/v1alpha1",
        "kind": "Settings",
        "metadata": {
            "name": "acme", "uid": "u", "resourceVersion": "5", "generation": 2,
            "managedFields": [{"manager": "kubectl"}], "labels": {"a": "b"}, "annotations": {"c": "d"},
        },
        "spec": {"unmatched": "deny"},
        "status": {"observedGeneration": 1},
    }))
    .unwrap();
    let kind = *KINDS.iter().find(|kind| kind.name == "Settings").unwrap();
    let object = read(kind, object);
    assert_eq!(object.source_name(), "Settings/acme");
    assert_eq!((object.uid.as_str(), object.generation), ("u", 2));
    assert_eq!(object.resource_version, "5");
    assert_eq!(object.status, json!({"observedGeneration": 1}));
    assert_eq!(
        object.written.text,
        "apiVersion: countersign.dev/v1alpha1\nkind: Settings\nmetadata:\n  name: acme\nspec:\n  unmatched: deny\n"
    );
}

#[test]
fn what_is_wrong_says_what_to_do() {
    let failed = |message: &str, code| {
        let status = Status::failure(message, "x").with_code(code);
        advice(&watcher::Error::InitialListFailed(kube::Error::Api(
            status.boxed(),
        )))
    };
    let missing = failed("the server could not find the requested resource", 404);
    assert!(
        missing.contains("could not find the requested resource"),
        "{missing}"
    );
    assert!(
        missing.ends_with("countersign-webhook crds | kubectl apply --server-side -f -"),
        "{missing}"
    );
    let forbidden = failed("policies.countersign.dev is forbidden", 403);
    assert!(
        forbidden.ends_with("needs get, list and watch of every kind of countersign.dev"),
        "{forbidden}"
    );
    assert!(!failed("it is on fire", 500).contains(';'));
}

fn named(name: &str) -> DynamicObject {
    serde_json::from_value(json!({"metadata": {"name": name}, "spec": {}})).unwrap()
}

#[test]
fn nothing_counts_before_the_lists_of_all_kinds_are_whole() {
    let mut lists = Lists::default();
    let [first, .., last] = KINDS;
    for kind in KINDS {
        assert_eq!(lists.take(kind, Event::Init), Ok(None));
        assert_eq!(lists.take(kind, Event::InitApply(named("a"))), Ok(None));
    }
    assert_eq!(lists.take(first, Event::Apply(named("b"))), Ok(None));
    for kind in &KINDS[..KINDS.len() - 1] {
        assert_eq!(lists.take(*kind, Event::InitDone), Ok(None));
        // Twice the same kind is not another.
        assert_eq!(lists.take(*kind, Event::InitDone), Ok(None));
    }
    let all = lists.take(last, Event::InitDone).unwrap().unwrap();
    assert_eq!(all.len(), KINDS.len() + 1);
    let fewer = lists
        .take(first, Event::Delete(named("b")))
        .unwrap()
        .unwrap();
    assert_eq!(fewer.len(), KINDS.len());
    let why = lists.take(first, Event::Init).unwrap_err();
    assert!(why.contains("have to be listed again"), "{why}");
}

#[test]
fn more_objects_than_a_folder_has_files_are_not_read() {
    let mut lists = Lists::default();
    let mut take = |number| lists.take(KINDS[0], Event::InitApply(named(&format!("n{number}"))));
    for number in 0..MOST_OBJECTS {
        assert_eq!(take(number), Ok(None));
    }
    let why = take(MOST_OBJECTS).unwrap_err();
    assert!(why.contains("more than 1000"), "{why}");
}
