//! The half of [`Ispeed`] that knows places and plans.

use std::path::Path;
use std::sync::Arc;

use ispeed_core::bundle::Refreshed;
use ispeed_core::clock;
use ispeed_core::commune::gazetteer;
use ispeed_core::protocol::Month;

use crate::error::{IspeedError, Result};
use crate::ispeed::Ispeed;
use crate::pack::{CampaignJoin, CampaignView, Guide, PlanPack, RunPair};
use crate::place::{BoundaryRefresh, BoundaryTable, CommuneName, Line, Place, Point};
use crate::plan::{CommuneQuota, MonthStatus, Plan, PlanAbout};
use crate::runtime;

fn month(text: Option<String>) -> Result<Month> {
    match text {
        None => Ok(clock::now().month()),
        Some(text) => text.parse().map_err(|_| IspeedError::input("month", &text, "YYYY-MM, such as 2026-11")),
    }
}

/// Communes.
#[uniffi::export]
impl Ispeed {
    /// The commune of a position, with doubt; `accuracy_m` is the 68 % radius.
    pub fn nearest_commune(&self, at: Point, accuracy_m: Option<f64>) -> Result<Place> {
        let point = at.checked()?;
        let place = self.desk.ispeed().resolver().resolve(point.lat, point.lon, accuracy_m);
        place.map(Into::into).ok_or_else(|| IspeedError::input("point", format!("{at:?}"), "a position"))
    }

    /// What a commune is called.
    pub fn commune_name(&self, code: String) -> Option<CommuneName> {
        self.desk.ispeed().resolver().name(&code).map(Into::into)
    }

    /// Communes whose name contains the text, whatever its case, tone marks and diacritics.
    pub fn search_communes(&self, text: String) -> Vec<CommuneName> {
        let resolver = self.desk.ispeed().resolver();
        gazetteer::search(&text).iter().filter_map(|found| resolver.name(found.code)).map(Into::into).collect()
    }

    /// The border of a commune, to be drawn; empty without a bundle.
    pub fn commune_border(&self, code: String) -> Vec<Line> {
        let resolver = self.desk.ispeed().resolver();
        let lines = resolver.boundaries().and_then(|boundaries| boundaries.outline(&code)).unwrap_or_default();
        lines.into_iter().map(|line| Line { points: line.into_iter().map(Into::into).collect() }).collect()
    }

    /// The 200 m cells of a commune; empty without a bundle.
    pub fn commune_cells(&self, code: String) -> Vec<String> {
        let resolver = self.desk.ispeed().resolver();
        let cells = resolver.boundaries().and_then(|boundaries| boundaries.cells(&code)).unwrap_or_default();
        cells.iter().map(ToString::to_string).collect()
    }

    /// The borders communes are found with; absent: by centres only, and every result says `approximate`.
    pub fn boundary_table(&self) -> Option<BoundaryTable> {
        self.desk.ispeed().resolver().boundaries().map(|boundaries| boundaries.table().into())
    }

    /// Finds communes with the bundle in this file from now on, if it is newer. Old samples keep their table.
    pub fn use_boundaries(&self, path: String) -> Result<Option<BoundaryTable>> {
        self.desk.use_boundaries(Path::new(&path))?;
        Ok(self.boundary_table())
    }

    /// Asks the collector for newer borders.
    pub async fn refresh_boundaries(&self) -> Result<BoundaryRefresh> {
        let desk = Arc::clone(&self.desk);
        let refreshed = runtime::run(async move { desk.refresh_boundaries().await }).await?;
        Ok(match refreshed {
            Refreshed::Current => BoundaryRefresh::Current,
            Refreshed::Taken(_) => BoundaryRefresh::Taken,
            Refreshed::NotOffered => BoundaryRefresh::NotOffered,
        })
    }
}

/// Plans, quotas, campaigns.
#[uniffi::export]
impl Ispeed {
    /// What to measure next.
    pub async fn plan(&self, about: PlanAbout) -> Result<Plan> {
        let (desk, about) = (Arc::clone(&self.desk), about.try_into()?);
        runtime::run(async move { desk.plan(&about).await }).await.map(Into::into)
    }

    /// A campaign by its code.
    pub async fn campaign(&self, code: String) -> Result<CampaignView> {
        let desk = Arc::clone(&self.desk);
        runtime::run(async move { desk.campaign(&code).await }).await.map(Into::into)
    }

    /// How one commune stands in a month; this month unless said.
    pub async fn commune_quota(&self, code: String, month: Option<String>) -> Result<CommuneQuota> {
        let (desk, month) = (Arc::clone(&self.desk), self::month(month)?);
        runtime::run(async move { desk.commune_quota(&code, month).await }).await.map(Into::into)
    }

    /// How a month stands; this month unless said.
    pub async fn month_status(&self, month: Option<String>, province_code: Option<String>) -> Result<MonthStatus> {
        let (desk, month) = (Arc::clone(&self.desk), self::month(month)?);
        runtime::run(async move { desk.month_status(month, province_code.as_deref()).await }).await.map(Into::into)
    }

    /// Reads the text of a campaign's QR code, without a network.
    pub fn read_campaign(&self, text: String) -> Result<CampaignJoin> {
        Ok(self.desk.read_campaign(&text)?.into())
    }

    /// Fetches the plan of a commune or campaign for a day without a network, and keeps it.
    pub async fn fetch_plan_pack(&self, about: PlanAbout) -> Result<PlanPack> {
        let (desk, about) = (Arc::clone(&self.desk), about.try_into()?);
        runtime::run(async move { desk.fetch_pack(&about).await }).await.map(Into::into)
    }

    /// The pack at hand.
    pub fn plan_pack(&self, about: PlanAbout) -> Result<Option<PlanPack>> {
        Ok(self.desk.pack(&about.try_into()?)?.map(Into::into))
    }

    /// What there are packs for.
    pub fn plan_packs(&self) -> Result<Vec<PlanAbout>> {
        Ok(self.desk.packs()?.into_iter().map(Into::into).collect())
    }

    /// Forgets a pack.
    pub fn forget_plan_pack(&self, about: PlanAbout) -> Result<()> {
        Ok(self.desk.forget_pack(&about.try_into()?)?)
    }

    /// Where to go from here by the pack at hand, without a network.
    pub fn guide(&self, about: PlanAbout, at: Option<Point>, accuracy_m: Option<f64>, cells: u32) -> Result<Guide> {
        let at = at.map(Point::checked).transpose()?;
        Ok(self.desk.guide(&about.try_into()?, at, accuracy_m, cells)?.into())
    }

    /// A paired measurement that starts in half a minute.
    pub fn new_pair(&self) -> Result<RunPair> {
        Ok(self.desk.new_pair()?.into())
    }

    /// Reads the pair another phone shows.
    pub fn read_pair(&self, text: String) -> Result<RunPair> {
        Ok(self.desk.read_pair(&text)?.into())
    }
}
