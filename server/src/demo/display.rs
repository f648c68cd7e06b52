//! How the demo shows a job: a bar on a terminal, plain lines elsewhere.

use std::{io::IsTerminal, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

use crate::terminal;

use super::follow::{Progress, Sighting};

const STYLE: &str = "{spinner} {bar:32} {percent:>3} %  {elapsed}  {msg}";

/// Shows one job from its start to its end.
pub(crate) enum Display {
    /// On a terminal.
    Bar(ProgressBar),
    /// Into a file or a pipe: one line a stage.
    Lines {
        /// The state shown last.
        state: String,
    },
}

impl Display {
    /// The one that suits standard error.
    pub(crate) fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Lines { state: String::new() };
        }
        let bar = ProgressBar::new(100);
        if let Ok(style) = ProgressStyle::with_template(STYLE) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self::Bar(bar)
    }

    /// Shows what was seen of the job.
    pub(crate) fn show(&mut self, sighting: &Sighting) {
        match self {
            Self::Bar(bar) => show_on(bar, sighting),
            Self::Lines { state } => {
                if let Some(line) = line(state, sighting) {
                    terminal::print_line(line);
                }
            }
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

fn show_on(bar: &ProgressBar, sighting: &Sighting) {
    match sighting {
        Sighting::Stage(Progress { percent, stage, message })
        | Sighting::Moved(Progress { percent, stage, message }) => {
            bar.set_position(u64::from(*percent));
            bar.set_message(format!("{stage}: {message}"));
        }
        Sighting::Waiting { state } => bar.set_message(state.clone()),
        Sighting::Log { message } => bar.println(format!("  {message}")),
        Sighting::Dropped { reason } => bar.println(dropped(reason)),
    }
}

/// The line that tells it, unless it says nothing new.
fn line(shown: &mut String, sighting: &Sighting) -> Option<String> {
    match sighting {
        Sighting::Stage(Progress { percent, stage, message }) => {
            Some(format!("  {percent:>3} %  {stage}: {message}"))
        }
        Sighting::Moved(_) => None,
        Sighting::Waiting { state } if state == shown => None,
        Sighting::Waiting { state } => {
            state.clone_into(shown);
            Some(format!("         {state}"))
        }
        Sighting::Log { message } => Some(format!("         {message}")),
        Sighting::Dropped { reason } => Some(dropped(reason)),
    }
}

fn dropped(reason: &str) -> String {
    format!("         the event stream broke ({reason}); resuming")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(percent: u8) -> Progress {
        Progress { percent, stage: "writing".into(), message: "app.js".into() }
    }

    #[test]
    fn a_pipe_gets_a_line_a_stage_and_a_line_a_state() {
        let mut shown = String::new();
        let waiting = || Sighting::Waiting { state: "available".into() };
        let sightings = [waiting(), waiting(), Sighting::Stage(progress(5)), Sighting::Moved(progress(9))];

        let lines: Vec<String> = sightings.iter().filter_map(|seen| line(&mut shown, seen)).collect();

        assert_eq!(lines, ["         available", "    5 %  writing: app.js"]);
    }
}
