//! What is remembered for a while, by name: bounded, and what was not used for longest makes room.

use std::hash::RandomState;
use std::sync::Arc;
use std::time::Duration;

use lru::LruCache;

pub(super) struct Cache<V> {
    most: usize,
    /// Bounded by us, for a bound of its own would take all of its memory at once.
    entries: LruCache<Arc<str>, Entry<V>, RandomState>,
}

struct Entry<V> {
    value: V,
    /// The moment from which on it is not used any more.
    until: Duration,
}

impl<V> Cache<V> {
    /// For at most so many; it takes memory as it fills.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            // Strangers choose the names, whatever features somebody else's `lru` has.
            entries: LruCache::unbounded_with_hasher(RandomState::new()),
        }
    }

    pub(super) fn get(&mut self, name: &str, now: Duration) -> Option<&V> {
        let is_over = self.entries.peek(name)?.until <= now;
        if is_over {
            self.remove(name);
            return None;
        }
        self.entries.get(name).map(|entry| &entry.value)
    }

    pub(super) fn put(&mut self, name: &Arc<str>, value: V, until: Duration) {
        if self.most == 0 {
            return;
        }
        if self.entries.len() >= self.most && !self.entries.contains(&**name) {
            self.entries.pop_lru();
        }
        self.entries.put(Arc::clone(name), Entry { value, until });
    }

    pub(super) fn remove(&mut self, name: &str) -> bool {
        self.entries.pop(name).is_some()
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
        assert_eq!(cache.entries.len(), 0);
        put(&mut cache, "a", 1, 10);
        put(&mut cache, "a", 2, 20);
        assert_eq!(held(&mut cache, &["a"], 19), [Some(2)]);
        assert_eq!(cache.entries.len(), 1);
        assert!(cache.remove("a") && !cache.remove("a"));
        assert_eq!(cache.entries.len(), 0);
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
        assert_eq!(cache.entries.len(), 2);
        // One that is there already needs no room.
        put(&mut cache, "c", 4, 10);
        assert_eq!(held(&mut cache, &["a", "c"], 0), [Some(1), Some(4)]);
    }

    #[test]
    fn without_room_nothing_is_remembered() {
        let mut cache = Cache::new(0);
        put(&mut cache, "a", 1, 10);
        assert_eq!(held(&mut cache, &["a"], 0), [None]);
        assert_eq!(cache.entries.len(), 0);
    }
}
