//! A calendar day in Vietnam.

use std::fmt;
use std::str::FromStr;

use jiff::{civil, tz};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::time::{Month, UtcMicros, VIETNAM_UTC_OFFSET_HOURS};

/// A day in Vietnam (UTC+7), written `2026-11-30`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Day(civil::Date);

impl Day {
    /// The day of an instant.
    pub fn of(at: UtcMicros) -> Self {
        Self(at.in_vietnam().date())
    }

    /// A day of a month; `None` when the month has no such day.
    pub fn in_month(month: Month, day: u8) -> Option<Self> {
        civil::Date::new(month.year, month.month as i8, i8::try_from(day).ok()?).ok().map(Self)
    }

    /// First instant of the day.
    pub fn start(self) -> UtcMicros {
        let midnight = tz::Offset::UTC.to_timestamp(self.0.to_datetime(civil::Time::midnight()));
        let offset_us = i64::from(VIETNAM_UTC_OFFSET_HOURS) * 3_600_000_000;
        UtcMicros(midnight.map_or(0, |t| t.as_microsecond()) - offset_us)
    }

    /// First instant after the day.
    pub fn end(self) -> UtcMicros {
        self.start().plus_micros(86_400_000_000)
    }

    /// The month it lies in.
    pub fn month(self) -> Month {
        Month { year: self.0.year(), month: self.0.month().unsigned_abs() }
    }

    /// Day of the month, from 1.
    pub fn day(self) -> u8 {
        self.0.day().unsigned_abs()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

impl FromStr for Day {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            format!("{text:?} is not a day; expected YYYY-MM-DD between 2020-01-01 and 2199-12-31, such as 2026-11-30")
        };
        let parsed: civil::Date = text.parse().map_err(|_| wrong())?;
        let day = Self(parsed);
        // One text a day, and only months that can be written.
        if day.to_string() == text && (2020..=2199).contains(&parsed.year()) { Ok(day) } else { Err(wrong()) }
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'_, str>::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_five_in_the_afternoon_utc() {
        let day: Day = "2026-11-30".parse().unwrap();
        assert_eq!(day.start().to_string(), "2026-11-29T17:00:00.000000Z");
        assert_eq!(day.end(), day.month().end());
        assert_eq!(Day::of(day.start()), day);
        assert_eq!(Day::of(day.start().plus_micros(-1)).to_string(), "2026-11-29");
        assert_eq!(Day::in_month(day.month(), 31), None);
        assert_eq!(Day::in_month(day.month(), 30), Some(day));
    }

    #[test]
    fn a_wrong_day_is_named() {
        for wrong in ["2026-11-31", "2026-2-01", "20261130", "2019-12-31", "2026-11-30T00:00", ""] {
            assert!(wrong.parse::<Day>().unwrap_err().contains(wrong), "{wrong}");
        }
    }
}
