//! What `pin` says.

use serde::Serialize;

use crate::escape::escaped;

/// What became of the images of one run.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PinReport {
    pub(super) api_version: &'static str,
    /// One for each place, in the order of the input.
    pub(super) places: Vec<PinnedPlace>,
}

/// What became of one image.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PinnedPlace {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) object: String,
    pub(super) field: String,
    pub(super) image: String,
    /// `pinned` before, `to-pin`, `written`, or `refused`.
    pub(super) state: State,
    /// The digest that the tag stands for, where one was asked for and found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<String>,
    /// Why it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    Pinned,
    ToPin,
    Written,
    Refused,
}

impl PinReport {
    pub(super) const API_VERSION: &'static str = "countersign.dev/pin/v1alpha1";

    /// One line for each image that is not pinned already, and a count.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut counts = [0_usize; 4];
        for place in &self.places {
            let (word, count) = match place.state {
                State::Pinned => ("pinned", 0),
                State::ToPin => ("to pin", 1),
                State::Written => ("written", 2),
                State::Refused => ("REFUSED", 3),
            };
            if let Some(count) = counts.get_mut(count) {
                *count += 1;
            }
            if place.state == State::Pinned {
                continue;
            }
            let (file, image) = (escaped(&place.file, 300), escaped(&place.image, 300));
            let digest = place.digest.as_deref().map(|it| format!(" {it}"));
            text.push_str(&format!(
                "{word} {file}:{}:{} {image}{}\n",
                place.line,
                place.column,
                digest.unwrap_or_default()
            ));
            if let Some(why) = &place.why {
                text.push_str(&format!("  {}\n", escaped(why, 1000)));
            }
        }
        let [pinned, to_pin, written, refused] = counts;
        text.push_str(&format!(
            "{} images: {pinned} pinned already, {to_pin} to pin, {written} written, {refused} refused\n",
            self.places.len()
        ));
        text
    }
}
