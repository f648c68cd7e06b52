//! Readiness checks.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

type Run = dyn Fn() -> BoxFuture<'static, Result<(), CheckFault>> + Send + Sync;

/// Why a check failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckFault {
    /// Stable, `UPPER_SNAKE`.
    pub code: &'static str,
    /// A few words that may be public: no hosts, users or secrets.
    pub cause: &'static str,
    /// For the log only.
    pub details: String,
}

impl CheckFault {
    /// A fault without details.
    #[must_use]
    pub const fn new(code: &'static str, cause: &'static str) -> Self {
        Self { code, cause, details: String::new() }
    }

    /// The same fault with details for the log.
    #[must_use]
    pub fn with_details(self, details: impl Into<String>) -> Self {
        Self { details: details.into(), ..self }
    }
}

/// Checks one dependency of this process.
#[derive(Clone)]
pub struct Check {
    name: &'static str,
    run: Arc<Run>,
    is_advisory: bool,
}

impl Check {
    /// A check with the name that `/readyz` shows. `/readyz` is public: it shows the code
    /// and the cause of a fault; the details go to the log.
    pub fn new<F>(name: &'static str, run: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), CheckFault>> + Send + 'static,
    {
        Self { name, run: Arc::new(move || Box::pin(run())), is_advisory: false }
    }

    /// A check of a dependency that this process can do without: where it fails, `/readyz`
    /// shows a warning and the process stays ready.
    pub fn advisory<F>(name: &'static str, run: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), CheckFault>> + Send + 'static,
    {
        Self { is_advisory: true, ..Self::new(name, run) }
    }

    /// Runs the check in bounded time. None where it passes.
    pub(crate) async fn fault(&self, limit: Duration) -> Option<CheckFault> {
        let outcome = tokio::time::timeout(limit, (self.run)()).await;
        let fault = match outcome {
            Ok(Ok(())) => return None,
            Ok(Err(fault)) => fault,
            Err(_) => CheckFault::new("NO_ANSWER", "it does not answer in time"),
        };
        let CheckFault { code, cause, details } = &fault;
        if self.is_advisory {
            tracing::debug!(check = self.name, code, cause, details, "an advisory check failed");
        } else {
            tracing::warn!(
                check = self.name,
                code,
                cause,
                details,
                "a check failed: the process is not ready"
            );
        }
        Some(fault)
    }

    /// The name that `/readyz` shows.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the process is ready although the check fails.
    pub(crate) const fn is_advisory(&self) -> bool {
        self.is_advisory
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("name", &self.name).finish_non_exhaustive()
    }
}
