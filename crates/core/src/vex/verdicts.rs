//! Which findings verified VEX says away: the newest word on a vulnerability in a product counts, by the proven time of its
//! document and, within one document, by the time that stands at the assertion.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{About, Assertion, MOST_ASSERTIONS, Status, read};
use crate::package::Purl;
use crate::policy::authorize::Author;
use crate::{Digest, UnixTime};

/// Comparisons of an assertion with a finding, of all scans together: beyond them nothing is subtracted any more.
const MOST_COMPARISONS: usize = 5_000_000;

/// One verified document, for a Signer whose it is.
pub(crate) struct Document<'a> {
    /// Which Signer of the rule's `vex.from`.
    pub(crate) signer: usize,
    pub(crate) author: Author,
    /// The proven time.
    pub(crate) at: UnixTime,
    pub(crate) predicate_type: &'a str,
    pub(crate) json: &'a [u8],
}

/// The names of a vulnerability, in upper case, and the package that it is in.
type Question = (BTreeSet<String>, Option<String>);

/// How the newest word says a finding away, or why it does not. Nothing if nobody says anything.
type Answer = Option<Result<String, String>>;

/// Every assertion about one image of the documents that count.
pub(crate) struct Verdicts {
    image: Digest,
    threshold: usize,
    words: Vec<Word>,
    /// By the vulnerability's name, in upper case.
    by_name: BTreeMap<String, Vec<usize>>,
    /// What could not be read, and until when it takes the word of everything older.
    blind: Vec<(UnixTime, String)>,
    /// Answers that were given: scans of one image find the same things again and again.
    given: RefCell<HashMap<Question, Answer>>,
    budget: Cell<usize>,
}

struct Word {
    signer: usize,
    author: Author,
    at: UnixTime,
    assertion: Assertion,
}

impl Word {
    const fn order(&self) -> (UnixTime, Option<UnixTime>) {
        (self.at, self.assertion.stated)
    }
}

impl Verdicts {
    /// Reads all documents. One that cannot be read might have said that a finding counts after all, so it outweighs every older one.
    pub(crate) fn of<'a>(
        image: Digest,
        threshold: usize,
        documents: impl IntoIterator<Item = Document<'a>>,
    ) -> Self {
        let mut all = Self {
            image,
            threshold,
            words: Vec::new(),
            by_name: BTreeMap::new(),
            blind: Vec::new(),
            given: RefCell::default(),
            budget: Cell::new(MOST_COMPARISONS),
        };
        for document in documents {
            match read(document.predicate_type, document.json) {
                Ok(assertions) => all.add(&document, assertions),
                Err(why) => all.blind.push((document.at, why)),
            }
        }
        all
    }

    fn add(&mut self, document: &Document<'_>, assertions: Vec<Assertion>) {
        if self.words.len() + assertions.len() > MOST_ASSERTIONS {
            let why = format!("more than {MOST_ASSERTIONS} assertions");
            self.blind.push((document.at, why));
            return;
        }
        for assertion in assertions {
            let index = self.words.len();
            let names: BTreeSet<String> = assertion
                .names
                .iter()
                .map(|name| name.to_ascii_uppercase())
                .collect();
            for name in names {
                self.by_name.entry(name).or_default().push(index);
            }
            self.words.push(Word {
                signer: document.signer,
                author: document.author.clone(),
                at: document.at,
                assertion,
            });
        }
    }

    /// What could not be read, in words.
    pub(crate) fn unread(&self) -> impl Iterator<Item = &str> {
        self.blind.iter().map(|(_, why)| why.as_str())
    }

    /// The newest word on a vulnerability, by any of its names, in a package (its package URL, where one is known) of the image.
    pub(crate) fn on(&self, names: &[&str], package: Option<&str>) -> Answer {
        let names: BTreeSet<String> = names
            .iter()
            .map(|name| name.to_ascii_uppercase())
            .filter(|name| self.by_name.contains_key(name))
            .collect();
        // Nobody speaks of most of what is found.
        if names.is_empty() {
            return None;
        }
        let key = (names, package.map(str::to_owned));
        if let Some(answer) = self.given.borrow().get(&key) {
            return answer.clone();
        }
        let answer = self.decide(&key.0, package.and_then(|it| Purl::parse(it).ok()).as_ref());
        self.given.borrow_mut().insert(key, answer.clone());
        answer
    }

    fn decide(&self, names: &BTreeSet<String>, package: Option<&Purl>) -> Answer {
        let words = names.iter().filter_map(|name| self.by_name.get(name));
        let indexes: BTreeSet<usize> = words.flatten().copied().collect();
        let mut about: Vec<&Word> = Vec::new();
        for word in indexes.iter().filter_map(|index| self.words.get(*index)) {
            let cost = match &word.assertion.about {
                About::Subject => 1,
                About::Products(products) => {
                    1 + products.iter().map(|it| 1 + it.parts.len()).sum::<usize>()
                }
            };
            let Some(left) = self.budget.get().checked_sub(cost) else {
                return Some(Err("too much VEX to compare".to_owned()));
            };
            self.budget.set(left);
            let holds = match &word.assertion.about {
                About::Subject => true,
                About::Products(products) => {
                    products.iter().any(|it| it.holds(&self.image, package))
                }
            };
            if holds {
                about.push(word);
            }
        }
        let newest = newest(about.iter().copied())?;
        if !newest.assertion.status.subtracts() {
            return Some(Err(status(&newest.assertion.status)));
        }
        if self.blind.iter().any(|(at, _)| *at >= newest.at) {
            return Some(Err("a newer document cannot be read".to_owned()));
        }
        let agree = self.agreeing(&about);
        if agree < self.threshold {
            let why = format!(
                "{} by {agree} of {}",
                status(&newest.assertion.status),
                self.threshold
            );
            return Some(Err(why));
        }
        Some(Ok(status(&newest.assertion.status)))
    }

    /// How many Signers have a newest word that says it away, each by another key or identity.
    fn agreeing(&self, about: &[&Word]) -> usize {
        let signers: BTreeSet<usize> = about.iter().map(|word| word.signer).collect();
        let newest_of = |signer: usize| {
            let own = about
                .iter()
                .copied()
                .filter(move |word| word.signer == signer);
            newest(own).filter(|word| word.assertion.status.subtracts())
        };
        let authors: BTreeSet<&Author> = signers
            .into_iter()
            .filter_map(newest_of)
            .map(|word| &word.author)
            .collect();
        authors.len()
    }
}

/// The newest; of several that are equally new, one that lets the finding count.
fn newest<'w>(words: impl Iterator<Item = &'w Word>) -> Option<&'w Word> {
    words.max_by_key(|word| (word.order(), !word.assertion.status.subtracts()))
}

fn status(status: &Status) -> String {
    match status {
        Status::Fixed => "fixed".to_owned(),
        Status::NotAffected(why) => format!("not_affected ({why})"),
        Status::Counts(word) => word.clone(),
    }
}
