//! What a document is made of. Nothing here is computed: the close of a month hands it over.

use std::collections::BTreeMap;

use ispeed_protocol::{Day, Month, UtcMicros};
use ispeed_report::statements::{CellEvidence, Ranking, Weakness};
use ispeed_report::{Decimal, Figure, Group, Level, Metric, OperatorGroup, TechnologyGroup};
use serde::{Deserialize, Serialize};

/// Looks a figure up. Documents print figures they find here and no others.
pub trait FigureLookup: Sync {
    /// The figure of a metric of a group, where there is one.
    fn figure(&self, group: &Group, metric: Metric) -> Option<&Figure>;
}

impl FigureLookup for BTreeMap<(Group, Metric), Figure> {
    fn figure(&self, group: &Group, metric: Metric) -> Option<&Figure> {
        self.get(&(group.clone(), metric))
    }
}

/// A list sorted by (group, metric).
impl FigureLookup for Vec<Figure> {
    fn figure(&self, group: &Group, metric: Metric) -> Option<&Figure> {
        self.binary_search_by(|f| f.group.cmp(group).then(f.metric.cmp(&metric))).ok().map(|at| &self[at])
    }
}

/// Everything one report prints.
pub struct DocumentInput<'a> {
    /// Its head.
    pub header: Header,
    /// Figures of the place and of [`Self::children`].
    pub figures: &'a dyn FigureLookup,
    /// Communes of a province, provinces of the nation, in the order of the list; none of a commune.
    pub children: Vec<Place>,
    /// Counted samples a commune owes.
    pub quota: u32,
    /// Below so many samples a figure is greyed.
    pub min_samples: u32,
    /// Samples of the place that do not count, by reason, in the order of the list.
    pub exclusions: Vec<Exclusion>,
    /// The target of a group's mean download and whether it was reached.
    pub targets: BTreeMap<Group, Target>,
    /// Operators against each other, by code of place (the place itself and its children).
    pub rankings: BTreeMap<String, Vec<Ranking>>,
    /// Cells with weak service.
    pub weak: Vec<WeakSpot>,
    /// Cells that one operator serves well and another does not.
    pub sharing: Vec<SharingSpot>,
    /// What officials typed in, by code of place (the place itself and its children).
    pub duties: BTreeMap<String, Duties>,
    /// Sentences on the method, Vietnamese.
    pub notes: Vec<String>,
}

/// The head of a report (`vietnam.md` 14.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// Id of the report.
    pub report_id: String,
    /// Version of the closed month: 1, or more after a revision.
    pub revision: u32,
    /// Month.
    pub month: Month,
    /// Size of the place.
    pub level: Level,
    /// The place, as its name and type were valid at the end of the month.
    pub place: Place,
    /// Province of a commune.
    pub province: Option<Place>,
    /// Version of the table of units.
    pub unit_table: String,
    /// Last instant at which a sample was taken in for the month.
    pub cut_off: UtcMicros,
    /// Body that issues the report; `None`: as the template says.
    pub issuing_body: Option<String>,
    /// Role of the person who prepared it.
    pub prepared_by: String,
    /// Version of the software.
    pub software: String,
    /// SHA-256 of the set of samples, lower-case hex.
    pub sample_set_sha256: String,
    /// When the newest sample of the set came in; the end of the month where the set is empty.
    pub as_of: UtcMicros,
    /// Date of the letter; `None` leaves it to be written by hand.
    pub date: Option<Day>,
    /// The month was still going on.
    pub provisional: bool,
    /// Samples of the month are made up (`ispeed admin synth`, simulated facts).
    pub made_up: bool,
}

/// A place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// Code: `VN`, two digits, five digits. Text.
    pub code: String,
    /// Full name with its type.
    pub name: String,
}

/// Samples that do not count, of one reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exclusion {
    /// Reason code.
    pub code: String,
    /// What it means, Vietnamese.
    pub explanation: String,
    /// Samples; one with several reasons stands under each.
    pub samples: u64,
}

/// Whether a target was reached. Never a word of conformity to a technical regulation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attainment {
    /// "Đạt".
    Reached,
    /// "Chưa đạt".
    NotReached,
    /// "Chưa đủ mẫu".
    NotEnough,
}

impl Attainment {
    /// In documents.
    pub const fn name_vi(self) -> &'static str {
        match self {
            Self::Reached => "Đạt",
            Self::NotReached => "Chưa đạt",
            Self::NotEnough => "Chưa đủ mẫu",
        }
    }
}

/// A target of the mean download.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// Paper, such as `Quyết định 36/QĐ-TTg`.
    pub paper: String,
    /// Threshold, Mbps.
    pub at_least_mbps: Decimal,
    /// Answer.
    pub attainment: Attainment,
}

/// A cell where an operator's service is weak. Cells few devices were in are left out by who makes the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WeakSpot {
    /// Commune.
    pub place: Place,
    /// Name of the 200 m cell.
    pub cell: String,
    /// Why.
    pub weakness: Weakness,
    /// What it rests on.
    pub evidence: CellEvidence,
}

/// A cell where sharing of infrastructure would help.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SharingSpot {
    /// Commune.
    pub place: Place,
    /// Name of the 200 m cell.
    pub cell: String,
    /// Who serves it well.
    pub good: CellEvidence,
    /// Who does not.
    pub weak: CellEvidence,
    /// Why not.
    pub weakness: Weakness,
}

/// What a place owes beside measuring, typed in by its officials.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Duties {
    /// Installations up to the end of the month.
    pub installs_total: Option<u64>,
    /// Communication work: kind, number.
    pub communication: Vec<String>,
    /// "Khó khăn, vướng mắc".
    pub difficulties: Vec<String>,
    /// "Đề xuất, kiến nghị".
    pub proposals: Vec<String>,
    /// VNNIC's own published count.
    pub ispeed: Option<ISpeedCount>,
}

/// What VNNIC's i-Speed published of the place and month.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ISpeedCount {
    /// Samples.
    pub samples: Option<u64>,
    /// Median download, Mbps; a text such as "52.31" in files.
    #[serde(with = "decimal_text")]
    pub down_median_mbps: Option<Decimal>,
    /// Median upload, Mbps.
    #[serde(with = "decimal_text")]
    pub up_median_mbps: Option<Decimal>,
    /// Where it was read.
    pub source: String,
    /// On which day, as text.
    pub read_on: String,
}

/// A decimal as its text: nothing of it is lost on the way.
mod decimal_text {
    use ispeed_report::Decimal;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &Option<Decimal>, s: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => s.serialize_some(&value.to_string()),
            None => s.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Decimal>, D::Error> {
        let text = Option::<String>::deserialize(d)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}

impl DocumentInput<'_> {
    /// Level of [`Self::children`].
    pub fn child_level(&self) -> Level {
        if self.header.level == Level::Nation { Level::Province } else { Level::Commune }
    }

    /// The figure of a group, where there is one with a value.
    pub(crate) fn figure(&self, group: &Group, metric: Metric) -> Option<&Figure> {
        self.figures.figure(group, metric).filter(|figure| figure.value.is_some())
    }

    /// The value of everything of the place.
    pub(crate) fn total(&self, metric: Metric) -> Option<Decimal> {
        self.figure(&self.whole(), metric)?.value
    }

    /// Everything of the place.
    pub(crate) fn whole(&self) -> Group {
        Group::all(self.header.level, &self.header.place.code)
    }

    /// What the officials of the place typed in.
    pub(crate) fn own_duties(&self) -> Option<&Duties> {
        self.duties.get(&self.header.place.code)
    }

    /// The rankings of the place or one of its children.
    pub(crate) fn rankings_of(&self, place: &Place) -> &[Ranking] {
        self.rankings.get(&place.code).map(Vec::as_slice).unwrap_or_default()
    }

    /// A part of a place.
    pub(crate) fn group(
        &self,
        level: Level,
        code: &str,
        operator: OperatorGroup,
        technology: TechnologyGroup,
    ) -> Group {
        Group { level, code: code.to_owned(), operator, technology }
    }
}
