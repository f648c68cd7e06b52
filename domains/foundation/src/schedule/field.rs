//! One field of a cron expression.

/// A field: its name in messages, its range, and the names of its values.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) min: u32,
    pub(super) max: u32,
    /// The names of its values, from the smallest on, in upper case.
    names: &'static [&'static str],
    /// Whether `?` stands for `*`, and, in weekdays, 7 for 0.
    is_day: bool,
}

pub(super) const SECOND: Field = Field { name: "second", min: 0, max: 59, names: &[], is_day: false };
pub(super) const MINUTE: Field = Field { name: "minute", min: 0, max: 59, names: &[], is_day: false };
pub(super) const HOUR: Field = Field { name: "hour", min: 0, max: 23, names: &[], is_day: false };
pub(super) const DAY: Field = Field { name: "day of the month", min: 1, max: 31, names: &[], is_day: true };
pub(super) const MONTH: Field = Field {
    name: "month",
    min: 1,
    max: 12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    is_day: false,
};
pub(super) const WEEKDAY: Field = Field {
    name: "day of the week",
    min: 0,
    max: 6,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    is_day: true,
};
pub(super) const YEAR: Field = Field { name: "year", min: 1970, max: 2099, names: &[], is_day: false };

impl Field {
    fn wrong(&self, problem: impl std::fmt::Display) -> String {
        format!("{}: {problem}", self.name)
    }

    /// Whether the text allows every value.
    pub(super) fn is_any(&self, text: &str) -> bool {
        text == "*" || (self.is_day && text == "?")
    }

    /// The values that an item names: a value, a range, `*`, each with or without a step. A range may go over
    /// the end, such as `22-2` or `FRI-MON`, but in years.
    pub(super) fn values(&self, item: &str) -> Result<Vec<u32>, String> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (item, None),
        };
        let (from, to) = if self.is_any(range) {
            (self.min, self.max)
        } else if let Some((from, to)) = range.split_once('-') {
            (self.value(from)?, self.value(to)?)
        } else {
            let value = self.value(range)?;
            (value, if step.is_some() { self.max } else { value })
        };
        let span = self.max - self.min + 1;
        // Sunday is 7 too.
        let to = if from > self.max && to == from { self.min } else { to };
        let from = if from > self.max { self.min } else { from };
        let length = if from <= to {
            to - from
        } else if self.max < YEAR.min {
            to + span - from
        } else {
            return Err(self.wrong(format_args!("{range} ends before it begins")));
        };
        let offsets = (0..=length).step_by(step.unwrap_or(1));
        Ok(offsets.map(|offset| self.min + (from - self.min + offset) % span).collect())
    }

    /// The values of a list, as bits.
    pub(super) fn bits(&self, text: &str) -> Result<u64, String> {
        let mut bits = 0;
        for item in text.split(',') {
            bits |= self.values(item)?.into_iter().fold(0, |bits, value| bits | bit(value));
        }
        Ok(bits)
    }

    /// A value, by its number or its name.
    pub(super) fn value(&self, text: &str) -> Result<u32, String> {
        let upper = text.to_ascii_uppercase();
        if let Some(place) = self.names.iter().position(|name| *name == upper) {
            return Ok(self.min + u32::try_from(place).unwrap_or_default());
        }
        if matches!(upper.as_str(), "H" | "R") {
            return Err(self.wrong(format_args!("{upper} is not supported; name a value, and set a jitter")));
        }
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let most = if self.is_weekday() { 7 } else { self.max };
        let value = text.parse::<u32>().ok().filter(|value| is_number && (self.min..=most).contains(value));
        value.ok_or_else(|| {
            let names = self.names.first().zip(self.names.last());
            let names = names.map(|(first, last)| format!(", or {first} to {last}")).unwrap_or_default();
            self.wrong(format_args!("{text:?} is not a value of {} to {most}{names}", self.min))
        })
    }

    fn is_weekday(&self) -> bool {
        self.is_day && self.min == 0
    }

    fn step(&self, text: &str) -> Result<usize, String> {
        let span = self.max - self.min + 1;
        let step = text.parse::<u32>().ok().filter(|step| (1..=span).contains(step));
        let step = step.and_then(|step| usize::try_from(step).ok());
        step.ok_or_else(|| {
            self.wrong(format_args!(
                "/{text} is not a step of 1 to {span}; an interval can be longer than the field"
            ))
        })
    }
}

/// The bit of a value.
pub(super) const fn bit(value: u32) -> u64 {
    1 << value
}

/// Whether the value is among the bits.
pub(super) const fn has(bits: u64, value: u32) -> bool {
    value < u64::BITS && bits & bit(value) != 0
}

/// The first value among the bits that is at least this.
pub(super) const fn first_from(bits: u64, value: u32) -> Option<u32> {
    if value >= u64::BITS || bits >> value == 0 {
        return None;
    }
    Some(value + (bits >> value).trailing_zeros())
}
