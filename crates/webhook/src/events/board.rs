//! What is to be told, until it is written: bounded, the same once, and no more of it than an allowance lets through.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::Subject;

/// What is remembered, in all and of one namespace. An entry has about 2 KiB.
const MOST: usize = 1024;
const MOST_OF_NAMESPACE: usize = 64;
/// Events of one namespace: at once, and how long it takes until one more may be written.
const NAMESPACE: Allowance = Allowance {
    most: 20,
    each: Duration::from_secs(10),
};
/// Of all namespaces together. The API server forgets an Event after an hour, so at most 3,650 are stored.
const ALL: Allowance = Allowance {
    most: 50,
    each: Duration::from_secs(1),
};
/// A count is written again after this.
const SERIES: Duration = Duration::from_secs(60);
/// After this what happens again is another Event: the API server has forgotten the one before.
const WINDOW: Duration = Duration::from_secs(50 * 60);
/// What could not be written is tried again after this, so many times in all.
const RETRY: Duration = Duration::from_secs(30);
const TRIES: u32 = 3;

/// What makes two things to tell the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) subject: Subject,
    pub(crate) reason: &'static str,
    pub(crate) policy: String,
}

/// What is to be written next.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) key: Key,
    pub(crate) message: String,
    pub(crate) first: SystemTime,
    pub(crate) last: SystemTime,
    /// How often it has happened since `first`.
    pub(crate) count: u32,
    /// The Event that tells of it already.
    pub(crate) written: Option<String>,
}

/// Everything that is to be told, and what was told lately.
pub(crate) struct Board {
    entries: BTreeMap<Key, Entry>,
    namespaces: BTreeMap<String, Bucket>,
    all: Bucket,
}

struct Entry {
    message: String,
    first: SystemTime,
    last: SystemTime,
    count: u32,
    /// How much of `count` is written, and as which Event.
    told: u32,
    name: Option<String>,
    not_before: SystemTime,
    failures: u32,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            all: Bucket::full(ALL, SystemTime::UNIX_EPOCH),
        }
    }
}

impl Board {
    /// Whether there was room.
    pub(crate) fn add(&mut self, key: Key, message: String, now: SystemTime) -> bool {
        if let Some(entry) = self.entries.get_mut(&key)
            && !entry.is_over(now)
        {
            entry.count = entry.count.saturating_add(1);
            entry.last = now;
            return true;
        }
        self.entries.remove(&key);
        let namespace = key.subject.namespace.clone();
        let of_namespace = |key: &Key| key.subject.namespace == namespace;
        if !self.has_room(MOST_OF_NAMESPACE, of_namespace) || !self.has_room(MOST, |_| true) {
            return false;
        }
        let entry = Entry {
            message,
            first: now,
            last: now,
            count: 1,
            told: 0,
            name: None,
            not_before: now,
            failures: 0,
        };
        self.entries.insert(key, entry);
        true
    }

    /// Room for one more among these; the oldest that is told already gives way.
    fn has_room(&mut self, most: usize, among: impl Fn(&Key) -> bool) -> bool {
        let own = self.entries.iter().filter(|(key, _)| among(key));
        if own.clone().count() < most {
            return true;
        }
        let told = own.filter(|(_, entry)| entry.is_told());
        let oldest = told.min_by_key(|(_, entry)| entry.last);
        let Some(key) = oldest.map(|(key, _)| key.clone()) else {
            return false;
        };
        self.entries.remove(&key);
        true
    }

    /// The oldest of what may be written now.
    pub(crate) fn next(&mut self, now: SystemTime) -> Option<Post> {
        self.entries
            .retain(|_, entry| !(entry.is_told() && entry.is_over(now)));
        self.namespaces.retain(|_, bucket| !bucket.is_full(now));
        let mut due: Vec<(&Key, &Entry)> = self
            .entries
            .iter()
            .filter(|(_, entry)| !entry.is_told() && entry.not_before <= now)
            .collect();
        due.sort_by_key(|(_, entry)| entry.last);
        for (key, entry) in due {
            let namespace = &key.subject.namespace;
            let bucket = self
                .namespaces
                .entry(namespace.clone())
                .or_insert_with(|| Bucket::full(NAMESPACE, now));
            if !bucket.has_one(now) {
                continue;
            }
            if !self.all.has_one(now) {
                return None;
            }
            bucket.take();
            self.all.take();
            return Some(Post {
                key: key.clone(),
                message: entry.message.clone(),
                first: entry.first,
                last: entry.last,
                count: entry.count,
                written: entry.name.clone(),
            });
        }
        None
    }

    /// So much is written, as the Event of this name.
    pub(crate) fn written(&mut self, key: &Key, name: String, count: u32, now: SystemTime) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.told = count;
            entry.name = Some(name);
            entry.not_before = now + SERIES;
            entry.failures = 0;
        }
    }

    /// It could not be written: later again, or not at all.
    pub(crate) fn failed(&mut self, key: &Key, now: SystemTime) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        entry.failures += 1;
        entry.not_before = now + RETRY;
        if entry.failures >= TRIES {
            self.give_up(key);
        }
    }

    /// It is not to be written.
    pub(crate) fn give_up(&mut self, key: &Key) {
        self.entries.remove(key);
    }
}

impl Entry {
    const fn is_told(&self) -> bool {
        self.told == self.count
    }

    fn is_over(&self, now: SystemTime) -> bool {
        since(self.first, now) >= WINDOW
    }
}

/// How many at once, and how long until one more.
#[derive(Clone, Copy)]
struct Allowance {
    most: u32,
    each: Duration,
}

/// An allowance that is used and grows again.
struct Bucket {
    of: Allowance,
    left: u32,
    /// When the last one grew.
    grown: SystemTime,
}

impl Bucket {
    const fn full(of: Allowance, now: SystemTime) -> Self {
        Self {
            of,
            left: of.most,
            grown: now,
        }
    }

    fn grow(&mut self, now: SystemTime) {
        let grown = since(self.grown, now).as_millis() / self.of.each.as_millis();
        let grown = u32::try_from(grown).unwrap_or(u32::MAX);
        if grown >= self.of.most - self.left {
            self.left = self.of.most;
            self.grown = now;
        } else {
            self.left += grown;
            self.grown += self.of.each * grown;
        }
    }

    fn has_one(&mut self, now: SystemTime) -> bool {
        self.grow(now);
        self.left > 0
    }

    fn is_full(&mut self, now: SystemTime) -> bool {
        self.grow(now);
        self.left == self.of.most
    }

    const fn take(&mut self) {
        self.left = self.left.saturating_sub(1);
    }
}

/// No time, where the clock was set back.
fn since(then: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000 + seconds)
    }

    fn key(namespace: &str, name: &str) -> Key {
        Key {
            subject: Subject {
                namespace: namespace.to_owned(),
                api_version: "apps/v1".to_owned(),
                kind: "ReplicaSet".to_owned(),
                name: name.to_owned(),
                uid: Some("u".to_owned()),
            },
            reason: "ImageDenied",
            policy: "p".to_owned(),
        }
    }

    fn add(board: &mut Board, key: &Key, now: SystemTime) -> bool {
        board.add(key.clone(), "why".to_owned(), now)
    }

    /// Writes everything that may be written now.
    fn write_all(board: &mut Board, now: SystemTime) -> Vec<Post> {
        let mut all = Vec::new();
        while let Some(post) = board.next(now) {
            board.written(&post.key, post.key.subject.name.clone(), post.count, now);
            all.push(post);
        }
        all
    }

    #[test]
    fn the_same_of_the_same_is_one_event_whose_count_is_written_once_a_minute() {
        let mut board = Board::default();
        let key = key("shop", "web");
        assert!(add(&mut board, &key, at(0)));
        let [first] = &write_all(&mut board, at(1))[..] else {
            panic!("one")
        };
        assert_eq!((first.count, &first.written), (1, &None));
        for second in 2..60 {
            assert!(add(&mut board, &key, at(second)));
            assert!(write_all(&mut board, at(second)).is_empty());
        }
        let [again] = &write_all(&mut board, at(61))[..] else {
            panic!("one")
        };
        assert_eq!((again.count, again.last), (59, at(59)));
        assert_eq!(again.written.as_deref(), Some("web"));
        // Nothing happened since.
        assert!(write_all(&mut board, at(1000)).is_empty());
        // When the API server has forgotten it, it is another.
        assert!(add(&mut board, &key, at(50 * 60)));
        let [other] = &write_all(&mut board, at(50 * 60))[..] else {
            panic!("one")
        };
        assert_eq!((other.count, &other.written), (1, &None));
    }

    #[test]
    fn a_namespace_that_floods_has_its_own_allowance_and_takes_nobody_elses() {
        let mut board = Board::default();
        let taken = (0..1000)
            .filter(|number| add(&mut board, &key("loud", &format!("a{number}")), at(0)))
            .count();
        assert_eq!(taken, MOST_OF_NAMESPACE);
        assert!(add(&mut board, &key("quiet", "web"), at(1)));
        let written = write_all(&mut board, at(1));
        let loud = |post: &&Post| post.key.subject.namespace == "loud";
        assert_eq!(written.iter().filter(loud).count(), 20);
        assert_eq!(written.len(), 21);
        // One more every ten seconds, and no more, however long one waits between.
        assert!(write_all(&mut board, at(10)).is_empty());
        assert_eq!(write_all(&mut board, at(11)).len(), 1);
        assert_eq!(write_all(&mut board, at(41)).len(), 3);
        // What is told gives way to what is new.
        assert!(add(&mut board, &key("loud", "new"), at(42)));
    }

    #[test]
    fn all_namespaces_together_have_an_allowance_and_a_bound() {
        let mut board = Board::default();
        let taken = (0..5000)
            .filter(|number| {
                let namespace = format!("n{}", number / 10);
                add(&mut board, &key(&namespace, &format!("a{number}")), at(0))
            })
            .count();
        assert_eq!(taken, MOST);
        assert_eq!(write_all(&mut board, at(0)).len(), 50);
        assert_eq!(write_all(&mut board, at(5)).len(), 5);
        assert!(board.namespaces.len() <= MOST && board.entries.len() <= MOST);
    }

    #[test]
    fn what_cannot_be_written_is_tried_a_few_times_and_forgotten() {
        let mut board = Board::default();
        let key = key("shop", "web");
        add(&mut board, &key, at(0));
        for round in 0..3 {
            let now = at(round * 30);
            let post = board.next(now).unwrap();
            board.failed(&post.key, now);
            assert!(board.next(now).is_none());
        }
        assert!(board.next(at(1000)).is_none() && board.entries.is_empty());
    }

    #[test]
    fn a_clock_that_is_set_back_neither_fills_nor_panics() {
        let mut board = Board::default();
        for number in 0..30 {
            add(&mut board, &key("shop", &format!("a{number}")), at(1000));
        }
        assert_eq!(write_all(&mut board, at(1000)).len(), 20);
        assert!(add(&mut board, &key("shop", "b"), at(0)));
        assert!(write_all(&mut board, at(0)).is_empty());
    }
}
