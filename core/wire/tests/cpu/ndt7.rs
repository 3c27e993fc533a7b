//! The Rust ndt7 client on the same cipher and machine: a real, unmodified process against a small server here.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use ispeed_wire::{LoadSocket, Payload};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

use crate::ends::{Ends, Way};

/// How long one direction runs; the server ends it.
const TIME: Duration = Duration::from_secs(2);
/// A message of a download: the largest of the specification's.
const MESSAGE_BYTES: usize = 1 << 20;

pub(super) struct Run {
    pub(super) client_cpu_s: f64,
    /// All that moved, for all that CPU.
    pub(super) gbit: f64,
    /// Until the server said that the time is over.
    pub(super) gbit_per_s: f64,
}

/// Where `cargo xtask` installs the client; `None` when it is not there.
pub(super) fn program() -> Option<PathBuf> {
    let installed = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/peers/ndt7/bin/ndt7-client"));
    installed.exists().then_some(installed)
}

/// One direction of the client against a server of these ends' suite.
pub(super) fn run(program: &PathBuf, ends: &Ends, way: Way) -> Run {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::clone(&ends.server));
    let serving = runtime.spawn(serve(listener, acceptor, way));
    let skip = if way == Way::Down { "--no-upload" } else { "--no-download" };
    let mut client = Command::new(program)
        .args(["--server", &format!("localhost:{port}"), "--no-locate", "--no-verify", "--ipv4", "--quiet", skip])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let (gbit, gbit_per_s) = runtime.block_on(serving).unwrap();
    let client_cpu_s = cpu_at_its_end(&mut client);
    Run { client_cpu_s, gbit, gbit_per_s }
}

/// TCP payload moved, gigabits, and the rate while the test ran.
async fn serve(listener: TcpListener, acceptor: TlsAcceptor, way: Way) -> (f64, f64) {
    let (stream, _) = listener.accept().await.unwrap();
    let tls = acceptor.accept(LoadSocket::new(stream)).await.unwrap();
    let probe = tls.get_ref().0.probe().clone();
    // The trait's own type.
    #[allow(clippy::result_large_err, reason = "the callback's type is the library's")]
    let subprotocol = |_: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        let name = "net.measurementlab.ndt.v7".parse().unwrap();
        response.headers_mut().insert("Sec-WebSocket-Protocol", name);
        Ok(response)
    };
    let mut socket = tokio_tungstenite::accept_hdr_async(tls, subprotocol).await.unwrap();
    let gbit = || (if way == Way::Up { probe.read_bytes() } else { probe.written_bytes() }) as f64 * 8e-9;
    let began = Instant::now();
    let moved = async {
        if way == Way::Up {
            while let Some(Ok(_)) = socket.next().await {}
        } else {
            let message = Message::binary(Payload::new().unwrap().chunk(MESSAGE_BYTES).to_vec());
            while socket.send(message.clone()).await.is_ok() {}
        }
    };
    let _ = timeout(TIME, moved).await;
    let gbit_per_s = gbit() / began.elapsed().as_secs_f64();
    let _ = timeout(Duration::from_secs(2), socket.close(None)).await;
    // The peer sees the end and closes, whatever is on its way.
    let _ = timeout(Duration::from_secs(2), async { while let Some(Ok(_)) = socket.next().await {} }).await;
    (gbit(), gbit_per_s)
}

/// CPU seconds, user and system, of a process that is about to end.
fn cpu_at_its_end(child: &mut Child) -> f64 {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = format!("/proc/{}/stat", child.id());
    let began = Instant::now();
    let cpu_s = loop {
        let text = std::fs::read_to_string(&stat).unwrap();
        // Fields 3 (state), 14 and 15 (times) of proc(5), counted behind the name, which may hold anything.
        let fields: Vec<&str> = text[text.rfind(')').unwrap() + 2..].split(' ').collect();
        if fields[0] == "Z" || began.elapsed() > Duration::from_secs(15) {
            break (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / TICKS_A_SECOND;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let _ = child.kill();
    child.wait().unwrap();
    cpu_s
}
