//! The images of one question, judged: each once, all before one deadline.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use countersign::{Checker, Image};
use countersign_core::{Approvals, ImageField, ImageRef, UnixTime, printable};
use futures_util::stream::{self, StreamExt as _};
use tokio::time::Instant;

use crate::placing::{Aside, Placed, Surroundings};
use crate::spans::{Told, within};
use crate::{Judged, Outcome};

/// Images of one question that are judged at a time.
const AT_A_TIME: usize = 8;
/// What is left of the time after asking registries, for what is known last and for the answer; of a short time a tenth.
const MARGIN: Duration = Duration::from_millis(300);

/// What all images of one question are judged by.
pub(crate) struct Sitting<'a> {
    pub(crate) checker: &'a Checker,
    pub(crate) now: UnixTime,
    pub(crate) surroundings: Surroundings<'a>,
    /// Whether age alone denies nothing.
    pub(crate) is_owned_pod: bool,
    /// What people approved for an emergency.
    pub(crate) approvals: Option<Arc<Approvals>>,
    pub(crate) deadline: Instant,
    /// How long it was to the deadline when the question came.
    pub(crate) time: Duration,
}

impl Sitting<'_> {
    /// Judges each image once, however many fields name it, in the order of the fields.
    pub(crate) async fn judge(&self, fields: &[ImageField]) -> Vec<Judged> {
        let images = distinct(fields).into_iter().map(async |(image, fields)| {
            let told = || vec![("countersign.image", printable(&image))];
            let judge = Box::pin(self.judge_one(&image, &fields));
            let (outcome, aside) = within("image", told, judge, |it| came_out(&it.0)).await;
            Judged {
                image,
                fields,
                outcome,
                aside,
            }
        });
        // Made first: a stream of what an iterator makes on the way is not `Send`.
        let images: Vec<_> = images.collect();
        stream::iter(images).buffered(AT_A_TIME).collect().await
    }

    async fn judge_one(&self, written: &str, fields: &[String]) -> (Outcome, Aside) {
        let mut image = match ImageRef::parse(written) {
            Ok(name) => Image::from(name),
            Err(error) => {
                let (image, field) = (printable(written), fields.first().map_or("", |it| it));
                let misnamed = Outcome::Misnamed(format!("{image} in {field}: {error}"));
                return (misnamed, Aside::default());
            }
        };
        if self.is_owned_pod {
            image = image.with_age_relief();
        }
        if let Some(approvals) = &self.approvals {
            image = image.with_break_glass(Arc::clone(approvals));
        }
        let late = |who: &str| {
            Outcome::Late(format!(
                "{}: no answer within {} s; {who} or the network is slow; try again",
                printable(written),
                self.time.as_secs_f32()
            ))
        };
        let place = self.surroundings.place(self.checker, image, fields);
        let Ok(placed) = tokio::time::timeout_at(self.deadline, place).await else {
            return (late("the Kubernetes API"), Aside::default());
        };
        let Placed { image, aside } = placed;
        let left = self.deadline.saturating_duration_since(Instant::now());
        let time = left.saturating_sub(MARGIN.min(left / 10));
        // Messages tell it to people.
        let time = Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let check = self.checker.check_within(&image, self.now, time);
        let outcome = match tokio::time::timeout_at(self.deadline, check).await {
            Ok(decision) => Outcome::Decided(Box::new(decision)),
            Err(_) => late("the registry"),
        };
        (outcome, aside)
    }
}

/// What a span says in the end.
fn came_out(outcome: &Outcome) -> Told {
    let effect = match outcome {
        Outcome::Misnamed(_) => "deny",
        Outcome::Late(_) => "unknown",
        Outcome::Decided(decision) => decision.effect().as_str(),
    };
    vec![("countersign.effect", effect.to_owned())]
}

/// Each image with the fields that name it, in the order of the first of these.
fn distinct(fields: &[ImageField]) -> Vec<(String, Vec<String>)> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut images: Vec<(String, Vec<String>)> = Vec::new();
    for field in fields {
        let place = *places.entry(&field.image).or_insert(images.len());
        match images.get_mut(place) {
            Some((_, paths)) => paths.push(field.path.clone()),
            None => images.push((field.image.clone(), vec![field.path.clone()])),
        }
    }
    images
}
