//! Values that must not be seen.

use zeroize::{Zeroize, Zeroizing};

/// A value that cannot be printed and is wiped from memory when it is dropped.
///
/// It has neither `Debug` nor `Display`, so that it cannot reach a log or an error by accident.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes the value into custody.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value, for the one call that needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}
