//! Shows the progress of a job: as a bar on a terminal, as lines elsewhere.

use std::{io::IsTerminal, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

use crate::terminal;

use super::follow::{JobUpdate, Progress};

const STYLE: &str = "{spinner} {bar:32} {percent:>3} %  {elapsed}  {msg}";

/// Shows the progress of one job.
pub(crate) enum Display {
    /// On a terminal.
    Bar(ProgressBar),
    /// In a file or a pipe: one line per stage.
    Lines {
        /// The last state that was shown.
        state: String,
    },
}

impl Display {
    /// The display for standard error.
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

    /// Shows an update.
    pub(crate) fn show(&mut self, update: &JobUpdate) {
        match self {
            Self::Bar(bar) => show_on(bar, update),
            Self::Lines { state } => {
                if let Some(line) = line(state, update) {
                    terminal::print_line(line);
                }
            }
        }
    }

    /// Removes the bar.
    pub(crate) fn finish(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

fn show_on(bar: &ProgressBar, update: &JobUpdate) {
    match update {
        JobUpdate::Stage(Progress { percent, stage, message })
        | JobUpdate::Progressed(Progress { percent, stage, message }) => {
            bar.set_position(u64::from(*percent));
            bar.set_message(format!("{stage}: {message}"));
        }
        JobUpdate::Waiting { state } => bar.set_message(state.clone()),
        JobUpdate::Log { message } => bar.println(format!("  {message}")),
        JobUpdate::Disconnected { reason } => bar.println(disconnected(reason)),
    }
}

/// The line for an update, or `None` if it shows nothing new.
fn line(shown: &mut String, update: &JobUpdate) -> Option<String> {
    match update {
        JobUpdate::Stage(Progress { percent, stage, message }) => {
            Some(format!("  {percent:>3} %  {stage}: {message}"))
        }
        JobUpdate::Progressed(_) => None,
        JobUpdate::Waiting { state } if state == shown => None,
        JobUpdate::Waiting { state } => {
            state.clone_into(shown);
            Some(format!("         {state}"))
        }
        JobUpdate::Log { message } => Some(format!("         {message}")),
        JobUpdate::Disconnected { reason } => Some(disconnected(reason)),
    }
}

fn disconnected(reason: &str) -> String {
    format!("         the event stream was interrupted ({reason}); reconnecting")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(percent: u8) -> Progress {
        Progress { percent, stage: "writing".into(), message: "app.js".into() }
    }

    #[test]
    fn a_pipe_gets_one_line_per_stage_and_state() {
        let mut shown = String::new();
        let waiting = || JobUpdate::Waiting { state: "available".into() };
        let updates =
            [waiting(), waiting(), JobUpdate::Stage(progress(5)), JobUpdate::Progressed(progress(9))];

        let lines: Vec<String> = updates.iter().filter_map(|seen| line(&mut shown, seen)).collect();

        assert_eq!(lines, ["         available", "    5 %  writing: app.js"]);
    }
}
