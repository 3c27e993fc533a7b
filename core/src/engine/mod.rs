//! The measuring engine of the client: one run from token to result.
//!
//! ```text
//!  token, candidates ─► control channel ─► idle round trips ─► download ─► upload ─► echo logs, outcome
//!  (api, select)        (session, control) (idle; flow opens)  (load)      (load)    (finish)
//! ```
//! The receiver meters: the client polls its kernel's counters in a download, the server pushes its own in an upload,
//! and both feed the same estimator of `ispeed-meter`. [`measure`] never fails: every end is an outcome, and what was
//! measured before a failure stays.

mod api;
mod binding;
mod clock;
mod control;
mod echo;
mod failure;
mod finish;
mod flow;
mod idle;
mod interrupt;
mod limits;
mod load;
mod machine;
mod measured;
mod net;
mod plan;
mod run;
mod select;
mod session;
mod upgrade;

pub use binding::{BindSockets, NetworkBinding};
pub use interrupt::{ChangeNotifier, ChangeSignal};
pub use measured::{Measured, Phase, Progress};
pub use plan::{ClientTls, Directions, EnginePlan, Family, Target};
pub use reqwest::Url;
pub use socket2::Socket;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Makes one run. Progress is written to `progress`, at most ten times a second; `cancel` and `changes` end the run, its
/// load within 200 ms. Runs on the calling runtime, which must have more than one thread for rates above some 100 Mbit/s.
pub async fn measure(
    plan: EnginePlan,
    progress: watch::Sender<Progress>,
    changes: ChangeSignal,
    cancel: CancellationToken,
) -> Measured {
    run::run(plan, progress, interrupt::Interrupt::new(cancel, changes)).await
}
