//! `docs/operations.md` is what happens: its commands run, from the installation to the end, with real `kubectl` and `helm` against a real API server.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod page;
mod world;

use std::fs;
use std::time::{Duration, Instant};

use countersign_e2e::workspace;
use page::{Step, steps};
use world::World;

/// For how long a command is repeated that changes nothing: what one before it has changed arrives in its own time.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many blocks may need what no test has.
const MOST_NOT_RUN: usize = 4;

/// The manual.
fn page() -> String {
    fs::read_to_string(workspace().join("docs/operations.md")).unwrap()
}

#[test]
fn the_commands_of_the_manual_do_what_it_says() {
    let Some(world) = World::start() else { return };
    world.has_namespace("shop");
    let commands = follow(&world, "docs/operations.md", &page());
    assert!(commands > 40, "{commands} commands");
}

#[test]
fn the_readme_leads_from_nothing_to_a_refused_pod_in_five_commands() {
    let Some(world) = World::start() else { return };
    let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
    let (_, section) = readme.split_once("\n## In a cluster\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let not_run = steps(section);
    let not_run = not_run.iter().filter(|step| matches!(step, Step::NotRun));
    assert_eq!(follow(&world, "README.md", section) + not_run.count(), 5);
}

/// Runs the commands of a page, and gives how many they are.
fn follow(world: &World, name: &str, page: &str) -> usize {
    let mut commands = 0;
    for step in steps(page) {
        match step {
            Step::File { name, text } => world.write(&name, &text),
            Step::Command(command) => {
                commands += 1;
                let begun = Instant::now();
                let wrong = loop {
                    let said = world.run(&command.line);
                    match command.differs(&said) {
                        None => break None,
                        Some(_) if command.changes_nothing() && begun.elapsed() < PATIENCE => {
                            std::thread::sleep(Duration::from_millis(300));
                        }
                        Some(wrong) => {
                            break Some(format!("{wrong}\n{}{}", said.stdout, said.stderr));
                        }
                    }
                };
                assert_eq!(wrong, None, "{name}: $ {}", command.line);
            }
            Step::NotRun => {}
        }
    }
    commands
}

#[test]
fn few_blocks_cannot_run_and_say_what_they_need() {
    let steps = steps(&page());
    let not_run = steps.iter().filter(|step| matches!(step, Step::NotRun));
    let not_run = not_run.count();
    assert!(not_run <= MOST_NOT_RUN, "{not_run} blocks are not run");
    let marks = page().matches("\n*Needs ").count();
    assert_eq!(
        marks, not_run,
        "each block that is not run says above it what it needs"
    );
}

/// Rules of `deploy/prometheus` link to them.
#[test]
fn every_alert_has_a_section() {
    let page = page();
    for alert in [
        "Down",
        "NotReady",
        "PolicyReloadFailing",
        "PolicyStale",
        "CertificateExpiring",
        "TrustRootExpiring",
        "RegistryErrors",
        "Overloaded",
        "BreakGlassUsed",
        "UnknownDecisions",
        "DeadlineNear",
        "LogLinesLost",
        "LatencyHigh",
    ] {
        let heading = format!("\n### Countersign{alert}\n");
        assert_eq!(page.matches(&heading).count(), 1, "{heading}");
    }
}
