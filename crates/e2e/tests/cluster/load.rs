//! People and controllers who ask all the time, through the real API server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use countersign_e2e::{Answer, pod};

use crate::scene::Lab;

/// Who asks at once.
const ASKERS: usize = 3;

/// What came of one question.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) begun: Instant,
    pub(crate) ended: Instant,
    pub(crate) is_signed: bool,
    pub(crate) answer: Answer,
}

impl Asked {
    /// By the webhook, what a policy says: the signed one may run, the other may not.
    pub(crate) fn is_right(&self) -> bool {
        match self.is_signed {
            true => self.answer.is_done(),
            false => {
                self.answer.status == 403 && self.answer.message().starts_with("admission webhook ")
            }
        }
    }
}

/// Dry runs of Pods with a signed and an unsigned image in turn, until it is stopped.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<Asked>>>,
    askers: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn begin(lab: &Arc<Lab>, namespace: &str) -> Self {
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let askers = (0..ASKERS).map(|number| {
            let (lab, stop, asked) = (Arc::clone(lab), Arc::clone(&stop), Arc::clone(&asked));
            let path = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
            thread::spawn(move || {
                let mut is_signed = number % 2 == 0;
                while !stop.load(Ordering::Relaxed) {
                    is_signed = !is_signed;
                    let image = if is_signed {
                        &lab.signed
                    } else {
                        &lab.unsigned
                    };
                    let begun = Instant::now();
                    let answer = lab.admin().create(&path, &pod("load", image)).unwrap();
                    let asked: &Mutex<Vec<Asked>> = &asked;
                    let mut all = asked.lock().unwrap_or_else(PoisonError::into_inner);
                    all.push(Asked {
                        begun,
                        ended: Instant::now(),
                        is_signed,
                        answer,
                    });
                    drop(all);
                    // The API server shall have time for others too: the machine is small.
                    thread::sleep(Duration::from_millis(5));
                }
            })
        });
        let askers = askers.collect();
        Self {
            stop,
            asked,
            askers,
        }
    }

    /// Waits until so many more questions are answered.
    pub(crate) fn more(&self, number: usize) {
        let count = || {
            self.asked
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .len()
        };
        let (before, begun) = (count(), Instant::now());
        while count() < before + number {
            assert!(
                self.askers.iter().all(|it| !it.is_finished())
                    && begun.elapsed() < Duration::from_secs(60),
                "nobody asks any more"
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it, and gives everything that was asked.
    pub(crate) fn end(self) -> Vec<Asked> {
        self.stop.store(true, Ordering::Relaxed);
        for asker in self.askers {
            asker.join().unwrap();
        }
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.clone()
    }
}
