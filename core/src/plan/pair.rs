//! A paired measurement: two phones, one an operator, that start at one moment. Nothing connects them but a text that the
//! second reads off the first, and their clocks.

use ispeed_protocol::UtcMicros;
use ispeed_protocol::signing::hex;

use crate::error::{Error, Result};

/// What a pair's text begins with.
pub const PAIR_PREFIX: &str = "ispeed:pair:";
/// Least time to read the text off the other phone.
pub const PAIR_LEAD_MICROS: i64 = 30_000_000;
/// Pairs start on the round ten seconds, so that two people can see on any clock that they agree.
pub const PAIR_STEP_MICROS: i64 = 10_000_000;
/// A start further ahead than this is of a clock that is wrong.
pub const PAIR_LEAD_MAX_MICROS: i64 = 600_000_000;
/// Random bytes of an id: 2^40 pairs do not meet by chance in a month of one commune.
const ID_BYTES: usize = 5;

/// A pair.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pair {
    /// Id, part of both samples.
    pub id: String,
    /// When both start.
    pub start_at: UtcMicros,
}

impl Pair {
    /// A new pair that starts soon. `offset_micros` is what the device's clock lacks to the right time, where a server told.
    pub fn new(now: UtcMicros, offset_micros: i64) -> Result<Self> {
        let mut random = [0u8; ID_BYTES];
        getrandom::fill(&mut random).map_err(Error::internal)?;
        let earliest = now.plus_micros(offset_micros + PAIR_LEAD_MICROS).as_micros();
        let steps = (earliest + PAIR_STEP_MICROS - 1).div_euclid(PAIR_STEP_MICROS);
        Ok(Self { id: hex(&random), start_at: UtcMicros(steps * PAIR_STEP_MICROS) })
    }

    /// What the second phone reads: `ispeed:pair:<id>:<seconds since 1970>`.
    pub fn text(&self) -> String {
        format!("{PAIR_PREFIX}{}:{}", self.id, self.start_at.as_micros() / 1_000_000)
    }

    /// Reads the text. Errors: `input` for another text, and for a start that is over or too far ahead.
    pub fn read(text: &str, now: UtcMicros, offset_micros: i64) -> Result<Self> {
        let expected = "ispeed:pair:<10 hex digits>:<seconds>, as the other phone shows it";
        let wrong = || Error::input("pair", text.chars().take(60).collect::<String>(), expected);
        let (id, seconds) = text.trim().strip_prefix(PAIR_PREFIX).and_then(|t| t.split_once(':')).ok_or_else(wrong)?;
        let hex = id.len() == 2 * ID_BYTES && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let seconds: i64 = seconds.parse().map_err(|_| wrong())?;
        if !hex || !(0..=i64::MAX / 1_000_000).contains(&seconds) {
            return Err(wrong());
        }
        let pair = Self { id: id.to_owned(), start_at: UtcMicros(seconds * 1_000_000) };
        let left = pair.start_at.micros_since(now.plus_micros(offset_micros));
        if !(0..=PAIR_LEAD_MAX_MICROS).contains(&left) {
            let value = format!("a start in {} s", left / 1_000_000);
            return Err(Error::input("pair", value, "a start in 0 to 600 s; make a new pair, and check both clocks"));
        }
        Ok(pair)
    }

    /// The start on this device's own clock.
    pub fn start_here(&self, offset_micros: i64) -> UtcMicros {
        self.start_at.plus_micros(-offset_micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMicros = UtcMicros(1_790_000_003_500_000);

    #[test]
    fn both_phones_start_at_one_moment_whatever_their_clocks_say() {
        // The first clock is 7 s slow, the second 3 s fast.
        let (slow, fast) = (7_000_000, -3_000_000);
        let pair = Pair::new(NOW.plus_micros(-slow), slow).unwrap();
        assert_eq!(pair.start_at.as_micros() % PAIR_STEP_MICROS, 0);
        let lead = pair.start_at.micros_since(NOW);
        assert!((PAIR_LEAD_MICROS..PAIR_LEAD_MICROS + PAIR_STEP_MICROS).contains(&lead), "{lead}");
        let read = Pair::read(&pair.text(), NOW.plus_micros(-fast), fast).unwrap();
        assert_eq!(read, pair);
        assert_eq!(read.start_here(fast).micros_since(pair.start_here(slow)), slow - fast);
    }

    #[test]
    fn what_is_no_pair_or_too_late_is_refused() {
        let pair = Pair::new(NOW, 0).unwrap();
        let late = pair.start_at.plus_micros(1);
        for (text, now) in [
            (pair.text(), late),
            (pair.text(), NOW.plus_micros(-PAIR_LEAD_MAX_MICROS)),
            ("ispeed:pair:zz:1".to_owned(), NOW),
            (format!("ispeed:pair:0123456789:{}", i64::MAX), NOW),
            ("ispeed:campaign:x".to_owned(), NOW),
            (String::new(), NOW),
        ] {
            assert_eq!(Pair::read(&text, now, 0).unwrap_err().kind(), "input", "{text}");
        }
    }
}
