//! A long time under everything at once: warm and cold questions, policies that change for good and for bad, new certificates, a registry that fails.
//!
//! Memory has to stay what it was, and every answer that is no allow has to be explained by a fault of the registry.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::Lab;
use crate::client::{Answers, Question, Said};
use crate::proxy::Fault;
use crate::report::median;
use crate::scene::Images;
use crate::server::Server;

const RATE: f64 = 150.0;
const CONNECTIONS: usize = 16;
/// Images beside the named ones, asked about in turn.
const IMAGES: usize = 600;
/// One slice of the load: what was asked in it is held against what was wrong with the registry then.
const SLICE: Duration = Duration::from_secs(5);
/// Of so many slices the first few have a fault.
const CYCLE: usize = 12;
const FAULTY: usize = 2;
/// A registry that failed is asked again after a while: what is answered until then is explained by the fault too.
const AFTER: usize = 4;
const MOST_GROWTH: f64 = 1.1;
/// The API server waits 10 s; half a second is for the way.
const MOST_SECONDS: f64 = 9.5;

/// What was seen in one slice.
struct Slice {
    answers: Answers,
    fault: Fault,
    is_explained: bool,
    memory: f64,
}

pub(crate) fn run(lab: &mut Lab, time: Duration) -> Result<()> {
    println!("soak, {:.1} minutes", time.as_secs_f64() / 60.0);
    let mut questions = lab.scene.questions(Images::Signed)?;
    questions.extend(lab.scene.cold_questions(IMAGES.min(lab.options.images))?);
    let policy = lab.scene.policy(Images::Signed)?;
    let registries = lab.scene.registries()?;
    let mut webhook = Server::webhook(
        &lab.webhook,
        &lab.certificate,
        &policy,
        &registries,
        &["--reload-interval=1", "--timeout=5"],
    )?;
    let good = fs::read_to_string(policy.join("policy.yaml"))?;
    let slices = usize::try_from(time.as_secs() / SLICE.as_secs())?.max(CYCLE);
    let mut seen: Vec<Slice> = Vec::new();
    for number in 0..slices {
        let at = number % CYCLE;
        let fault = match at < FAULTY && number >= CYCLE {
            true => Fault::ALL[number / CYCLE % Fault::ALL.len()],
            false => Fault::None,
        };
        lab.scene.proxy.as_ref().context("no proxy")?.set(fault);
        let is_explained = number >= CYCLE && at < FAULTY + AFTER;
        let changes = Changes {
            policy: &policy,
            good: &good,
            number,
        };
        let answers = under_load(&webhook, &questions, number, &changes)?;
        if number % 4 == 3 {
            lab.certificate.renew()?;
            webhook.wait_for_certificate(&lab.certificate)?;
        }
        let memory = webhook.memory()?.0;
        println!(
            "  {:4} s: {} allowed, {} unknown, {} overloaded, {} denied, {} failed, {fault:?}; {memory:.1} MB",
            (number + 1) * 5,
            answers.count(Said::Allowed),
            answers.count(Said::Unknown),
            answers.count(Said::Overloaded),
            answers.count(Said::Denied),
            answers.failed.len()
        );
        seen.push(Slice {
            answers,
            fault,
            is_explained,
            memory,
        });
    }
    judge(lab, &webhook, &seen)
}

/// What happens to the policies while questions are asked.
struct Changes<'a> {
    policy: &'a Path,
    good: &'a str,
    number: usize,
}

impl Changes<'_> {
    /// In turn: another good set, a broken one, the first again.
    fn make(&self) -> Result<()> {
        let text = match self.number % 3 {
            0 => format!("# {}\n{}", self.number, self.good),
            1 => format!("{}\nnonsense: [", self.good),
            _ => self.good.to_owned(),
        };
        let new = self.policy.join(".new");
        fs::write(&new, text)?;
        Ok(fs::rename(&new, self.policy.join("policy.yaml"))?)
    }
}

fn under_load(
    webhook: &Server,
    questions: &[Question],
    number: usize,
    changes: &Changes<'_>,
) -> Result<Answers> {
    let changed = Mutex::new(Ok(()));
    let mut turned = questions.to_vec();
    let asked = (number as f64 * RATE * SLICE.as_secs_f64()) as usize;
    turned.rotate_left(asked % questions.len());
    let answers = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(SLICE / 2);
            if let Ok(mut changed) = changed.lock() {
                *changed = changes.make();
            }
        });
        webhook.door.pressed(&turned, CONNECTIONS, RATE, SLICE)
    });
    changed.into_inner().unwrap_or_else(|it| it.into_inner())?;
    Ok(answers)
}

fn judge(lab: &mut Lab, webhook: &Server, seen: &[Slice]) -> Result<()> {
    let count = |wanted: Said, explained: bool| {
        let slices = seen.iter().filter(|it| it.is_explained == explained);
        slices.map(|it| it.answers.count(wanted)).sum::<usize>()
    };
    let all: usize = seen.iter().map(|it| it.answers.said.len()).sum();
    let slowest = seen.iter().flat_map(|it| &it.answers.said);
    let slowest = slowest.map(|(_, took)| took.as_secs_f64());
    let faults = seen.iter().filter(|it| it.fault != Fault::None).count();
    println!(
        "  {all} answers, {} slices with a fault; unknown while or after one: {}; policy sets in force {}, refused {}",
        faults,
        count(Said::Unknown, true),
        webhook.metric("countersign_webhook_policy_generation", "")?,
        webhook.metric("countersign_webhook_policy_reloads_refused_total", "")?,
    );
    let unexplained = seen.iter().filter(|it| !it.is_explained);
    for untold in unexplained
        .filter_map(|it| it.answers.untold.as_ref())
        .take(5)
    {
        println!("  unknown: {untold}");
    }
    let failures: Vec<&String> = seen.iter().flat_map(|it| &it.answers.failed).collect();
    for failure in failures.iter().take(5) {
        println!("  failed: {failure}");
    }
    let strange = webhook.log.strange.lock().map(|it| it.clone());
    let strange: Vec<String> = strange
        .unwrap_or_default()
        .into_iter()
        .filter(|line| !EXPECTED.iter().any(|known| line.contains(known)))
        .collect();
    for line in strange.iter().take(5) {
        println!("  log: {line}");
    }
    let wrong = count(Said::Unknown, false)
        + count(Said::Denied, false)
        + count(Said::Denied, true)
        + count(Said::Overloaded, false)
        + count(Said::Overloaded, true)
        + failures.len()
        + strange.len();
    let report = &mut lab.report;
    report.at_most("errors that nothing explains", wrong as f64, 0.0);
    report.at_most(
        "slowest answer, s",
        slowest.fold(0.0, f64::max),
        MOST_SECONDS,
    );
    report.at_least(
        "policy sets in force",
        webhook.metric("countersign_webhook_policy_generation", "")?,
        2.0,
    );
    // Minute 3 and minute 10 of ten, and the same parts of less.
    let tenth = seen.len().div_ceil(10);
    let part = |from: usize| {
        let memory: Vec<f64> = seen[from..from + tenth]
            .iter()
            .map(|it| it.memory)
            .collect();
        median(&memory)
    };
    let (third, last) = (part(seen.len() * 2 / 10), part(seen.len() - tenth));
    println!("  memory {third:.1} MB in minute 3 of 10, {last:.1} MB in minute 10");
    report.at_most(
        "memory at the end, times that after three tenths",
        last / third,
        MOST_GROWTH,
    );
    Ok(())
}

/// What the soak itself does, as the log tells it.
const EXPECTED: [&str; 2] = [
    "\"event\":\"policies-refused\"",
    "\"event\":\"policies-mended\"",
];
