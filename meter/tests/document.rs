//! `docs/METHOD.md` names every number of the method as it is.

const PARAMS: &str = include_str!("../src/params.rs");
const METHOD: &str = include_str!("../../docs/METHOD.md");

#[test]
fn every_constant_is_in_the_table_with_its_value() {
    let constants = PARAMS.split("pub const ").skip(1).filter(|text| !text.starts_with("fn "));
    let mut found = 0;
    for text in constants {
        let (name, rest) = text.split_once(": ").expect("a constant has a type");
        let value = rest.split_once(" = ").and_then(|(_, rest)| rest.split_once(';')).expect("and a value").0;
        let value = if name == "FAULT_FLAGS" { "section 12" } else { value };
        let row = format!("| `{name}` | {value} |");
        assert!(METHOD.contains(&row), "docs/METHOD.md section 14 lacks the row starting {row}");
        found += 1;
    }
    assert!(found > 60, "{found}");
}
