//! Warm decisions against the echo, and how long it takes to begin.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::Lab;
use crate::client::Question;
use crate::report::median;
use crate::scene::Images;
use crate::server::Server;

const CONNECTIONS: usize = 16;
const MOST_SIGNED: f64 = 1.7;
const MOST_ATTESTED: f64 = 2.5;
const MOST_P99: f64 = 3.0;
const MOST_START: f64 = 300.0;
const STARTS: usize = 5;

/// One of a pair.
struct Run {
    /// Processor time for each question, in microseconds.
    cost: f64,
    /// Questions in a second.
    rate: f64,
}

pub(crate) fn start(lab: &mut Lab) -> Result<()> {
    let (policy, registries) = (lab.scene.policy(Images::Attested)?, lab.scene.registries()?);
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        let server = Server::webhook(&lab.webhook, &lab.certificate, &policy, &registries, &[])?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        drop(server);
    }
    lab.report
        .at_most("start to ready, ms", median(&times), MOST_START);
    Ok(())
}

pub(crate) fn signed(lab: &mut Lab) -> Result<()> {
    compare(lab, Images::Signed, MOST_SIGNED, true)
}

pub(crate) fn attested(lab: &mut Lab) -> Result<()> {
    compare(lab, Images::Attested, MOST_ATTESTED, false)
}

/// Pairs, in turns, so that what else the machine does touches both alike.
fn compare(lab: &mut Lab, images: Images, most: f64, with_latency: bool) -> Result<()> {
    println!("warm, {images:?}");
    let questions = lab.scene.questions(images)?;
    let policy = lab.scene.policy(images)?;
    let registries = lab.scene.registries()?;
    let echo = Server::echo(&lab.echo, &lab.certificate)?;
    let webhook = Server::webhook(&lab.webhook, &lab.certificate, &policy, &registries, &[])?;
    for server in [&echo, &webhook] {
        server.door.each(&questions, CONNECTIONS).all_allowed()?;
    }
    let time = lab.options.time;
    let (mut costs, mut slow) = (Vec::new(), Vec::new());
    for pair in 1..=lab.options.pairs {
        let own = flat_out(&webhook, &questions, time)?;
        let floor = flat_out(&echo, &questions, time)?;
        let ratio = own.cost / floor.cost;
        println!(
            "  pair {pair}: {:.1} µs of {:.1} µs for a review, {ratio:.2} times; {:.0} and {:.0} reviews a second",
            own.cost, floor.cost, own.rate, floor.rate
        );
        costs.push(ratio);
        if with_latency {
            let rate = floor.rate / 2.0;
            let own = paced(&webhook, &questions, rate, time)?;
            let floor = paced(&echo, &questions, rate, time)?;
            let times = own.as_secs_f64() / floor.as_secs_f64();
            println!(
                "  pair {pair}: p99 {own:.1?} and {floor:.1?} at {rate:.0} reviews a second, {times:.2} times"
            );
            slow.push(times);
        }
    }
    let left_out = webhook.metric("countersign_webhook_log_lines_left_out_total", "")?;
    let lines = webhook.log.lines.load(std::sync::atomic::Ordering::Relaxed);
    let bytes = webhook.log.bytes.load(std::sync::atomic::Ordering::Relaxed);
    println!(
        "  log: {lines} lines of {} bytes, {left_out} left out; memory {:.1} MB, {:.1} MB at most",
        bytes / lines.max(1),
        webhook.memory()?.0,
        webhook.memory()?.1
    );
    let what = format!("processor time of a warm review, {images:?}, times the echo's");
    lab.report.at_most(&what, median(&costs), most);
    let what = format!("log lines left out, {images:?}, in a hundred");
    lab.report
        .at_most(&what, 100.0 * left_out / (lines as f64 + left_out), 0.0);
    if with_latency {
        let what = "p99 at half of the echo's rate, times the echo's";
        lab.report.at_most(what, median(&slow), MOST_P99);
    }
    Ok(())
}

fn flat_out(server: &Server, questions: &[Question], time: Duration) -> Result<Run> {
    let (before, begun) = (server.processor_time()?, Instant::now());
    let answers = server.door.flat_out(questions, CONNECTIONS, time);
    let (spent, took) = (server.processor_time()? - before, begun.elapsed());
    answers.all_allowed()?;
    let number = answers.said.len() as f64;
    Ok(Run {
        cost: spent.as_secs_f64() * 1e6 / number,
        rate: number / took.as_secs_f64(),
    })
}

fn paced(server: &Server, questions: &[Question], rate: f64, time: Duration) -> Result<Duration> {
    // While the other of the pair was measured, what this one knew has gone old: lists are believed for seconds. What is measured is a server that is asked
    // all the time.
    server.door.each(questions, CONNECTIONS).all_allowed()?;
    let answers = server.door.paced(questions, 2 * CONNECTIONS, rate, time);
    answers.all_allowed()?;
    ensure!(!answers.said.is_empty());
    Ok(answers.percentile(99.0))
}
