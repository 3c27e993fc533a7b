//! What the shell of a phone holds: an [`Ispeed`], and beside its outbox the borders and plan packs of the device, in one folder.
//!
//! ```text
//! outbox.sqlite      communes.bundle (.part, .etag)      plans/commune-25195.json, plans/campaign-….json
//! ```

use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use ispeed_commune::Point;
use ispeed_protocol::campaign::{CampaignView, Join};
use ispeed_protocol::place::Place;
use ispeed_protocol::plan::{CommuneQuota, MonthStatus, Plan};
use ispeed_protocol::receipt::Receipt;
use ispeed_protocol::signing::PublicKey;
use ispeed_protocol::{Month, UtcMicros};
use tokio::runtime::Handle;

use crate::bundle::{self, BundleStore, Refreshed};
use crate::error::{Error, Result};
use crate::files::cannot;
use crate::outbox::Filter;
use crate::plan::fetch::{self, About};
use crate::plan::guide::{self, Guide, Question};
use crate::plan::own;
use crate::plan::packs::{KeptPack, Packs};
use crate::plan::pair::Pair;
use crate::settings::Settings;
use crate::{Ispeed, clock, history, me};

/// Largest number of cells a guide names: a map cannot show more.
pub const GUIDE_CELLS_MAX: u32 = 200;

/// A shell's whole core.
#[derive(Debug)]
pub struct Desk {
    ispeed: Ispeed,
    packs: Packs,
    bundles: BundleStore,
}

/// A guide, and what it rests on.
#[derive(Clone, PartialEq, Debug)]
pub struct Guided {
    /// The guide.
    pub guide: Guide,
    /// Where the device stands, if it was said.
    pub here: Option<Place>,
    /// The time of the pack is over: others may have measured already what it asks for.
    pub outdated: bool,
}

/// A pair, and when this device starts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PairHere {
    /// The pair.
    pub pair: Pair,
    /// Its start on this device's own clock.
    pub start_here: UtcMicros,
}

impl Desk {
    /// Opens everything in `data`. Communes are found with the newer one of `asset`, a bundle that came with the app, and
    /// the one fetched last.
    ///
    /// Errors: as [`Ispeed::open`]; `input` for an asset that is no bundle.
    pub fn open(runtime: Handle, data: &Path, settings: Settings, asset: Option<&Path>) -> Result<Self> {
        let bundles = BundleStore::new(data);
        let asset = asset.map(bundle::load).transpose()?;
        let boundaries = bundle::newer(asset, bundles.fetched());
        let ispeed = Ispeed::open_on(runtime, data.join("outbox.sqlite"), settings, boundaries)?;
        Ok(Self { ispeed, packs: Packs::new(data.join("plans")), bundles })
    }

    /// Runs, outbox, communes.
    pub fn ispeed(&self) -> &Ispeed {
        &self.ispeed
    }

    /// Finds communes with this bundle, if it is newer than the one at hand. Errors: `input` for a file that is no bundle.
    pub fn use_boundaries(&self, path: &Path) -> Result<()> {
        let at_hand = self.ispeed.resolver().boundaries().cloned();
        let newer = bundle::newer(at_hand, Some(bundle::load(path)?));
        self.ispeed.use_boundaries(newer);
        Ok(())
    }

    /// Asks the collector for newer borders and uses them from then on.
    pub async fn refresh_boundaries(&self) -> Result<Refreshed> {
        let at_hand = self.ispeed.resolver().boundaries().cloned();
        let refreshed = self.bundles.refresh(self.ispeed.client(), self.collector(), at_hand.as_deref()).await?;
        if let Refreshed::Taken(boundaries) = &refreshed {
            self.ispeed.use_boundaries(Some(boundaries.clone()));
        }
        Ok(refreshed)
    }

    /// The collector's plan of this month.
    pub async fn plan(&self, about: &About) -> Result<Plan> {
        fetch::plan(self.ispeed.client(), self.collector(), about).await
    }

    /// A campaign and how far it is. Errors: `server` with status 404 for a code nobody knows.
    pub async fn campaign(&self, code: &str) -> Result<CampaignView> {
        fetch::campaign(self.ispeed.client(), self.collector(), code).await
    }

    /// How one commune stands in a month.
    pub async fn commune_quota(&self, code: &str, month: Month) -> Result<CommuneQuota> {
        history::commune_quota(self.ispeed.client(), self.collector(), code, month).await
    }

    /// How a month stands.
    pub async fn month_status(&self, month: Month, province_code: Option<&str>) -> Result<MonthStatus> {
        history::month_status(self.ispeed.client(), self.collector(), month, province_code).await
    }

    /// Fetches the pack for a commune or campaign, or learns that the one at hand is the present one.
    pub async fn fetch_pack(&self, about: &About) -> Result<KeptPack> {
        let (trusted, now) = (self.trusted()?, clock::now());
        let at_hand = self.packs.get(about, &trusted, now).ok().flatten().filter(|kept| !kept.outdated);
        let etag = at_hand.as_ref().and_then(|kept| kept.etag.as_deref());
        match fetch::pack(self.ispeed.client(), self.collector(), about, etag).await? {
            Some(fetched) => self.packs.keep(about, &fetched, &trusted, now),
            None => at_hand.ok_or_else(|| Error::internal("the collector says a pack is present that is not here")),
        }
    }

    /// The pack at hand.
    pub fn pack(&self, about: &About) -> Result<Option<KeptPack>> {
        self.packs.get(about, &self.trusted()?, clock::now())
    }

    /// What there are packs for.
    pub fn packs(&self) -> Result<Vec<About>> {
        self.packs.list()
    }

    /// Forgets a pack.
    pub fn forget_pack(&self, about: &About) -> Result<()> {
        self.packs.forget(about)
    }

    /// Where to go from here, by the pack at hand and what was measured since; no network is needed.
    ///
    /// Errors: `input` when there is no such pack.
    pub fn guide(&self, about: &About, at: Option<Point>, accuracy_m: Option<f64>, cells: u32) -> Result<Guided> {
        let now = clock::now();
        let kept = self.pack(about)?.ok_or_else(|| {
            Error::input(
                "about",
                format!("{about:?}"),
                "what a plan pack was fetched for; fetch it while there is a network",
            )
        })?;
        let pack = &kept.pack;
        let own = self.ispeed.outbox().own_samples(own::since(pack.made_at, pack.spacing, now))?;
        let here = at.and_then(|at| self.ispeed.resolver().resolve(at.lat, at.lon, accuracy_m));
        let guide = guide::guide(&Question {
            communes: &pack.communes,
            made_at: pack.made_at,
            spacing: pack.spacing,
            campaign: pack.campaign.as_ref().map(|campaign| campaign.code.as_str()),
            own: &own,
            at,
            here: here.as_ref().and_then(|place| place.code.as_deref()),
            now,
            cells: cells.min(GUIDE_CELLS_MAX) as usize,
        });
        Ok(Guided { guide, here, outdated: kept.outdated })
    }

    /// Reads the text of a campaign's QR code, without a network.
    pub fn read_campaign(&self, text: &str) -> Result<Join> {
        Join::read(text, &self.trusted()?)
            .map_err(|error| Error::input("campaign", text.chars().take(60).collect::<String>(), error.to_string()))
    }

    /// A pair that starts soon, by the clock of the last server that answered.
    pub fn new_pair(&self) -> Result<PairHere> {
        self.pair_here(Pair::new)
    }

    /// Reads the text another phone shows.
    pub fn read_pair(&self, text: &str) -> Result<PairHere> {
        self.pair_here(|now, offset_micros| Pair::read(text, now, offset_micros))
    }

    /// Before the first server that answered the device's clock is taken to be right.
    fn pair_here(&self, make: impl FnOnce(UtcMicros, i64) -> Result<Pair>) -> Result<PairHere> {
        let offset_micros = self.ispeed.outbox().clock_offset_micros()?.unwrap_or(0);
        let pair = make(clock::now(), offset_micros)?;
        Ok(PairHere { start_here: pair.start_here(offset_micros), pair })
    }

    /// Writes the hand-over file; returns how many lines. Errors: `storage`.
    pub fn export(&self, path: &Path, filter: Filter) -> Result<u64> {
        let file = fs::File::create(path).map_err(|error| cannot(path, &error))?;
        let mut out = BufWriter::new(file);
        self.ispeed.outbox().export(filter, &mut out).map(|lines| lines as u64)
    }

    /// Writes what the collector holds of this device, one sample a line, byte for byte as handed in; returns how many.
    pub async fn export_held(&self, path: PathBuf) -> Result<u64> {
        let answers = me::read(self.ispeed.outbox(), self.ispeed.client(), self.collector()).await?;
        let mut out = BufWriter::new(fs::File::create(&path).map_err(|error| cannot(&path, &error))?);
        let mut lines = 0;
        for sample in answers.iter().flat_map(|month| &month.answer.samples) {
            let line = serde_json::to_vec(sample).map_err(Error::internal)?;
            out.write_all(&line).and_then(|()| out.write_all(b"\n")).map_err(|error| cannot(&path, &error))?;
            lines += 1;
        }
        out.flush().map_err(|error| cannot(&path, &error))?;
        Ok(lines)
    }

    /// Has the collector delete everything of this device.
    pub async fn delete_held(&self) -> Result<Vec<Receipt>> {
        me::delete(self.ispeed.outbox(), self.ispeed.client(), self.collector(), clock::now()).await
    }

    fn trusted(&self) -> Result<Vec<PublicKey>> {
        self.ispeed.outbox().trusted_keys(self.collector())
    }

    fn collector(&self) -> &str {
        &self.ispeed.settings().collector
    }
}
