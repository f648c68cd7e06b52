use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn failing(fault: Fault) -> Result<(), Failure> {
    Err(Failure { fault: Some(fault), message: "it failed".to_owned() })
}

async fn ask(pulse: &Pulse, found: impl Fn() -> Result<(), Failure>) -> Result<(), Fault> {
    pulse.ask(|| std::future::ready(found())).await
}

#[tokio::test(start_paused = true)]
async fn those_who_ask_often_share_a_probe() {
    let (pulse, probes) = (Pulse::new("part"), AtomicUsize::new(0));
    let probe = || {
        probes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    };

    for _ in 0..100 {
        assert_eq!(ask(&pulse, probe).await, Ok(()));
    }
    assert_eq!(probes.load(Ordering::Relaxed), 1);
    time::advance(WELL_FOR).await;
    assert_eq!(ask(&pulse, probe).await, Ok(()));
    assert_eq!(probes.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_is_told_at_once_and_what_is_well_again_soon() {
    let pulse = Pulse::new("part");
    assert_eq!(ask(&pulse, || failing(Fault::ReadOnly)).await, Err(Fault::ReadOnly));
    assert_eq!(ask(&pulse, || Ok(())).await, Err(Fault::ReadOnly), "it was asked a moment ago");
    time::advance(ILL_FOR).await;
    assert_eq!(ask(&pulse, || Ok(())).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_lost_has_a_second_attempt() {
    let (pulse, probes) = (Pulse::new("part"), AtomicUsize::new(0));
    let probe = || match probes.fetch_add(1, Ordering::Relaxed) {
        0 => failing(Fault::Away),
        _ => Ok(()),
    };

    assert_eq!(ask(&pulse, probe).await, Ok(()));
    time::advance(WELL_FOR).await;
    assert_eq!(ask(&pulse, || failing(Fault::Away)).await, Err(Fault::Away));
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_is_given_up_and_holds_up_nobody_else() {
    let pulse = Pulse::new("part");
    assert_eq!(ask(&pulse, || Ok(())).await, Ok(()));
    time::advance(WELL_FOR).await;

    let hanging = pulse.ask(std::future::pending);
    let (hanging, other) = tokio::join!(hanging, ask(&pulse, || failing(Fault::Full)));

    assert_eq!((hanging, other), (Err(Fault::NoAnswer), Ok(())));
}

#[tokio::test(start_paused = true)]
async fn other_writers_are_no_fault_for_a_while() {
    let pulse = Pulse::new("part");
    let busy = || Err(Failure::busy());

    assert_eq!(ask(&pulse, busy).await, Ok(()));
    time::advance(BUSY_FOR).await;
    assert_eq!(ask(&pulse, busy).await, Err(Fault::NoAnswer));
    time::advance(ILL_FOR).await;
    assert_eq!(ask(&pulse, || Ok(())).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn what_the_work_met_stands_whatever_a_probe_under_way_comes_to() {
    let pulse = Pulse::new("part");
    let probing = pulse.ask(|| async {
        pulse.meet(Fault::Full, "no room for a job");
        Ok(())
    });

    assert_eq!(probing.await, Err(Fault::Full));
    assert_eq!(ask(&pulse, || Ok(())).await, Err(Fault::Full));
    time::advance(MET_FOR).await;
    assert_eq!(ask(&pulse, || Ok(())).await, Ok(()));
}
