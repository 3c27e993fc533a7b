//! Systems that are no Unix have no handles of networks.

use ispeed_core::engine::NetworkBinding;

use crate::error::{IspeedError, Result};

/// Whether a run can be put on a network by its handle.
#[uniffi::export]
pub fn can_bind_network() -> bool {
    false
}

/// What puts a run on the network of this handle.
pub(crate) fn binding(handle: u64) -> Result<NetworkBinding> {
    Err(IspeedError::input("network_handle", handle, "absent: this system has no handles of networks"))
}
