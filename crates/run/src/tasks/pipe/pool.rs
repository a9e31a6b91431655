//! Things that go round: memory that was used once is used again, without the kernel clearing new pages for every block.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// What is not in use.
type Free<T> = Mutex<Vec<T>>;

/// Where things come from, and return to.
#[derive(Debug)]
pub(crate) struct Pool<T>(Arc<Free<T>>);

impl<T> Pool<T> {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    /// Returns one that was used before, or else what `make` makes.
    pub(super) fn take<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<Pooled<T>, E> {
        let used = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let thing = used.map_or_else(make, Ok)?;
        Ok(Pooled { thing: Some(thing), home: Arc::downgrade(&self.0) })
    }
}

impl<T> Clone for Pool<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Something that goes back to where it came from.
pub(crate) struct Pooled<T> {
    /// There is one up to the end.
    thing: Option<T>,
    home: Weak<Free<T>>,
}

impl<T> Deref for Pooled<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.thing.as_ref().expect("it is taken out only when this is dropped")
    }
}

impl<T> DerefMut for Pooled<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.thing.as_mut().expect("it is taken out only when this is dropped")
    }
}

impl<T> Drop for Pooled<T> {
    fn drop(&mut self) {
        if let (Some(home), Some(thing)) = (self.home.upgrade(), self.thing.take()) {
            home.lock().unwrap_or_else(PoisonError::into_inner).push(thing);
        }
    }
}

impl<T> fmt::Debug for Pooled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pooled")
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn what_was_used_is_used_again() {
        let pool = Pool::new();
        let take = |made: u32| pool.take(|| Ok::<_, Infallible>(made)).unwrap_or_else(|never| match never {});
        let first = take(1);
        assert_eq!((*first, *take(2)), (1, 2));
        drop(first);
        let mut again = take(3);
        assert_eq!((*again, *take(4)), (1, 2), "the last that came back is the first that goes");
        *again = 9;
        drop(again);
        assert_eq!(*take(5), 9);
        let last = take(6);
        drop(pool);
        assert_eq!(*last, 9, "a thing may outlive where it came from");
    }
}
