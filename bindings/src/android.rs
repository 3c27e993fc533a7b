//! The one place that calls Android: sockets and names of one network, by its handle (`android/multinetwork.h`, API 23).
//!
//! The functions are looked up when they are first asked for and not linked: so the library loads on every system, the tests
//! of any Linux run this file against a stand-in, and no build needs Android's own library.
#![allow(unsafe_code, reason = "C functions of the system, reached by name")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::sync::{Arc, OnceLock};

use ispeed_core::engine::{BindSockets, NetworkBinding, Socket};

use crate::error::{IspeedError, Result};

type SetSockNetwork = unsafe extern "C" fn(network: u64, fd: c_int) -> c_int;
type GetAddrInfoForNetwork = unsafe extern "C" fn(
    network: u64,
    node: *const c_char,
    service: *const c_char,
    hints: *const libc::addrinfo,
    res: *mut *mut libc::addrinfo,
) -> c_int;

/// What `libandroid.so` offers.
#[derive(Clone, Copy)]
struct Functions {
    set_sock_network: SetSockNetwork,
    get_addr_info_for_network: GetAddrInfoForNetwork,
}

fn functions() -> Option<Functions> {
    static FOUND: OnceLock<Option<Functions>> = OnceLock::new();
    *FOUND.get_or_init(find)
}

fn find() -> Option<Functions> {
    // SAFETY: a constant name with its end; loading Android's own library runs no code that expects anything of us.
    let library = unsafe { libc::dlopen(c"libandroid.so".as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if library.is_null() {
        return None;
    }
    let named = |name: &CStr| {
        // SAFETY: the handle is of the call above and is never closed.
        let found = unsafe { libc::dlsym(library, name.as_ptr()) };
        (!found.is_null()).then_some(found)
    };
    let set_sock_network = named(c"android_setsocknetwork")?;
    let get_addr_info_for_network = named(c"android_getaddrinfofornetwork")?;
    // SAFETY: these are functions of exactly these types (android/multinetwork.h); both are part of the system since API 23.
    unsafe {
        Some(Functions {
            set_sock_network: std::mem::transmute::<*mut c_void, SetSockNetwork>(set_sock_network),
            get_addr_info_for_network: std::mem::transmute::<*mut c_void, GetAddrInfoForNetwork>(
                get_addr_info_for_network,
            ),
        })
    }
}

/// Whether a run can be put on a network by its handle. Where not, `RunPlan.network_handle` has to be absent.
#[uniffi::export]
pub fn can_bind_network() -> bool {
    functions().is_some()
}

/// What puts a run on the network of this handle.
pub(crate) fn binding(handle: u64) -> Result<NetworkBinding> {
    let functions = functions().ok_or_else(|| {
        IspeedError::input("network_handle", handle, "absent: this system has no handles of networks")
    })?;
    Ok(NetworkBinding(Arc::new(HandleBinding { handle, functions })))
}

struct HandleBinding {
    handle: u64,
    functions: Functions,
}

impl BindSockets for HandleBinding {
    fn bind(&self, socket: &Socket) -> io::Result<()> {
        // SAFETY: the descriptor is open while `socket` is borrowed.
        let refused = unsafe { (self.functions.set_sock_network)(self.handle, socket.as_raw_fd()) };
        if refused == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let host = CString::new(host).map_err(io::Error::other)?;
        // SAFETY: all zeros is the empty hint; its pointers are null.
        let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
        hints.ai_socktype = libc::SOCK_STREAM;
        let mut list: *mut libc::addrinfo = std::ptr::null_mut();
        // SAFETY: `host` and `hints` live beyond the call, which sets `list` when it answers 0.
        let failed = unsafe {
            (self.functions.get_addr_info_for_network)(self.handle, host.as_ptr(), std::ptr::null(), &hints, &mut list)
        };
        if failed != 0 {
            // SAFETY: the C library's own constant text for any number.
            let why = unsafe { CStr::from_ptr(libc::gai_strerror(failed)) };
            return Err(io::Error::other(why.to_string_lossy().into_owned()));
        }
        let mut found = Vec::new();
        let mut entry = list;
        while !entry.is_null() {
            // SAFETY: an entry of the list that was just made, which nobody frees before the end of this loop.
            let here = unsafe { &*entry };
            // SAFETY: as above; the address is of the family and length the entry states.
            found.extend(unsafe { address(here, port) });
            entry = here.ai_next;
        }
        if !list.is_null() {
            // SAFETY: the list of the call above, freed once.
            unsafe { libc::freeaddrinfo(list) };
        }
        Ok(found)
    }
}

/// The address of an entry; `None` for a family this program does not speak.
///
/// # Safety
/// `ai_addr` is null, or points to an address of `ai_family` with `ai_addrlen` bytes.
unsafe fn address(entry: &libc::addrinfo, port: u16) -> Option<SocketAddr> {
    if entry.ai_addr.is_null() {
        return None;
    }
    match entry.ai_family {
        libc::AF_INET if entry.ai_addrlen as usize >= size_of::<libc::sockaddr_in>() => {
            // SAFETY: the family says which structure it is, and its length was checked; read without alignment.
            let at = unsafe { entry.ai_addr.cast::<libc::sockaddr_in>().read_unaligned() };
            Some((Ipv4Addr::from(u32::from_be(at.sin_addr.s_addr)), port).into())
        }
        libc::AF_INET6 if entry.ai_addrlen as usize >= size_of::<libc::sockaddr_in6>() => {
            // SAFETY: as above.
            let at = unsafe { entry.ai_addr.cast::<libc::sockaddr_in6>().read_unaligned() };
            Some((Ipv6Addr::from(at.sin6_addr.s6_addr), port).into())
        }
        _ => None,
    }
}
