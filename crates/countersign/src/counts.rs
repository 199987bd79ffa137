//! What has happened so far: a counter for each outcome of a run and for each trouble with the store.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// How often what has happened since the receiver was built.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counts {
            $($(#[$doc])+ pub $name: u64,)+
        }

        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)+
        }

        impl Counters {
            pub(crate) fn read(&self) -> Counts {
                Counts { $($name: self.$name.0.load(Ordering::Relaxed),)+ }
            }
        }
    };
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

counters! {
    /// Deliveries that were done and recorded so, or whose record was still on its way when the sender was answered.
    done,
    /// Deliveries of which the handler said that they have failed for good.
    failed,
    /// Deliveries that were given back: the handler did not answer 2xx.
    released,
    /// Deliveries that ran without the store: by choice, or because it did not answer and the policy is to run.
    unrecorded,
    /// Attempts that met a delivery that was done, those of the next two included.
    duplicates,
    /// Duplicates with the very signature of the attempt that was done.
    replays,
    /// Duplicates with the same id and another content.
    changed_bodies,
    /// Attempts that met a run that was going on.
    busy,
    /// Attempts that were over quota.
    over_quota,
    /// Attempts whose quota the store of quotas did not tell: they ran, or were refused, as the policy says.
    quota_unavailable,
    /// Attempts that found no free place for a run, or came after the receiver had begun to shut down.
    turned_away,
    /// Attempts that were answered before their run was finished.
    unfinished,
    /// Runs whose handler panicked.
    panicked,
    /// Runs that were ended because they took too long.
    overlong,
    /// Runs whose future was dropped before its end.
    dropped,
    /// Leases that had lapsed when their delivery was to be recorded or given back, or before their claim was heard to have got through.
    lost,
    /// Claims that the store had no room for.
    full,
    /// Attempts whose claim the store did not answer, repeated calls included.
    unavailable,
    /// Claims that were repeated because no reply came.
    claims_repeated,
    /// Records that did not reach the store before the sender was answered, and were to be tried again afterwards.
    settles_deferred,
    /// Records that did not reach the store before the lease ended, or before what was to bring them was dropped: these deliveries may run again.
    settles_failed,
    /// Deliveries that could not be given back: their lease has to lapse first.
    releases_failed,
    /// Leases that were extended.
    extended,
    /// Extensions that the store did not answer or refused.
    extensions_failed,
}
