//! Four times as much as can be judged: what can be judged still is, and everybody hears of it in time.

use std::time::Duration;

use anyhow::Result;

use crate::Lab;
use crate::client::Said;
use crate::report::median;
use crate::scene::Images;
use crate::server::Server;

const CONNECTIONS: usize = 16;
const TIMES: f64 = 4.0;
const LEAST_GOODPUT: f64 = 70.0;
/// The API server's time, less the half second of the answer's way.
const MOST_SECONDS: f64 = 9.5;
/// The API server has some hundreds of requests in flight.
const MANY: usize = 400;

pub(crate) fn run(lab: &mut Lab) -> Result<()> {
    println!("overload");
    let questions = lab.scene.questions(Images::Signed)?;
    let policy = lab.scene.policy(Images::Signed)?;
    let registries = lab.scene.registries()?;
    let webhook = Server::webhook(
        &lab.webhook,
        &lab.certificate,
        &policy,
        &registries,
        &["--most-reviews=64", "--most-waiting=64"],
    )?;
    webhook.door.each(&questions, CONNECTIONS).all_allowed()?;
    let time = lab.options.time.min(Duration::from_secs(20));
    let mut capacities = Vec::new();
    for _ in 0..3 {
        let answers = webhook.door.flat_out(&questions, CONNECTIONS, time);
        capacities.push(answers.count(Said::Allowed) as f64 / time.as_secs_f64());
    }
    let capacity = median(&capacities);
    let before = webhook.memory()?.0;
    let answers = webhook
        .door
        .pressed(&questions, MANY, TIMES * capacity, time);
    let goodput = answers.count(Said::Allowed) as f64 / time.as_secs_f64();
    let slowest = answers.said.iter().map(|(_, took)| *took).max();
    println!(
        "  {capacity:.0} reviews a second; at {TIMES} times that {goodput:.0} are judged, {} refused as overload, {} failed; memory {before:.1} MB before, {:.1} MB at most",
        answers.count(Said::Overloaded),
        answers.failed.len(),
        webhook.memory()?.1
    );
    lab.report.at_least(
        "goodput at four times the capacity, in a hundred of it",
        100.0 * goodput / capacity,
        LEAST_GOODPUT,
    );
    lab.report.at_most(
        "slowest answer under overload, s",
        slowest.unwrap_or(Duration::MAX).as_secs_f64(),
        MOST_SECONDS,
    );
    let wrong = answers.count(Said::Denied) + answers.count(Said::Unknown) + answers.failed.len();
    lab.report
        .at_most("answers under overload that are neither", wrong as f64, 0.0);
    Ok(())
}
