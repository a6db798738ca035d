//! The elements of a set in a typed model.

use std::slice::{Iter, IterMut};

/// Elements without an order.
///
/// Two that look the same are both kept, as Terraform keeps them while they are not wholly known: they may yet turn
/// out to differ. Where they do not, they are one in the value that is made of the set.
#[derive(Debug, Clone)]
pub struct Set<T>(Vec<T>);

impl<T> Set<T> {
    /// A set without elements.
    pub fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds an element.
    pub fn insert(&mut self, element: T) {
        self.0.push(element);
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The elements.
    pub fn iter(&self) -> Iter<'_, T> {
        self.0.iter()
    }

    /// The elements, to be changed.
    pub fn iter_mut(&mut self) -> IterMut<'_, T> {
        self.0.iter_mut()
    }
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Equal in any order.
impl<T: PartialEq> PartialEq for Set<T> {
    fn eq(&self, other: &Self) -> bool {
        let mut unpaired: Vec<&T> = other.iter().collect();
        self.len() == other.len()
            && self.iter().all(|element| {
                let position = unpaired.iter().position(|other| *other == element);
                position.map(|it| unpaired.swap_remove(it)).is_some()
            })
    }
}

impl<T: Eq> Eq for Set<T> {}

impl<T> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Self(elements.into_iter().collect())
    }
}

impl<T> IntoIterator for Set<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Set<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T> IntoIterator for &'a mut Set<T> {
    type Item = &'a mut T;
    type IntoIter = IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_equal_in_any_order_and_count_what_looks_the_same() {
        let set = |elements: &[i64]| elements.iter().copied().collect::<Set<_>>();
        assert_eq!(set(&[1, 2, 2]), set(&[2, 1, 2]));
        assert_ne!(set(&[1, 2, 2]), set(&[1, 1, 2]));
        assert_ne!(set(&[1]), set(&[1, 1]));
    }
}
