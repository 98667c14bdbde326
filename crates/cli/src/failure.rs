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

    /// Nobody can tell: something could not be read, written or asked.
    pub(crate) fn unknown(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Unknown,
            message: message.into(),
        }
    }

    /// The command line or the policy is wrong.
    pub(crate) fn misused(message: &str) -> Self {
        Self {
            exit: Exit::Misused,
            message: message.to_owned(),
        }
    }
}
