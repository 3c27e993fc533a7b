//! Which of the machine's networks carries a run, where the system names networks by something else than an interface.
//!
//! Android gives each network a handle, and only the shell can ask for the mobile one while Wi-Fi is on. The core neither
//! knows handles nor calls Android: whoever starts a run hands in something that binds sockets and looks up names.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use socket2::Socket;

/// Puts the sockets of a run on one network, and asks that network's name service.
pub trait BindSockets: Send + Sync {
    /// Called with every socket of the run before it is connected.
    ///
    /// # Errors
    /// The network is gone, or may not be used: the run ends there.
    fn bind(&self, socket: &Socket) -> io::Result<()>;

    /// Addresses of a host by the name service of that network. Called on a thread that may wait.
    ///
    /// # Errors
    /// No such name, or no answer.
    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// A shared [`BindSockets`]; two are equal when they are the same one.
#[derive(Clone)]
pub struct NetworkBinding(pub Arc<dyn BindSockets>);

impl std::fmt::Debug for NetworkBinding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NetworkBinding")
    }
}

impl PartialEq for NetworkBinding {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
