//! Label selectors, over labels of which not all need be known.

use std::collections::BTreeMap;

use countersign_core::printable;
use serde::Deserialize;

/// Whether something is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holds {
    No,
    /// It depends on what the input does not say.
    Perhaps,
    Yes,
}

impl Holds {
    /// Both.
    pub(super) fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// Either.
    pub(super) fn or(self, other: Self) -> Self {
        self.max(other)
    }

    pub(super) const fn is_possible(self) -> bool {
        !matches!(self, Self::No)
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Perhaps => "perhaps",
            Self::Yes => "yes",
        }
    }
}

impl From<bool> for Holds {
    fn from(is_so: bool) -> Self {
        match is_so {
            true => Self::Yes,
            false => Self::No,
        }
    }
}

/// Labels of an object.
#[derive(Debug, Clone)]
pub(super) struct Labels {
    /// Those that are known.
    pub(super) known: BTreeMap<String, String>,
    /// Whether there are no others.
    pub(super) are_all: bool,
}

/// A `LabelSelector` of Kubernetes (`meta/v1`). An empty one takes everything.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct Selector {
    match_labels: Option<BTreeMap<String, String>>,
    match_expressions: Option<Vec<Expression>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expression {
    key: String,
    operator: Operator,
    #[serde(default)]
    values: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

impl Selector {
    /// Whether it takes something with these labels.
    pub(super) fn takes(&self, labels: &Labels) -> Holds {
        let equal = self.match_labels.iter().flatten().map(|(key, value)| {
            let is_it = |it: Option<&String>| it == Some(value);
            labels.hold(key, is_it)
        });
        let expressions = self.match_expressions.iter().flatten();
        let compared = expressions.map(|it| labels.hold(&it.key, |value| it.takes(value)));
        equal.chain(compared).fold(Holds::Yes, Holds::and)
    }

    /// Whether nothing is asked of labels.
    pub(super) fn is_empty(&self) -> bool {
        self.keys().next().is_none()
    }

    /// The labels that it asks for.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let equal = self.match_labels.iter().flatten().map(|(key, _)| key);
        let compared = self.match_expressions.iter().flatten().map(|it| &it.key);
        equal.chain(compared).map(String::as_str)
    }

    /// As `kubectl` writes it: `app=web,tier in (a, b),!gone`.
    pub(super) fn text(&self) -> String {
        let equal = self.match_labels.iter().flatten();
        let mut parts: Vec<String> = equal.map(|(key, value)| format!("{key}={value}")).collect();
        parts.extend(self.match_expressions.iter().flatten().map(|it| {
            let values = it.values.iter().flatten().cloned().collect::<Vec<_>>();
            let (key, values) = (&it.key, values.join(", "));
            match it.operator {
                Operator::In => format!("{key} in ({values})"),
                Operator::NotIn => format!("{key} notin ({values})"),
                Operator::Exists => key.clone(),
                Operator::DoesNotExist => format!("!{key}"),
            }
        }));
        printable(&parts.join(","))
    }
}

impl Expression {
    fn takes(&self, value: Option<&String>) -> bool {
        let is_listed = || {
            let values = self.values.as_deref().unwrap_or_default();
            value.is_some_and(|value| values.contains(value))
        };
        match self.operator {
            Operator::In => is_listed(),
            Operator::NotIn => !is_listed(),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

impl Labels {
    /// Whether this holds of the label's value, which is none where there is no such label.
    fn hold(&self, key: &str, is_so: impl Fn(Option<&String>) -> bool) -> Holds {
        match self.known.get(key) {
            None if !self.are_all => Holds::Perhaps,
            value => is_so(value).into(),
        }
    }
}
