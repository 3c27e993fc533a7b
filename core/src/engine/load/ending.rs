//! The end of a direction: reset, the server's last word, the figures.

use ispeed_meter::StopReason;
use ispeed_protocol::control::{ClientMessage, ServerMessage};
use ispeed_protocol::direction::{Direction, DirectionResult};
use tokio::time::timeout;

use super::figures::{self, Facts};
use super::{End, Leg, Running};
use crate::engine::control::{Event, of_server_error};
use crate::engine::failure::{Failure, Kind};
use crate::engine::limits;

impl Running<'_> {
    /// Resets the flows, asks the server for its last word, and makes the result.
    pub(super) async fn end(mut self, end: End) -> Leg {
        let counters = self.flows.meter().totals();
        // A run without a link is over within a tick or two.
        self.note_cpu();
        let cpu_share = self.cpu.overall();
        self.flows.reset().await;
        let (external, failure) = match end {
            End::Decided => (Some(StopReason::Time), None),
            End::BudgetUsed => (Some(StopReason::Bytes), None),
            End::Interrupted(failure) => (Some(StopReason::Aborted), Some(failure)),
            End::ServerEnded(failure) => (Some(StopReason::ServerEnded), Some(failure)),
            End::Lost(failure) => (Some(StopReason::Lost), Some(failure)),
        };
        let duration = self.shared.origin().elapsed();
        let estimate = self.shared.finish(external);
        if let Some(train) = &self.train {
            train.stop();
        }
        let reason = estimate.as_ref().map_or(StopReason::Aborted, |estimate| estimate.stop_reason);
        let failure = match self.last_word(reason).await {
            Ok(()) => failure,
            Err(silent) => failure.or(Some(silent)),
        };
        let result = estimate.map(|estimate| {
            figures::result(
                estimate,
                &Facts {
                    direction: self.direction,
                    clock: &self.plan.clock,
                    context: (&self.plan.config).into(),
                    origin: self.shared.origin(),
                    server_zero_us: self.server_zero_us,
                    idle_rtt_us: self.plan.config.idle_rtt_us,
                    stopped: self.stopped.as_ref(),
                    counters,
                    congestion_control: self.congestion_control.clone(),
                    cpu_share,
                    bytes: self.shared.bytes(),
                },
            )
        });
        let lost = result.as_ref().is_some_and(|result| result.stop_reason == StopReason::Lost);
        let failure = failure.or_else(|| lost.then(|| Failure::new(Kind::LostMidRun, "nothing arrived any more")));
        Leg {
            bytes: self.bytes(result.as_ref()),
            result,
            server_series: self.stopped.as_ref().map(|stopped| stopped.series.clone()),
            evidence: self.stopped.map(|stopped| stopped.evidence),
            train: self.train,
            failure,
            duration,
        }
    }

    /// Bytes moved: the server's count includes what this end no longer saw.
    fn bytes(&self, result: Option<&DirectionResult>) -> u64 {
        let meter = self.flows.meter();
        let own = match self.direction {
            Direction::Down => {
                let seen = meter.reading(0);
                seen.kernel_bytes.unwrap_or(0).max(seen.app_bytes).max(result.map_or(0, |result| result.bytes))
            }
            Direction::Up => meter.written_bytes(),
        };
        self.stopped.as_ref().map_or(own, |stopped| stopped.bytes)
    }

    /// `Stop`, and the wait for `Stopped`.
    async fn last_word(&mut self, reason: StopReason) -> Result<(), Failure> {
        if self.stopped.is_some() {
            return Ok(());
        }
        let stop = ClientMessage::Stop { direction: self.direction, reason };
        self.tools.control.send(stop).await.map_err(Failure::mid_run)?;
        let aborted = reason == StopReason::Aborted;
        let patience = if aborted { limits::STOPPED_ABORTED } else { limits::STOPPED };
        let interrupt = self.tools.interrupt.clone();
        let heard = async {
            while self.stopped.is_none() {
                match self.tools.control.next().await {
                    Event::Message { message, .. } => match *message {
                        ServerMessage::Error { kind, detail } => return Err(of_server_error(&kind, &detail)),
                        message => self.on_stopped(message),
                    },
                    Event::Closed(failure) => return Err(failure.mid_run()),
                }
            }
            Ok(())
        };
        let bounded = async {
            timeout(patience, heard)
                .await
                .unwrap_or_else(|_| Err(Failure::new(Kind::LostMidRun, "the server does not say what it counted")))
        };
        if aborted { bounded.await } else { interrupt.guard(bounded).await }
    }
}
