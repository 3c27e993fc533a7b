//! Which figures an outsider can recompute from the public set, and the comparison that `month verify` makes.
//!
//! The public set has a row for every sample of the closed set. A row keeps: day (UTC+7), hour unless masked, device number
//! unless masked, late or not, outcome, counts, reasons, commune, province, cell (only cells with enough devices), operator,
//! technology, measurer, down, up, byte_capped, idle, loaded, PDV, echo counts. It loses: id, hash, receipt, brand, campaign,
//! pair, surroundings, first_run, bytes. A commune with fewer than `min_devices_public` devices among its counted samples is
//! masked. Read back, a row becomes a `MonthSample` with `device_id` = device number or empty, `received_at` = the cut-off or one
//! microsecond later, `first_run` = false, `id` = its row number.

use crate::figure::Figure;

/// Where a published figure and the recomputed one part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// As published; `None`: recomputed but not published.
    pub published: Option<Figure>,
    /// As recomputed; `None`: published but not recomputed.
    pub recomputed: Option<Figure>,
}

/// The first difference among the figures marked public in `published`, both sorted by (group, metric). Value, interval and n are
/// compared, and devices where the figure of the group's devices is public too.
pub fn first_difference(published: &[Figure], recomputed: &[Figure]) -> Option<Difference> {
    let _ = (published, recomputed);
    todo!("skeleton")
}
