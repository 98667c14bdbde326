//! Why a run ends before there is a result.

use crate::exit::Exit;
use crate::output::complain;

/// A message for the operator, and the exit code that goes with it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl Failure {
    /// Tells the operator.
    pub(crate) fn told(self) -> Exit {
        complain(&self.message);
        self.exit
    }

    /// The command line or the policy is wrong.
    pub(crate) fn misused(message: &str) -> Self {
        Self {
            exit: Exit::Misused,
            message: message.to_owned(),
        }
    }
}
