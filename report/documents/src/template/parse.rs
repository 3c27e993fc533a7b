//! A template's text to a checked template.

use toml::de::DeTable;

use ispeed_report::{Level, Metric, OperatorGroup, TechnologyGroup};

use super::reader::{Errors, Node};
use super::{Column, FORMAT, Kind, Letter, RowsOf, Section, Sheet, Show, Source, Template, TemplateErrors, rules};
use crate::field::Field;

const LEVELS: &[(&str, Level)] =
    &[("commune", Level::Commune), ("province", Level::Province), ("nation", Level::Nation)];

const OPERATORS: &[(&str, OperatorGroup)] = &[
    ("viettel", OperatorGroup::Viettel),
    ("vinaphone", OperatorGroup::Vinaphone),
    ("mobifone", OperatorGroup::Mobifone),
    ("vietnamobile", OperatorGroup::Vietnamobile),
    ("other", OperatorGroup::Other),
    ("all", OperatorGroup::All),
];

const TECHNOLOGIES: &[(&str, TechnologyGroup)] = &[
    ("4g", TechnologyGroup::G4),
    ("5g", TechnologyGroup::G5),
    ("3g", TechnologyGroup::G3),
    ("other", TechnologyGroup::Other),
    ("all", TechnologyGroup::All),
];

const SECTIONS: &[(&str, Section)] = &[
    ("quota", Section::Quota),
    ("quality", Section::Quality),
    ("weak", Section::Weak),
    ("duties", Section::Duties),
    ("ispeed", Section::ISpeed),
    ("difficulties", Section::Difficulties),
    ("method", Section::Method),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum KindWord {
    Table,
    Ranking,
    Weak,
    Sharing,
    Excluded,
    Duties,
    Method,
}

const KINDS: &[(&str, KindWord)] = &[
    ("table", KindWord::Table),
    ("ranking", KindWord::Ranking),
    ("weak", KindWord::Weak),
    ("sharing", KindWord::Sharing),
    ("excluded", KindWord::Excluded),
    ("duties", KindWord::Duties),
    ("method", KindWord::Method),
];

const ROWS: &[(&str, RowsOf)] = &[("place", RowsOf::Place), ("children", RowsOf::Children), ("short", RowsOf::Short)];

const SHOWS: &[(&str, Show)] = &[("value", Show::Value), ("interval", Show::Interval), ("samples", Show::Samples)];

pub(super) fn template(file: &str, text: &str) -> Result<Template, TemplateErrors> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut errors = Errors::new(file, text);
    let (root, syntax) = DeTable::parse_recoverable(text);
    for wrong in &syntax {
        let value = format!("not TOML ({})", wrong.message().replace('\n', " "));
        errors.say(&wrong.span().unwrap_or(0..0), "the file", value, "TOML 1.0, such as key = \"text\"");
    }
    if !errors.none() {
        return errors.into_result(None);
    }
    let root = Node { table: root.get_ref(), span: 0..0, path: String::new() };
    let found = read(&mut errors, &root);
    errors.into_result(found)
}

/// `None` with an error said, where something is missing.
fn read(errors: &mut Errors<'_>, root: &Node<'_>) -> Option<Template> {
    root.only(
        errors,
        &[
            "format",
            "id",
            "version",
            "level",
            "title",
            "superior",
            "body",
            "operators",
            "technologies",
            "csv",
            "letter",
            "sheets",
        ],
    );
    // The rest of another form would only be misread.
    root.number(errors, "format", FORMAT..=FORMAT, None)?;
    let id = root.text(errors, "id");
    let version = root.number(errors, "version", 1..=i64::from(u32::MAX), None);
    let level = root.choice(errors, "level", LEVELS);
    let title = root.text(errors, "title");
    let superior = root.optional_text(errors, "superior");
    let body = root.text(errors, "body");
    let operators = root.choices(errors, "operators", OPERATORS);
    let technologies = root.choices(errors, "technologies", TECHNOLOGIES);
    let nodes = root.nodes(errors, "sheets");
    let sheets: Vec<Option<Sheet>> = nodes.iter().map(|node| sheet(errors, node)).collect();
    let letter = root.node(errors, "letter").and_then(|node| letter(errors, &node));
    rules::sheets(errors, &nodes, &sheets, level);
    let csv_sheet = rules::csv(errors, root, &sheets);
    Some(Template {
        id: id?,
        version: u32::try_from(version?).ok()?,
        level: level?,
        title: title?,
        superior,
        body: body?,
        operators: operators?,
        technologies: technologies?,
        sheets: sheets.into_iter().collect::<Option<Vec<_>>>()?,
        csv_sheet: csv_sheet?,
        letter: letter?,
    })
}

fn sheet(errors: &mut Errors<'_>, node: &Node<'_>) -> Option<Sheet> {
    let kind = node.choice(errors, "kind", KINDS);
    let mut keys = vec!["kind", "name", "title", "pages_wide"];
    if kind == Some(KindWord::Table) {
        keys.extend(["rows", "split", "frozen", "columns"]);
    }
    if kind.is_some() {
        node.only(errors, &keys);
    }
    let name = node.text(errors, "name");
    let title = node.text(errors, "title");
    let pages_wide = node.number(errors, "pages_wide", 1..=10, Some(1));
    let kind = match kind? {
        KindWord::Table => table(errors, node),
        KindWord::Ranking => Some(Kind::Ranking),
        KindWord::Weak => Some(Kind::Weak),
        KindWord::Sharing => Some(Kind::Sharing),
        KindWord::Excluded => Some(Kind::Excluded),
        KindWord::Duties => Some(Kind::Duties),
        KindWord::Method => Some(Kind::Method),
    };
    Some(Sheet { name: name?, title: title?, pages_wide: u16::try_from(pages_wide?).ok()?, kind: kind? })
}

fn table(errors: &mut Errors<'_>, node: &Node<'_>) -> Option<Kind> {
    let rows = node.choice(errors, "rows", ROWS);
    let split = node.flag(errors, "split", false);
    let frozen = node.number(errors, "frozen", 0..=10, Some(0));
    let nodes = node.nodes(errors, "columns");
    let columns: Vec<Option<Column>> = nodes.iter().map(|node| column(errors, node)).collect();
    rules::duplicates(errors, &nodes, &columns);
    Some(Kind::Table {
        rows: rows?,
        split: split?,
        frozen: u16::try_from(frozen?).ok()?,
        columns: columns.into_iter().collect::<Option<Vec<_>>>()?,
    })
}

fn column(errors: &mut Errors<'_>, node: &Node<'_>) -> Option<Column> {
    node.only(errors, &["field", "metric", "show", "text", "heading", "width"]);
    let source = source(errors, node);
    let heading = node.text(errors, "heading");
    let width = node.number(errors, "width", 3..=120, None);
    Some(Column { source: source?, heading: heading?, width: u16::try_from(width?).ok()? })
}

fn source(errors: &mut Errors<'_>, node: &Node<'_>) -> Option<Source> {
    let given: Vec<&str> = ["field", "metric", "text"].into_iter().filter(|key| node.get(key).is_some()).collect();
    let [key] = given.as_slice() else {
        let value =
            if given.is_empty() { "missing".to_owned() } else { format!("given with {}", given[1..].join(", ")) };
        errors.say(
            &node.span,
            node.field(given.first().copied().unwrap_or("field")),
            value,
            "one of: field, metric, text",
        );
        return None;
    };
    if *key != "metric" && node.get("show").is_some() {
        errors.say(&node.span_of("show"), node.field("show"), "given", "nothing: show belongs to metric");
    }
    if *key == "text" {
        return node.optional_text(errors, "text").map(Source::Text);
    }
    let code = node.text(errors, key)?;
    let (span, name) = (node.span_of(key), node.field(key));
    if *key == "field" {
        let found = Field::from_code(&code);
        if found.is_none() {
            let words = Field::ALL.iter().map(|field| field.code);
            errors.say(&span, name, format!("{code:?}"), rules::nearest("a field", &code, words));
        }
        return found.map(Source::Field);
    }
    let show = if node.get("show").is_some() { node.choice(errors, "show", SHOWS)? } else { Show::Value };
    let found = code.parse::<Metric>().ok();
    if found.is_none() {
        let words = Metric::ALL.iter().map(|metric| metric.code());
        errors.say(&span, name, format!("{code:?}"), rules::nearest("a metric", &code, words));
    }
    found.map(|metric| Source::Metric(metric, show))
}

fn letter(errors: &mut Errors<'_>, node: &Node<'_>) -> Option<Letter> {
    node.only(errors, &["number", "place", "subject", "to", "opening", "sections", "closing", "recipients", "sign"]);
    let mut texts =
        |key| node.texts(errors, key).map(|list| list.into_iter().map(|(text, _)| text).collect::<Vec<_>>());
    let (to, opening, closing) = (texts("to"), texts("opening"), texts("closing"));
    let (recipients, sign) = (texts("recipients"), texts("sign"));
    let number = node.text(errors, "number");
    let place = node.text(errors, "place");
    let subject = node.text(errors, "subject");
    let sections = node.choices(errors, "sections", SECTIONS);
    if sections.as_ref().is_some_and(|list| !list.contains(&Section::Method)) {
        errors.say(
            &node.span_of("sections"),
            node.field("sections"),
            "without method",
            "method: it carries the disclaimers",
        );
    }
    Some(Letter {
        number: number?,
        place: place?,
        subject: subject?,
        to: to?,
        opening: opening?,
        sections: sections?,
        closing: closing?,
        recipients: recipients?,
        sign: sign?,
    })
}
