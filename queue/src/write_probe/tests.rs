use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn failing(fault: Fault) -> Result<(), Failure> {
    Err(Failure { fault: Some(fault), message: "it failed".to_owned() })
}

async fn check(probe: &WriteProbe, result: impl Fn() -> Result<(), Failure>) -> Result<(), Fault> {
    probe.check(|| std::future::ready(result())).await
}

#[tokio::test(start_paused = true)]
async fn callers_share_a_probe_while_its_result_is_cached() {
    let (cache, probes) = (WriteProbe::new("part"), AtomicUsize::new(0));
    let probe = || {
        probes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    };

    for _ in 0..100 {
        assert_eq!(check(&cache, probe).await, Ok(()));
    }
    assert_eq!(probes.load(Ordering::Relaxed), 1);
    time::advance(SUCCESS_TTL).await;
    assert_eq!(check(&cache, probe).await, Ok(()));
    assert_eq!(probes.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_cached_for_a_shorter_time() {
    let cache = WriteProbe::new("part");
    assert_eq!(check(&cache, || failing(Fault::ReadOnly)).await, Err(Fault::ReadOnly));
    assert_eq!(check(&cache, || Ok(())).await, Err(Fault::ReadOnly), "the failure is still cached");
    time::advance(FAILURE_TTL).await;
    assert_eq!(check(&cache, || Ok(())).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_connection_was_lost_is_attempted_twice() {
    let (cache, probes) = (WriteProbe::new("part"), AtomicUsize::new(0));
    let probe = || match probes.fetch_add(1, Ordering::Relaxed) {
        0 => failing(Fault::Away),
        _ => Ok(()),
    };

    assert_eq!(check(&cache, probe).await, Ok(()));
    time::advance(SUCCESS_TTL).await;
    assert_eq!(check(&cache, || failing(Fault::Away)).await, Err(Fault::Away));
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_times_out_and_blocks_no_other_caller() {
    let cache = WriteProbe::new("part");
    assert_eq!(check(&cache, || Ok(())).await, Ok(()));
    time::advance(SUCCESS_TTL).await;

    let hanging = cache.check(std::future::pending);
    let (hanging, other) = tokio::join!(hanging, check(&cache, || failing(Fault::Full)));

    assert_eq!((hanging, other), (Err(Fault::NoAnswer), Ok(())));
}

#[tokio::test(start_paused = true)]
async fn a_database_that_is_busy_with_other_writers_has_no_fault_at_first() {
    let cache = WriteProbe::new("part");
    let busy = || Err(Failure::busy());

    assert_eq!(check(&cache, busy).await, Ok(()));
    time::advance(BUSY_BOUND).await;
    assert_eq!(check(&cache, busy).await, Err(Fault::NoAnswer));
    time::advance(FAILURE_TTL).await;
    assert_eq!(check(&cache, || Ok(())).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_reported_error_overrides_the_result_of_a_probe_under_way() {
    let cache = WriteProbe::new("part");
    let probing = cache.check(|| async {
        cache.report(Fault::Full, "no room for a job");
        Ok(())
    });

    assert_eq!(probing.await, Err(Fault::Full));
    assert_eq!(check(&cache, || Ok(())).await, Err(Fault::Full));
    time::advance(REPORT_TTL).await;
    assert_eq!(check(&cache, || Ok(())).await, Ok(()));
}
