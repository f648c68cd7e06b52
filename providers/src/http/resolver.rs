//! Name resolution that returns only permitted addresses.

use std::{fmt, io, net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::policy::Policy;

/// The name has an address that is not permitted.
#[derive(Debug, thiserror::Error)]
#[error("the name has an address that is not public")]
pub(super) struct RefusedAddress;

/// Finds the addresses of a name.
#[async_trait]
pub(super) trait Lookup: fmt::Debug + Send + Sync {
    /// All addresses of the name; their ports mean nothing.
    async fn lookup(&self, name: &str) -> io::Result<Vec<SocketAddr>>;
}

/// The system's resolver.
#[derive(Debug, Clone, Copy)]
pub(super) struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.collect())
    }
}

/// Resolves names and refuses those with a forbidden address, even if others are permitted.
/// The connection uses the returned addresses: there is no second look-up.
#[derive(Debug, Clone)]
pub(super) struct GuardedResolver {
    policy: Policy,
    lookup: Arc<dyn Lookup>,
}

impl GuardedResolver {
    /// A resolver with this policy.
    pub(super) fn new(policy: Policy, lookup: Arc<dyn Lookup>) -> Self {
        Self { policy, lookup }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { policy, lookup } = self.clone();
        Box::pin(async move {
            let found = lookup.lookup(name.as_str()).await?;
            if found.is_empty() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
            }
            if !policy.permits_all(name.as_str(), &found) {
                return Err(RefusedAddress.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
