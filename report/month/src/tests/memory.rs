//! A store in memory and a month of some two hundred samples.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ispeed_protocol::cell::Cell;
use ispeed_protocol::device::{MeasurerKind, RadioTechnology};
use ispeed_protocol::sample::Outcome;
use ispeed_protocol::signing::{SecretKey, sha256_hex};
use ispeed_protocol::{Month, UtcMicros};
use ispeed_report::sample::{ChainHead, PacketCounts};
use ispeed_report::{MonthFile, MonthHead, MonthSample, NationMonth, Place, ProvinceMonth, Settings};
use tempfile::TempDir;
use uuid::Uuid;

use crate::manifest::TemplateNote;
use crate::{Closed, DocumentWriter, MonthError, MonthStore, Request, RowQuery};

/// Samples, records, and a page at which it fails.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) samples: Vec<MonthSample>,
    pub(super) records: BTreeMap<(String, String), String>,
    pub(super) fails_at_row: Option<usize>,
    pub(super) refuses_records: bool,
}

impl MonthStore for Memory {
    fn heads(&mut self) -> Result<Vec<ChainHead>, String> {
        let mut heads: BTreeMap<&str, u64> = BTreeMap::new();
        for sample in &self.samples {
            let head = heads.entry(&sample.receipt_key).or_default();
            *head = sample.receipt_sequence.max(*head);
        }
        let head = |(key, sequence): (&str, u64)| ChainHead {
            key: key.into(),
            sequence,
            sha256: sha256_hex(format!("{key}{sequence}").as_bytes()),
        };
        Ok(heads.into_iter().map(head).collect())
    }

    fn rows(&mut self, query: RowQuery) -> Result<Vec<MonthSample>, String> {
        let covered = |s: &MonthSample| {
            query.upto.iter().any(|head| head.key == s.receipt_key && s.receipt_sequence <= head.sequence)
        };
        let of_province = |s: &MonthSample| query.province.is_none() || s.province == query.province;
        let mut rows: Vec<MonthSample> =
            self.samples.iter().filter(|s| s.month() == query.month && covered(s) && of_province(s)).cloned().collect();
        rows.sort_by(|a, b| a.order().cmp(&b.order()));
        if let Some((province, commune, id)) = &query.after {
            rows.retain(|row| row.order() > (province.as_str(), commune.as_str(), *id));
        }
        // Small pages, so that there are many of them; the last one is known by being empty.
        rows.truncate(query.limit as usize);
        match self.fails_at_row {
            Some(at) if rows.len() > at => Err("the database failed: it went away".into()),
            _ => Ok(rows),
        }
    }

    fn record(&mut self, kind: &str, key: &str) -> Result<Option<String>, String> {
        Ok(self.records.get(&(kind.into(), key.into())).cloned())
    }

    fn records(&mut self, kind: &str, prefix: &str) -> Result<Vec<(String, String)>, String> {
        let held = self.records.iter().filter(|((of, key), _)| of == kind && key.starts_with(prefix));
        Ok(held.map(|((_, key), json)| (key.clone(), json.clone())).collect())
    }

    fn put_record(&mut self, kind: &str, key: &str, json: String, new: bool) -> Result<bool, String> {
        let key = (kind.to_owned(), key.to_owned());
        if new && (self.refuses_records || self.records.contains_key(&key)) {
            return Ok(false);
        }
        self.records.insert(key, json);
        Ok(true)
    }
}

pub(super) fn month() -> Month {
    "2026-10".parse().unwrap()
}

pub(super) fn key() -> SecretKey {
    SecretKey::from_bytes(&[7; 32])
}

pub(super) fn places() -> Vec<Place> {
    let place = |code: &str, name: &str, province: &str, province_name: &str| Place {
        code: code.into(),
        name: name.into(),
        province_code: province.into(),
        province_name: province_name.into(),
        area_km2: Some(12.5),
    };
    vec![
        place("25195", "Phường Bình Phước", "75", "Thành phố Đồng Nai"),
        place("25200", "Phường Đồng Xoài", "75", "Thành phố Đồng Nai"),
        place("25217", "Xã Thuận Lợi", "75", "Thành phố Đồng Nai"),
        // A code above those of the province after it, as since the mergers of 2025.
        place("26000", "Xã Ở Giữa", "01", "Thành phố Hà Nội"),
    ]
}

/// Sample `n` of a device in a commune; everything of it follows from `n`.
pub(super) fn sample(n: u64, province: &str, commune: &str, device: &str) -> MonthSample {
    let started_at = month().start().plus_micros((n as i64 * 7_919 % 2_600_000) * 1_000_000);
    let failed = n % 17 == 3;
    let id = Uuid::from_u128(u128::from(n) * 0x0123_4567_89ab_cdef_1357_9bdf + 1);
    let speed = |factor: f64| (!failed).then_some(1e6 * factor * (1.0 + (n * 37 % 101) as f64 / 7.0));
    MonthSample {
        id,
        sha256: sha256_hex(id.as_bytes()),
        device_id: sha256_hex(device.as_bytes())[..32].to_owned(),
        started_at,
        received_at: started_at.plus_micros(90_000_000),
        receipt_key: format!("collector-{}", n % 2),
        receipt_sequence: n,
        outcome: if failed { Outcome::NoService } else { Outcome::Complete },
        counts: !failed,
        reasons: if failed { vec!["no_service".into(), "unattested".into()] } else { Vec::new() },
        rules: 1,
        attested: !failed,
        commune: Some(commune.into()),
        province: Some(province.into()),
        cell: Some(Cell { row: 6423, column: if n.is_multiple_of(5) { 58_000 } else { 58_000 + n as i32 } }),
        operator: ["viettel", "vinaphone", "mobifone"][n as usize % 3].into(),
        brand: None,
        technology: if n.is_multiple_of(4) { RadioTechnology::G5Sa } else { RadioTechnology::G4 },
        measurer: if n.is_multiple_of(5) { MeasurerKind::Official } else { MeasurerKind::Citizen },
        campaign: n.is_multiple_of(5).then(|| "dot-1".into()),
        pair_id: None,
        surroundings: None,
        first_run: n.is_multiple_of(29),
        down_bps: speed(4.0),
        up_bps: speed(1.5),
        byte_capped: false,
        idle_ms: Some(20.0 + (n % 13) as f64 * 1.7),
        loaded_down_ms: speed(1e-5),
        loaded_up_ms: speed(2e-5),
        pdv_ms: Some(3.0 + (n % 7) as f64),
        echo: PacketCounts { sent: 400, lost: (n % 9) as u32 },
        bytes: 80_000_000,
        simulated: false,
        synthetic: false,
    }
}

/// 25195: 12 devices; 25200: 3, masked; 26000: 8; 25217: none; some samples lie nowhere.
pub(super) fn memory() -> Memory {
    let mut samples = Vec::new();
    for n in 1..=220_u64 {
        samples.push(match n % 11 {
            0 => MonthSample { commune: None, province: None, cell: None, ..excluded(sample(n, "", "", "lost")) },
            1..=5 => sample(n, "75", "25195", &format!("a{}", n % 12)),
            6 | 7 => sample(n, "75", "25200", &format!("b{}", n % 3)),
            _ => sample(n, "01", "26000", &format!("c{}", n % 8)),
        });
    }
    Memory { samples, ..Memory::default() }
}

fn excluded(sample: MonthSample) -> MonthSample {
    MonthSample { counts: false, reasons: vec!["place_outside".into()], ..sample }
}

/// Writes a line a figure: what is printed is what was handed over.
pub(super) struct Lines;

impl DocumentWriter for Lines {
    fn templates(&self) -> Vec<TemplateNote> {
        vec![TemplateNote { id: "lines".into(), version: "1".into(), sha256: sha256_hex(b"lines") }]
    }

    fn begin(&self, typed_in: &str) -> Result<(), String> {
        if typed_in.is_empty() { Ok(()) } else { Err(format!("typed in: {typed_in}")) }
    }

    fn province(&self, head: &MonthHead<'_>, province: &ProvinceMonth) -> Result<Vec<MonthFile>, String> {
        let figures = province.figures.iter().chain(province.communes.iter().flat_map(|c| &c.figures));
        let text: String = figures.map(|figure| format!("{}\n", crate::figure_line(figure))).collect();
        let bytes = format!("{} {}\n{text}", head.set_sha256, head.version).into_bytes();
        Ok(vec![MonthFile { path: format!("{}/lines.txt", province.code), bytes }])
    }

    fn communes(&self, _: &MonthHead<'_>, province: &ProvinceMonth) -> Result<Vec<MonthFile>, String> {
        let one =
            |code: &String| MonthFile { path: format!("{}/{code}.txt", province.code), bytes: code.clone().into() };
        Ok(province.communes.iter().map(|commune| one(&commune.code)).collect())
    }

    fn nation(
        &self,
        _: &MonthHead<'_>,
        _: &NationMonth,
        provinces: &[ProvinceMonth],
    ) -> Result<Vec<MonthFile>, String> {
        Ok(vec![MonthFile { path: "VN.txt".into(), bytes: provinces.len().to_string().into() }])
    }
}

/// Where months are closed, with everything at its default.
pub(super) struct Office {
    pub(super) dir: TempDir,
    pub(super) places: Vec<Place>,
    pub(super) settings: Settings,
    pub(super) key: SecretKey,
    pub(super) now: UtcMicros,
    pub(super) month: Month,
    pub(super) scope: &'static str,
    pub(super) sealed: bool,
    pub(super) communes: bool,
    pub(super) provisional: bool,
    pub(super) previous: Option<PathBuf>,
}

impl Office {
    pub(super) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            places: places(),
            settings: Settings::default(),
            key: key(),
            now: month().next().end(),
            month: month(),
            scope: "VN",
            sealed: false,
            communes: false,
            provisional: false,
            previous: None,
        }
    }

    pub(super) fn out(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn with<T>(&self, name: &str, work: impl FnOnce(&Request<'_>) -> T) -> T {
        let places: Vec<Place> = self
            .places
            .iter()
            .filter(|place| self.scope == "VN" || place.province_code == self.scope)
            .cloned()
            .collect();
        work(&Request {
            month: self.month,
            scope: self.scope,
            now: self.now,
            settings: &self.settings,
            places: &places,
            boundaries: Some("vn-2025-07-01@0123"),
            key: &self.key,
            program: "ispeed 0.1.0",
            typed_in: "",
            documents: &Lines,
            communes: self.communes,
            sealed: self.sealed,
            provisional: self.provisional,
            previous: self.previous.as_deref(),
            out: &self.out(name),
        })
    }

    pub(super) fn close(&self, store: &mut Memory, name: &str) -> Result<Closed, MonthError> {
        self.with(name, |request| crate::close(store, request))
    }

    pub(super) fn revise(&self, store: &mut Memory, name: &str) -> Result<Closed, MonthError> {
        self.with(name, |request| crate::revise(store, request))
    }

    /// What lies beside the folders that were asked for.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// Every file of a folder.
pub(super) fn bytes_of(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let notes = crate::staging::notes(folder).unwrap();
    notes.into_iter().map(|note| (note.path.clone(), fs::read(folder.join(note.path)).unwrap())).collect()
}
