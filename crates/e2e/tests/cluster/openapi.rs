//! Every field of the API server's own schemas that bears an image is one that we look at.

use countersign_core::ImageFields;
use countersign_e2e::{CLUSTER_PARTS, Cluster, Exception, Walk, parts};

const fn except(field: &'static str, because: &'static str) -> Exception {
    Exception { field, because }
}

const EXCEPTIONS: &[Exception] = &[];

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
        let document = get(document["serverRelativeURL"].as_str().unwrap());
        if document["paths"].is_object() && document["components"]["schemas"].is_object() {
            walk.document(&document, &ImageFields::default(), EXCEPTIONS)
                .unwrap_or_else(|error| panic!("{name}: {error:#}"));
        }
    }
    let names: std::collections::BTreeSet<_> = walk.missed.iter().map(|it| it.rsplit(' ').next().unwrap()).collect();
    println!("{names:#?} {} {:#?}", walk.kinds, walk.seen);
    assert!(walk.missed.is_empty());
}
