//! Every field of the API server's own schemas that may bear an image is one that we look at.

use std::collections::BTreeSet;

use countersign_core::ImageFields;
use countersign_e2e::{CLUSTER_PARTS, Cluster, Exception, Walk, parts};

use crate::custom;

/// What may look like an image of a container, or like anything, and why nothing runs by it.
const EXCEPTIONS: &[Exception] = &[
    Exception {
        fields: &[
            "io.k8s.api.core.v1.Container.imagePullPolicy",
            "io.k8s.api.core.v1.EphemeralContainer.imagePullPolicy",
            "io.k8s.api.core.v1.ImageVolumeSource.pullPolicy",
            "io.k8s.api.core.v1.LocalObjectReference.name",
        ],
        because: "how an image is fetched, and with which Secret (`imagePullSecrets`)",
    },
    Exception {
        fields: &[
            "io.k8s.api.core.v1.Container.workingDir",
            "io.k8s.api.core.v1.EphemeralContainer.workingDir",
            "io.k8s.api.core.v1.PodSecurityContext.supplementalGroupsPolicy",
            "io.k8s.api.core.v1.WindowsSecurityContextOptions.runAsUserName",
        ],
        because: "what stands in for something that the image says otherwise",
    },
    Exception {
        fields: &[
            "io.k8s.api.core.v1.ContainerImage.names",
            "io.k8s.api.core.v1.ContainerStatus.image",
            "io.k8s.api.core.v1.ContainerStatus.imageID",
            "io.k8s.api.core.v1.NodeSystemInfo.osImage",
            "io.k8s.api.core.v1.PodStatus.phase",
        ],
        because: "status: what a node says that it has or runs",
    },
    Exception {
        fields: &[
            "io.k8s.api.core.v1.RBDPersistentVolumeSource.image",
            "io.k8s.api.core.v1.RBDVolumeSource.image",
        ],
        because: "a block device of Ceph",
    },
    Exception {
        fields: &["io.k8s.api.apps.v1.ControllerRevision.data"],
        because: "the past of a StatefulSet or DaemonSet: what is gone back to is judged in their templates and as Pods",
    },
    Exception {
        fields: &[
            "io.k8s.api.apiserverinternal.v1alpha1.StorageVersion.spec",
            "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceSubresources.status",
        ],
        because: "always empty",
    },
    Exception {
        fields: &[
            "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps.additionalItems",
            "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps.additionalProperties",
            "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps.default",
            "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps.dependencies",
            "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps.enum",
            "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps.example",
            "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps.items",
        ],
        because: "the schema of a custom resource, whose objects are looked at where that is configured",
    },
    Exception {
        fields: &[
            "io.k8s.api.resource.v1.AllocatedDeviceStatus.data",
            "io.k8s.api.resource.v1.OpaqueDeviceConfiguration.parameters",
            "io.k8s.api.resource.v1beta1.AllocatedDeviceStatus.data",
            "io.k8s.api.resource.v1beta1.OpaqueDeviceConfiguration.parameters",
            "io.k8s.api.resource.v1beta2.AllocatedDeviceStatus.data",
            "io.k8s.api.resource.v1beta2.OpaqueDeviceConfiguration.parameters",
        ],
        because: "words between a user and a driver of devices that an administrator has installed",
    },
    Exception {
        fields: &["io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry.fieldsV1"],
        because: "names of fields and who set them, no values",
    },
];

const PODS: [&str; 9] = [
    "CronJob.batch spec.jobTemplate.spec.template.",
    "DaemonSet.apps spec.template.",
    "Deployment.apps spec.template.",
    "Job.batch spec.template.",
    "Pod ",
    "PodTemplate template.",
    "ReplicaSet.apps spec.template.",
    "ReplicationController spec.template.",
    "StatefulSet.apps spec.template.",
];
const OF_A_POD: [&str; 4] = [
    "spec.containers[].image",
    "spec.ephemeralContainers[].image",
    "spec.initContainers[].image",
    "spec.volumes[].image.reference",
];

#[test]
fn every_field_that_bears_an_image_is_looked_at() {
    let Some(parts) = parts(&CLUSTER_PARTS) else {
        return;
    };
    let cluster = Cluster::shared(&parts).unwrap();
    let get = |path: &str| {
        let answer = cluster.admin().get(path).unwrap();
        assert!(answer.is_done(), "{path}: {answer:?}");
        answer.body
    };
    let mut walk = Walk::default();
    let index = get("/openapi/v3");
    for (name, document) in index["paths"].as_object().unwrap() {
        // Lists of groups and versions have no kinds; the test beside this one brings a kind of its own.
        if name.matches('/').count() == 0 || name.contains(custom::GROUP) {
            continue;
        }
        let document = get(document["serverRelativeURL"].as_str().unwrap());
        walk.document(&document, &ImageFields::default(), EXCEPTIONS)
            .unwrap_or_else(|error| panic!("{name}: {error:#}"));
    }
    assert!(
        walk.missed.is_empty(),
        "these fields may bear images, and nothing looks at them: look, or say in EXCEPTIONS why nothing runs by them: {:#?}",
        walk.missed
    );
    let expected: BTreeSet<String> = PODS
        .iter()
        .flat_map(|kind| OF_A_POD.map(|field| format!("{kind}{field}")))
        .collect();
    assert_eq!(walk.seen, expected);
    assert!(walk.kinds > 80, "{} kinds can be written", walk.kinds);
    let stale: Vec<_> = EXCEPTIONS
        .iter()
        .flat_map(|exception| exception.fields)
        .filter(|field| !walk.excepted.contains(*field))
        .collect();
    assert!(
        stale.is_empty(),
        "exceptions that except nothing: {stale:#?}"
    );
}
