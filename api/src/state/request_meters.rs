//! The metrics of requests, with the recorder's handles looked up once each.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use metrics::{Gauge, Histogram, gauge, histogram};

use crate::metrics::{IN_FLIGHT, REQUEST_DURATION};

/// The handles of the recorder.
pub(crate) struct RequestMeters {
    /// Requests being answered.
    pub(crate) in_flight: Gauge,
    durations: RwLock<HashMap<Box<str>, Vec<DurationMeter>>>,
}

/// The durations of a path's requests with one method and status.
struct DurationMeter {
    method: &'static str,
    status: u16,
    histogram: Histogram,
}

impl Default for RequestMeters {
    fn default() -> Self {
        Self { in_flight: gauge!(IN_FLIGHT), durations: RwLock::default() }
    }
}

impl RequestMeters {
    /// Records how long the answer to a request took.
    pub(crate) fn record(&self, method: &'static str, path: &str, status: u16, seconds: f64) {
        let record_in = |meters: &[DurationMeter]| {
            let meter = meters.iter().find(|meter| meter.method == method && meter.status == status);
            meter.map(|meter| meter.histogram.record(seconds))
        };
        let durations = self.durations.read().unwrap_or_else(PoisonError::into_inner);
        if durations.get(path).and_then(|meters| record_in(meters)).is_some() {
            return;
        }
        drop(durations);
        let labels =
            [("method", method.to_owned()), ("path", path.to_owned()), ("status", status.to_string())];
        let histogram = histogram!(REQUEST_DURATION, &labels);
        histogram.record(seconds);
        let mut durations = self.durations.write().unwrap_or_else(PoisonError::into_inner);
        durations.entry(path.into()).or_default().push(DurationMeter { method, status, histogram });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_answer_is_looked_up_once() {
        let meters = RequestMeters::default();
        for (method, path, status) in [
            ("GET", "/a", 200),
            ("GET", "/a", 200),
            ("GET", "/a", 304),
            ("PUT", "/a", 200),
            ("GET", "/b", 200),
        ] {
            meters.record(method, path, status, 0.1);
        }

        let durations = meters.durations.read().expect("nobody panicked");
        assert_eq!((durations["/a"].len(), durations["/b"].len()), (3, 1));
    }
}
