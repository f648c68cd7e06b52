//! When a schedule fires.

use atelier_entities::Timestamp;
use chrono::{DateTime, TimeDelta};
use chrono_tz::Tz;

use super::{
    cron::{Expression, Warning},
    zone::{Firing, Fold, Gap, NoProgress, next_in},
};

/// What the times of a schedule follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// A cron expression, in the civil time of the zone.
    Cron(Expression),
    /// The seconds since 1970-01-01T00:00:00Z that are a multiple of `secs`, plus `phase`. They do not depend on
    /// when the schedule was made.
    Every {
        /// At least 1.
        secs: u32,
        /// Less than `secs`.
        phase: u32,
    },
}

/// When a schedule fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// What its times follow.
    pub when: When,
    /// The zone of a cron expression.
    pub zone: Tz,
    /// Times that do not exist. By default an expression that says at which time of the day to fire is shifted,
    /// and one that says how often to fire is skipped.
    pub gap: Option<Gap>,
    /// Times that exist twice. By default an expression that says at which time of the day to fire fires the
    /// first time, and one that says how often to fire fires both times.
    pub fold: Option<Fold>,
    /// No time is before this.
    pub start: Option<Timestamp>,
    /// Every time is before this.
    pub end: Option<Timestamp>,
}

impl Spec {
    /// The first time after an instant; none if there is no further one.
    ///
    /// # Errors
    /// If the search did not end, or a time was found that is not after the instant.
    pub fn next(&self, after: Timestamp) -> Result<Option<Firing>, NoProgress> {
        let after = self.start.map_or(after, |start| after.max(start - TimeDelta::microseconds(1)));
        let found = match &self.when {
            When::Every { secs, phase } => next_of_interval(after, *secs, *phase),
            When::Cron(expression) => {
                let default = if expression.is_frequency() {
                    (Gap::Skip, Fold::Both)
                } else {
                    (Gap::Shift, Fold::First)
                };
                let rule = (self.gap.unwrap_or(default.0), self.fold.unwrap_or(default.1));
                next_in(self.zone, rule, after, &|civil| expression.next_after(civil))?
            }
        };
        match found.filter(|firing| self.end.is_none_or(|end| firing.at < end)) {
            Some(firing) if firing.at <= after => Err(NoProgress),
            found => Ok(found),
        }
    }

    /// At most `most` times after an instant, up to and including `until`.
    ///
    /// # Errors
    /// As [`Spec::next`].
    pub fn list(
        &self,
        after: Timestamp,
        until: Option<Timestamp>,
        most: usize,
    ) -> Result<Vec<Firing>, NoProgress> {
        let (mut found, mut from) = (Vec::new(), after);
        while found.len() < most
            && let Some(firing) =
                self.next(from)?.filter(|firing| until.is_none_or(|until| firing.at <= until))
        {
            from = firing.at;
            found.push(firing);
        }
        Ok(found)
    }

    /// What people may read otherwise.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        match &self.when {
            When::Cron(expression) => expression.warnings().to_vec(),
            When::Every { secs, .. } if *secs < 60 => vec![Warning::UnderAMinute],
            When::Every { .. } => Vec::new(),
        }
    }
}

fn next_of_interval(after: Timestamp, secs: u32, phase: u32) -> Option<Firing> {
    let (every, phase) = (i64::from(secs.max(1)), i64::from(phase));
    let passed = (after.timestamp() - phase).div_euclid(every);
    let next = passed.checked_add(1)?.checked_mul(every)?.checked_add(phase)?;
    Some(Firing { at: DateTime::from_timestamp(next, 0)?, shifted_from: None })
}
