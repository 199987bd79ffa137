//! What is remembered for a while, by name: bounded, and what was not used for longest makes room.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

pub(super) struct Cache<V> {
    most: usize,
    entries: HashMap<Arc<str>, Entry<V>>,
    /// By when they were used last.
    order: BTreeMap<u64, Arc<str>>,
    next: u64,
}

struct Entry<V> {
    value: V,
    /// The moment from which on it is not used any more.
    until: Duration,
    used: u64,
}

impl<V> Cache<V> {
    /// For at most so many; it takes memory as it fills.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            entries: HashMap::new(),
            order: BTreeMap::new(),
            next: 0,
        }
    }

    pub(super) fn get(&mut self, name: &str, now: Duration) -> Option<&V> {
        let is_over = self.entries.get(name)?.until <= now;
        if is_over {
            self.remove(name);
            return None;
        }
        let number = self.number();
        let entry = self.entries.get_mut(name)?;
        if let Some(name) = self.order.remove(&entry.used) {
            self.order.insert(number, name);
        }
        entry.used = number;
        Some(&entry.value)
    }

    pub(super) fn put(&mut self, name: &Arc<str>, value: V, until: Duration) {
        if self.most == 0 {
            return;
        }
        self.remove(name);
        if self.entries.len() >= self.most
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.entries.remove(&oldest);
        }
        let used = self.number();
        self.order.insert(used, Arc::clone(name));
        let entry = Entry { value, until, used };
        self.entries.insert(Arc::clone(name), entry);
    }

    pub(super) fn remove(&mut self, name: &str) -> bool {
        let Some(entry) = self.entries.remove(name) else {
            return false;
        };
        self.order.remove(&entry.used);
        true
    }

    fn number(&mut self) -> u64 {
        let number = self.next;
        self.next = number.saturating_add(1);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(cache: &mut Cache<u32>, names: &[&str], now: u64) -> Vec<Option<u32>> {
        let now = Duration::from_nanos(now);
        let value = |name: &&str| cache.get(name, now).copied();
        names.iter().map(value).collect()
    }

    fn put(cache: &mut Cache<u32>, name: &str, value: u32, until: u64) {
        cache.put(&name.into(), value, Duration::from_nanos(until));
    }

    #[test]
    fn it_ends_at_its_moment() {
        let mut cache = Cache::new(2);
        put(&mut cache, "a", 1, 10);
        assert_eq!(held(&mut cache, &["a", "b"], 9), [Some(1), None]);
        assert_eq!(held(&mut cache, &["a"], 10), [None]);
        assert_eq!((cache.entries.len(), cache.order.len()), (0, 0));
        put(&mut cache, "a", 1, 10);
        put(&mut cache, "a", 2, 20);
        assert_eq!(held(&mut cache, &["a"], 19), [Some(2)]);
        assert_eq!((cache.entries.len(), cache.order.len()), (1, 1));
        assert!(cache.remove("a") && !cache.remove("a"));
        assert_eq!((cache.entries.len(), cache.order.len()), (0, 0));
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let mut cache = Cache::new(2);
        put(&mut cache, "a", 1, 10);
        put(&mut cache, "b", 2, 10);
        assert_eq!(held(&mut cache, &["a"], 0), [Some(1)]);
        put(&mut cache, "c", 3, 10);
        assert_eq!(
            held(&mut cache, &["a", "b", "c"], 0),
            [Some(1), None, Some(3)]
        );
        assert_eq!((cache.entries.len(), cache.order.len()), (2, 2));
        // One that is there already needs no room.
        put(&mut cache, "c", 4, 10);
        assert_eq!(held(&mut cache, &["a", "c"], 0), [Some(1), Some(4)]);
    }

    #[test]
    fn without_room_nothing_is_remembered() {
        let mut cache = Cache::new(0);
        put(&mut cache, "a", 1, 10);
        assert_eq!(held(&mut cache, &["a"], 0), [None]);
        assert_eq!((cache.entries.len(), cache.order.len()), (0, 0));
    }
}
