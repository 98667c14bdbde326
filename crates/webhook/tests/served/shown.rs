//! The dashboard and the alerts: they name only what `/metrics` has, and each alert has its section in the operations manual.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::{Path, PathBuf};

use promql_parser::parser::{Expr, VectorSelector, parse};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::Value;

use crate::program::{Program, client};
use crate::scene::review;
use crate::trust::Followed;

/// What whoever scrapes adds.
const OF_THE_SCRAPE: [&str; 3] = ["instance", "job", "le"];
const MANUAL: &str = "https://github.com/countersign-dev/countersign/blob/main/docs/operations.md#";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn alerts() -> Vec<Value> {
    let rules: Value =
        serde_saphyr::from_str(&read("deploy/prometheus/countersign.rules.yaml")).unwrap();
    let groups = rules["groups"].as_array().unwrap();
    let rules = groups.iter().flat_map(|it| it["rules"].as_array().unwrap());
    rules.cloned().collect()
}

/// The expressions of the dashboard, each with its legend.
fn targets() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana/countersign.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .flat_map(|it| it["targets"].as_array().unwrap());
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    targets
        .map(|it| {
            let expression = text(&it["expr"]).replace("$__rate_interval", "5m");
            (expression, text(&it["legendFormat"]))
        })
        .collect()
}

/// What an expression asks for.
#[derive(Default)]
struct Asked {
    /// Each metric with the labels by which it is chosen.
    metrics: Vec<(String, BTreeSet<String>)>,
    /// The labels by which it is put together.
    by: BTreeSet<String>,
}

impl Asked {
    fn of(expression: &str) -> Self {
        let parsed = parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
        let mut asked = Self::default();
        walk_expr(&mut asked, &parsed).unwrap();
        assert!(!asked.metrics.is_empty(), "{expression}");
        asked
    }

    fn selector(&mut self, selector: &VectorSelector) {
        let labels = selector.matchers.matchers.iter();
        let labels = labels.map(|matcher| matcher.name.clone()).collect();
        let name = selector.name.clone().expect("a metric is named");
        self.metrics.push((name, labels));
    }
}

impl ExprVisitor for Asked {
    type Error = Infallible;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, Infallible> {
        match expression {
            Expr::VectorSelector(selector) => self.selector(selector),
            Expr::MatrixSelector(selector) => self.selector(&selector.vs),
            Expr::Aggregate(aggregate) => {
                if let Some(by) = &aggregate.modifier {
                    self.by.extend(by.labels().labels.iter().cloned());
                }
            }
            _ => {}
        }
        Ok(true)
    }
}

/// Each metric that is there, with its labels.
fn there(metrics: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut there: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // Prometheus adds it to each target.
    there.insert("up".to_owned(), BTreeSet::new());
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap().to_owned();
        let labels = line
            .split_once('{')
            .and_then(|(_, rest)| rest.rsplit_once('}'));
        let labels = labels.map_or("", |(labels, _)| labels);
        let names = labels
            .split("\",")
            .filter_map(|label| label.split_once("=\""));
        there
            .entry(name)
            .or_default()
            .extend(names.map(|(name, _)| name.to_owned()));
    }
    there
}

/// The metrics of a program that has done some of everything.
async fn scraped() -> BTreeMap<String, BTreeSet<String>> {
    let followed = Followed::new();
    let program: Program = followed.program("3600");
    program.line(|line| line["event"] == "policies-in-force");
    let client = client(&followed.scene.authority, &program).build().unwrap();
    for image in [&followed.image, &followed.scene.unsigned] {
        program.ask(&client, "/validate", &review(&[image])).await;
    }
    let (_, metrics) = program.plain("/metrics").await;
    there(&metrics)
}

#[tokio::test]
async fn they_name_only_metrics_and_labels_that_are_there() {
    let there = scraped().await;
    let alerts = alerts();
    let of_alerts = alerts.iter().map(|alert| {
        let told = format!("{} {}", alert["annotations"], alert["labels"]);
        let told = told.split("$labels.").skip(1).map(|it| {
            let end = it.find(|it: char| !it.is_alphanumeric() && it != '_');
            it.split_at(end.unwrap()).0.to_owned()
        });
        let expression = alert["expr"].as_str().unwrap().to_owned();
        (expression, told.collect::<BTreeSet<_>>())
    });
    let of_targets = targets().into_iter().map(|(expression, legend)| {
        let told = legend.split("{{").skip(1);
        let told = told.map(|it| it.split_once("}}").unwrap().0.to_owned());
        (expression, told.collect())
    });
    let mut number = 0;
    for (expression, told) in of_alerts.chain(of_targets) {
        number += 1;
        let asked = Asked::of(&expression);
        let mut all = BTreeSet::new();
        for (metric, labels) in &asked.metrics {
            let own = there
                .get(metric)
                .unwrap_or_else(|| panic!("no {metric}: {expression}"));
            all.extend(own.iter().map(String::as_str).chain(OF_THE_SCRAPE));
            for label in labels {
                let is_there = own.contains(label) || OF_THE_SCRAPE.contains(&label.as_str());
                assert!(is_there, "{metric} has no {label}: {expression}");
            }
        }
        for label in &asked.by {
            assert!(all.contains(label.as_str()), "no {label}: {expression}");
        }
        for label in told {
            let is_kept = match asked.by.is_empty() {
                true => all.contains(label.as_str()),
                false => asked.by.contains(&label),
            };
            assert!(is_kept, "{label} is told and not kept: {expression}");
        }
    }
    assert!(number > 40, "{number}");
}

#[test]
fn every_alert_says_what_is_wrong_and_what_to_do() {
    let manual = read("docs/operations.md");
    let sections = manual.lines().filter_map(|line| line.strip_prefix("### "));
    let sections: BTreeSet<&str> = sections
        .filter(|name| name.starts_with("Countersign"))
        .collect();
    let alerts = alerts();
    let names: BTreeSet<&str> = alerts
        .iter()
        .map(|it| it["alert"].as_str().unwrap())
        .collect();
    assert_eq!(names, sections);
    assert_eq!(names.len(), alerts.len());
    for alert in &alerts {
        let name = alert["alert"].as_str().unwrap();
        let severity = alert["labels"]["severity"].as_str();
        assert!(matches!(severity, Some("warning" | "critical")), "{name}");
        let text = |field: &str| alert["annotations"][field].as_str().unwrap();
        assert!(
            text("summary").len() > 10 && text("description").len() > 20,
            "{name}"
        );
        assert_eq!(
            text("runbook_url"),
            format!("{MANUAL}{}", name.to_lowercase())
        );
        assert!(alert["for"].is_string(), "{name}");
    }
}
