//! `ispeed plan`: what to measure next.

use ispeed_protocol::Month;
use ispeed_protocol::plan::{CommunePlan, NOT_I_SPEED_EN, NOT_I_SPEED_VI, Plan, Progress};
use ispeed_report::OperatorGroup;
use ispeed_server::collect::{PlanAbout, PlanDesk, PlanRequest, plan_settings};
use ispeed_verdict::Lang;
use reqwest::Url;

use super::campaign::find;
use super::whose::{Asked, Whose};
use crate::error::{CliError, Result};
use crate::http;
use crate::lang::{number, pick};
use crate::output::{Format, Out, print_entries};
use crate::place::At;
use crate::store::{self, Local};

/// What to measure next: which commune is short and by how many, with which operator, in which cells.
#[derive(clap::Args, Debug)]
#[command(group(clap::ArgGroup::new("about").required(true).args(["at", "commune", "campaign"])))]
pub(crate) struct Args {
    /// Around a point, LAT,LON; a collector is asked about its 200 m cell, and keeps neither.
    #[arg(long, value_name = "LAT,LON")]
    at: Option<At>,
    /// Of a commune.
    #[arg(long, value_name = "CODE")]
    commune: Option<String>,
    /// Of a campaign.
    #[arg(long, value_name = "CODE")]
    campaign: Option<String>,
    /// The month, YYYY-MM; this one unless given.
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<Month>,
    /// Metres around the point.
    #[arg(long, value_name = "METRES", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(0..=20_000))]
    radius: u32,
    /// Short communes listed at most.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=20))]
    limit: u32,
    /// Unmeasured cells listed of each commune at most.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=100))]
    cells: u32,
    #[command(flatten)]
    whose: Whose,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args, lang: Lang) -> Result<()> {
    let plan = match args.whose.asked("plan")? {
        Asked::Local(local) => read(&local, args)?,
        Asked::Collector(server) => ask(&server, args)?,
    };
    print(args.format, lang, &plan)
}

fn ask(server: &Url, args: &Args) -> Result<Plan> {
    let client = http::client(http::read_ca(args.whose.ca.as_deref())?.as_deref())?;
    let mut url = http::endpoint(server, "v1/plan")?;
    {
        let mut query = url.query_pairs_mut();
        if let Some(at) = args.at {
            query.append_pair("at", &cell_text(at)).append_pair("radius_m", &args.radius.to_string());
        }
        for (name, value) in [("commune", &args.commune), ("campaign", &args.campaign)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        if let Some(month) = args.month {
            query.append_pair("month", &month.to_string());
        }
        query.append_pair("limit", &args.limit.to_string()).append_pair("cells", &args.cells.to_string());
    }
    http::block_on(http::json(client.get(url)))
}

/// The centre of the 200 m cell of a point: no collector needs to know more.
fn cell_text(at: At) -> String {
    let centre = ispeed_commune::cell::centre(ispeed_commune::cell(at.point.lat, at.point.lon));
    format!("{:.5},{:.5}", centre.lat, centre.lon)
}

fn read(local: &Local, args: &Args) -> Result<Plan> {
    let communes = local.communes()?;
    let now = ispeed_core::clock::now();
    http::block_on(async {
        let store = local.server.open_existing().await?;
        let about = match (&args.at, &args.commune, &args.campaign) {
            (Some(at), ..) => PlanAbout::Point { point: at.point, radius_m: args.radius },
            (_, Some(code), _) => PlanAbout::Commune(code.clone()),
            (_, _, code) => {
                let code = code.as_deref().unwrap_or_default();
                PlanAbout::Campaign(Box::new(find(&*store, code).await?.campaign))
            }
        };
        let month = args.month.unwrap_or_else(|| now.month());
        let request =
            PlanRequest { about, month, communes: args.limit as usize, cells: args.cells as usize, public: false };
        let settings = plan_settings(&*store).await.map_err(|error| store::failed(&error))?;
        let plan = PlanDesk::default().plan(&*store, &communes, settings, &request, now).await;
        plan.map_err(|error| CliError::failed(error, "see `ispeed plan --help`"))
    })
}

const HEADER: [&str; 17] = [
    "code",
    "name",
    "province_code",
    "province",
    "distance_m",
    "operator",
    "technology",
    "counted",
    "missing",
    "excluded",
    "devices",
    "cells",
    "days",
    "top_device_permille",
    "cells_total",
    "cells_unmeasured",
    "unmeasured",
];

fn print(format: Format, lang: Lang, plan: &Plan) -> Result<()> {
    let mut out = Out::new();
    match format {
        Format::Json => out.json_line(plan)?,
        Format::Jsonl => return print_entries(&mut out, format, &plan.communes, &HEADER, |_| Vec::new()),
        Format::Csv => {
            let rows: Vec<Vec<String>> = plan.communes.iter().flat_map(rows).collect();
            return print_entries(&mut out, format, &rows, &HEADER, Clone::clone);
        }
        Format::Human => {
            lines(lang, plan).into_iter().try_for_each(|line| out.line(line))?;
        }
    }
    out.flush()
}

/// A line for the commune as a whole, and one for each operator and technology.
fn rows(commune: &CommunePlan) -> Vec<Vec<String>> {
    let optional = |value: Option<u32>| value.map(|n| n.to_string()).unwrap_or_default();
    let cells: Vec<String> = commune.unmeasured.iter().map(|cell| cell.cell.to_string()).collect();
    let row = |operator: &str, technology: &str, progress: &Progress, whole: bool| {
        let only = |text: String| if whole { text } else { String::new() };
        vec![
            commune.code.clone(),
            commune.name.clone(),
            commune.province_code.clone(),
            commune.province.clone(),
            optional(commune.distance_m),
            operator.to_owned(),
            technology.to_owned(),
            progress.counted.to_string(),
            progress.missing.to_string(),
            excluded(progress),
            progress.devices.to_string(),
            progress.cells.to_string(),
            progress.days.to_string(),
            optional(progress.top_device_permille),
            only(optional(commune.cells_total)),
            only(optional(commune.cells_unmeasured)),
            only(cells.join(" ")),
        ]
    };
    let groups = commune.groups.iter().map(|g| row(&g.operator, &g.technology, &g.progress, false));
    std::iter::once(row("all", "all", &commune.progress, true)).chain(groups).collect()
}

fn excluded(progress: &Progress) -> String {
    progress.excluded.iter().map(|(reason, n)| format!("{reason}={n}")).collect::<Vec<_>>().join(" ")
}

/// The name of an operator's code, as people know it.
pub(super) fn operator_name(code: &str) -> &'static str {
    OperatorGroup::of(code).name_vi()
}

fn lines(lang: Lang, plan: &Plan) -> Vec<String> {
    let mut lines = vec![dates(lang, plan)];
    lines.push(match &plan.next {
        None => pick(lang, "Không xã, phường nào còn thiếu mẫu.", "No commune is short.").to_owned(),
        Some(next) => {
            let commune = plan.communes.iter().find(|c| c.code == next.commune);
            let name = commune.map_or(next.commune.as_str(), |c| c.name.as_str());
            let operator = next
                .operator
                .as_deref()
                .map(|code| format!(", {} {}", pick(lang, "bằng nhà mạng", "with"), operator_name(code)));
            let cell = next.cell.map(|cell| format!(", {} {cell}", pick(lang, "tại ô", "in cell")));
            let (operator, cell) = (operator.unwrap_or_default(), cell.unwrap_or_default());
            match lang {
                Lang::Vi => format!("Việc tiếp theo: đo tại {name} (còn thiếu {} mẫu){operator}{cell}", next.missing),
                Lang::En => format!("Next: measure in {name} (missing {}){operator}{cell}", next.missing),
            }
        }
    });
    lines.push(spacing(lang, plan));
    plan.communes.iter().for_each(|commune| commune_lines(lang, commune, &mut lines));
    if plan.left_off > 0 {
        lines.push(format!("  {} {}", pick(lang, "và còn", "and more:"), plan.left_off));
    }
    if plan.approximate {
        let text = pick(
            lang,
            "Chưa có ranh giới: xã, phường gần một điểm là ước đoán theo trung tâm, và không rõ ô nào chưa có mẫu.",
            "No borders: communes near a point are guessed by their centres, and cells are not known.",
        );
        lines.push(text.to_owned());
    }
    lines.push(pick(lang, NOT_I_SPEED_VI, NOT_I_SPEED_EN).to_owned());
    lines
}

fn dates(lang: Lang, plan: &Plan) -> String {
    let day = |day: ispeed_protocol::Day| format!("{:02}/{:02}", day.day(), day.month().month);
    let last_of = |end: ispeed_protocol::UtcMicros| day(ispeed_protocol::Day::of(end.plus_micros(-1)));
    let calendar = &plan.calendar;
    let (measure, upload, report) =
        (last_of(calendar.measure_until), last_of(calendar.upload_until), day(calendar.report_by));
    match lang {
        Lang::Vi => format!(
            "Tháng {:02}/{}: còn {} ngày để đo (đến hết {measure}); gửi mẫu đến 24:00 ngày {upload}; báo cáo chậm nhất ngày {report}",
            plan.month.month, plan.month.year, calendar.days_left
        ),
        Lang::En => format!(
            "{}: {} days left to measure (until the end of {measure}); samples are taken in until 24:00 of {upload}; reports by {report}",
            plan.month, calendar.days_left
        ),
    }
}

fn spacing(lang: Lang, plan: &Plan) -> String {
    let spacing = plan.spacing;
    let metres = match (lang, spacing.metres) {
        (_, 0) => String::new(),
        (Lang::Vi, metres) => format!(" và {metres} m"),
        (Lang::En, metres) => format!(" and {metres} m"),
    };
    match lang {
        Lang::Vi => format!(
            "Mỗi máy: các mẫu được tính cách nhau ít nhất {} giây{metres}, nhiều nhất {} mẫu một ngày trong một xã, phường",
            spacing.seconds, spacing.per_day
        ),
        Lang::En => format!(
            "Each device: counted samples at least {} s{metres} apart, at most {} a day in a commune",
            spacing.seconds, spacing.per_day
        ),
    }
}

fn commune_lines(lang: Lang, commune: &CommunePlan, lines: &mut Vec<String>) {
    let progress = &commune.progress;
    let away = commune.distance_m.map(|m| format!("  {} km", number(lang, f64::from(m) / 1e3, 1))).unwrap_or_default();
    let missing = if progress.missing == 0 {
        pick(lang, "đạt", "reached").to_owned()
    } else {
        format!("{} {}", pick(lang, "còn thiếu", "missing"), progress.missing)
    };
    lines.push(format!(
        "  {}  {}, {}{away}  {}/300  {missing}",
        commune.code, commune.name, commune.province, progress.counted
    ));
    let top = progress.top_device_permille.map(|permille| number(lang, f64::from(permille) / 10.0, 1));
    lines.push(format!(
        "      {} {}, {} {}{}, {} {}, {} {} %",
        pick(lang, "thiết bị", "devices"),
        progress.devices,
        pick(lang, "ô", "cells"),
        progress.cells,
        commune.cells_total.map(|n| format!("/{n}")).unwrap_or_default(),
        pick(lang, "ngày", "days"),
        progress.days,
        pick(lang, "máy đo nhiều nhất", "busiest device"),
        top.unwrap_or_else(|| "–".to_owned())
    ));
    if !progress.excluded.is_empty() {
        lines.push(format!("      {} {}", pick(lang, "loại:", "excluded:"), excluded(progress)));
    }
    for group in &commune.groups {
        lines.push(format!(
            "      {:<18} {:<6} {:>5}  {}",
            operator_name(&group.operator),
            group.technology.to_uppercase(),
            group.progress.counted,
            excluded(&group.progress)
        ));
    }
    if !commune.under_sampled.is_empty() {
        let under =
            commune.under_sampled.iter().map(|o| format!("{} {}/{}", operator_name(&o.operator), o.counted, o.wanted));
        let under: Vec<String> = under.collect();
        lines.push(format!("      {} {}", pick(lang, "ít mẫu:", "under-sampled:"), under.join(", ")));
    }
    if !commune.unmeasured.is_empty() {
        let cells: Vec<String> = commune.unmeasured.iter().take(5).map(cell_line).collect();
        let all = commune.cells_unmeasured.unwrap_or(0);
        lines.push(format!("      {} {all}: {}", pick(lang, "ô chưa có mẫu", "unmeasured cells"), cells.join("; ")));
    }
}

fn cell_line(cell: &ispeed_protocol::plan::PlanCell) -> String {
    format!("{} {:.5},{:.5}", cell.cell, f64::from(cell.lat_e6) / 1e6, f64::from(cell.lon_e6) / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_hears_of_the_cell_and_not_of_the_point() {
        let text = cell_text("11.520937,106.899012".parse().unwrap());
        assert!(!text.contains("11.520937") && !text.contains("106.899012"), "{text}");
        let again: At = text.parse().unwrap();
        assert!(again.point.distance_m("11.520937,106.899012".parse::<At>().unwrap().point) < 145.0);
        assert_eq!(cell_text(again), text, "the whole cell asks alike");
    }
}
