//! What several tests of a binary use at the same time.

use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A value that is made when the first test needs it, and gone with the last that does: a `static` is never dropped, and processes would outlive the tests.
#[derive(Debug)]
pub struct Shared<T>(Mutex<Weak<T>>);

impl<T> Shared<T> {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    /// The value, which `make` makes where there is none. Others wait for it meanwhile.
    ///
    /// # Errors
    /// Those of `make`; the next test tries again.
    pub fn get<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = shared.upgrade() {
            return Ok(there);
        }
        let made = Arc::new(make()?);
        *shared = Arc::downgrade(&made);
        Ok(made)
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_for_all_and_again_when_they_are_gone() {
        let shared = Shared::new();
        assert_eq!(shared.get(|| Err::<u8, _>("not now")), Err("not now"));
        let first = shared.get(|| Ok::<u8, ()>(1));
        let second = shared.get(|| Ok::<u8, ()>(2));
        assert_eq!((first.as_deref(), second.as_deref()), (Ok(&1), Ok(&1)));
        drop((first, second));
        assert_eq!(shared.get(|| Ok::<u8, ()>(3)).as_deref(), Ok(&3));
    }
}
