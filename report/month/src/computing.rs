//! The half of a pass that computes: a thread of its own, so that figures are computed while tables are written.

use std::sync::mpsc::Receiver;

use ispeed_report::{Metric, MonthSample, NationMonth, ProvinceMonth};

use crate::error::Result;
use crate::feed::Feed;
use crate::figures_csv::{self, FigureFile, FigureWriter};

/// Takes the samples of place after place.
pub(crate) struct Computing {
    feed: Feed,
    figures: FigureWriter,
}

/// What came out.
pub(crate) struct Computed {
    /// Without the figures of communes, which are in the file.
    pub(crate) provinces: Vec<ProvinceMonth>,
    pub(crate) nation: NationMonth,
    /// Lines of the mean downloads.
    pub(crate) means: String,
    /// All figures.
    pub(crate) file: FigureFile,
}

impl Computing {
    pub(crate) fn new(feed: Feed, figures: FigureWriter) -> Self {
        Self { feed, figures }
    }

    /// Until nobody sends any more.
    pub(crate) fn run(self, places: Receiver<Vec<MonthSample>>, with_nation: bool) -> Result<Computed> {
        let Self { mut feed, mut figures } = self;
        let (mut means, mut provinces) = (String::new(), Vec::new());
        let mut on_province = |province| keep(province, &mut figures, &mut means, &mut provinces);
        for sample in places.into_iter().flatten() {
            feed.push(sample, &mut on_province)?;
        }
        let nation = feed.end(&mut on_province)?;
        let of_nation = if with_nation { nation.figures.as_slice() } else { &[] };
        note_means(of_nation, &mut means);
        let file = figures.finish(of_nation)?;
        Ok(Computed { provinces, nation, means, file })
    }
}

fn keep(
    mut province: ProvinceMonth,
    figures: &mut FigureWriter,
    means: &mut String,
    provinces: &mut Vec<ProvinceMonth>,
) -> Result<()> {
    figures.province(&province.code, &province.figures);
    note_means(&province.figures, means);
    for commune in &mut province.communes {
        // They are read again, a province at a time, for its documents: all of them at once are 200 MB.
        let of_commune = std::mem::take(&mut commune.figures);
        figures.commune(&commune.code, &of_commune)?;
        note_means(&of_commune, means);
    }
    provinces.push(province);
    Ok(())
}

fn note_means(figures: &[ispeed_report::Figure], means: &mut String) {
    for figure in figures.iter().filter(|figure| figure.metric == Metric::DownMean && figure.value.is_some()) {
        means.push_str(&figures_csv::line(figure));
        means.push('\n');
    }
}
