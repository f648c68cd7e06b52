//! Wrong clocks: some processes of a run have a clock that is minutes off, as hosts without
//! time synchronisation have.

use std::path::PathBuf;

/// Processes with a wrong clock, and by how many seconds it is ahead.
const WRONG: [(&str, i64); 5] = [
    ("worker-2", 97),
    ("worker-3", -143),
    ("scheduler-2", 61),
    ("atelier-worker-2", -88),
    ("atelier-scheduler-2", 73),
];

/// Sets the clocks of processes.
#[derive(Clone, Debug)]
pub(super) struct Clocks {
    /// libfaketime; without it every clock is right.
    library: Option<PathBuf>,
}

impl Clocks {
    pub(super) fn new(library: Option<PathBuf>) -> Self {
        Self { library }
    }

    /// A line for the terminal.
    pub(super) fn describe(&self) -> String {
        if self.library.is_none() {
            return "every clock is right: libfaketime is not here".to_owned();
        }
        let wrong = WRONG.map(|(name, secs)| format!("{name} {secs:+} s"));
        format!("clocks that are wrong: {}", wrong.join(", "))
    }

    /// Environment variables that set the clock of the process of that name. Its timers stay
    /// right.
    pub(super) fn environment(&self, name: &str) -> Vec<(String, String)> {
        let Some(library) = &self.library else { return Vec::new() };
        let Some((_, secs)) = WRONG.iter().find(|(wrong, _)| *wrong == name) else { return Vec::new() };
        let variable = |name: &str, value: String| (name.to_owned(), value);
        vec![
            variable("LD_PRELOAD", library.to_string_lossy().into_owned()),
            variable("FAKETIME", format!("{secs:+}s")),
            variable("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_some_processes_have_a_wrong_clock() {
        let clocks = Clocks::new(Some(PathBuf::from("/lib/faketime.so")));

        assert!(clocks.environment("worker-1").is_empty());
        let behind = clocks.environment("worker-3");
        assert!(behind.contains(&("FAKETIME".to_owned(), "-143s".to_owned())), "{behind:?}");
        assert!(Clocks::new(None).environment("worker-3").is_empty());
    }
}
