//! The page as HTML: every value escaped, no script, no foreign resource.

use std::fmt::Write as _;

use ispeed_protocol::Day;
use ispeed_protocol::plan::{CommuneQuota, MonthStatus, QUOTA_PER_COMMUNE};
use ispeed_verdict::explain;

use super::format::{Esc, integer, minute, month, percent};
use super::strings::{Lang, Strings, fill};
use super::view::{ROWS, View};
use crate::collect::Collector;

/// What was asked for.
pub(super) struct Query {
    pub(super) lang: Lang,
    /// The language stands in the address, so links keep it.
    pub(super) lang_in_address: bool,
    pub(super) page: usize,
    /// A filter of the address was not understood.
    pub(super) wrong_filter: bool,
}

/// A page being written.
struct Page<'a> {
    out: String,
    s: &'static Strings,
    lang: Lang,
    query: &'a Query,
    status: &'a MonthStatus,
    view: &'a View,
    collector: &'a Collector,
}

/// The whole document.
pub(super) fn render(query: &Query, status: &MonthStatus, view: &View, collector: &Collector) -> String {
    let mut page = Page {
        out: String::with_capacity(64 * 1024),
        s: query.lang.strings(),
        lang: query.lang,
        query,
        status,
        view,
        collector,
    };
    page.head();
    page.intro();
    page.summary();
    page.filter();
    page.short();
    page.reached();
    page.provinces();
    page.excluded();
    page.how();
    page.foot();
    page.out
}

impl Page<'_> {
    fn put(&mut self, html: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.out.write_fmt(html);
    }

    fn int(&self, value: u32) -> String {
        integer(value.into(), self.lang)
    }

    /// An address of this page with other parts of the query.
    fn link(&self, lang: Option<Lang>, province: Option<&str>, page: usize) -> String {
        let lang = lang.or(self.query.lang_in_address.then_some(self.lang));
        let mut parts = vec![format!("month={}", self.status.month)];
        parts.extend(province.map(|code| format!("province={code}")));
        parts.extend(lang.map(|l| format!("lang={}", l.code())));
        if page > 1 {
            parts.push(format!("page={page}"));
        }
        format!("/?{}", parts.join("&amp;"))
    }

    fn head(&mut self) {
        let s = self.s;
        let month = month(self.status.month, self.lang);
        let mut title = fill(s.title, &[&month]);
        if let Some(province) = self.province() {
            title = format!("{title} – {province}");
        }
        let other = if self.lang == Lang::Vi { Lang::En } else { Lang::Vi };
        let switch = self.link(Some(other), self.status.province_code.as_deref(), 1);
        self.put(format_args!(
            "<!DOCTYPE html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title} – ispeed</title>\n<meta name=\"description\" content=\"{tagline}\">\n\
             <link rel=\"stylesheet\" href=\"/page.css\">\n<link rel=\"icon\" href=\"/icon.svg\" type=\"image/svg+xml\">\n\
             </head>\n<body>\n<a class=\"skip\" href=\"#short\">{skip}</a>\n<header class=\"top\">\
             <span class=\"name\">ispeed</span><span class=\"tagline\">{name} · {tagline}</span>\
             <a href=\"{switch}\" hreflang=\"{code}\" lang=\"{code}\">{other_language}</a></header>\n<main>\n<h1>{title}</h1>\n",
            lang = self.lang.code(),
            title = Esc(&title),
            tagline = Esc(s.tagline),
            skip = s.skip,
            name = Esc(self.collector.name()),
            code = other.code(),
            other_language = s.other_language,
        ));
    }

    /// Name of the chosen province.
    fn province(&self) -> Option<&str> {
        let code = self.status.province_code.as_deref()?;
        self.collector.communes().all().iter().find(|c| c.province_code == code).map(|c| c.province.as_str())
    }

    fn intro(&mut self) {
        let s = self.s;
        if self.query.wrong_filter {
            self.put(format_args!("<p class=\"warning\" role=\"status\">{}</p>\n", s.wrong_filter));
        }
        if self.collector.accepts_simulated() {
            self.put(format_args!("<p class=\"warning\">{}</p>\n", s.demo));
        }
        self.put(format_args!(
            "<p>{}</p>\n<p class=\"note\">{}</p>\n<nav class=\"jump screen\" aria-label=\"{}\"><a href=\"#how\">{}</a>",
            s.intro, s.not_i_speed, s.on_this_page, s.how_title
        ));
        if !self.view.provinces.is_empty() {
            self.put(format_args!("<a href=\"#provinces\">{}</a>", s.provinces_title));
        }
        if !self.status.excluded.is_empty() {
            self.put(format_args!("<a href=\"#excluded\">{}</a>", s.excluded_title));
        }
        self.put(format_args!("<a href=\"#data\">{}</a></nav>\n", s.data_title));
    }

    fn summary(&mut self) {
        let (s, status, lang) = (self.s, self.status, self.lang);
        let share = percent(status.communes_reached.into(), status.communes_total.into(), lang);
        let of_all = fill(s.reached_of, &[&self.int(status.communes_total), &share]);
        let days = if status.days_left == 0 { s.month_over } else { s.days };
        let excluded: u32 = status.excluded.values().sum();
        self.put(format_args!("<dl class=\"summary\" aria-label=\"{}\">", s.summary));
        for (name, value, unit) in [
            (s.reached, self.int(status.communes_reached), of_all.as_str()),
            (s.missing, integer(self.view.missing, lang), s.samples),
            (s.counted, self.int(status.counted), s.samples),
            (s.excluded, self.int(excluded), s.samples),
            (s.days_left, self.int(status.days_left), days),
        ] {
            self.put(format_args!("<div><dt>{name}</dt><dd>{value}<small>{unit}</small></dd></div>"));
        }
        let calendar = self.collector.calendar(status.month);
        let last = |end: ispeed_protocol::UtcMicros| {
            let day = Day::of(end.plus_micros(-1));
            format!("{:02}/{:02}/{}", day.day(), day.month().month, day.month().year)
        };
        let report = last(calendar.report_by.end());
        let dates = fill(s.dates, &[&last(calendar.measure_until), &last(calendar.upload_until), &report]);
        self.put(format_args!("</dl>\n<p class=\"note\">{dates}</p>\n"));
    }

    fn filter(&mut self) {
        let s = self.s;
        self.put(format_args!(
            "<form class=\"filter\" method=\"get\" action=\"/\" aria-label=\"{}\"><div><label for=\"province\">{}</label>\
             <select id=\"province\" name=\"province\"><option value=\"\">{}</option>",
            s.filter, s.province, s.whole_country
        ));
        let collector = self.collector;
        for (code, name) in super::province_names(collector.communes()) {
            let chosen = if self.status.province_code.as_deref() == Some(code) { " selected" } else { "" };
            self.put(format_args!("<option value=\"{}\"{chosen}>{}</option>", Esc(code), Esc(name)));
        }
        self.put(format_args!(
            "</select></div><div><label for=\"month\">{}</label><select id=\"month\" name=\"month\">",
            s.month
        ));
        for month in super::view::months(self.collector.now().month(), self.status.month) {
            let chosen = if month == self.status.month { " selected" } else { "" };
            let name = self::month(month, self.lang);
            self.put(format_args!("<option value=\"{month}\"{chosen}>{name}</option>"));
        }
        self.put(format_args!("</select></div>"));
        if self.query.lang_in_address {
            self.put(format_args!("<input type=\"hidden\" name=\"lang\" value=\"{}\">", self.lang.code()));
        }
        self.put(format_args!("<div><button type=\"submit\">{}</button></div></form>\n", s.show));
    }

    fn short(&mut self) {
        let s = self.s;
        let total = self.view.short.len();
        let count = integer(total as u64, self.lang);
        self.put(format_args!("<section id=\"short\"><h2>{}</h2>\n", fill(s.short_title, &[&count])));
        if total == 0 {
            self.put(format_args!("<p>{}</p></section>\n", s.short_none));
            return;
        }
        let pages = total.div_ceil(ROWS);
        let page = self.query.page.clamp(1, pages);
        let from = (page - 1) * ROWS;
        let rows = &self.view.short[from..total.min(from + ROWS)];
        self.communes(s.short_order, rows, from);
        self.pages(page, pages);
        self.put(format_args!("</section>\n"));
    }

    fn reached(&mut self) {
        let s = self.s;
        let rows = &self.view.reached;
        let count = integer(rows.len() as u64, self.lang);
        self.put(format_args!("<section><h2>{}</h2>\n", fill(s.reached_title, &[&count])));
        if rows.is_empty() {
            self.put(format_args!("<p>{}</p>", s.reached_none));
        } else {
            self.communes("", rows, 0);
        }
        self.put(format_args!("</section>\n"));
    }

    fn communes(&mut self, caption: &str, rows: &[CommuneQuota], from: usize) {
        let s = self.s;
        self.put(format_args!(
            "<div class=\"scroll\"><table><caption>{caption}</caption><thead><tr><th scope=\"col\" class=\"n wide\">{}</th>\
             <th scope=\"col\">{}</th><th scope=\"col\" class=\"wide\">{}</th><th scope=\"col\" class=\"n\">{}</th>\
             <th scope=\"col\" class=\"n\">{}</th><th scope=\"col\" class=\"wide\">{}</th>\
             <th scope=\"col\" class=\"n\">{}</th></tr></thead><tbody>\n",
            s.number, s.commune, s.code, s.counted, s.missing, s.progress, s.devices
        ));
        for (i, c) in rows.iter().enumerate() {
            let done = c.counted.min(QUOTA_PER_COMMUNE);
            let share = percent(done.into(), QUOTA_PER_COMMUNE.into(), self.lang);
            let number = integer((from + i + 1) as u64, self.lang);
            let province = match self.status.province_code {
                Some(_) => String::new(),
                None => format!("<small>{}</small>", Esc(&c.province)),
            };
            let (counted, missing, devices) = (self.int(c.counted), self.int(c.missing), self.int(c.devices));
            self.put(format_args!(
                "<tr><td class=\"n wide\">{number}</td><th scope=\"row\">{}{province}</th>\
                 <td class=\"wide\">{}</td><td class=\"n\">{counted}</td><td class=\"n\">{missing}</td>\
                 <td class=\"wide\"><progress max=\"{QUOTA_PER_COMMUNE}\" value=\"{done}\" aria-label=\"{share}\">{share}\
                 </progress></td><td class=\"n\">{devices}</td></tr>\n",
                Esc(&c.name),
                Esc(&c.code),
            ));
        }
        self.put(format_args!("</tbody></table></div>\n"));
    }

    fn pages(&mut self, page: usize, pages: usize) {
        if pages < 2 {
            return;
        }
        let s = self.s;
        let position = fill(s.page, &[&page.to_string(), &pages.to_string()]);
        self.put(format_args!(
            "<nav class=\"pages\" aria-label=\"{}\"><span class=\"soft\">{position}</span>",
            s.pages
        ));
        for n in 1..=pages {
            if n == page {
                self.put(format_args!("<strong aria-current=\"page\">{n}</strong>"));
            } else {
                let link = self.link(None, self.status.province_code.as_deref(), n);
                self.put(format_args!("<a href=\"{link}#short\">{n}</a>"));
            }
        }
        self.put(format_args!("</nav>\n"));
    }

    fn provinces(&mut self) {
        if self.view.provinces.is_empty() {
            return;
        }
        let s = self.s;
        self.put(format_args!(
            "<section id=\"provinces\"><h2>{}</h2>\n<div class=\"scroll\"><table><caption>{}</caption><thead><tr><th scope=\"col\">{}</th>\
             <th scope=\"col\" class=\"n wide\">{}</th><th scope=\"col\" class=\"n\">{}</th>\
             <th scope=\"col\" class=\"n\">{}</th><th scope=\"col\" class=\"n\">{}</th></tr></thead><tbody>\n",
            s.provinces_title, s.provinces_note, s.province, s.communes, s.reached, s.counted, s.missing
        ));
        for line in &self.view.provinces {
            let link = self.link(None, Some(&line.code), 1);
            let zones = match line.special_zones.as_slice() {
                [] => String::new(),
                zones => format!("<small>({} {})</small>", s.special_zones, Esc(&zones.join(", "))),
            };
            let (communes, reached) = (self.int(line.communes), self.int(line.reached));
            let (counted, missing) = (self.int(line.counted), self.int(line.missing));
            self.put(format_args!(
                "<tr><th scope=\"row\"><a href=\"{link}\">{}</a>{zones}</th><td class=\"n wide\">{communes}</td>\
                 <td class=\"n\">{reached}</td><td class=\"n\">{counted}</td><td class=\"n\">{missing}</td></tr>\n",
                Esc(&line.name)
            ));
        }
        self.put(format_args!("</tbody></table></div></section>\n"));
    }

    fn excluded(&mut self) {
        if self.status.excluded.is_empty() {
            return;
        }
        let s = self.s;
        let mut rows: Vec<_> = self.status.excluded.iter().collect();
        rows.sort_by_key(|(reason, n)| (std::cmp::Reverse(**n), *reason));
        self.put(format_args!(
            "<section id=\"excluded\"><h2>{}</h2>\n<div class=\"scroll\"><table><caption>{}</caption><thead><tr>\
             <th scope=\"col\">{}</th><th scope=\"col\" class=\"n\">{}</th></tr></thead><tbody>\n",
            s.excluded_title, s.excluded_note, s.meaning, s.sample_count
        ));
        let lang = match self.lang {
            Lang::Vi => ispeed_verdict::Lang::Vi,
            Lang::En => ispeed_verdict::Lang::En,
        };
        for (reason, n) in rows {
            let meaning = explain(reason, lang).unwrap_or(reason);
            let n = self.int(*n);
            self.put(format_args!(
                "<tr><td>{}<small>{}: {}</small></td><td class=\"n\">{n}</td></tr>\n",
                Esc(meaning),
                s.reason,
                Esc(reason)
            ));
        }
        self.put(format_args!("</tbody></table></div></section>\n"));
    }

    fn how(&mut self) {
        let s = self.s;
        self.put(format_args!("<section id=\"how\" class=\"screen\"><h2>{}</h2>\n<ol>", s.how_title));
        for step in s.how_steps {
            self.put(format_args!("<li>{step}</li>"));
        }
        let url = self.collector.url().unwrap_or_else(|| "URL".to_owned());
        self.put(format_args!(
            "</ol>\n<p>{}</p><pre><code>ispeed test --server {} --facts FILE</code></pre></section>\n\
             <section id=\"data\" class=\"screen\"><h2>{}</h2>\n<ul>",
            s.how_command,
            Esc(&url),
            s.data_title
        ));
        for line in s.data {
            self.put(format_args!("<li>{line}</li>"));
        }
        self.put(format_args!("</ul></section>\n"));
    }

    fn foot(&mut self) {
        let s = self.s;
        let table = match self.collector.communes().table() {
            Some(table) => fill(s.table, &[table]),
            None => s.no_table.to_owned(),
        };
        let made_at = fill(s.made_at, &[&minute(self.status.at, self.lang)]);
        self.put(format_args!(
            "</main>\n<footer><p>{}</p><p>{} · {} · ispeed {}</p>\
             <p class=\"screen\">{}: <a href=\"/v1/months/{}\">JSON</a> · <a href=\"/v1/openapi.json\">OpenAPI</a> · \
             <a href=\"/v1/keys\">/v1/keys</a> · <a href=\"/v1/servers\">/v1/servers</a> · \
             <a href=\"/metrics\">/metrics</a></p></footer>\n</body>\n</html>\n",
            s.disclaimer,
            Esc(&made_at),
            Esc(&table),
            env!("CARGO_PKG_VERSION"),
            s.machine,
            self.status.month
        ));
    }
}
