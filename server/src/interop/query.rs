//! Query strings of other tests' requests: short, and without anything that would have to be decoded.

/// A parameter's text; the first where it is given twice, empty where it has no value.
pub(super) fn parameter<'q>(query: Option<&'q str>, name: &str) -> Option<&'q str> {
    query?.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).find(|(n, _)| *n == name).map(|(_, v)| v)
}

/// A parameter that is a whole number; absent or empty is `None`.
///
/// # Errors
/// What was found and what was expected.
pub(super) fn number(query: Option<&str>, name: &str) -> Result<Option<u64>, String> {
    match parameter(query, name) {
        None | Some("") => Ok(None),
        Some(text) => {
            text.parse().map(Some).map_err(|_| format!("{name}: {text:?}; expected a whole number, 0 or more"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters() {
        let query = Some("ckSize=20&cors=true&r=0.1&cors=false&empty=");
        assert_eq!((number(query, "ckSize"), parameter(query, "cors")), (Ok(Some(20)), Some("true")));
        assert_eq!((number(query, "empty"), number(query, "size"), number(None, "r")), (Ok(None), Ok(None), Ok(None)));
        assert_eq!(parameter(Some("cors"), "cors"), Some(""));
        for wrong in ["r=0.1", "r=-1", "r=99999999999999999999"] {
            let error = number(Some(wrong), "r").unwrap_err();
            assert!(error.starts_with("r: ") && error.contains("expected a whole number"), "{error}");
        }
    }
}
