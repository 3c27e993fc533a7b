//! Instants and months.
//!
//! A sample's month is the calendar month in Vietnam, which is UTC+7 and has had no summer time since 1975.

use std::fmt;
use std::str::FromStr;

use jiff::{Timestamp, civil, tz};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Offset of Vietnamese civil time from UTC, in hours.
pub const VIETNAM_UTC_OFFSET_HOURS: i8 = 7;

/// An instant in UTC with microsecond resolution, written `2026-11-23T14:04:05.000123Z` (RFC 3339, always six digits).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct UtcMicros(pub i64);

impl UtcMicros {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// This instant moved by `micros` (negative: earlier).
    #[must_use]
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// `self - earlier` in microseconds.
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Civil date and time in Vietnam.
    pub fn in_vietnam(self) -> civil::DateTime {
        tz::offset(VIETNAM_UTC_OFFSET_HOURS).to_datetime(self.timestamp())
    }

    /// The reporting month (UTC+7) this instant lies in.
    pub fn month(self) -> Month {
        let date = self.in_vietnam();
        Month { year: date.year(), month: date.month().unsigned_abs() }
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX })
    }
}

impl fmt::Display for UtcMicros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.timestamp())
    }
}

impl FromStr for UtcMicros {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed: Result<Timestamp, _> = text.parse();
        parsed.map(|t| Self(t.as_microsecond())).map_err(|_| {
            format!("{text:?} is not an instant; expected RFC 3339 in UTC, such as 2026-11-23T14:04:05.000000Z")
        })
    }
}

impl Serialize for UtcMicros {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UtcMicros {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'_, str>::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

/// A calendar month in Vietnam, written `2026-11`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Month {
    /// Gregorian year, 2020–2199.
    pub year: i16,
    /// 1–12.
    pub month: u8,
}

impl Month {
    /// First instant of the month (00:00 on the 1st, UTC+7).
    pub fn start(self) -> UtcMicros {
        let offset_us = i64::from(VIETNAM_UTC_OFFSET_HOURS) * 3_600_000_000;
        let midnight = civil::Date::new(self.year, self.month as i8, 1)
            .and_then(|d| tz::Offset::UTC.to_timestamp(d.to_datetime(civil::Time::midnight())))
            .map_or(0, |t| t.as_microsecond());
        UtcMicros(midnight - offset_us)
    }

    /// First instant after the month.
    pub fn end(self) -> UtcMicros {
        self.next().start()
    }

    /// The month after this one.
    #[must_use]
    pub fn next(self) -> Self {
        if self.month >= 12 {
            Self { year: self.year + 1, month: 1 }
        } else {
            Self { year: self.year, month: self.month + 1 }
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong =
            || format!("{text:?} is not a month; expected YYYY-MM between 2020-01 and 2199-12, such as 2026-11");
        let (year, month) = text.split_once('-').ok_or_else(wrong)?;
        if year.len() != 4 || month.len() != 2 || !text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
            return Err(wrong());
        }
        let (year, month) = (year.parse().map_err(|_| wrong())?, month.parse().map_err(|_| wrong())?);
        if !(2020..=2199).contains(&year) || !(1..=12).contains(&month) {
            return Err(wrong());
        }
        Ok(Self { year, month })
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'_, str>::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn month_borders_follow_vietnam_not_utc() {
        let last: UtcMicros = "2026-11-30T16:59:59.999999Z".parse().unwrap();
        assert_eq!(last.month().to_string(), "2026-11");
        assert_eq!(last.plus_micros(1).month().to_string(), "2026-12");
        let december: Month = "2026-12".parse().unwrap();
        assert_eq!(december.start(), last.plus_micros(1));
        assert_eq!(december.end().to_string(), "2026-12-31T17:00:00.000000Z");
    }

    #[test]
    fn six_digits_always() {
        let t: UtcMicros = "2026-11-23T14:04:05Z".parse().unwrap();
        assert_eq!(t.to_string(), "2026-11-23T14:04:05.000000Z");
        assert_eq!("2026-11-23T21:04:05+07:00".parse::<UtcMicros>().unwrap(), t);
    }

    #[test]
    fn a_wrong_month_is_named() {
        for wrong in ["2026-13", "2026-00", "26-1", "2026-1", "1999-01", "2026/11", "2026-+1"] {
            assert!(wrong.parse::<Month>().unwrap_err().contains(wrong), "{wrong}");
        }
    }
}
