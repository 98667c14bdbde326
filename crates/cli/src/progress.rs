//! A line on the terminal while a check takes longer than a second.

use std::future::Future;
use std::io::{self, IsTerminal as _};
use std::time::Duration;

use crate::escape::escaped;
use crate::output::say;
use anstream::ColorChoice;

const PATIENCE: Duration = Duration::from_secs(1);
const ERASE_LINE: &str = "\r\u{1b}[2K";

/// Waits for `work`; after a second says on standard error what is waited for, and erases that at the end.
///
/// Pipes and log files see nothing of it.
pub(crate) async fn shown<T>(what: &str, work: impl Future<Output = T>) -> T {
    if !io::stderr().is_terminal() {
        return work.await;
    }
    let mut work = std::pin::pin!(work);
    let mut seconds = 0_u64;
    let result = loop {
        tokio::select! {
            biased;
            result = &mut work => break result,
            () = tokio::time::sleep(PATIENCE) => {
                seconds += 1;
                let line = format!("{ERASE_LINE}checking {} … {seconds} s", escaped(what, 60));
                say(&line, ColorChoice::AlwaysAnsi);
            }
        }
    };
    if seconds > 0 {
        say(ERASE_LINE, ColorChoice::AlwaysAnsi);
    }
    result
}
