//! The rest of a file that was cut on its way (RFC 9110, section 14): one range, from a byte to the end. Pure.

use axum::http::HeaderMap;
use axum::http::header::{IF_RANGE, RANGE};

/// Which part of a file a request wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// All of it: nothing else was asked for, or of another version, or in a form that need not be understood.
    Whole,
    /// From this byte on.
    From(usize),
    /// From beyond its end.
    Beyond,
}

impl Part {
    /// Of a file of `length` bytes with this tag.
    pub(super) fn wanted(headers: &HeaderMap, etag: &str, length: usize) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let Some(range) = text(RANGE) else { return Self::Whole };
        // A condition that does not hold makes the range disappear; a weak tag never holds.
        if headers.contains_key(IF_RANGE) && text(IF_RANGE) != Some(etag) {
            return Self::Whole;
        }
        let first = range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-'));
        let digits = first.filter(|first| first.bytes().all(|b| b.is_ascii_digit()));
        match digits.and_then(|first| first.parse::<usize>().ok()) {
            None => Self::Whole,
            Some(first) if first >= length => Self::Beyond,
            Some(first) => Self::From(first),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(range: Option<&str>, if_range: Option<&str>) -> Part {
        let mut headers = HeaderMap::new();
        for (name, value) in [(RANGE, range), (IF_RANGE, if_range)] {
            if let Some(value) = value {
                headers.insert(name, value.parse().unwrap());
            }
        }
        Part::wanted(&headers, "\"a\"", 100)
    }

    #[test]
    fn the_rest_is_given_of_the_same_version_only() {
        assert_eq!(part(None, None), Part::Whole);
        assert_eq!(part(Some("bytes=40-"), None), Part::From(40));
        assert_eq!(part(Some("bytes=40-"), Some("\"a\"")), Part::From(40));
        assert_eq!(part(Some("bytes=40-"), Some("\"b\"")), Part::Whole);
        assert_eq!(part(Some("bytes=40-"), Some("W/\"a\"")), Part::Whole);
        assert_eq!(part(Some("bytes=100-"), None), Part::Beyond);
        for other in ["bytes=1-2", "bytes=-5", "bytes=1-,5-", "lines=1-", "bytes=+1-", "bytes=99999999999999999999999-"]
        {
            assert_eq!(part(Some(other), None), Part::Whole, "{other}");
        }
    }
}
