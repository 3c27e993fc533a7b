//! A collector's store as closing a month sees it.

use std::sync::Arc;

use ispeed_month::{MonthStore, RowQuery};
use ispeed_report::MonthSample;
use ispeed_report::sample::ChainHead;
use ispeed_server::store::{MonthQuery, Store, StoreError};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::http::with_causes;

type Page = Result<Vec<MonthSample>, StoreError>;

/// Waits for the store; asks for the next page while the last one is worked on.
pub(super) struct Blocking {
    store: Arc<dyn Store>,
    runtime: Handle,
    ahead: Option<(RowQuery, JoinHandle<Page>)>,
}

impl Blocking {
    /// To be used where waiting is allowed (`block_in_place`).
    pub(super) fn new(store: Arc<dyn Store>, runtime: Handle) -> Self {
        Self { store, runtime, ahead: None }
    }

    fn ask(&self, query: RowQuery) -> JoinHandle<Page> {
        let store = self.store.clone();
        self.runtime.spawn(async move {
            let RowQuery { month, province, upto, after, limit } = query;
            store.month_samples(MonthQuery { province, upto: Some(upto), after, ..MonthQuery::new(month, limit) }).await
        })
    }
}

fn told(error: &StoreError) -> String {
    with_causes(error)
}

impl MonthStore for Blocking {
    fn heads(&mut self) -> Result<Vec<ChainHead>, String> {
        self.runtime.block_on(self.store.chain_heads()).map_err(|error| told(&error))
    }

    fn rows(&mut self, query: RowQuery) -> Result<Vec<MonthSample>, String> {
        let page = match self.ahead.take() {
            Some((asked, page)) if asked == query => page,
            _ => self.ask(query.clone()),
        };
        let rows = match self.runtime.block_on(page) {
            Ok(rows) => rows.map_err(|error| told(&error))?,
            Err(error) => return Err(format!("a page of samples was given up: {error}")),
        };
        if let Some(last) = rows.last()
            && rows.len() == query.limit as usize
        {
            let next = RowQuery { after: Some(last.owned_order()), ..query };
            self.ahead = Some((next.clone(), self.ask(next)));
        }
        Ok(rows)
    }

    fn record(&mut self, kind: &str, key: &str) -> Result<Option<String>, String> {
        let record = self.runtime.block_on(self.store.record(kind, key)).map_err(|error| told(&error))?;
        Ok(record.map(|record| record.json))
    }

    fn records(&mut self, kind: &str, prefix: &str) -> Result<Vec<(String, String)>, String> {
        let records = self.runtime.block_on(self.store.records(kind, prefix)).map_err(|error| told(&error))?;
        Ok(records.into_iter().map(|record| (record.key, record.json)).collect())
    }

    fn put_record(&mut self, kind: &str, key: &str, json: String, new: bool) -> Result<bool, String> {
        let put = self.store.put_record(kind, key, json, new.then_some(0));
        match self.runtime.block_on(put) {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict { .. }) if new => Ok(false),
            Err(error) => Err(told(&error)),
        }
    }
}
