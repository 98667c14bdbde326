//! Time on the clock and on the processor.

use std::time::{Duration, Instant};

/// How long something took.
#[allow(dead_code, reason = "not every bench reads both")]
pub(crate) struct Lap {
    /// On the clock.
    pub(crate) wall: Duration,
    /// On the processor, by the kernel's count (to about 4 ms), or on the clock where there is none.
    pub(crate) on_cpu: Duration,
}

/// Runs it once.
pub(crate) fn timed(work: impl FnOnce()) -> Lap {
    let before = on_cpu();
    let begun = Instant::now();
    work();
    let wall = begun.elapsed();
    let used = before.zip(on_cpu()).map(|(before, after)| after - before);
    Lap {
        wall,
        on_cpu: used.filter(|used| !used.is_zero()).unwrap_or(wall),
    }
}

fn on_cpu() -> Option<Duration> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = statistics.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

/// The middle value, the upper one of two; NaN of none.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
