//! Pieces of WordprocessingML. Lengths are twips (1/20 point), sizes of letters half points.

/// Text of an element or attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML 1.0 has no place for the others.
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Twips of millimetres.
pub(super) const fn mm(mm: u32) -> u32 {
    mm * 1440 * 10 / 254
}

/// How a run of text looks.
#[derive(Clone, Copy, Default)]
pub(super) struct Run {
    pub(super) half_points: u32,
    pub(super) bold: bool,
    pub(super) italic: bool,
    pub(super) grey: bool,
}

impl Run {
    pub(super) const fn new(half_points: u32) -> Self {
        Self { half_points, bold: false, italic: false, grey: false }
    }

    pub(super) const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub(super) const fn italic(self) -> Self {
        Self { italic: true, ..self }
    }

    pub(super) fn xml(self, text: &str) -> String {
        let mut properties = String::new();
        for (on, element) in
            [(self.bold, "<w:b/>"), (self.italic, "<w:i/>"), (self.grey, "<w:color w:val=\"595959\"/>")]
        {
            if on {
                properties.push_str(element);
            }
        }
        let size = self.half_points;
        format!(
            "<w:r><w:rPr>{properties}<w:sz w:val=\"{size}\"/><w:szCs w:val=\"{size}\"/></w:rPr>\
             <w:t xml:space=\"preserve\">{}</w:t></w:r>",
            escape(text)
        )
    }
}

/// How a paragraph stands.
#[derive(Clone, Copy)]
pub(super) struct Paragraph {
    pub(super) style: Option<&'static str>,
    pub(super) align: &'static str,
    pub(super) first_line: u32,
    /// Above and below.
    pub(super) space: (u32, u32),
    pub(super) with_next: bool,
    /// A rule beneath, so many twips in from either side; the line itself is low.
    pub(super) rule: Option<u32>,
    /// A low, empty line.
    pub(super) small: bool,
}

impl Paragraph {
    pub(super) const fn new(align: &'static str) -> Self {
        Self { style: None, align, first_line: 0, space: (0, 0), with_next: false, rule: None, small: false }
    }

    pub(super) const fn space(self, above: u32, below: u32) -> Self {
        Self { space: (above, below), ..self }
    }

    pub(super) fn xml(self, runs: &str) -> String {
        let style = self.style.map(|style| format!("<w:pStyle w:val=\"{style}\"/>")).unwrap_or_default();
        let keep = if self.with_next { "<w:keepNext/>" } else { "" };
        let border = match self.rule {
            Some(_) => "<w:pBdr><w:bottom w:val=\"single\" w:sz=\"6\" w:space=\"1\" w:color=\"000000\"/></w:pBdr>",
            None => "",
        };
        let side = self.rule.unwrap_or(0);
        let low = if self.small || self.rule.is_some() { " w:line=\"80\" w:lineRule=\"exact\"" } else { "" };
        let (above, below) = self.space;
        format!(
            "<w:p><w:pPr>{style}{keep}{border}<w:spacing w:before=\"{above}\" w:after=\"{below}\"{low}/>\
             <w:ind w:left=\"{side}\" w:right=\"{side}\" w:firstLine=\"{}\"/><w:jc w:val=\"{}\"/></w:pPr>{runs}</w:p>",
            self.first_line, self.align
        )
    }
}

/// A cell of a table: width, ground, content (paragraphs).
pub(super) fn cell(width: u32, grey: bool, content: &str) -> String {
    let ground = if grey { "<w:shd w:val=\"clear\" w:color=\"auto\" w:fill=\"EEEEEE\"/>" } else { "" };
    format!(
        "<w:tc><w:tcPr><w:tcW w:w=\"{width}\" w:type=\"dxa\"/>{ground}<w:vAlign w:val=\"center\"/></w:tcPr>{content}</w:tc>"
    )
}

/// A row; headings come again on each page.
pub(super) fn row(cells: &str, heading: bool) -> String {
    let heading = if heading { "<w:tblHeader/>" } else { "" };
    format!("<w:tr><w:trPr><w:cantSplit/>{heading}</w:trPr>{cells}</w:tr>")
}

/// A table of fixed widths.
pub(super) fn table(widths: &[u32], borders: bool, rows: &str) -> String {
    let total: u32 = widths.iter().sum();
    let line = |side: &str| format!("<w:{side} w:val=\"single\" w:sz=\"4\" w:space=\"0\" w:color=\"000000\"/>");
    let borders: String = if borders {
        let sides: String = ["top", "left", "bottom", "right", "insideH", "insideV"].into_iter().map(line).collect();
        format!("<w:tblBorders>{sides}</w:tblBorders>")
    } else {
        String::new()
    };
    let grid: String = widths.iter().map(|width| format!("<w:gridCol w:w=\"{width}\"/>")).collect();
    format!(
        "<w:tbl><w:tblPr><w:tblW w:w=\"{total}\" w:type=\"dxa\"/><w:jc w:val=\"center\"/>{borders}<w:tblLayout w:type=\"fixed\"/>\
         <w:tblCellMar><w:left w:w=\"60\" w:type=\"dxa\"/><w:right w:w=\"60\" w:type=\"dxa\"/></w:tblCellMar></w:tblPr>\
         <w:tblGrid>{grid}</w:tblGrid>{rows}</w:tbl>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_lengths_are_those_of_word() {
        assert_eq!(escape("a<b>&\"\u{1}"), "a&lt;b&gt;&amp;&quot; ");
        assert_eq!((mm(20), mm(30), mm(210)), (1133, 1700, 11905));
    }
}
