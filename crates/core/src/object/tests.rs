#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;

mod properties;

fn images(object: &Value) -> Result<Vec<(String, String)>, String> {
    let found = ImageFields::default().of(object);
    let told = |field: ImageField| (field.path, field.image);
    found
        .map(|fields| fields.into_iter().map(told).collect())
        .map_err(|error| error.to_string())
}

fn pair(path: &str, image: &str) -> (String, String) {
    (path.to_owned(), image.to_owned())
}

/// A PodSpec with an image in every field that bears one, and fields that nobody knows.
fn spec() -> Value {
    json!({
        "futureField": {"image": "not-an-image"},
        "initContainers": [{"name": "sidecar", "image": "a", "restartPolicy": "Always", "futureField": 1}],
        "containers": [{"name": "app", "image": "b"}, {"name": "two", "image": "c"}],
        "ephemeralContainers": [{"name": "debug", "image": "d", "targetContainerName": "app"}],
        "volumes": [
            {"name": "scratch", "emptyDir": {}},
            {"name": "none", "image": null},
            {"name": "model", "image": {"reference": "e", "pullPolicy": "IfNotPresent"}},
        ],
    })
}

#[test]
fn every_kind_that_makes_pods_is_read_to_its_last_image() {
    let template = json!({"metadata": {}, "spec": spec()});
    for (version, kind, at, object) in [
        ("v1", "Pod", "spec", json!({"spec": spec()})),
        (
            "v1",
            "PodTemplate",
            "template.spec",
            json!({"template": template}),
        ),
        (
            "v1",
            "ReplicationController",
            "spec.template.spec",
            json!({"spec": {"template": template}}),
        ),
        (
            "apps/v1",
            "Deployment",
            "spec.template.spec",
            json!({"spec": {"template": template}}),
        ),
        (
            "apps/v1",
            "ReplicaSet",
            "spec.template.spec",
            json!({"spec": {"template": template}}),
        ),
        (
            "apps/v1",
            "StatefulSet",
            "spec.template.spec",
            json!({"spec": {"template": template}}),
        ),
        (
            "apps/v1beta2",
            "DaemonSet",
            "spec.template.spec",
            json!({"spec": {"template": template}}),
        ),
        (
            "batch/v1",
            "Job",
            "spec.template.spec",
            json!({"spec": {"template": template}}),
        ),
        (
            "batch/v1",
            "CronJob",
            "spec.jobTemplate.spec.template.spec",
            json!({"spec": {"jobTemplate": {"spec": {"template": template}}}}),
        ),
    ] {
        let mut object = object;
        object["apiVersion"] = json!(version);
        object["kind"] = json!(kind);
        let expected = [
            pair(&format!("{at}.initContainers[0].image"), "a"),
            pair(&format!("{at}.containers[0].image"), "b"),
            pair(&format!("{at}.containers[1].image"), "c"),
            pair(&format!("{at}.ephemeralContainers[0].image"), "d"),
            pair(&format!("{at}.volumes[2].image.reference"), "e"),
        ];
        assert_eq!(images(&object).unwrap(), expected, "{kind}");
        // A known kind that is empty cannot be read, and is no object without images.
        let empty = json!({"apiVersion": version, "kind": kind});
        assert!(
            images(&empty)
                .unwrap_err()
                .starts_with("the object has no "),
            "{kind}"
        );
    }
}

#[test]
fn a_kind_of_another_group_has_no_images_that_we_know() {
    for (version, kind) in [
        ("v1", "ConfigMap"),
        ("example.com/v1", "Deployment"),
        ("v1", "Deployment"),
        ("apps/v1", "Pod"),
    ] {
        let object = json!({"apiVersion": version, "kind": kind, "spec": spec()});
        assert_eq!(images(&object).unwrap(), [], "{version} {kind}");
        assert!(!ImageFields::default().knows(&GroupKind::of(&object).unwrap()));
    }
    let deployment = GroupKind {
        group: "apps".to_owned(),
        kind: "Deployment".to_owned(),
    };
    assert!(ImageFields::default().knows(&deployment));
    assert_eq!(deployment.to_string(), "Deployment.apps");
}

#[test]
fn what_cannot_be_read_is_an_error_with_its_place_and_never_no_images() {
    let pod = |spec: Value| json!({"apiVersion": "v1", "kind": "Pod", "spec": spec});
    let container = json!([{"name": "app", "image": "b"}]);
    for (object, expected) in [
        (json!([]), "`the object` has to be an object, and is a list"),
        (json!({"kind": "Pod"}), "the object has no `apiVersion`"),
        (
            json!({"apiVersion": "v1", "kind": ""}),
            "the object has no `kind`",
        ),
        (
            json!({"apiVersion": 1, "kind": "Pod"}),
            "`apiVersion` has to be a string, and is a number",
        ),
        (pod(json!(null)), "the object has no `spec`"),
        (
            pod(json!("x")),
            "`spec` has to be an object, and is a string",
        ),
        (pod(json!({})), "the object has no `spec.containers`"),
        (
            pod(json!({"containers": []})),
            "the object has no `spec.containers`",
        ),
        (
            pod(json!({"containers": null})),
            "the object has no `spec.containers`",
        ),
        (
            pod(json!({"containers": {"image": "b"}})),
            "`spec.containers` has to be a list, and is an object",
        ),
        (
            pod(json!({"containers": ["b"]})),
            "`spec.containers[0]` has to be an object, and is a string",
        ),
        (
            pod(json!({"containers": [{"name": "app"}]})),
            "`spec.containers[0].image` names no image",
        ),
        (
            pod(json!({"containers": [{"name": "app", "image": ""}]})),
            "`spec.containers[0].image` names no image",
        ),
        (
            pod(json!({"containers": [{"name": "app", "image": ["b"]}]})),
            "`spec.containers[0].image` has to be a string, and is a list",
        ),
        (
            pod(json!({"containers": [{"name": 1, "image": "b"}]})),
            "`spec.containers[0].name` has to be a string",
        ),
        (
            pod(
                json!({"containers": [{"name": "app", "image": "b"}, {"name": "app", "image": "c"}]}),
            ),
            "`spec.containers` has two entries named `app`",
        ),
        (
            pod(json!({"containers": container, "initContainers": "x"})),
            "`spec.initContainers` has to be a list",
        ),
        (
            pod(json!({"containers": container, "ephemeralContainers": [{}]})),
            "`spec.ephemeralContainers[0].image` names no image",
        ),
        (
            pod(json!({"containers": container, "volumes": [{"name": "m", "image": {}}]})),
            "`spec.volumes[0].image.reference` names no image",
        ),
        (
            pod(json!({"containers": container, "volumes": [{"name": "m", "image": "e"}]})),
            "`spec.volumes[0].image` has to be an object",
        ),
        (
            pod(
                json!({"containers": container, "volumes": [{"name": "m", "image": {"reference": "e"}}, {"name": "m", "image": {"reference": "f"}}]}),
            ),
            "`spec.volumes` has two entries named `m`",
        ),
    ] {
        let error = images(&object).unwrap_err();
        assert!(error.starts_with(expected), "{object}: {error}");
    }
    let many: Vec<Value> = (0..=MOST_IMAGES)
        .map(|number| json!({"name": format!("c{number}"), "image": "b"}))
        .collect();
    assert_eq!(
        images(&pod(json!({"containers": many}))).unwrap_err(),
        "the object has more than 10000 images"
    );
}

fn configured(path: &str, holds: FieldContent, optional: bool) -> ImageFields {
    ImageFields::new(vec![CustomField {
        of: GroupKind {
            group: "argoproj.io".to_owned(),
            kind: "Rollout".to_owned(),
        },
        at: path.parse().unwrap(),
        holds,
        optional,
    }])
}

#[test]
fn what_a_pod_is_pulled_with_is_read_of_every_kind_that_makes_pods() {
    let spec = json!({
        "containers": [{"name": "app", "image": "b"}],
        "imagePullSecrets": [{"name": "one"}, {"name": ""}, {}, {"name": "../two"}],
        "serviceAccountName": "puller",
    });
    let template = json!({"spec": spec});
    for (version, kind, object) in [
        ("v1", "Pod", json!({"spec": spec})),
        ("v1", "PodTemplate", json!({"template": template})),
        (
            "apps/v1",
            "Deployment",
            json!({"spec": {"template": template}}),
        ),
        (
            "batch/v1",
            "CronJob",
            json!({"spec": {"jobTemplate": {"spec": {"template": template}}}}),
        ),
    ] {
        let mut object = object;
        object["apiVersion"] = json!(version);
        object["kind"] = json!(kind);
        let fields = ImageFields::default();
        let pulls = fields.pulls(&object).unwrap();
        let [pulls] = pulls.as_slice() else {
            panic!("{kind}: {pulls:?}");
        };
        assert_eq!(pulls.secrets, ["one", "../two"]);
        assert_eq!(pulls.service_account.as_deref(), Some("puller"));
        for field in fields.of(&object).unwrap() {
            assert!(pulls.covers(&field.path), "{}", field.path);
        }
        assert!(!pulls.covers("other.containers[0].image"));
    }
    let pod = |more: Value| json!({"apiVersion": "v1", "kind": "Pod", "spec": more});
    let read = |more: Value| ImageFields::default().pulls(&pod(more));
    let bare = read(json!({"serviceAccountName": "", "serviceAccount": "old"})).unwrap();
    assert_eq!(bare[0].service_account.as_deref(), Some("old"));
    assert_eq!(read(json!({})).unwrap()[0].service_account, None);
    for (wrong, says) in [
        (
            json!({"imagePullSecrets": "x"}),
            "`spec.imagePullSecrets` has to be a list",
        ),
        (
            json!({"imagePullSecrets": ["x"]}),
            "`spec.imagePullSecrets[0]` has to be an object",
        ),
        (
            json!({"imagePullSecrets": [{"name": 1}]}),
            "`spec.imagePullSecrets[0].name` has to be a string",
        ),
        (
            json!({"serviceAccountName": []}),
            "`spec.serviceAccountName` has to be a string",
        ),
    ] {
        let error = read(wrong).unwrap_err().to_string();
        assert!(error.starts_with(says), "{error}");
    }
}

#[test]
fn a_custom_resource_has_its_own_secrets_for_each_of_its_pod_specs() {
    let fields = configured("spec.steps[*].pod", FieldContent::PodSpec, false);
    let step = |image: &str, secret: &str| json!({"pod": {"containers": [{"name": "c", "image": image}], "imagePullSecrets": [{"name": secret}]}});
    let object = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "spec": {"steps": [step("a", "one"), step("b", "two")]},
    });
    let pulls = fields.pulls(&object).unwrap();
    let of = |image: &str| {
        let found = fields.of(&object).unwrap();
        let field = found.into_iter().find(|it| it.image == image).unwrap();
        let mut covering = pulls.iter().filter(|it| it.covers(&field.path));
        covering.next().unwrap().secrets.clone()
    };
    assert_eq!(
        (of("a"), of("b")),
        (vec!["one".to_owned()], vec!["two".to_owned()])
    );
    let single = configured("spec.image", FieldContent::Image, false);
    let object =
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "spec": {"image": "a"}});
    assert_eq!(single.pulls(&object).unwrap(), []);
}

#[test]
fn custom_resources_are_read_by_their_configured_paths() {
    let rollout = |spec: Value| json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "spec": spec});
    let read = |fields: &ImageFields, object: &Value| {
        let found = fields.of(object).map_err(|error| error.to_string());
        found.map(|all| {
            all.into_iter()
                .map(|it| (it.path, it.image))
                .collect::<Vec<_>>()
        })
    };
    let pods = configured("spec.template.spec", FieldContent::PodSpec, false);
    assert_eq!(
        read(&pods, &rollout(json!({"template": {"spec": spec()}})))
            .unwrap()
            .len(),
        5
    );
    assert_eq!(
        read(&pods, &rollout(json!({"workloadRef": {}}))).unwrap_err(),
        "nothing stands at `spec.template.spec` of this Rollout.argoproj.io, where the configuration says that its images are; correct the path, \
         or say `optional: true` if such an object may have none"
    );
    let lenient = configured("spec.template.spec", FieldContent::PodSpec, true);
    assert_eq!(
        read(&lenient, &rollout(json!({"workloadRef": {}}))).unwrap(),
        []
    );

    let steps = configured("spec.pools.*[\"a.b\"][*].image", FieldContent::Image, false);
    let object = rollout(
        json!({"pools": {"x": {"a.b": [{"image": "a"}, {}, {"image": "b"}]}, "y": {}, "z": null}}),
    );
    let expected = [
        pair("spec.pools.x[\"a.b\"][0].image", "a"),
        pair("spec.pools.x[\"a.b\"][2].image", "b"),
    ];
    assert_eq!(read(&steps, &object).unwrap(), expected);
    for (wrong, expected) in [
        (
            json!({"pools": []}),
            "`spec.pools` has to be an object, and is a list",
        ),
        (
            json!({"pools": {"x": {"a.b": {}}}}),
            "`spec.pools.x[\"a.b\"]` has to be a list, and is an object",
        ),
        (
            json!({"pools": {"x": {"a.b": ["a"]}}}),
            "`spec.pools.x[\"a.b\"][0]` has to be an object, and is a string",
        ),
        (
            json!({"pools": {"x": {"a.b": [{"image": {}}]}}}),
            "`spec.pools.x[\"a.b\"][0].image` has to be a string, and is an object",
        ),
        (
            json!({"pools": {"x": {"a.b": [{"image": ""}]}}}),
            "`spec.pools.x[\"a.b\"][0].image` names no image",
        ),
    ] {
        assert_eq!(read(&steps, &rollout(wrong)).unwrap_err(), expected);
    }
}

#[test]
fn a_path_is_read_as_it_is_shown_or_refused() {
    for path in [
        "spec",
        "spec.steps[*].image",
        "[*].image",
        "a.*.b",
        "spec[\"a.b\"][*]",
        "[\"a b\"].c",
        "a[*][*]",
    ] {
        assert_eq!(path.parse::<FieldPath>().unwrap().to_string(), path);
    }
    for path in [
        "", ".", "a.", ".a", "a..b", "a[0]", "a[*", "a[*]b", "a[\"b", "a[\"\"]", "a*", "$.a", "a b",
    ] {
        let parsed = path.parse::<FieldPath>();
        if path == "$.a" {
            // A name like any other: it leads nowhere in a real object.
            assert_eq!(parsed.unwrap().to_string(), "$.a");
        } else {
            assert!(
                parsed
                    .unwrap_err()
                    .to_string()
                    .contains("is no path of a field"),
                "{path}"
            );
        }
    }
    assert!("a.".repeat(300).parse::<FieldPath>().is_err());
    assert!("[*]".repeat(33).parse::<FieldPath>().is_err());
}

#[test]
fn only_what_is_the_same_in_the_same_place_is_unchanged_images() {
    let fields = |spec: Value| {
        let object = json!({"apiVersion": "v1", "kind": "Pod", "spec": spec});
        ImageFields::default().of(&object).unwrap()
    };
    let old = fields(json!({
        "containers": [{"name": "app", "image": "b"}, {"name": "log", "image": "c"}],
        "initContainers": [{"name": "init", "image": "a"}],
        "volumes": [{"name": "model", "image": {"reference": "e"}}],
    }));
    let change = |spec: Value| {
        let new = fields(spec);
        changed_images(&new, &old)
            .into_iter()
            .map(|field| field.path.clone())
            .collect::<Vec<_>>()
    };
    // In another order it is the same; another text, name, list or role is not.
    assert_eq!(
        change(json!({
            "containers": [{"name": "log", "image": "c"}, {"name": "app", "image": "b"}],
            "initContainers": [{"name": "init", "image": "a"}],
            "volumes": [{"name": "model", "image": {"reference": "e"}}],
        })),
        Vec::<String>::new()
    );
    assert_eq!(
        change(json!({"containers": [{"name": "app", "image": "b "}]})),
        ["spec.containers[0].image"]
    );
    assert_eq!(
        change(json!({"containers": [{"name": "app", "image": "c"}]})),
        ["spec.containers[0].image"]
    );
    assert_eq!(
        change(json!({"containers": [{"name": "other", "image": "b"}]})),
        ["spec.containers[0].image"]
    );
    assert_eq!(
        change(
            json!({"containers": [{"name": "app", "image": "b"}], "ephemeralContainers": [{"name": "app", "image": "b"}]})
        ),
        ["spec.ephemeralContainers[0].image"]
    );
    assert_eq!(
        change(json!({"containers": [{"name": "init", "image": "a"}]})),
        ["spec.containers[0].image"]
    );
    assert_eq!(
        change(
            json!({"containers": [{"name": "app", "image": "b"}], "volumes": [{"name": "model", "image": {"reference": "f"}}]})
        ),
        ["spec.volumes[0].image.reference"]
    );
    // Nothing to compare with: everything is new.
    let new = fields(json!({"containers": [{"name": "app", "image": "b"}]}));
    assert_eq!(changed_images(&new, &[]).len(), 1);
}
