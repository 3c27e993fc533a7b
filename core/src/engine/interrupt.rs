//! What ends a run from outside: the person, or a network that changed under it.

use std::future::Future;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::failure::{Failure, Kind};

/// Tells a run that the network changed: another cell technology, interface or address. The shell sends it.
#[derive(Clone, Debug)]
pub struct ChangeSignal(Option<watch::Receiver<u64>>);

/// The sending end of a [`ChangeSignal`].
#[derive(Debug)]
pub struct ChangeNotifier(watch::Sender<u64>);

impl ChangeNotifier {
    /// The network has changed.
    pub fn changed(&self) {
        self.0.send_modify(|changes| *changes += 1);
    }
}

impl ChangeSignal {
    /// A signal that never comes, where nobody watches the network.
    pub fn never() -> Self {
        Self(None)
    }

    /// Both ends.
    pub fn new() -> (ChangeNotifier, Self) {
        let (sender, receiver) = watch::channel(0);
        (ChangeNotifier(sender), Self(Some(receiver)))
    }

    /// Completes at the next change.
    pub async fn next(&mut self) {
        if let Some(receiver) = &mut self.0
            && receiver.changed().await.is_ok()
        {
            return;
        }
        // A notifier that is gone will not notify.
        std::future::pending().await
    }
}

/// Both causes as one, to be awaited from anywhere in the run.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt {
    cancel: CancellationToken,
    changes: ChangeSignal,
}

impl Interrupt {
    pub(crate) fn new(cancel: CancellationToken, mut changes: ChangeSignal) -> Self {
        if let Some(receiver) = &mut changes.0 {
            // What changed before the run started does not concern it.
            receiver.mark_unchanged();
        }
        Self { cancel, changes }
    }

    /// Completes when the run has to end, with the reason.
    pub(crate) async fn raised(&self) -> Failure {
        let mut changes = self.changes.clone();
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Failure::new(Kind::Cancelled, "the person ended the measurement"),
            () = changes.next() => Failure::new(Kind::NetworkChanged, "the network changed during the measurement"),
        }
    }

    /// The future's own end, or the interrupt if that comes first; the future is dropped then.
    pub(crate) async fn guard<T>(&self, future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            failure = self.raised() => Err(failure),
            end = future => end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_changes_after_the_start_interrupt_and_every_waiter_sees_them() {
        let (notifier, signal) = ChangeSignal::new();
        notifier.changed();
        let interrupt = Interrupt::new(CancellationToken::new(), signal);
        assert_eq!(interrupt.guard(async { Ok(7) }).await, Ok(7));
        notifier.changed();
        for _ in 0..2 {
            let end = interrupt.guard(std::future::pending::<Result<(), Failure>>()).await;
            assert_eq!(end.unwrap_err().kind, Kind::NetworkChanged);
        }
    }

    #[tokio::test]
    async fn a_lost_notifier_does_not_interrupt_and_a_cancel_does() {
        let cancel = CancellationToken::new();
        let (notifier, signal) = ChangeSignal::new();
        drop(notifier);
        let interrupt = Interrupt::new(cancel.clone(), signal);
        assert_eq!(interrupt.guard(async { Ok(1) }).await, Ok(1));
        cancel.cancel();
        assert_eq!(
            interrupt.guard(std::future::pending::<Result<(), Failure>>()).await.unwrap_err().kind,
            Kind::Cancelled
        );
    }
}
