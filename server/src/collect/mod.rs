//! The collector: tokens, samples, receipts, months, my data; an axum router over a [`Store`].
//!
//! Every error is a problem (RFC 9457). Who asks is the address the connection was accepted from; no header changes it.

pub mod asn;
mod body;
mod campaigns;
mod collation;
mod communes;
mod duties;
mod error;
mod evidence;
mod info;
mod judge;
mod keys;
mod limiter;
mod me;
mod metrics;
mod months;
mod openapi;
mod parse;
mod plan;
mod prefix;
mod query;
mod range;
mod recompute;
mod servers;
mod submit;
mod tokens;

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use ispeed_commune::BundleError;
use ispeed_protocol::plan::{MonthStatus, PlanCalendar};
use ispeed_protocol::servers::{ServerEntry, ServerList};
use ispeed_protocol::signing::PublicKey;
use ispeed_protocol::{Month, UtcMicros};
use thiserror::Error;
use tokio::sync::{Semaphore, SemaphorePermit};

pub use self::campaigns::{CAMPAIGN_KIND, KeptCampaign, campaign, campaign_samples, campaigns, keep_campaign};
pub(crate) use self::collation::{bare, collation};
pub use self::communes::{CommuneName, Communes};
pub use self::duties::{
    CountFileError, DUTY_KIND, DutyFileError, ISPEED_COUNT_KIND, WrongField, duties, duty, duty_texts, ispeed_count,
    ispeed_counts, keep_duty, keep_ispeed_count, parse_count_file, parse_duty_file,
};
pub(crate) use self::error::ApiError;
pub use self::error::PROBLEM_MEDIA_TYPE;
pub use self::keys::{EVIDENCE_KEY_FILE, KeyFileError, KeyPair, RECEIPT_KEY_FILE, load_or_create};
use self::limiter::{PrefixLimiter, TokenLimiter};
pub use self::limiter::{Rate, TokenLimits};
use self::metrics::Metrics;
pub(crate) use self::metrics::{render_certificate, render_measuring_end};
pub use self::months::month_status;
pub use self::openapi::{openapi_json, sample_schema_json};
pub use self::plan::{PackFor, PlanAbout, PlanDesk, PlanError, PlanRequest, PlanSettings, plan_pack};
use self::prefix::PeerAddress;
pub(crate) use self::query::Params;
use self::servers::Servers;
pub use self::servers::{ServerListError, parse_server_list};
use crate::limits;
use crate::store::{KeyUse, Store, StoreError, UsedKey};

/// Where the time comes from.
pub type Clock = Arc<dyn Fn() -> UtcMicros + Send + Sync>;

/// The system's clock.
pub fn system_clock() -> Clock {
    Arc::new(|| UtcMicros(jiff::Timestamp::now().as_microsecond()))
}

/// What a collector is made of.
pub struct CollectorConfig {
    /// Public name, in receipts and on the page.
    pub name: String,
    /// The measuring end that runs with it, as it is listed when the list does not name it.
    pub own_server: ServerEntry,
    /// Its keys.
    pub keys: KeyPair,
    /// Test points of the administrator.
    pub servers: ServerList,
    /// Bytes of a boundary bundle; without one the gazetteer answers and nothing counts by a point.
    pub boundaries: Option<Vec<u8>>,
    /// Takes samples with made-up facts, and counts them (demo).
    pub accept_simulated: bool,
    /// Oldest method that counts.
    pub oldest_method: u32,
    /// Oldest version of the core that counts, semantic.
    pub oldest_version: String,
    /// Limits of tokens.
    pub token_limits: TokenLimits,
    /// Spacing of samples and the cut-off of a month.
    pub plan: PlanSettings,
    /// Networks by address.
    pub as_table: Option<Arc<asn::AsTable>>,
    /// Clock.
    pub clock: Clock,
}

/// Why a collector could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CollectorError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The boundary bundle.
    #[error("boundary bundle: {0}")]
    Boundaries(#[from] BundleError),
    /// The server list.
    #[error(transparent)]
    Servers(#[from] ServerListError),
    /// Spacing or cut-off.
    #[error("{0}")]
    Plan(String),
}

/// What stays of the configuration.
struct Settings {
    name: String,
    server_id: String,
    keys: KeyPair,
    accept_simulated: bool,
    oldest_method: u32,
    oldest_version: String,
    plan: PlanSettings,
    as_table: Option<Arc<asn::AsTable>>,
    clock: Clock,
}

/// Where the measuring end beside the collector is reached, once its sockets are open.
struct Address {
    url: String,
    udp_port: u16,
}

/// Appends further metrics in Prometheus text format.
type Report = Box<dyn Fn(&mut String) + Send + Sync>;

/// A collector.
pub struct Collector {
    config: Settings,
    store: Arc<dyn Store>,
    servers: Servers,
    communes: Arc<Communes>,
    plans: PlanDesk,
    plan_limiter: PrefixLimiter,
    plan_places: Semaphore,
    limiter: TokenLimiter,
    metrics: Metrics,
    submissions: Semaphore,
    address: OnceLock<Address>,
    further_metrics: OnceLock<Report>,
}

impl Collector {
    /// Makes a collector and registers its keys in the store.
    ///
    /// # Errors
    /// The bundle or the server list is not what it should be, or the store fails.
    pub async fn open(config: CollectorConfig, store: Arc<dyn Store>) -> Result<Self, CollectorError> {
        config.plan.check().map_err(CollectorError::Plan)?;
        let since = (config.clock)();
        for (purpose, key) in [(KeyUse::Receipt, &config.keys.receipt), (KeyUse::Evidence, &config.keys.evidence)] {
            store.register_key(UsedKey { purpose, key: key.public().text(), since }).await?;
        }
        let former: Vec<PublicKey> = store
            .keys()
            .await?
            .iter()
            .filter(|key| key.purpose == KeyUse::Evidence)
            .filter_map(|key| PublicKey::parse(&key.key).ok())
            .collect();
        Ok(Self {
            communes: Arc::new(Communes::new(config.boundaries)?),
            plans: PlanDesk::default(),
            plan_limiter: PrefixLimiter::new(limits::PLANS_PREFIX),
            plan_places: Semaphore::new(limits::PLANS_AT_ONCE),
            limiter: TokenLimiter::new(config.token_limits),
            metrics: Metrics::new(),
            submissions: Semaphore::new(limits::SUBMISSIONS_AT_ONCE),
            address: OnceLock::new(),
            further_metrics: OnceLock::new(),
            config: Settings {
                name: config.name,
                server_id: config.own_server.id.clone(),
                keys: config.keys,
                accept_simulated: config.accept_simulated,
                oldest_method: config.oldest_method,
                oldest_version: config.oldest_version,
                plan: config.plan,
                as_table: config.as_table,
                clock: config.clock,
            },
            servers: Servers::new(config.servers, config.own_server, &former)?,
            store,
        })
    }

    /// The communes it knows.
    pub fn communes(&self) -> &Communes {
        &self.communes
    }

    /// Public name.
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// The public key of its receipts.
    pub fn receipt_key(&self) -> PublicKey {
        self.config.keys.receipt.public()
    }

    /// Takes samples with made-up facts.
    pub fn accepts_simulated(&self) -> bool {
        self.config.accept_simulated
    }

    /// Its clock's time.
    pub fn now(&self) -> UtcMicros {
        (self.config.clock)()
    }

    /// Status of a month, of the country or of one province.
    ///
    /// # Errors
    /// What the store says.
    pub async fn month_status(&self, month: Month, province: Option<&str>) -> Result<MonthStatus, StoreError> {
        month_status(&*self.store, &self.communes, month, province, self.now()).await
    }

    /// A place to compute a plan in, if this network may ask for another one.
    fn plan_place(&self, peer: PeerAddress) -> Result<SemaphorePermit<'_>, ApiError> {
        self.plan_limiter.check(peer.prefix()).map_err(|retry_after_s| {
            ApiError::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_plans",
                "Too many plans for now",
                format!("this network asked for too many; try again in {retry_after_s} s"),
            )
            .retry_after(retry_after_s)
        })?;
        self.plan_places.try_acquire().map_err(|_| ApiError::busy("many plans are being computed; ask again later"))
    }

    /// When to measure, to hand in and to report.
    pub(crate) fn calendar(&self, month: Month) -> PlanCalendar {
        PlanCalendar::of(month, self.config.plan.upload_cutoff_day, self.now())
    }

    /// Says where the measuring end beside it is reached; once, after its sockets are open.
    pub fn listening(&self, url: String, udp_port: u16) {
        let _ = self.address.set(Address { url, udp_port });
    }

    /// Base URL of the measuring end beside it, once it listens.
    pub fn url(&self) -> Option<String> {
        self.address.get().map(|address| address.url.clone())
    }

    /// Lets `/metrics` report more than the collector's own; once.
    pub fn also_report(&self, report: impl Fn(&mut String) + Send + Sync + 'static) {
        let _ = self.further_metrics.set(Box::new(report));
    }

    /// The test points, the own one at the address where it listens unless the administrator's list names it.
    fn server_list(&self) -> ServerList {
        let mut list = self.servers.list.clone();
        if let (true, Some(address)) = (self.servers.adds_own, self.address.get())
            && let Some(own) = list.servers.iter_mut().find(|s| s.id == self.config.server_id)
        {
            own.url.clone_from(&address.url);
            own.udp_port = Some(address.udp_port);
        }
        list
    }

    /// Finishes what was begun and closes the store.
    ///
    /// # Errors
    /// What the store says.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.store.close().await
    }
}

/// Everything the collector answers, the public page included.
pub fn router(collector: Arc<Collector>) -> Router {
    let (router, _) = openapi::routes().split_for_parts();
    router
        .route("/healthz", axum::routing::get(healthz))
        .route("/metrics", axum::routing::get(get_metrics))
        .merge(crate::pages::routes())
        .fallback(|| async { error::not_found("see /v1/openapi.json for the addresses") })
        .layer(axum::middleware::from_fn(error::problems_only))
        .with_state(collector)
}

async fn healthz(State(collector): State<Arc<Collector>>) -> Result<&'static str, ApiError> {
    collector.store.check().await?;
    Ok("ok\n")
}

async fn get_metrics(State(collector): State<Arc<Collector>>) -> Response {
    let up = collector.store.check().await.is_ok();
    let text = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    let mut metrics = collector.metrics.render(up);
    if let Some(report) = collector.further_metrics.get() {
        report(&mut metrics);
    }
    (text, metrics).into_response()
}
