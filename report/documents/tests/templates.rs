//! What a wrong template is told.
#![allow(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

use ispeed_documents::Template;
use ispeed_report::Level;

const LEVELS: [Level; 3] = [Level::Commune, Level::Province, Level::Nation];

fn errors(text: &str) -> String {
    Template::parse("mau.toml", text).map(|_| ()).unwrap_err().to_string()
}

fn commune() -> String {
    Template::shipped_text(Level::Commune).1.to_owned()
}

/// The shipped text with changes, each of which must hit.
fn changed(changes: &[(&str, &str)]) -> String {
    let mut text = commune();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text
}

#[test]
fn shipped_templates_are_right_and_named_by_their_files() {
    for level in LEVELS {
        let (file, _) = Template::shipped_text(level);
        let template = Template::shipped(level).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(format!("{}.toml", template.stamp()), file);
        assert_eq!(template.level, level);
    }
}

#[test]
fn a_template_from_a_windows_editor_reads_the_same() {
    let windows = format!("\u{feff}{}", commune().replace('\n', "\r\n"));
    assert_eq!(Template::parse("mau.toml", &windows).unwrap(), Template::shipped(Level::Commune).unwrap());
}

#[test]
fn several_errors_are_told_at_once_with_line_and_field() {
    let text = changed(&[
        ("field = \"down_mean\",", "field = \"down_meen\","),
        ("field = \"up_median\",", "field = \"samples\","),
        ("width = 21", "width = \"wide\""),
        ("metric = \"top_device_share_percent\"", "metric = \"top_share\""),
        ("subject = \"Kết quả", "subject = \"{quarter} Kết quả"),
        ("\"viettel\", \"vinaphone\"", "\"viettel\", \"viettel\", \"beeline\""),
        ("kind = \"weak\"", "kind = \"weak\"\ncolour = \"red\""),
        ("name = \"Theo doanh nghiệp\"", "name = \"Bảng chính\""),
    ]);
    insta::assert_snapshot!(errors(&text));
}

#[test]
fn what_is_missing_is_named() {
    let text = changed(&[
        ("version = 1\n", ""),
        ("  { field = \"place_code\", heading = \"Mã xã\", width = 7 },\n", ""),
        ("number = \"Số:         /BC-UBND\"\n", ""),
        ("[[sheets]]\nkind = \"method\"", "[[sheets]]\nkind = \"excluded\""),
        ("name = \"Phương pháp\"", "name = \"Phương/pháp\""),
        (", \"method\"]", "]"),
    ]);
    insta::assert_snapshot!(errors(&text));
}

#[test]
fn forms_of_other_versions_and_what_is_no_toml_are_refused() {
    let other = changed(&[("format = 1", "format = 2"), ("level = \"commune\"", "level = \"town\"")]);
    insta::assert_snapshot!(errors(&other), @"mau.toml:6: format is 2; expected 1");
    insta::assert_snapshot!(errors("format = 1\nid = \"a\ntitle 3\n"), @r#"
    mau.toml:2: the file is not TOML (invalid basic string, expected `"`); expected TOML 1.0, such as key = "text"
    mau.toml:3: the file is not TOML (key with no value, expected `=`); expected TOML 1.0, such as key = "text"
    "#);
    insta::assert_snapshot!(errors(""), @"mau.toml:1: format is missing; expected 1");
}

#[test]
fn a_column_has_one_source_and_a_commune_no_parts() {
    insta::assert_snapshot!(errors(&changed(&[
        ("{ field = \"row_number\",", "{ field = \"row_number\", text = \"x\","),
        ("{ field = \"samples\",", "{ show = \"interval\", field = \"samples\","),
    ])));
    insta::assert_snapshot!(errors(&changed(&[
        ("rows = \"place\"", "rows = \"children\""),
        ("csv = \"Bảng chính\"", "csv = \"Bảng phụ\""),
    ])));
}
