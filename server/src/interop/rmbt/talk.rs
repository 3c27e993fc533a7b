//! The conversation on a test connection: greeting, token, commands.

use std::time::Instant;

use thiserror::Error;
use tokio::time::timeout;

use super::command::{self, ACCEPT, BadCommand, Command, quoted};
use super::limits::{CHUNK_BYTES, CHUNK_MAX_BYTES, CHUNK_MIN_BYTES, COMMAND_TIMEOUT, COMMANDS_MAX, CONNECTION_TIMEOUT};
use super::runs::{Refused, Seat};
use super::wire::{Wire, WireError};

/// Version of the protocol in the greeting: the one with chunk sizes in commands.
const GREETING: &str = "RMBTv1.3.4";

/// Why a conversation ended before the client said `QUIT`. Its text is what the client is told.
#[derive(Debug, Error)]
pub(super) enum TalkError {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error(transparent)]
    Command(#[from] BadCommand),
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("\"{found}\" after {after}; expected {expected}")]
    Answer { after: &'static str, found: String, expected: &'static str },
    #[error("{COMMANDS_MAX} commands on this connection; expected no more")]
    Commands,
    #[error("command still under way after {} s; expected its end", COMMAND_TIMEOUT.as_secs())]
    CommandLate,
    #[error("connection open for {} s; expected QUIT before", CONNECTION_TIMEOUT.as_secs())]
    ConnectionLate,
}

/// Holds the conversation until the client quits. `enter` takes the client's token.
pub(super) async fn talk(wire: &mut Wire, enter: impl Fn(&str) -> Result<Seat, Refused>) -> Result<(), TalkError> {
    timeout(CONNECTION_TIMEOUT, greet_and_serve(wire, enter)).await.map_err(|_| TalkError::ConnectionLate)?
}

async fn greet_and_serve(wire: &mut Wire, enter: impl Fn(&str) -> Result<Seat, Refused>) -> Result<(), TalkError> {
    wire.write(&format!("{GREETING}\nACCEPT TOKEN QUIT\n")).await?;
    let line = wire.read_line().await?;
    if line == "QUIT" {
        return Ok(());
    }
    let token = line.strip_prefix("TOKEN ").ok_or_else(|| TalkError::Answer {
        after: "the greeting",
        found: quoted(&line),
        expected: "TOKEN and the test_token of testRequest, or QUIT",
    })?;
    // Named, so that it is given back when the conversation ends and not before.
    let _seat = enter(token.trim())?;
    wire.write(&format!("OK\nCHUNKSIZE {CHUNK_BYTES} {CHUNK_MIN_BYTES} {CHUNK_MAX_BYTES}\n{ACCEPT}\n")).await?;
    let mut chunk_bytes = CHUNK_BYTES;
    for _ in 0..COMMANDS_MAX {
        let command = command::parse(&wire.read_line().await?, chunk_bytes)?;
        if command == Command::Quit {
            return Ok(());
        }
        // A size that a command names holds for the commands after it.
        chunk_bytes = command.chunk_bytes().unwrap_or(chunk_bytes);
        let done = timeout(COMMAND_TIMEOUT, obey(wire, command)).await;
        let nanoseconds = done.map_err(|_| TalkError::CommandLate)??;
        wire.write(&format!("TIME {nanoseconds}\n{ACCEPT}\n")).await?;
    }
    Err(TalkError::Commands)
}

/// Carries a command out; the nanoseconds from its line to its end.
async fn obey(wire: &mut Wire, command: Command) -> Result<u128, TalkError> {
    let began = Instant::now();
    match command {
        Command::Quit => {}
        Command::Ping => {
            wire.write("PONG\n").await?;
            expect_ok(wire, "PONG").await?;
        }
        Command::GetTime { seconds, chunk_bytes } => {
            let seconds = u64::from(seconds);
            wire.send(chunk_bytes, || began.elapsed().as_secs() >= seconds).await?;
            expect_ok(wire, "the last chunk").await?;
        }
        Command::GetChunks { chunks, chunk_bytes } => {
            let mut left = chunks;
            let is_last = || {
                left -= 1;
                left == 0
            };
            wire.send(chunk_bytes, is_last).await?;
            expect_ok(wire, "the last chunk").await?;
        }
        Command::Put { chunk_bytes, reports } => {
            wire.write("OK\n").await?;
            let report = |bytes| reports.then(|| format!("TIME {} BYTES {bytes}\n", began.elapsed().as_nanos()));
            wire.receive(chunk_bytes, report).await?;
        }
    }
    Ok(began.elapsed().as_nanos())
}

async fn expect_ok(wire: &mut Wire, after: &'static str) -> Result<(), TalkError> {
    let line = wire.read_line().await?;
    if line == "OK" { Ok(()) } else { Err(TalkError::Answer { after, found: quoted(&line), expected: "OK" }) }
}
