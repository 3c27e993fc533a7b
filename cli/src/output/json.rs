//! JSON output. What was not measured is `null`; a float that is no number cannot be written by `serde_json` and becomes
//! `null` as well.

use serde::Serialize;

use crate::error::{CliError, Result};

/// A value on one line.
pub(crate) fn line(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| {
        CliError::failed(format_args!("cannot write the result as JSON: {error}"), "report this as a defect")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_null() {
        assert_eq!(line(&[f64::NAN, f64::INFINITY, 1.0]).unwrap(), "[null,null,1.0]");
    }
}
