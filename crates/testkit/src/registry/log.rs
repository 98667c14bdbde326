//! When requests came and were answered, by a clock that only counts.

/// Every request since the last that was forgotten.
#[derive(Debug, Default)]
pub(super) struct Log {
    now: usize,
    spans: Vec<Span>,
}

#[derive(Debug)]
struct Span {
    path: String,
    began: usize,
    answered: Option<usize>,
}

impl Log {
    /// Notes a request; the number by which its answer is noted.
    pub(super) fn began(&mut self, path: &str) -> usize {
        self.now += 1;
        self.spans.push(Span {
            path: path.to_owned(),
            began: self.now,
            answered: None,
        });
        self.now
    }

    /// Forgets the requests so far.
    pub(super) fn clear(&mut self) {
        self.spans.clear();
    }

    /// Notes the answer to a request, unless it was forgotten.
    pub(super) fn answered(&mut self, number: usize) {
        self.now += 1;
        let span = self.spans.iter_mut().find(|span| span.began == number);
        if let Some(span) = span {
            span.answered = Some(self.now);
        }
    }

    /// The paths by rounds: a request could depend on every answer that was given before it came.
    pub(super) fn rounds(&self) -> Vec<Vec<String>> {
        let mut numbers: Vec<usize> = Vec::new();
        let mut rounds: Vec<Vec<String>> = Vec::new();
        for span in &self.spans {
            let earlier = self.spans.iter().zip(&numbers);
            let number = earlier
                .filter(|(other, _)| other.answered.is_some_and(|answered| answered < span.began))
                .map(|(_, number)| number + 1)
                .max()
                .unwrap_or_default();
            numbers.push(number);
            if rounds.len() == number {
                rounds.push(Vec::new());
            }
            rounds[number].push(span.path.clone());
        }
        rounds
    }
}

#[cfg(test)]
mod tests {
    use super::Log;

    #[test]
    fn a_request_belongs_behind_every_answer_that_it_could_have_seen() {
        let mut log = Log::default();
        let (a, b) = (log.began("a"), log.began("b"));
        log.answered(b);
        let c = log.began("c");
        log.answered(a);
        log.answered(c);
        log.began("d");
        assert_eq!(log.rounds(), [vec!["a", "b"], vec!["c"], vec!["d"]]);
    }
}
