//! Gathers what a plan needs from store and borders, and asks the planner.

use std::sync::Arc;

use ispeed_commune::{Cell, Point};
use ispeed_protocol::campaign::Campaign;
use ispeed_protocol::plan::{Plan, Spacing};
use ispeed_protocol::{Month, UtcMicros};
use thiserror::Error;

use super::board::{Board, BoardBuilder};
use super::cache::Cache;
use super::planner::{self, Candidate, Question};
use crate::collect::Communes;
use crate::limits;
use crate::store::{MonthQuery, Store, StoreError, each_month_sample};

/// What an administrator may set of plan and counting.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanSettings {
    /// What counts of one device.
    pub spacing: Spacing,
    /// Last day of the next month, until 24:00 (UTC+7), on which a sample of a month is merged.
    pub upload_cutoff_day: u8,
}

impl Default for PlanSettings {
    fn default() -> Self {
        Self { spacing: ispeed_verdict::limits::SPACING, upload_cutoff_day: ispeed_protocol::plan::UPLOAD_CUTOFF_DAY }
    }
}

impl PlanSettings {
    /// Whether a collector may be set so; else what is wrong, with the value and what was expected.
    ///
    /// # Errors
    /// A member is beyond its bounds.
    pub fn check(&self) -> Result<(), String> {
        ispeed_verdict::limits::check_spacing(self.spacing)?;
        let day = self.upload_cutoff_day;
        let report_day = ispeed_protocol::plan::REPORT_BEFORE_DAY - 1;
        if (1..=report_day).contains(&day) {
            return Ok(());
        }
        Err(format!("upload cut-off day is {day}; expected 1 to {report_day}, for reports are due before the 10th"))
    }
}

/// About what a plan is asked.
#[derive(Clone, PartialEq, Debug)]
pub enum PlanAbout {
    /// A point and the communes around it.
    Point {
        /// The point; it is not kept.
        point: Point,
        /// How far to look, metres.
        radius_m: u32,
    },
    /// One commune.
    Commune(String),
    /// The communes of a campaign.
    Campaign(Box<Campaign>),
}

/// What a plan is asked.
#[derive(Clone, PartialEq, Debug)]
pub struct PlanRequest {
    /// About what.
    pub about: PlanAbout,
    /// Month.
    pub month: Month,
    /// Communes listed at most.
    pub communes: usize,
    /// Cells listed of each commune at most.
    pub cells: usize,
    /// The answer is for everybody: where fewer than five devices measured, their cells are not told.
    pub public: bool,
}

/// Why there is no plan.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No such commune.
    #[error("no commune has the code {0:?}; expected five digits, such as 25195")]
    NoCommune(String),
    /// Computing it panicked.
    #[error("the plan could not be computed")]
    Panicked,
}

/// Answers about plans; keeps boards for some seconds and cells of communes for longer.
pub struct PlanDesk {
    boards: Cache<(Month, String), Arc<Board>>,
    cells: Arc<Cache<String, Arc<[Cell]>>>,
}

impl Default for PlanDesk {
    fn default() -> Self {
        Self {
            boards: Cache::new(limits::PLAN_BOARD_LIVES, limits::PLAN_BOARDS_MAX),
            cells: Arc::new(Cache::new(limits::PLAN_CELLS_LIVE, limits::PLAN_CELLS_MAX)),
        }
    }
}

impl PlanDesk {
    /// The plan.
    ///
    /// # Errors
    /// The store fails, or there is no such commune.
    pub async fn plan(
        &self,
        store: &dyn Store,
        communes: &Arc<Communes>,
        settings: PlanSettings,
        request: &PlanRequest,
        now: UtcMicros,
    ) -> Result<Plan, PlanError> {
        let mut question = Question {
            month: request.month,
            now,
            cutoff_day: settings.upload_cutoff_day,
            spacing: settings.spacing,
            point: None,
            campaign: None,
            communes: request.communes,
            cells: request.cells,
            public: request.public,
            table: communes.table().map(str::to_owned),
        };
        let named = match &request.about {
            PlanAbout::Point { point, radius_m } => {
                question.point = Some(*point);
                communes.near(*point, f64::from(*radius_m))
            }
            PlanAbout::Commune(code) => {
                question.communes = 0;
                vec![(code.clone(), None, true)]
            }
            PlanAbout::Campaign(campaign) => {
                question.campaign = Some((**campaign).clone());
                campaign.communes.iter().map(|code| (code.clone(), None, false)).collect()
            }
        };
        let mut gathered = Vec::with_capacity(named.len());
        for (code, distance_m, asked) in named {
            let commune = communes.get(&code).ok_or_else(|| PlanError::NoCommune(code.clone()))?.clone();
            let board = self.board(store, request.month, &code).await?;
            gathered.push(Candidate { commune, asked, distance_m, board });
        }
        self.compute(communes, question, gathered).await
    }

    /// The board of a commune, at most some seconds old.
    pub(crate) async fn board(&self, store: &dyn Store, month: Month, code: &str) -> Result<Arc<Board>, StoreError> {
        let key = (month, code.to_owned());
        if let Some(board) = self.boards.get(&key) {
            return Ok(board);
        }
        let board = Arc::new(read_board(store, month, code).await?);
        self.boards.put(key, Arc::clone(&board));
        Ok(board)
    }

    /// Off the threads that keep time for the measuring end.
    async fn compute(
        &self,
        communes: &Arc<Communes>,
        question: Question,
        gathered: Vec<Candidate>,
    ) -> Result<Plan, PlanError> {
        let (communes, kept) = (Arc::clone(communes), Arc::clone(&self.cells));
        let cells_of = move |code: &str| {
            kept.get(&code.to_owned()).or_else(|| {
                let cells: Arc<[Cell]> = communes.cells(code)?.into();
                kept.put(code.to_owned(), Arc::clone(&cells));
                Some(cells)
            })
        };
        let work = tokio::task::spawn_blocking(move || planner::plan(&question, gathered, cells_of));
        work.await.map_err(|error| {
            tracing::error!(%error, "computing a plan panicked");
            PlanError::Panicked
        })
    }
}

/// Reads the narrow rows of a commune and month.
async fn read_board(store: &dyn Store, month: Month, code: &str) -> Result<Board, StoreError> {
    let mut builder = BoardBuilder::default();
    let mut query = MonthQuery::new(month, limits::PLAN_ROWS_PAGE);
    query.commune = Some(code.to_owned());
    each_month_sample(store, query, |row| builder.add(&row)).await?;
    Ok(builder.finish())
}
