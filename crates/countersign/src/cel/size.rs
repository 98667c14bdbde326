//! How large values can be, for the count of what an evaluation can cost.

use serde_json::Value as Json;

/// Bytes that count like one node.
pub(super) const BYTES: u64 = 64;
/// Bytes like which every element counts: to copy it takes an allocation.
pub(super) const ELEMENT: u64 = 16;

/// How large a value can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Size {
    /// Bytes of text, and elements by [`ELEMENT`], all that is nested included.
    pub(super) all: u64,
    /// Elements of the longest list or object in it.
    pub(super) longest: u64,
}

impl Size {
    /// Of a scalar that is no text, and of the texts that variables have beside the predicate.
    pub(super) const SMALL: Self = Self {
        all: 4096,
        longest: 0,
    };

    /// Of JSON.
    pub(super) fn of(json: &Json) -> Self {
        let many = |count: usize, inner: &mut dyn Iterator<Item = Self>| {
            let empty = Self {
                all: ELEMENT,
                longest: count.try_into().unwrap_or(u64::MAX),
            };
            inner.fold(empty, Self::beside)
        };
        let text = |text: &str| Self {
            all: ELEMENT.saturating_add(text.len().try_into().unwrap_or(u64::MAX)),
            longest: 0,
        };
        match json {
            Json::Null | Json::Bool(_) | Json::Number(_) => Self {
                all: ELEMENT,
                longest: 0,
            },
            Json::String(value) => text(value),
            Json::Array(items) => many(items.len(), &mut items.iter().map(Self::of)),
            Json::Object(members) => many(
                members.len(),
                &mut members
                    .iter()
                    // A key is there twice: to be found, and to be walked through.
                    .map(|(key, value)| text(key).times(2).beside(Self::of(value))),
            ),
        }
    }

    /// Both in one value.
    pub(super) fn beside(self, other: Self) -> Self {
        Self {
            all: self.all.saturating_add(other.all),
            longest: self.longest.max(other.longest),
        }
    }

    /// Either of them.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            all: self.all.max(other.all),
            longest: self.longest.max(other.longest),
        }
    }

    pub(super) fn times(self, count: u64) -> Self {
        Self {
            all: self.all.saturating_mul(count),
            longest: self.longest,
        }
    }
}

/// What is known of a value before it is there: how large it can be, and, where it is a part of the predicate, which.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known<'j> {
    pub(super) size: Size,
    pub(super) json: Option<&'j Json>,
    /// It is a variable or a part of one. A part of anything else is copied out of it.
    pub(super) borrowed: bool,
}

impl From<Size> for Known<'_> {
    fn from(size: Size) -> Self {
        Self {
            size,
            ..Self::default()
        }
    }
}

impl<'j> From<&'j Json> for Known<'j> {
    fn from(json: &'j Json) -> Self {
        Self {
            size: Size::of(json),
            json: Some(json),
            borrowed: false,
        }
    }
}

impl<'j> Known<'j> {
    pub(super) fn borrowed_as(self, whole: Self) -> Self {
        Self {
            borrowed: whole.borrowed,
            ..self
        }
    }

    /// Steps to take a part out of it.
    pub(super) fn taken(self) -> u64 {
        if self.borrowed {
            0
        } else {
            self.size.all / BYTES
        }
    }

    /// A member; of what is not known, no more than the whole.
    pub(super) fn member(self, name: &str) -> Self {
        match self.json.and_then(|json| json.get(name)) {
            Some(member) => member.into(),
            None => self.size.into(),
        }
    }

    /// Any element.
    pub(super) fn element(self) -> Self {
        match self.json {
            Some(Json::Array(items)) => {
                let sizes = items.iter().map(Size::of);
                sizes.fold(Size::default(), Size::or).into()
            }
            // The loop walks through the keys.
            Some(Json::Object(members)) => {
                let longest = members.keys().map(String::len).max().unwrap_or(0);
                Size {
                    all: longest.try_into().unwrap_or(u64::MAX),
                    longest: 0,
                }
                .into()
            }
            _ => self.size.into(),
        }
    }

    /// How many elements a loop over it has at most.
    pub(super) fn count(self) -> u64 {
        let count = match self.json {
            Some(Json::Array(items)) => Some(items.len()),
            Some(Json::Object(members)) => Some(members.len()),
            _ => None,
        };
        count.map_or(self.size.longest, |count| {
            count.try_into().unwrap_or(u64::MAX)
        })
    }
}
