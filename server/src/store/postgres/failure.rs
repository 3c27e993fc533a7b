//! What a failure of the database means to who asked.

use deadpool_postgres::PoolError;
use deadpool_postgres::TimeoutType;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::store::StoreError;

/// An error of a statement or a connection.
pub(super) fn of(shown: &str, error: Error) -> StoreError {
    let Some(db) = error.as_db_error() else {
        // Whatever the database did not say itself was said by the network, or by nobody.
        return match with_causes(&error) {
            cause if is_conversion(&error) => StoreError::Database(cause.into()),
            cause => StoreError::Unreachable { database: shown.to_owned(), cause },
        };
    };
    let text = format!("{} ({})", db.message(), db.code().code());
    match db.code() {
        // Two writers met, or one waited too long: nothing was kept, and the next attempt meets other luck.
        &SqlState::T_R_DEADLOCK_DETECTED
        | &SqlState::T_R_SERIALIZATION_FAILURE
        | &SqlState::LOCK_NOT_AVAILABLE
        | &SqlState::QUERY_CANCELED
        | &SqlState::TOO_MANY_CONNECTIONS => {
            tracing::warn!(cause = text, "the database asks to come back");
            StoreError::Busy
        }
        code if is_outage(code.code()) => StoreError::Unreachable { database: shown.to_owned(), cause: text },
        _ => StoreError::Database(text.into()),
    }
}

/// Shutdown, crash, start-up, a standby that takes no writes, a broken connection.
fn is_outage(code: &str) -> bool {
    code.starts_with("57P") || code.starts_with("08") || code == "25006"
}

fn is_conversion(error: &Error) -> bool {
    let text = error.to_string();
    text.contains("deserializing column") || text.contains("serializing parameter")
}

pub(super) fn of_pool(shown: &str, error: PoolError) -> StoreError {
    match error {
        PoolError::Timeout(TimeoutType::Wait) => StoreError::Busy,
        PoolError::Closed => StoreError::Closed,
        PoolError::Backend(error) => of(shown, error),
        other => StoreError::Unreachable { database: shown.to_owned(), cause: with_causes(&other) },
    }
}

/// The same to everybody whose write was in the same transaction.
pub(super) fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Busy => StoreError::Busy,
        StoreError::Closed => StoreError::Closed,
        StoreError::Panicked => StoreError::Panicked,
        StoreError::Unreachable { database, cause } => {
            StoreError::Unreachable { database: database.clone(), cause: cause.clone() }
        }
        StoreError::Database(cause) => StoreError::Database(cause.to_string().into()),
        other => StoreError::Database(other.to_string().into()),
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}
