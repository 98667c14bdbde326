//! Questions of the API server to the webhook.

use countersign_core::{ImageFields, Outline};

use crate::images::{asked, outline};
use crate::oracle::{Runs, runs};
use crate::question::Slip;
use crate::{Operation, Review};

/// What is read of a question has every image that other code finds in it, and is refused where that finds what it cannot read; and whoever reads all of the
/// objects is told the same.
pub fn every_new_image_is_judged(body: &[u8]) {
    let known = ImageFields::default();
    let read = Review::from_json(body, &outline(&known));
    let whole = Review::from_json(body, &Outline::whole());
    let Ok(review) = read else {
        assert!(whole.is_err(), "all of it is read, and what is looked at is not");
        return;
    };
    let slip = Slip::from_json(body).expect("what is read whole is read in part");
    assert_eq!((&slip.uid, slip.namespace.filter(|it| !it.is_empty())), (&review.uid, review.namespace.clone()));
    let asked_by = |review: &Review| asked(review, &known).map_err(|error| error.to_string());
    // What is passed over is checked, but for pairs of surrogates and the range of numbers, at which the oracle's reader stops as well.
    let Ok(whole) = whole else { return };
    assert_eq!(asked_by(&review), asked_by(&whole));
    let Ok(asked) = asked_by(&review) else { return };
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
