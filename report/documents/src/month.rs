//! From a computed month to the inputs of its documents, and to the files of its folder.

mod figures;
mod notes;

use std::collections::BTreeMap;

use ispeed_protocol::Day;
use ispeed_report::group::NATION;
use ispeed_report::month::{COMMUNE_UNKNOWN, Exclusions, LATE};
use ispeed_report::statements::{CellEvidence, TargetStatement, TargetVerdict};
use ispeed_report::{CommuneMonth, Group, Level, Metric, MonthFile, MonthHead, NationMonth, ProvinceMonth, Settings};

use crate::error::DocumentError;
use crate::input::{
    Attainment, DocumentInput, Duties, Exclusion, FigureLookup, Header, Place, SharingSpot, Target, WeakSpot,
};
use crate::template::{Template, TemplateErrors};
use crate::{Documents, text};
use figures::{CommuneFigures, NationFigures, ProvinceFigures};

/// Makes the documents of a month. Several threads may use one at the same time.
pub struct MonthDocuments {
    documents: Documents,
    templates: [Template; 3],
    places: BTreeMap<String, Place>,
    provinces: BTreeMap<String, Place>,
    /// What officials typed in, by code of place.
    pub duties: BTreeMap<String, Duties>,
    /// Vietnamese explanations of reason codes.
    pub explanations: BTreeMap<String, String>,
    /// Role of who prepared the reports.
    pub prepared_by: String,
    /// Issuing body of the letters; `None`: the templates'.
    pub issuing_body: Option<String>,
    /// Date of the letters; `None` leaves it to be written by hand.
    pub date: Option<Day>,
}

impl MonthDocuments {
    /// With the templates that ship, for the communes of the table.
    pub fn new(places: &[ispeed_report::Place]) -> Result<Self, TemplateErrors> {
        let place = |code: &str, name: &str| (code.to_owned(), Place { code: code.to_owned(), name: name.to_owned() });
        Ok(Self {
            documents: Documents::new(),
            templates: [
                Template::shipped(Level::Nation)?,
                Template::shipped(Level::Province)?,
                Template::shipped(Level::Commune)?,
            ],
            places: places.iter().map(|p| place(&p.code, &p.name)).collect(),
            provinces: places.iter().map(|p| place(&p.province_code, &p.province_name)).collect(),
            duties: BTreeMap::new(),
            explanations: BTreeMap::new(),
            prepared_by: "–".to_owned(),
            issuing_body: None,
            date: None,
        })
    }

    /// Takes a template in place of the one that ships for its level.
    #[must_use]
    pub fn with_template(mut self, template: Template) -> Self {
        let slot = slot(template.level);
        self.templates[slot] = template;
        self
    }

    /// The template of a level.
    pub fn template(&self, level: Level) -> &Template {
        &self.templates[slot(level)]
    }

    /// Documents of a province with the table of its communes: workbook, letter, letter to edit, CSV.
    pub fn province(&self, head: &MonthHead<'_>, province: &ProvinceMonth) -> Result<Vec<MonthFile>, DocumentError> {
        let figures = ProvinceFigures(province);
        let place = self.province_place(&province.code);
        let mut input = self.input(head, Level::Province, place, &figures);
        input.children = province.communes.iter().map(|commune| self.place(&commune.code)).collect();
        input.exclusions = self.exclusions(&province.exclusions);
        input.targets = targets(&province.targets);
        input.rankings.insert(province.code.clone(), province.rankings.clone());
        for commune in &province.communes {
            input.targets.extend(targets(&commune.targets));
            input.rankings.insert(commune.code.clone(), commune.rankings.clone());
            self.add_spots(&mut input, head.settings, commune);
        }
        self.files(input, &province.code)
    }

    /// Documents of each commune of a province.
    pub fn communes(&self, head: &MonthHead<'_>, province: &ProvinceMonth) -> Result<Vec<MonthFile>, DocumentError> {
        let mut files = Vec::new();
        for commune in &province.communes {
            let figures = CommuneFigures(commune);
            let mut input = self.input(head, Level::Commune, self.place(&commune.code), &figures);
            input.header.province = Some(self.province_place(&province.code));
            input.exclusions = self.exclusions(&commune.exclusions);
            input.targets = targets(&commune.targets);
            input.rankings.insert(commune.code.clone(), commune.rankings.clone());
            self.add_spots(&mut input, head.settings, commune);
            files.extend(self.files(input, &format!("{}/{}", province.code, commune.code))?);
        }
        Ok(files)
    }

    /// Documents of the nation with the table of its provinces.
    pub fn nation(
        &self,
        head: &MonthHead<'_>,
        nation: &NationMonth,
        provinces: &[ProvinceMonth],
    ) -> Result<Vec<MonthFile>, DocumentError> {
        let figures = NationFigures::new(nation, provinces);
        let place = Place { code: NATION.to_owned(), name: "Việt Nam".to_owned() };
        let mut input = self.input(head, Level::Nation, place, &figures);
        input.children = provinces.iter().map(|province| self.province_place(&province.code)).collect();
        input.exclusions = self.exclusions(&nation.exclusions);
        input.targets = targets(&nation.targets);
        input.rankings.insert(NATION.to_owned(), nation.rankings.clone());
        for province in provinces {
            input.targets.extend(targets(&province.targets));
            input.rankings.insert(province.code.clone(), province.rankings.clone());
        }
        self.files(input, NATION)
    }

    fn input<'a>(
        &self,
        head: &MonthHead<'_>,
        level: Level,
        place: Place,
        figures: &'a dyn FigureLookup,
    ) -> DocumentInput<'a> {
        let header = Header {
            report_id: format!("ispeed-{}-{}-v{}", head.month, place.code, head.version),
            revision: head.version,
            month: head.month,
            level,
            place,
            province: None,
            unit_table: head.boundaries.unwrap_or("không có bảng ranh giới").to_owned(),
            cut_off: head.cut_off,
            issuing_body: self.issuing_body.clone(),
            prepared_by: self.prepared_by.clone(),
            software: head.program.to_owned(),
            sample_set_sha256: head.set_sha256.to_owned(),
            as_of: head.as_of.unwrap_or_else(|| head.month.end()),
            date: self.date,
            provisional: head.provisional,
            made_up: head.made_up,
        };
        DocumentInput {
            header,
            figures,
            children: Vec::new(),
            quota: head.settings.quota,
            min_samples: head.settings.min_samples,
            exclusions: Vec::new(),
            targets: BTreeMap::new(),
            rankings: BTreeMap::new(),
            weak: Vec::new(),
            sharing: Vec::new(),
            duties: BTreeMap::new(),
            notes: notes::of(head),
        }
    }

    /// The files of a report, with what was typed in of its places.
    fn files(&self, mut input: DocumentInput<'_>, folder: &str) -> Result<Vec<MonthFile>, DocumentError> {
        let places = std::iter::once(&input.header.place).chain(&input.children);
        let typed = places.filter_map(|place| Some((place.code.clone(), self.duties.get(&place.code)?.clone())));
        input.duties = typed.collect();
        let input = &input;
        let template = self.template(input.header.level);
        let file = |name: &str, bytes| MonthFile { path: format!("{folder}/{name}"), bytes };
        Ok(vec![
            file("bang-so-lieu.csv", self.documents.csv(input, template)?),
            file("bao-cao.docx", self.documents.docx(input, template)?),
            file("bao-cao.pdf", self.documents.pdf(input, template)?),
            file("bao-cao.xlsx", self.documents.xlsx(input, template)?),
        ])
    }

    fn place(&self, code: &str) -> Place {
        self.places.get(code).cloned().unwrap_or_else(|| unnamed(code))
    }

    fn province_place(&self, code: &str) -> Place {
        self.provinces.get(code).cloned().unwrap_or_else(|| unnamed(code))
    }

    fn exclusions(&self, counts: &Exclusions) -> Vec<Exclusion> {
        let row = |(code, samples): (&String, &u64)| {
            let known = self.explanations.get(code).cloned();
            let explanation = known.unwrap_or_else(|| text::reason(code, COMMUNE_UNKNOWN, LATE).to_owned());
            Exclusion { code: code.clone(), explanation, samples: *samples }
        };
        counts.iter().map(row).collect()
    }

    /// Cells are published where enough devices were (`trust-and-ux.md` 1.8).
    fn add_spots(&self, input: &mut DocumentInput<'_>, settings: &Settings, commune: &CommuneMonth) {
        let enough = |evidence: &CellEvidence| evidence.devices >= u64::from(settings.min_devices_public);
        let place = self.place(&commune.code);
        for found in commune.weak_cells.iter().filter(|found| enough(&found.evidence)) {
            input.weak.push(WeakSpot {
                place: place.clone(),
                cell: found.cell.to_string(),
                weakness: found.weakness,
                evidence: found.evidence.clone(),
            });
        }
        for found in commune.sharing.iter().filter(|found| enough(&found.good) && enough(&found.weak)) {
            input.sharing.push(SharingSpot {
                place: place.clone(),
                cell: found.cell.to_string(),
                good: found.good.clone(),
                weak: found.weak.clone(),
                weakness: found.weakness,
            });
        }
    }
}

const fn slot(level: Level) -> usize {
    match level {
        Level::Nation => 0,
        Level::Province => 1,
        Level::Commune => 2,
    }
}

/// A place that is not in the table: its code stands for it.
fn unnamed(code: &str) -> Place {
    Place { code: code.to_owned(), name: code.to_owned() }
}

/// What the documents print: the mean download against the plan. A technical regulation is not a target of theirs.
fn targets(statements: &[TargetStatement]) -> BTreeMap<Group, Target> {
    let printed = |statement: &TargetStatement| {
        let attainment = match statement.verdict {
            TargetVerdict::Reached => Attainment::Reached,
            TargetVerdict::NotReached => Attainment::NotReached,
            TargetVerdict::NotEnough => Attainment::NotEnough,
            TargetVerdict::Informational => return None,
        };
        let target = Target { paper: statement.paper.clone(), at_least_mbps: statement.at_least, attainment };
        (statement.metric == Metric::DownMean).then(|| (statement.group.clone(), target))
    };
    statements.iter().filter_map(printed).collect()
}

#[cfg(test)]
mod tests;
