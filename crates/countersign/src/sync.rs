//! The locks and atomics of the memory store: the standard library's, or loom's where loom walks through their interleavings.
//!
//! `./check` sets `countersign_loom` for one test run of this crate; nothing else does.

#[cfg(not(all(test, countersign_loom)))]
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

#[cfg(all(test, countersign_loom))]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};
