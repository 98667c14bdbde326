//! Decisions about images that were never seen: processor time, requests to the registry, and the memory that stays.

use anyhow::Result;

use crate::Lab;
use crate::scene::Images;
use crate::server::Server;

const CONNECTIONS: usize = 8;
const LEAST_FOR_A_SECOND: f64 = 1500.0;
const MOST_REQUESTS: f64 = 4.0;
const MOST_MEGABYTES: f64 = 64.0;

pub(crate) fn run(lab: &mut Lab) -> Result<()> {
    println!("cold, {} images by key", lab.options.images);
    let questions = lab.scene.cold_questions(lab.options.images)?;
    let policy = lab.scene.policy(Images::Signed)?;
    let registries = lab.scene.registries()?;
    let webhook = Server::webhook(&lab.webhook, &lab.certificate, &policy, &registries, &[])?;
    let before = webhook.processor_time()?;
    let answers = webhook.door.each(&questions, CONNECTIONS);
    let spent = (webhook.processor_time()? - before).as_secs_f64();
    answers.all_allowed()?;
    let decisions = webhook.metric("countersign_webhook_decisions_total", "rule=\"signed\"")?;
    let requests = webhook.metric("countersign_webhook_registry_requests_total", "")?;
    println!(
        "  {} reviews, {decisions} decisions, {spent:.2} s, p50 {:.1?}, p99 {:.1?}; memory {:.1} MB",
        questions.len(),
        answers.percentile(50.0),
        answers.percentile(99.0),
        webhook.memory()?.0
    );
    lab.report.at_least(
        "cold decisions for each second of processor time",
        decisions / spent,
        LEAST_FOR_A_SECOND,
    );
    lab.report.at_most(
        "requests to the registry for each cold decision",
        requests / decisions,
        MOST_REQUESTS,
    );
    let mut left = lab.options.reviews.saturating_sub(questions.len());
    while left > 0 {
        let some = &questions[..questions.len().min(left)];
        webhook.door.each(some, 2 * CONNECTIONS).all_allowed()?;
        left -= some.len();
    }
    let (now, most) = webhook.memory()?;
    println!(
        "  memory {now:.1} MB, of which the program's own pages are {:.1}; {most:.1} MB at most",
        webhook.files()?
    );
    let what = format!(
        "memory after {} reviews over {} images, MB",
        lab.options.reviews, lab.options.images
    );
    lab.report.at_most(&what, now, MOST_MEGABYTES);
    Ok(())
}
