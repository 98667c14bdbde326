//! For which resources a rule is: of all that can be said, namespaces are what policies here know.
//!
//! Leaving out a part of `match` makes the policy judge more; leaving out a part of `exclude` too.

use super::super::model::Namespaces;
use super::super::node::Node;
use super::super::report::Log;

/// What a filter says beside namespaces, which makes it match less.
const NARROWER: [&str; 6] = [
    "names",
    "name",
    "annotations",
    "selector",
    "operations",
    "kinds",
];

/// The namespaces of a rule.
pub(super) fn namespaces(rule: &Node<'_>, own: Option<&str>, log: &mut Log<'_>) -> Namespaces {
    let mut namespaces = Namespaces::default();
    if let Some(matched) = rule.get("match") {
        self::matched(&matched, &mut namespaces, log);
    }
    if let Some(own) = own {
        // A namespaced policy is for its own namespace, whatever its rules say.
        namespaces.names = vec![own.to_owned()];
        namespaces.labels.clear();
    }
    if let Some(excluded) = rule.get("exclude") {
        let kinds = rule.get("match").map(|it| kinds(&it)).unwrap_or_default();
        self::excluded(&excluded, &kinds, &mut namespaces, log);
    }
    namespaces
}

/// The filters of `match` or `exclude`, and whether one of them is enough.
fn filters<'a>(node: &Node<'a>) -> (Vec<Node<'a>>, bool) {
    let any = node.list("any");
    if !any.is_empty() {
        return (any, true);
    }
    let all = node.list("all");
    if all.is_empty() {
        (vec![node.clone()], true)
    } else {
        let one = all.len() == 1;
        (all, one)
    }
}

fn kinds(node: &Node<'_>) -> Vec<String> {
    let (filters, _) = filters(node);
    let lists = filters.iter().filter_map(|it| it.get("resources"));
    let mut kinds: Vec<String> = lists
        .flat_map(|it| it.list("kinds"))
        .filter_map(|it| it.text().map(str::to_owned))
        .collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

fn matched(node: &Node<'_>, namespaces: &mut Namespaces, log: &mut Log<'_>) {
    let (filters, any) = filters(node);
    let mut names = Vec::new();
    let mut labels = None;
    let mut everywhere = !any;
    for filter in &filters {
        let resources = filter.get("resources");
        let listed: Vec<String> = resources.as_ref().map(patterns).unwrap_or_default();
        let selected = resources
            .as_ref()
            .and_then(|it| it.get("namespaceSelector"));
        let selected = selected.as_ref().and_then(match_labels);
        match (listed.is_empty(), selected, filters.len()) {
            (false, _, _) => names.extend(listed),
            (true, Some(found), 1) => labels = Some(found),
            _ => everywhere = true,
        }
    }
    if !everywhere {
        names.dedup();
        namespaces.names = names;
        namespaces.labels = labels.unwrap_or_default();
    }
    let is_plain = *namespaces == Namespaces::default();
    let only_pods = kinds(node).iter().all(|kind| kind == "Pod");
    let says_more = filters.iter().any(|filter| {
        let others = filter
            .fields()
            .into_iter()
            .any(|(name, _)| !matches!(name, "resources" | "any" | "all"));
        others
            || filter.get("resources").is_some_and(|it| {
                it.fields()
                    .into_iter()
                    .any(|(name, _)| name != "kinds" && name != "namespaces")
            })
    });
    if is_plain && only_pods && !says_more {
        log.carried(node, "the Policy is for every workload");
    } else if is_plain {
        log.stricter(
            node,
            "kinds, names, labels and users are not looked at: the Policy is for all of them",
        );
    } else {
        log.stricter(
            node,
            "Policy.namespaces; kinds, names, labels and users are not looked at",
        );
    }
}

fn excluded(node: &Node<'_>, matched: &[String], namespaces: &mut Namespaces, log: &mut Log<'_>) {
    let (filters, any) = filters(node);
    let mut left_out = Vec::new();
    let mut whole = any;
    for filter in &filters {
        let resources = filter.get("resources");
        let listed = resources.as_ref().map(patterns).unwrap_or_default();
        let says = |name: &str| resources.as_ref().is_some_and(|it| it.get(name).is_some());
        let own = kinds(filter);
        let same_kinds = own.is_empty() || own == matched;
        let narrower = NARROWER
            .iter()
            .filter(|it| **it != "kinds")
            .any(|it| says(it));
        let others = filter
            .fields()
            .into_iter()
            .any(|(name, _)| !matches!(name, "resources" | "any" | "all"));
        if any
            && !listed.is_empty()
            && same_kinds
            && !narrower
            && !others
            && !says("namespaceSelector")
        {
            left_out.extend(listed);
        } else {
            whole = false;
        }
    }
    left_out.dedup();
    if whole {
        log.carried(node, "Policy.namespaces.notNames");
    } else {
        log.stricter(
            node,
            "only whole namespaces can be left out; whatever else it excludes is judged too",
        );
    }
    namespaces.not_names = left_out;
}

/// The namespaces that a filter names, none if one of them cannot be said here.
fn patterns(resources: &Node<'_>) -> Vec<String> {
    let listed = resources.list("namespaces");
    let good = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || "-*".contains(it))
    };
    let texts: Option<Vec<String>> = listed
        .iter()
        .map(|it| it.text().filter(|text| good(text)).map(str::to_owned))
        .collect();
    texts.unwrap_or_default()
}

/// The labels of a selector that has nothing else.
fn match_labels(selector: &Node<'_>) -> Option<Vec<(String, String)>> {
    if selector.get("matchExpressions").is_some() {
        return None;
    }
    let labels = selector.get("matchLabels")?.fields();
    let text = |node: &Node<'_>| {
        node.text()
            .filter(|it| !it.contains(['*', '?']))
            .map(str::to_owned)
    };
    let all: Option<Vec<_>> = labels
        .iter()
        .map(|(name, node)| Some(((*name).to_owned(), text(node)?)))
        .collect();
    all.filter(|it| !it.is_empty())
}
