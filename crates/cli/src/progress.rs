//! Waiting: the runtime, and a line on the terminal while a check takes longer than a second.

use std::future::Future;
use std::io::{self, IsTerminal as _};
use std::time::Duration;

use anstream::ColorChoice;

use crate::escape::escaped;
use crate::failure::Failure;
use crate::output::say;

const PATIENCE: Duration = Duration::from_secs(1);
const ERASE_LINE: &str = "\r\u{1b}[2K";

/// The runtime for everything that is asked of a network.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::unknown(format!("no runtime: {error}")))
}

/// Waits for `work`; after a second says on standard error what is waited for, and erases that at the end.
///
/// Pipes and log files see nothing of it.
pub(crate) async fn shown<T>(what: &str, work: impl Future<Output = T>) -> T {
    let line = || format!("checking {}", escaped(what, 60));
    shown_as(line, work).await
}

/// The same, with a line that changes. What others wrote in it is escaped.
pub(crate) async fn shown_as<T>(line: impl Fn() -> String, work: impl Future<Output = T>) -> T {
    if io::stderr().is_terminal() {
        told(line, work, |text| say(text, ColorChoice::AlwaysAnsi)).await
    } else {
        work.await
    }
}

async fn told<T>(
    line: impl Fn() -> String,
    work: impl Future<Output = T>,
    mut tell: impl FnMut(&str),
) -> T {
    let mut work = std::pin::pin!(work);
    let mut seconds = 0_u64;
    loop {
        tokio::select! {
            biased;
            result = &mut work => {
                if seconds > 0 {
                    tell(ERASE_LINE);
                }
                return result;
            }
            () = tokio::time::sleep(PATIENCE) => {
                seconds += 1;
                tell(&format!("{ERASE_LINE}{} … {seconds} s", line()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(milliseconds: u64) -> Vec<String> {
        let mut lines = Vec::new();
        let work = tokio::time::sleep(Duration::from_millis(milliseconds));
        let line = || format!("checking {}", escaped("app:v1\u{1b}[2J", 60));
        told(line, work, |text| lines.push(text.to_owned())).await;
        lines
    }

    #[tokio::test(start_paused = true)]
    async fn a_quick_check_says_nothing_and_a_slow_one_cleans_up() {
        assert_eq!(lines(900).await, Vec::<String>::new());
        let line = |seconds| format!("\r\u{1b}[2Kchecking app:v1\\u{{1b}}[2J … {seconds} s");
        assert_eq!(
            lines(2500).await,
            [line(1), line(2), "\r\u{1b}[2K".to_owned()]
        );
    }
}
