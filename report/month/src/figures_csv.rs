//! `figures.csv`: every figure once, one line each, sorted by level, code, operator, technology, metric.
//!
//! A nation's file has 100 MB. The writer keeps the communes in a spool beside it and puts them in order at the end; the reader
//! keeps only where each place begins.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ispeed_report::group::NATION;
use ispeed_report::{Decimal, Figure, Group, Level, Metric, OperatorGroup, TechnologyGroup};

use crate::error::{MonthError, Result};
use crate::words::Word as _;

/// Its name in the folder.
pub(crate) const FIGURES_FILE: &str = "figures.csv";
/// Its first line.
pub(crate) const HEADER: &str = "level,code,operator,technology,metric,value,lo,hi,n,devices,public";
const SPOOL: &str = "communes.spool";

/// A figure as its line, without the line's end. No member holds a comma or a quote.
pub fn line(figure: &Figure) -> String {
    let text = |value: Option<Decimal>| value.map_or_else(String::new, |value| value.to_string());
    format!(
        "{},{},{},{},{},{},{},{},{},{},{}",
        figure.group.level.word(),
        figure.group.code,
        figure.group.operator.code(),
        figure.group.technology.code(),
        figure.metric.code(),
        text(figure.value),
        text(figure.interval.map(|[lo, _]| lo)),
        text(figure.interval.map(|[_, hi]| hi)),
        figure.n,
        figure.devices,
        figure.public
    )
}

/// Reads [`line()`]; what is wrong otherwise. A figure has one text: another spelling is refused.
pub fn parse(text: &str) -> std::result::Result<Figure, String> {
    let fields: Vec<&str> = text.split(',').collect();
    let [level, code, operator, technology, metric, value, lo, hi, n, devices, public] = fields[..] else {
        return Err(format!("{} fields; expected {HEADER}", fields.len()));
    };
    let number = |name: &str, text: &str| match text {
        "" => Ok(None),
        _ => text.parse::<Decimal>().map(Some).map_err(|wrong| format!("{name}: {wrong}")),
    };
    let count = |name: &str, text: &str| {
        text.parse::<u64>().map_err(|_| format!("{name}: {text:?} is not a count such as 300"))
    };
    let word = |name: &str, text: &str| format!("{name}: {text:?} is not one of MONTH.md");
    let interval = match (number("lo", lo)?, number("hi", hi)?) {
        (Some(lo), Some(hi)) => Some([lo, hi]),
        (None, None) => None,
        _ => return Err("lo, hi: one is there and one is not".into()),
    };
    let figure = Figure {
        group: Group {
            level: Level::of_word(level).ok_or_else(|| word("level", level))?,
            code: code.to_owned(),
            operator: OperatorGroup::of_word(operator).ok_or_else(|| word("operator", operator))?,
            technology: TechnologyGroup::of_word(technology).ok_or_else(|| word("technology", technology))?,
        },
        metric: metric.parse::<Metric>()?,
        value: number("value", value)?,
        interval,
        n: count("n", n)?,
        devices: count("devices", devices)?,
        public: public.parse().map_err(|_| format!("public: {public:?}; expected true or false"))?,
    };
    if line(&figure) == text { Ok(figure) } else { Err(format!("{text:?} is another spelling of {:?}", line(&figure))) }
}

/// Writes the file as provinces come.
pub(crate) struct FigureWriter {
    folder: PathBuf,
    spool: BufWriter<File>,
    at: u64,
    communes: BTreeMap<String, (u64, u64)>,
    provinces: BTreeMap<String, Vec<u8>>,
}

fn lines(figures: &[Figure]) -> Vec<u8> {
    let mut text = Vec::with_capacity(figures.len() * 64);
    for figure in figures {
        text.extend_from_slice(line(figure).as_bytes());
        text.push(b'\n');
    }
    text
}

impl FigureWriter {
    pub(crate) fn create(folder: &Path) -> Result<Self> {
        let path = folder.join(SPOOL);
        let mut options = File::options();
        options.read(true).write(true).create_new(true);
        let spool = BufWriter::new(options.open(&path).map_err(MonthError::io("make", &path))?);
        Ok(Self { folder: folder.to_owned(), spool, at: 0, communes: BTreeMap::new(), provinces: BTreeMap::new() })
    }

    /// The figures of a commune, sorted.
    pub(crate) fn commune(&mut self, code: &str, figures: &[Figure]) -> Result<()> {
        let text = lines(figures);
        self.spool.write_all(&text).map_err(MonthError::io("write", &self.folder.join(SPOOL)))?;
        self.communes.insert(code.to_owned(), (self.at, text.len() as u64));
        self.at += text.len() as u64;
        Ok(())
    }

    /// The figures of a province itself, sorted.
    pub(crate) fn province(&mut self, code: &str, figures: &[Figure]) {
        self.provinces.insert(code.to_owned(), lines(figures));
    }

    /// Puts everything in order: nation, provinces by code, communes by code. The file, to read again.
    pub(crate) fn finish(self, nation: &[Figure]) -> Result<FigureFile> {
        let path = self.folder.join(FIGURES_FILE);
        let spool_path = self.folder.join(SPOOL);
        let spool =
            self.spool.into_inner().map_err(|error| MonthError::io("write", &spool_path)(error.into_error()))?;
        let places = put_in_order(&path, spool, nation, &self.provinces, &self.communes)
            .map_err(MonthError::io("write", &path))?;
        std::fs::remove_file(&spool_path).map_err(MonthError::io("write", &spool_path))?;
        let file = File::open(&path).map_err(MonthError::io("read", &path))?;
        Ok(FigureFile { file, places })
    }
}

type Places = BTreeMap<(Level, String), (u64, u64)>;

fn put_in_order(
    path: &Path,
    mut spool: File,
    nation: &[Figure],
    provinces: &BTreeMap<String, Vec<u8>>,
    communes: &BTreeMap<String, (u64, u64)>,
) -> io::Result<Places> {
    let mut out = BufWriter::with_capacity(1 << 18, File::create(path)?);
    let mut places = Places::new();
    let mut at = HEADER.len() as u64 + 1;
    let mut note = |level, code: &str, bytes: u64| {
        if bytes > 0 {
            places.insert((level, code.to_owned()), (at, bytes));
        }
        at += bytes;
    };
    writeln!(out, "{HEADER}")?;
    let text = lines(nation);
    out.write_all(&text)?;
    note(Level::Nation, NATION, text.len() as u64);
    for (code, text) in provinces {
        out.write_all(text)?;
        note(Level::Province, code, text.len() as u64);
    }
    for (code, (from, bytes)) in communes {
        spool.seek(SeekFrom::Start(*from))?;
        io::copy(&mut (&spool).take(*bytes), &mut out)?;
        note(Level::Commune, code, *bytes);
    }
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(places)
}

/// A `figures.csv` on the disk: where the figures of each place lie.
#[derive(Debug)]
pub struct FigureFile {
    file: File,
    places: Places,
}

impl FigureFile {
    /// Opens the file of a folder and checks its order: every figure once.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(FIGURES_FILE);
        let file = File::open(&path).map_err(MonthError::io("read", &path))?;
        let mut places = Places::new();
        let mut last: Option<(Group, Metric)> = None;
        let mut at = 0;
        for (n, text) in BufReader::with_capacity(1 << 18, &file).split(b'\n').enumerate() {
            let text = text.map_err(MonthError::io("read", &path))?;
            let wrong = |cause: String| MonthError::malformed(FIGURES_FILE, format!("line {}: {cause}", n + 1));
            let (from, bytes) = (at, text.len() as u64 + 1);
            at += bytes;
            let text = String::from_utf8(text).map_err(|_| wrong("not UTF-8".into()))?;
            if n == 0 {
                if text != HEADER {
                    return Err(wrong(format!("{text:?}; expected {HEADER}")));
                }
                continue;
            }
            let figure = parse(&text).map_err(wrong)?;
            let key = (figure.group, figure.metric);
            if last.as_ref().is_some_and(|last| *last >= key) {
                return Err(wrong(format!("{} {} is out of order or stands twice", key.0, key.1)));
            }
            let place: &mut (u64, u64) = places.entry((key.0.level, key.0.code.clone())).or_insert((from, 0));
            place.1 += bytes;
            last = Some(key);
        }
        Ok(Self { file, places })
    }

    /// The figures of a place; none where it has none.
    pub fn of(&mut self, level: Level, code: &str) -> Result<Vec<Figure>> {
        let Some((at, bytes)) = self.places.get(&(level, code.to_owned())) else { return Ok(Vec::new()) };
        let mut text = String::new();
        let read =
            self.file.seek(SeekFrom::Start(*at)).and_then(|_| (&self.file).take(*bytes).read_to_string(&mut text));
        read.map_err(MonthError::io("read", Path::new(FIGURES_FILE)))?;
        text.lines().map(|line| parse(line).map_err(|wrong| MonthError::malformed(FIGURES_FILE, wrong))).collect()
    }

    /// The places it has figures of, in the order of the file.
    pub fn places(&self) -> impl Iterator<Item = (Level, &str)> {
        self.places.keys().map(|(level, code)| (*level, code.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(level: Level, code: &str, metric: Metric, value: Option<f64>) -> Figure {
        Figure {
            group: Group::all(level, code),
            metric,
            value: value.and_then(|value| Decimal::round(value, metric.decimals())),
            interval: value.and_then(|v| {
                Some([Decimal::round(v - 1.0, metric.decimals())?, Decimal::round(v + 1.0, metric.decimals())?])
            }),
            n: 3,
            devices: 2,
            public: true,
        }
    }

    #[test]
    fn a_figure_has_one_text() {
        let text = line(&figure(Level::Commune, "25195", Metric::DownMean, Some(38.685)));
        assert_eq!(text, "commune,25195,all,all,down_mean_mbps,38.68,37.68,39.68,3,2,true");
        assert_eq!(line(&parse(&text).unwrap()), text);
        let empty = line(&figure(Level::Nation, "VN", Metric::Pdv, None));
        assert_eq!(empty, "nation,VN,all,all,pdv_median_ms,,,,3,2,true");
        assert_eq!(line(&parse(&empty).unwrap()), empty);
        for (wrong, why) in [
            ("commune,25195,all,all,down_mean_mbps,38.68,37.68,39.68,3,2", "10 fields"),
            ("xã,25195,all,all,down_mean_mbps,38.68,37.68,39.68,3,2,true", "level"),
            ("commune,25195,all,all,down_mean,38.68,37.68,39.68,3,2,true", "down_mean"),
            ("commune,25195,all,all,down_mean_mbps,38.68,37.68,,3,2,true", "lo, hi"),
            ("commune,25195,all,all,down_mean_mbps,38.68,37.68,39.68,+3,2,true", "another spelling"),
            ("commune,25195,all,all,down_mean_mbps,1e3,,,3,2,true", "1e3"),
            ("commune,25195,all,all,down_mean_mbps,38.68,,,3,2,yes", "public"),
        ] {
            assert!(parse(wrong).unwrap_err().contains(why), "{wrong}: {:?}", parse(wrong));
        }
    }

    #[test]
    fn places_come_out_in_order_and_are_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = FigureWriter::create(dir.path()).unwrap();
        let of = |level, code: &str| {
            vec![figure(level, code, Metric::Samples, Some(1.0)), figure(level, code, Metric::Pdv, None)]
        };
        // Commune codes do not follow those of provinces since the mergers of 2025.
        for (province, communes) in [("01", ["00070", "25195"]), ("75", ["00004", "26000"])] {
            for code in communes {
                writer.commune(code, &of(Level::Commune, code)).unwrap();
            }
            writer.province(province, &of(Level::Province, province));
        }
        let written = writer.finish(&of(Level::Nation, "VN")).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "the spool is gone");
        let mut file = FigureFile::open(dir.path()).unwrap();
        assert_eq!(written.places, file.places);
        let codes: Vec<_> = file.places().map(|(_, code)| code.to_owned()).collect();
        assert_eq!(codes, ["VN", "01", "75", "00004", "00070", "25195", "26000"]);
        assert_eq!(file.of(Level::Commune, "00070").unwrap(), of(Level::Commune, "00070"));
        assert_eq!(file.of(Level::Commune, "99999").unwrap(), []);

        let path = dir.path().join(FIGURES_FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}{}", text.lines().last().unwrap())).unwrap();
        let wrong = FigureFile::open(dir.path()).unwrap_err().to_string();
        assert!(wrong.contains("line 16") && wrong.contains("stands twice"), "{wrong}");
    }
}
