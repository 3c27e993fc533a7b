//! What every store promises, written against the trait. A new implementation adds one `#[tokio::test]` that calls
//! [`suite`] with a maker of its own.
#![allow(clippy::unwrap_used, reason = "a failed unwrap here is a failed test, in helpers too")]

mod month;
mod postgres;
#[path = "../common/postgres.rs"]
mod postgres_server;
mod sqlite;
mod submit;
mod support;
mod transfer;

use std::future::Future;
use std::sync::Arc;

use ispeed_server::store::Store;

/// Runs every check on a fresh store each.
async fn suite<M, F>(make: M)
where
    M: Fn() -> F,
    F: Future<Output = Arc<dyn Store>>,
{
    submit::keeps_once(&*make().await).await;
    submit::fails_as_a_whole(&*make().await).await;
    submit::shows_the_standing(&*make().await).await;
    submit::tallies_equal_the_verdicts(&*make().await).await;
    submit::lists_in_order_and_in_pages(&*make().await).await;
    submit::deletes_and_leaves_tombstones(&*make().await).await;
    submit::remembers_keys(&*make().await).await;
    submit::chains_under_load(make().await).await;
    month::hands_out_rows_in_order(&*make().await).await;
    month::freezes_at_heads(&*make().await).await;
    month::compares_and_sets_records(&*make().await).await;
    transfer::exports_what_it_kept(&*make().await).await;
    transfer::imports_once_and_refuses_conflicts(&*make().await, &*make().await).await;
    transfer::imports_batch_after_batch(&*make().await, &*make().await).await;
    transfer::moves_deletions(&*make().await, &*make().await).await;
    submit::closes(&*make().await).await;
}
