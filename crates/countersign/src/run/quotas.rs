//! A run's question whether its tenant has any quota left.

use super::{Run, Stopped};
use crate::identity;
use crate::once::StorePolicy;
use crate::store::{DeliveryStore, Spend, SpendReply};
use crate::waiting::{told, within_quietly};

impl<S: DeliveryStore> Run<'_, S> {
    /// Asked once: of a call without a reply nobody knows whether it took its unit.
    pub(super) async fn may_go(&self) -> Result<(), Stopped> {
        let settings = &self.inner.settings;
        let Some(quotas) = &settings.quotas else {
            return Ok(());
        };
        let key = identity::quota_key(
            self.delivery.scheme(),
            &settings.namespace,
            &settings.endpoint,
            self.delivery.signed_account(),
            self.delivery.owner(),
        );
        let spend = Spend {
            key,
            quota: quotas.quota,
        };
        let ask = || quotas.store.spend(spend);
        match within_quietly(self.clock, settings.store_timeout, ask).await {
            Ok(SpendReply::Go) => Ok(()),
            Ok(SpendReply::Wait(wait)) => Err(Stopped::OverQuota(wait)),
            Err(error) => {
                self.inner.counters.quota_unavailable.add();
                told(&error, "spend", "trouble with the store of quotas");
                match settings.on_quota_failure {
                    StorePolicy::Run => Ok(()),
                    StorePolicy::Refuse => Err(Stopped::QuotaUnknown),
                }
            }
        }
    }
}
