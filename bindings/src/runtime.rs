//! The runtime of this library: one for the life of the process, whoever loads it how often.

use std::future::Future;
use std::sync::OnceLock;

use ispeed_core::Error;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{IspeedError, Result};

/// The engine wants more than one thread above some 100 Mbit/s; beyond four nothing is gained on a phone.
const THREADS_MAX: usize = 4;

fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).clamp(2, THREADS_MAX)
}

/// Where all work runs.
pub(crate) fn handle() -> Result<Handle> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    let made = RUNTIME.get_or_init(|| {
        Builder::new_multi_thread().worker_threads(threads()).thread_name("ispeed").enable_all().build()
    });
    match made {
        Ok(runtime) => Ok(runtime.handle().clone()),
        Err(error) => Err(IspeedError::Internal { reason: format!("no threads: {error}") }),
    }
}

/// Runs work on it and waits for its one end. Whoever stops waiting does not stop the work.
pub(crate) async fn run<T: Send + 'static>(
    work: impl Future<Output = std::result::Result<T, Error>> + Send + 'static,
) -> Result<T> {
    match handle()?.spawn(work).await {
        Ok(done) => done.map_err(IspeedError::from),
        Err(ended) if ended.is_cancelled() => Err(IspeedError::Cancelled),
        Err(ended) => Err(IspeedError::Internal { reason: ended.to_string() }),
    }
}
