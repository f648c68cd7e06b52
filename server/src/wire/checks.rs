//! The readiness checks of a process.

use atelier_foundation::database;
use atelier_ops::check::{Check, CheckFault};
use atelier_queue::Fault;

use super::Platform;

impl Platform {
    /// The readiness checks: whether the database and Redis accept writes, whether the database is
    /// migrated, and as a warning whether Redis may evict keys.
    #[must_use]
    pub fn checks(&self) -> Vec<Check> {
        let mut checks = vec![self.check_database(), self.check_migrations()];
        if self.settings.redis_url().is_some() {
            checks.push(self.check_redis());
            checks.push(self.check_eviction());
        }
        checks
    }

    fn check_database(&self) -> Check {
        let queue = self.queue.clone();
        Check::new("database", move || {
            let queue = queue.clone();
            async move { queue.database_fault().await.map_or(Ok(()), |fault| Err(to_check_fault(fault))) }
        })
    }

    fn check_migrations(&self) -> Check {
        let db = self.db.clone();
        Check::new("migrations", move || {
            let db = db.clone();
            async move {
                let pending = database::pending(&db).await.map_err(|error| {
                    let fault = CheckFault::new("UNKNOWN", "the migrations of the database cannot be read");
                    fault.with_details(error.to_string())
                })?;
                if pending.is_empty() {
                    return Ok(());
                }
                let fault = CheckFault::new("PENDING", "migrations are pending");
                Err(fault.with_details(pending.join(", ")))
            }
        })
    }

    fn check_redis(&self) -> Check {
        let queue = self.queue.clone();
        Check::new("redis", move || {
            let queue = queue.clone();
            async move { queue.transport_fault().await.map_or(Ok(()), |fault| Err(to_check_fault(fault))) }
        })
    }

    fn check_eviction(&self) -> Check {
        let transport = self.queue.transport().clone();
        Check::advisory("redis_eviction", move || {
            let transport = transport.clone();
            async move {
                match transport.eviction().await {
                    Ok(Some(eviction)) if eviction.is_risky() => {
                        let fault = CheckFault::new("MAY_EVICT", "it may drop keys when its memory is full");
                        Err(fault.with_details(eviction.to_string()))
                    }
                    _ => Ok(()),
                }
            }
        })
    }
}

const fn to_check_fault(fault: Fault) -> CheckFault {
    CheckFault::new(fault.code(), fault.cause())
}
