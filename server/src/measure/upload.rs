//! An upload flow: everything is read and counted.

use ispeed_protocol::direction::Direction;
use ispeed_wire::drain_load;

use super::load::LoadFlow;

pub(super) async fn serve(flow: LoadFlow) {
    if flow.started(Direction::Up).await {
        let session = flow.session.clone();
        let mut stream = flow.raw.stream;
        // Whatever ended it: the client that goes on sending is told by the reset that nobody reads any more.
        let _ = drain_load(&mut stream, &session.up.budget, session.deadline, &session.up.stop).await;
        stream.reset();
    } else {
        flow.raw.stream.reset();
    }
}
