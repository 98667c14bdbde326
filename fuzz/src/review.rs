//! Questions of the API server to the webhook.

use countersign_core::ImageFields;

use crate::images::asked;
use crate::oracle::{Runs, runs};
use crate::question::Slip;
use crate::{Operation, Review};

/// What is read of a question has every image that other code finds in it, and is refused where that finds what it cannot read.
pub fn every_new_image_is_judged(body: &[u8]) {
    let Ok(review) = Review::from_json(body) else { return };
    let slip = Slip::from_json(body).expect("what is read whole is read in part");
    assert_eq!((&slip.uid, slip.namespace.filter(|it| !it.is_empty())), (&review.uid, review.namespace.clone()));
    let Ok(asked) = asked(&review, &ImageFields::default()) else { return };
    match runs(body) {
        Runs::Nothing => assert!(matches!(review.operation, Operation::Delete | Operation::Connect)),
        Runs::Anything => panic!("it cannot be told what this runs, and {} images are judged", asked.fields.len()),
        Runs::New(new) => {
            for run in new {
                let is_judged = asked.fields.iter().any(|field| field.image == run.image);
                assert!(is_judged, "nobody judges {run:?}");
            }
        }
    }
}
