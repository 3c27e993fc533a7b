//! The system calls of the laboratory that need `unsafe`: attaching a file to a TUN device, and real-time priority.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;

use super::LabError;

/// Priority of a lane's thread: the emulated link must not slow down because the endpoints are busy, a real one does not
/// either.
const LANE_PRIORITY: i32 = 10;
/// Priority of the kernel threads that receive behind the link: what interrupts are to a real host, but below the link.
const RECEIVE_PRIORITY: i32 = 9;

/// Opens TUN device `name` in the network namespace of the calling thread; non-blocking, with the header of
/// [`super::segment`] before every packet, and with segmentation and checksums left to us: a kernel that segments in
/// software for every packet takes from the endpoints the processor they are measured on. For the same reason what is
/// written is queued for the receiver (NAPI, as behind a network card, GRO included) and not received by the writing thread.
pub(super) fn open_tun(name: &str) -> Result<File, LabError> {
    let system = |what| move |source| LabError::System { what, source };
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open("/dev/net/tun")
        .map_err(system("opening /dev/net/tun"))?;
    // SAFETY: ifreq is plain old data for which zero is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes().take(libc::IFNAMSIZ - 1)) {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags =
        i16::try_from(libc::IFF_TUN | libc::IFF_NO_PI | libc::IFF_VNET_HDR | libc::IFF_NAPI).unwrap_or(0);
    // SAFETY: the descriptor is open, the request is an initialised ifreq that outlives the call, and TUNSETIFF writes
    // no more than an ifreq.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF as _, &raw mut request) };
    if result < 0 {
        return Err(LabError::System { what: "TUNSETIFF", source: std::io::Error::last_os_error() });
    }
    offer_offloads(&file)?;
    Ok(file)
}

fn offer_offloads(file: &File) -> Result<(), LabError> {
    let tcp = libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6 | libc::TUN_F_TSO_ECN;
    // Linux before 6.2 cannot leave the segmentation of UDP to a TUN, and does it itself.
    for offloads in [tcp | libc::TUN_F_USO4 | libc::TUN_F_USO6, tcp] {
        // SAFETY: the descriptor is an open TUN and TUNSETOFFLOAD takes its argument by value.
        if unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETOFFLOAD as _, libc::c_ulong::from(offloads)) } == 0 {
            return Ok(());
        }
    }
    Err(LabError::System { what: "TUNSETOFFLOAD", source: std::io::Error::last_os_error() })
}

/// Asks for real-time priority (`SCHED_FIFO`) for the calling thread; without the right to it, runs on as before.
pub(super) fn raise_priority() {
    if !be_real_time(0, LANE_PRIORITY) {
        let _ = rustix::process::nice(-20);
    }
}

/// The same for the kernel threads that receive what is written to the TUN devices called `name`, wherever they are.
pub(super) fn raise_priority_of_receivers(name: &str) {
    let prefix = format!("napi/{name}-");
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    for pid in processes.filter_map(|entry| entry.file_name().to_str()?.parse::<libc::pid_t>().ok()) {
        if std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.starts_with(&prefix)) {
            be_real_time(pid, RECEIVE_PRIORITY);
        }
    }
}

/// 0 names the calling thread.
fn be_real_time(pid: libc::pid_t, sched_priority: i32) -> bool {
    let wanted = libc::sched_param { sched_priority };
    // SAFETY: a pid is passed by value and the parameter is an initialised sched_param that outlives the call.
    unsafe { libc::sched_setscheduler(pid, libc::SCHED_FIFO, &raw const wanted) == 0 }
}
