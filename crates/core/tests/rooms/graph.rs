//! The dependencies of `cargo metadata`, by crate name.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

/// Which crate uses which, for what is shipped: normal and build dependencies. Two versions of a crate are one node,
/// so that more is reached rather than less.
pub(crate) struct Graph {
    edges: BTreeMap<String, BTreeSet<String>>,
    members: BTreeSet<String>,
    private: BTreeSet<String>,
}

impl Graph {
    pub(crate) fn new(metadata: &Value) -> Self {
        let names: BTreeMap<&str, &str> = list(&metadata["packages"])
            .map(|package| (text(&package["id"]), text(&package["name"])))
            .collect();
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in list(&metadata["resolve"]["nodes"]) {
            let used = edges
                .entry(names[text(&node["id"])].to_owned())
                .or_default();
            let shipped = list(&node["deps"]).filter(|dependency| {
                list(&dependency["dep_kinds"]).any(|kind| kind["kind"] != "dev")
            });
            used.extend(shipped.map(|dependency| names[text(&dependency["pkg"])].to_owned()));
        }
        let is_private = |package: &&Value| package["publish"] == Value::Array(Vec::new());
        Self {
            edges,
            members: list(&metadata["workspace_members"])
                .map(|id| names[text(id)].to_owned())
                .collect(),
            private: list(&metadata["packages"])
                .filter(is_private)
                .map(|package| text(&package["name"]).to_owned())
                .collect(),
        }
    }

    pub(crate) fn members(&self) -> Vec<&str> {
        self.members.iter().map(String::as_str).collect()
    }

    pub(crate) fn is_member(&self, name: &str) -> bool {
        self.members.contains(name)
    }

    pub(crate) fn published(&self) -> impl Iterator<Item = &str> {
        self.members.difference(&self.private).map(String::as_str)
    }

    /// What `name` uses directly.
    pub(crate) fn uses(&self, name: &str) -> BTreeSet<&str> {
        let used = self
            .edges
            .get(name)
            .unwrap_or_else(|| panic!("no crate {name}"));
        used.iter().map(String::as_str).collect()
    }

    /// Whether `from` reaches `user`, which uses `used` directly.
    pub(crate) fn edge(&self, from: &str, user: &str, used: &str) -> bool {
        let reaches_user = self.reached(from).contains_key(user);
        reaches_user && self.edges[user].contains(used)
    }

    /// All that `name` reaches, each with a shortest path that begins with `name`.
    pub(crate) fn reached<'a>(&'a self, name: &'a str) -> BTreeMap<&'a str, Vec<&'a str>> {
        let mut paths = BTreeMap::from([(name, vec![name])]);
        let mut queue = VecDeque::from([name]);
        while let Some(user) = queue.pop_front() {
            for used in self.uses(user) {
                if !paths.contains_key(used) {
                    let path = [paths[user].as_slice(), &[used]].concat();
                    paths.insert(used, path);
                    queue.push_back(used);
                }
            }
        }
        paths.remove(name);
        paths
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap().iter()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
