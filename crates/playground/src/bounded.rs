//! A map that forgets its oldest entry when it is full, so that long tests do not grow.

use std::collections::{HashMap, VecDeque};

/// By key; the oldest goes first.
pub(crate) struct Bounded<V> {
    most: usize,
    map: HashMap<String, V>,
    order: VecDeque<String>,
}

impl<V> Bounded<V> {
    /// An empty map of at most `most` entries.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, map: HashMap::new(), order: VecDeque::new() }
    }

    /// Keeps `value`. Keys are fresh random values or their digests: none comes twice.
    pub(crate) fn insert(&mut self, key: String, value: V) {
        // Removed entries leave their key in the order; it is dropped when it comes to the front.
        while self.order.len() >= self.most {
            if let Some(oldest) = self.order.pop_front() {
                self.map.remove(&oldest);
            }
        }
        self.order.push_back(key.clone());
        self.map.insert(key, value);
    }

    pub(crate) fn get(&self, key: &str) -> Option<&V> {
        self.map.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        self.map.get_mut(key)
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<V> {
        self.map.remove(key)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.map.values_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_when_it_is_full() {
        let mut map = Bounded::new(2);
        for key in ["a", "b", "c"] {
            map.insert(key.to_owned(), ());
        }
        assert_eq!(map.get("a"), None);
        assert!(map.get("b").is_some() && map.get("c").is_some());
        assert_eq!((map.map.len(), map.order.len()), (2, 2));
    }
}
