//! `--verbose`: what is asked of whom, one line each on standard error.

use anstream::ColorChoice;
use countersign::{CacheAsked, Observer, RequestEnds};

use crate::escape::escaped;
use crate::output::say;

/// Says what happens. No line holds more of a URL than its host, and nothing that was sent.
#[derive(Debug)]
pub(crate) struct Verbose;

impl Observer for Verbose {
    fn request_ends(&self, request: &RequestEnds<'_>) {
        say(&request_line(request), ColorChoice::Never);
    }

    fn cache_asked(&self, asked: &CacheAsked) {
        let (kind, answer) = (asked.kind.as_str(), asked.answer.as_str());
        say(&format!("cache: {kind}: {answer}\n"), ColorChoice::Never);
    }
}

fn request_line(request: &RequestEnds<'_>) -> String {
    let status = request
        .status
        .map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let error = request
        .error
        .map_or_else(String::new, |code| format!(" ({code})"));
    let again = match request.attempt {
        0 | 1 => String::new(),
        attempt => format!(", try {attempt}"),
    };
    format!(
        "{}: {}: {status}{error}, {} bytes, {} ms{again}\n",
        escaped(request.host, 200),
        request.what,
        request.bytes,
        request.took.as_millis(),
    )
}
