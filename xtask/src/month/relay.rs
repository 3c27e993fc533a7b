//! A wire that is cut: passes a connection on until so many bytes came back, then ends it and takes no more.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Listens on loopback and passes on to `port` until `bytes` came back in all; the port to connect to.
pub(super) fn cut_after(port: u16, bytes: u64) -> Result<u16, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| format!("relay: {error}"))?;
    let here = listener.local_addr().map_err(|error| format!("relay: {error}"))?.port();
    std::thread::spawn(move || {
        let passed = Arc::new(AtomicU64::new(0));
        for client in listener.incoming().flatten() {
            if passed.load(Ordering::Relaxed) > bytes {
                // The listener is dropped: who asks again is refused.
                return;
            }
            let passed = Arc::clone(&passed);
            std::thread::spawn(move || pass(client, port, &passed, bytes));
        }
    });
    Ok(here)
}

fn pass(client: TcpStream, port: u16, passed: &AtomicU64, most: u64) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { return };
    let (Ok(mut from_client), Ok(mut to_server)) = (client.try_clone(), server.try_clone()) else { return };
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let (mut from_server, mut to_client) = (server, client);
    let mut buffer = [0; 16 * 1024];
    while let Ok(n) = from_server.read(&mut buffer) {
        if n == 0 || passed.fetch_add(n as u64, Ordering::Relaxed) + n as u64 > most {
            break;
        }
        if to_client.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = to_client.shutdown(Shutdown::Both);
    let _ = from_server.shutdown(Shutdown::Both);
}
