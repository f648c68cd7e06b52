//! Waiting for what must happen.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// How long a test waits before it gives up.
const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// What `look` finds, as soon as it finds something.
///
/// # Panics
/// If it finds nothing within 30 seconds; `what` is what the test waited for.
pub async fn until<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    watch(look).await.unwrap_or_else(|| panic!("waited in vain until {what}"))
}

/// The same; none where 30 seconds were not enough.
pub(crate) async fn watch<T>(look: impl AsyncFn() -> Option<T>) -> Option<T> {
    let found = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            sleep(BETWEEN_LOOKS).await;
        }
    };
    timeout(PATIENCE, found).await.ok()
}

/// Returns once an attempt took less than `promised`.
///
/// A machine with much else to do is late now and then; what does not keep its promise is
/// late each time.
///
/// # Panics
/// If five attempts in a row took longer.
pub async fn in_time(promised: Duration, attempt: impl AsyncFn() -> Duration) {
    let mut late = Vec::new();
    while late.len() < 5 {
        let took = attempt().await;
        if took < promised {
            return;
        }
        late.push(took);
    }
    panic!("promised within {promised:?}, took {late:?}");
}
