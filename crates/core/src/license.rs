//! Licences as expressions and families (spdx.dev, "SPDX License Expressions"), as tolerant as real SBOMs need.
//!
//! OR is a choice, AND and comma lists are all, ids count in any case. `AGPL-3.0`, `AGPL-3.0-only`, `AGPL-3.0-or-later` and `AGPL-3.0+`
//! are one family. What cannot be parsed is unknown, and the policy says what that means.

use std::collections::HashMap;
use std::sync::LazyLock;

use spdx::expression::ExprNode;
use spdx::{Expression, LicenseReq, ParseMode};

/// Longer texts are a licence's own words and no expression.
const MAX_BYTES: usize = 4096;

/// A licence of a policy: a family, with an exception or whatever exception.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Family {
    /// Lower-case, without what says whether later versions count.
    base: String,
    /// Lower-case.
    exception: Option<String>,
    written: String,
}

/// What a policy thinks of licences.
#[derive(Debug, Clone, Default)]
pub(crate) struct LicenseList {
    /// If there are any, no other is acceptable.
    pub(crate) allow: Vec<Family>,
    pub(crate) deny: Vec<Family>,
}

/// How the licence of a component comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LicenseVerdict {
    Accepted,
    /// It cannot be parsed, or nobody listed what it refers to.
    Unknown,
    Denied,
}

impl Family {
    /// Reads one licence: an id of SPDX's list in any case, or `LicenseRef-…`, with an exception (`WITH`) or without.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with the text.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let Some(expression) = parsed(text) else {
            return Err("is no licence that SPDX lists");
        };
        let mut nodes = expression.iter();
        match (nodes.next(), nodes.next()) {
            (Some(ExprNode::Req(req)), None) if !says_nothing(&req.req) => {
                let (base, exception) = family(&req.req);
                Ok(Self {
                    base,
                    exception,
                    written: text.to_owned(),
                })
            }
            (Some(ExprNode::Req(_)), None) => Err("says nothing about a licence"),
            _ => Err("is an expression of several licences, not one"),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.written
    }

    /// Whether a licence is of this family. A family without an exception has those with one too.
    fn has(&self, base: &str, exception: Option<&str>) -> bool {
        self.base == base
            && self
                .exception
                .as_deref()
                .is_none_or(|own| Some(own) == exception)
    }
}

impl LicenseList {
    /// Judges what an SBOM says in one text: an id, an expression, a list of them, or a name.
    pub(crate) fn judge(&self, text: &str) -> LicenseVerdict {
        let parts = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let verdicts = parts.map(|part| match parsed(part) {
            Some(expression) => self.expression(&expression),
            None => LicenseVerdict::Unknown,
        });
        verdicts.max().unwrap_or(LicenseVerdict::Unknown)
    }

    /// Denied if it would be denied whatever the unknown parts are; accepted if it would be accepted whatever they are.
    fn expression(&self, expression: &Expression) -> LicenseVerdict {
        let at_best = expression.evaluate(|req| self.one(req) != LicenseVerdict::Denied);
        let at_worst = expression.evaluate(|req| self.one(req) == LicenseVerdict::Accepted);
        match (at_best, at_worst) {
            (false, _) => LicenseVerdict::Denied,
            (true, true) => LicenseVerdict::Accepted,
            (true, false) => LicenseVerdict::Unknown,
        }
    }

    fn one(&self, req: &LicenseReq) -> LicenseVerdict {
        if says_nothing(req) {
            return LicenseVerdict::Unknown;
        }
        let (base, exception) = family(req);
        let is_in = |list: &[Family]| list.iter().any(|it| it.has(&base, exception.as_deref()));
        if is_in(&self.deny) {
            LicenseVerdict::Denied
        } else if exception.as_deref().is_some_and(is_own_addition) {
            // It may take away as well as add: only whoever names it accepts it.
            let is_named = |it: &Family| it.base == base && it.exception == exception;
            match self.allow.iter().any(is_named) {
                true => LicenseVerdict::Accepted,
                false => LicenseVerdict::Unknown,
            }
        } else if is_in(&self.allow) {
            LicenseVerdict::Accepted
        } else if req.license.id().is_none() {
            // A reference that only the document explains.
            LicenseVerdict::Unknown
        } else if self.allow.is_empty() {
            LicenseVerdict::Accepted
        } else {
            LicenseVerdict::Denied
        }
    }
}

/// The crate's list has SPDX's two words for no licence among the licences.
fn says_nothing(req: &LicenseReq) -> bool {
    let id = req.license.id();
    id.is_some_and(|id| matches!(id.name, "NONE" | "NOASSERTION"))
}

/// An addition that only the document explains, in place of an exception that SPDX lists.
fn is_own_addition(exception: &str) -> bool {
    exception.contains("additionref-")
}

/// Base and exception, lower-case.
fn family(req: &LicenseReq) -> (String, Option<String>) {
    let text = req.license.to_string().to_ascii_lowercase();
    let base = text.trim_end_matches('+');
    let base = base
        .strip_suffix("-only")
        .or_else(|| base.strip_suffix("-or-later"))
        .unwrap_or(base);
    // The GFDL says in its ids whether there are invariant sections.
    let base = base
        .strip_suffix("-no-invariants")
        .or_else(|| base.strip_suffix("-invariants"))
        .unwrap_or(base);
    let exception = req
        .addition
        .as_ref()
        .map(|it| it.to_string().to_ascii_lowercase());
    // Ids of old name the exception themselves: `GPL-2.0-with-classpath-exception`.
    match base.split_once("-with-") {
        Some((base, own)) => (base.to_owned(), exception.or_else(|| Some(own.to_owned()))),
        None => (base.to_owned(), exception),
    }
}

fn parsed(text: &str) -> Option<Expression> {
    const MODE: ParseMode = ParseMode {
        allow_slash_as_or_operator: false,
        allow_imprecise_license_names: false,
        allow_postfix_plus_on_gpl: true,
        allow_deprecated: true,
        allow_unknown: false,
    };
    if text.is_empty() || text.len() > MAX_BYTES {
        return None;
    }
    // Most are as SPDX writes them.
    Expression::parse_mode(text, MODE)
        .or_else(|_| Expression::parse_mode(&in_spdx_case(text), MODE))
        .ok()
}

/// Every word that is an id in another case, as SPDX's lists write it.
fn in_spdx_case(text: &str) -> String {
    static KNOWN: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
        let licenses = spdx::identifiers::LICENSES.iter().map(|it| it.name);
        let exceptions = spdx::identifiers::EXCEPTIONS.iter().map(|it| it.name);
        let all = licenses.chain(exceptions);
        all.map(|name| (name.to_ascii_lowercase(), name)).collect()
    });
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    let flush = |word: &mut String, out: &mut String| {
        let lower = word.to_ascii_lowercase();
        let bare = lower.trim_end_matches('+');
        match KNOWN.get(bare) {
            Some(name) => {
                out.push_str(name);
                out.push_str(lower.get(bare.len()..).unwrap_or_default());
            }
            None if matches!(bare, "and" | "or" | "with") => {
                out.push_str(&bare.to_ascii_uppercase())
            }
            None => out.push_str(word),
        }
        word.clear();
    };
    for it in text.chars() {
        if it.is_whitespace() || matches!(it, '(' | ')') {
            flush(&mut word, &mut out);
            out.push(it);
        } else {
            word.push(it);
        }
    }
    flush(&mut word, &mut out);
    out
}

/// For the fuzz target: whether it is one expression.
#[cfg(fuzzing)]
pub(crate) fn is_expression(text: &str) -> bool {
    parsed(text).is_some()
}

/// For the fuzz target: 0 accepted, 1 unknown, 2 denied.
#[cfg(fuzzing)]
pub(crate) fn judged(allow: &[&str], deny: &[&str], text: &str) -> Result<u8, &'static str> {
    let families = |texts: &[&str]| {
        texts
            .iter()
            .map(|it| Family::parse(it))
            .collect::<Result<Vec<_>, _>>()
    };
    let list = LicenseList {
        allow: families(allow)?,
        deny: families(deny)?,
    };
    Ok(match list.judge(text) {
        LicenseVerdict::Accepted => 0,
        LicenseVerdict::Unknown => 1,
        LicenseVerdict::Denied => 2,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Family, LicenseList, LicenseVerdict};
    use LicenseVerdict::{Accepted, Denied, Unknown};

    fn list(allow: &[&str], deny: &[&str]) -> LicenseList {
        let families = |texts: &[&str]| texts.iter().map(|it| Family::parse(it).unwrap()).collect();
        LicenseList {
            allow: families(allow),
            deny: families(deny),
        }
    }

    #[test]
    fn a_family_is_denied_in_all_its_spellings() {
        let deny = list(&[], &["AGPL-3.0"]);
        for (text, expected) in [
            ("AGPL-3.0", Denied),
            ("AGPL-3.0-only", Denied),
            ("AGPL-3.0-or-later", Denied),
            ("agpl-3.0-OR-LATER", Denied),
            ("AGPL-3.0+", Denied),
            ("AGPL-1.0-only", Accepted),
            ("GPL-3.0-only", Accepted),
            ("MIT", Accepted),
            ("mit", Accepted),
            ("MIT OR AGPL-3.0-only", Accepted),
            ("MIT AND AGPL-3.0-only", Denied),
            ("mit or (apache-2.0 and agpl-3.0-only)", Accepted),
            ("(MIT OR Apache-2.0) AND AGPL-3.0-only", Denied),
            ("MIT, Apache-2.0", Accepted),
            ("MIT, AGPL-3.0", Denied),
            ("The MIT License", Unknown),
            ("", Unknown),
            (",", Unknown),
            ("MIT AND", Unknown),
            ("NONE", Unknown),
            ("NOASSERTION", Unknown),
            ("noassertion", Unknown),
            ("MIT AND NOASSERTION", Unknown),
            ("MIT OR NOASSERTION", Accepted),
            ("AGPL-3.0-only OR NOASSERTION", Unknown),
            ("AGPL-3.0-only AND NOASSERTION", Denied),
            ("LicenseRef-own", Unknown),
            ("MIT OR LicenseRef-own", Accepted),
            ("MIT AND LicenseRef-own", Unknown),
            // Whatever it refers to, the other half is denied.
            ("AGPL-3.0-only AND LicenseRef-own", Denied),
            ("AGPL-3.0-only OR LicenseRef-own", Unknown),
            ("something unheard of, AGPL-3.0", Denied),
        ] {
            assert_eq!(deny.judge(text), expected, "{text}");
        }
    }

    /// Ids of old, and of the GFDL, are of the family that their beginning names.
    #[test]
    fn no_id_of_a_family_is_left_out() {
        let deny = list(&[], &["GPL-2.0", "GFDL-1.3"]);
        let mut seen = 0;
        for license in spdx::identifiers::LICENSES {
            let lower = license.name.to_ascii_lowercase();
            let is_of = |base: &str| {
                lower == base
                    || lower.starts_with(&format!("{base}-"))
                    || lower == format!("{base}+")
            };
            if is_of("gpl-2.0") || is_of("gfdl-1.3") {
                seen += 1;
                assert_eq!(deny.judge(license.name), Denied, "{}", license.name);
            }
        }
        assert!(seen > 10, "{seen}");
        let exception = list(&[], &["GPL-3.0"]);
        assert_eq!(
            exception.judge("GPL-2.0-with-classpath-exception"),
            Accepted
        );
    }

    #[test]
    fn an_addition_that_only_the_document_explains_is_unknown() {
        let allow = list(&["MIT"], &[]);
        assert_eq!(allow.judge("MIT WITH AdditionRef-commons-clause"), Unknown);
        let deny = list(&[], &["AGPL-3.0"]);
        assert_eq!(deny.judge("MIT WITH AdditionRef-commons-clause"), Unknown);
        assert_eq!(deny.judge("AGPL-3.0-only WITH AdditionRef-x"), Denied);
        let named = list(&["MIT WITH AdditionRef-own"], &[]);
        assert_eq!(named.judge("MIT WITH AdditionRef-own"), Accepted);
    }

    #[test]
    fn an_allowlist_denies_all_else() {
        let allow = list(
            &[
                "MIT",
                "Apache-2.0",
                "GPL-2.0 WITH Classpath-exception-2.0",
                "LicenseRef-own",
            ],
            &[],
        );
        for (text, expected) in [
            ("MIT", Accepted),
            ("BSD-3-Clause", Denied),
            ("BSD-3-Clause OR MIT", Accepted),
            ("GPL-2.0-only WITH Classpath-exception-2.0", Accepted),
            ("GPL-2.0-only", Denied),
            ("GPL-2.0-only WITH GCC-exception-2.0", Denied),
            ("LicenseRef-own", Accepted),
            ("LicenseRef-other", Unknown),
        ] {
            assert_eq!(allow.judge(text), expected, "{text}");
        }
        let both = list(&["MIT"], &["MIT"]);
        assert_eq!(both.judge("MIT"), Denied);
    }

    #[test]
    fn a_policy_names_one_licence_at_a_time() {
        for text in [
            "",
            "MIT OR Apache-2.0",
            "AGPL",
            "no licence",
            "MIT WITH nothing",
            "NONE",
            "NOASSERTION",
        ] {
            assert!(Family::parse(text).is_err(), "{text}");
        }
        assert_eq!(Family::parse("agpl-3.0").unwrap().as_str(), "agpl-3.0");
    }

    #[test]
    fn long_or_nested_texts_are_unknown_and_quick() {
        let deny = list(&[], &["AGPL-3.0"]);
        let nested = format!("{}MIT{}", "(".repeat(2000), ")".repeat(2000));
        assert_ne!(deny.judge(&nested), Denied);
        assert_eq!(deny.judge(&"MIT AND ".repeat(10_000)), Unknown);
    }
}
