//! Which figures an outsider can recompute from the public set, and the comparison that `month verify` makes.
//!
//! The public set has a row for every sample of the closed set. A row keeps: day (UTC+7), hour unless masked, device
//! number unless masked, late or not, outcome, counts, reasons, commune, province, cell (only cells with enough
//! devices), operator, technology, measurer, download, upload, byte_capped, idle, loaded and PDV, echo counts. It
//! loses: id, hash, receipt, brand, campaign, pair, surroundings, first_run, bytes, minutes. Beside it lies the list
//! of communes with their provinces.
//!
//! A commune with fewer than `min_devices_public` devices among its counted samples is masked. Read back, a row becomes a
//! [`crate::MonthSample`] with `device_id` = its device number, or empty, `started_at` anywhere in its hour or day,
//! `received_at` = [`crate::Settings::cut_off`] or a microsecond later, `first_run` = false, `id` = any that keeps
//! the order. [`crate::MonthComputer`] then gives every public figure again, to the last digit: intervals take the
//! devices of a masked commune together for one, both when they are computed and when they are recomputed.

use crate::figure::Figure;
use crate::metric::Metric;

/// Whether a figure can be recomputed from the public set. `devices_shown`: each counted sample and failed
/// attempt of its group has a device number there.
///
/// - Distinct devices and the busiest one's share need the number of every one of them.
/// - Cells and weak cells are not: a cell is missing where too few devices measured in it, or where the person did
///   not hand it in,
///   and a reader cannot tell which.
/// - Installations are private: they would tell when a person of a small place began.
/// - Trends need the files of earlier months.
/// - Everything else is made of what each row keeps.
pub fn is_public(metric: Metric, devices_shown: bool) -> bool {
    match metric {
        Metric::Devices | Metric::TopDeviceShare => devices_shown,
        Metric::Cells | Metric::WeakCells | Metric::Installs | Metric::DownMeanChange | Metric::DownMean12Months => {
            false
        }
        _ => true,
    }
}

/// Where a published figure and the recomputed one part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// As published; `None`: recomputed but not published.
    pub published: Option<Figure>,
    /// As recomputed; `None`: published but not recomputed.
    pub recomputed: Option<Figure>,
}

/// The first difference among the figures that are marked public, both lists sorted by (group, metric). Value,
/// interval and n are compared, and the number of devices where the group's figure of devices is public.
pub fn first_difference(published: &[Figure], recomputed: &[Figure]) -> Option<Difference> {
    let key = |f: &Figure| (f.group.clone(), f.metric);
    let mut ours = recomputed.iter().filter(|f| f.public).peekable();
    for theirs in published.iter().filter(|f| f.public) {
        let at = key(theirs);
        // A figure that could be recomputed and was not published was left out.
        if let Some(extra) = ours.next_if(|f| key(f) < at) {
            return Some(Difference { published: None, recomputed: Some(extra.clone()) });
        }
        let own = ours.next_if(|f| key(f) == at);
        let devices = published
            .binary_search_by(|f| f.group.cmp(&theirs.group).then(f.metric.cmp(&Metric::Devices)))
            .is_ok_and(|found| published[found].public);
        let same = |own: &&Figure| {
            own.value == theirs.value
                && own.interval == theirs.interval
                && own.n == theirs.n
                && (!devices || own.devices == theirs.devices)
        };
        if own.filter(same).is_none() {
            return Some(Difference { published: Some(theirs.clone()), recomputed: own.cloned() });
        }
    }
    ours.next().map(|extra| Difference { published: None, recomputed: Some(extra.clone()) })
}
