//! A CPU quota for a process, by whichever version of control groups this machine has for the CPU.

use std::fs;
use std::path::{Path, PathBuf};

use crate::emulator::LabError;

/// A period of the scheduler short against the bins of a measurement (50 ms): a slow device is slow all the time, and
/// not fast for 10 ms and dead for 90.
const PERIOD_US: f64 = 10_000.0;
/// The kernel takes no quota below this; for a smaller part of a core the period is longer.
const QUOTA_LEAST_US: f64 = 1_000.0;

/// Which version controls the CPU, and where it is mounted.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Version {
    V1(PathBuf),
    V2(PathBuf),
}

impl Version {
    /// From the text of `/proc/mounts`.
    fn of_mounts(mounts: &str) -> Option<Self> {
        let fields = || mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let v1 =
            fields().find(|f| matches!(f[..], [_, _, "cgroup", options, ..] if options.split(',').any(|o| o == "cpu")));
        // With version 1 for the CPU the unified tree, where there is one, has no such controller.
        let v2 = || fields().find(|f| matches!(f[..], [_, _, "cgroup2", ..]));
        v1.map(|f| Self::V1(f[1].into())).or_else(|| v2().map(|f| Self::V2(f[1].into())))
    }

    fn root(&self) -> &Path {
        match self {
            Self::V1(root) | Self::V2(root) => root,
        }
    }
}

/// A group with a quota; processes go back and the group away when it is dropped.
#[derive(Debug)]
pub struct Quota {
    version: Version,
    group: PathBuf,
}

impl Quota {
    /// A group named `name` that may use `share` of one core.
    pub fn new(name: &str, share: f64) -> Result<Self, LabError> {
        let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
        let version = Version::of_mounts(&mounts).ok_or_else(|| LabError::Config {
            field: "cgroup",
            value: "no CPU controller in /proc/mounts".into(),
            expected: "control groups version 1 or 2 with the CPU controller",
        })?;
        let quota = Self { group: version.root().join(name), version };
        let (quota_us, period_us) = quota_and_period_us(share);
        if let Version::V2(root) = &quota.version {
            // Already there, or the next write says that it is not.
            let _ = fs::write(root.join("cgroup.subtree_control"), "+cpu");
        }
        let _ = fs::remove_dir(&quota.group);
        fs::create_dir(&quota.group).map_err(|source| LabError::System { what: "making a control group", source })?;
        match &quota.version {
            Version::V1(_) => {
                quota.write("cpu.cfs_period_us", &period_us.to_string())?;
                quota.write("cpu.cfs_quota_us", &quota_us.to_string())?;
            }
            Version::V2(_) => quota.write("cpu.max", &format!("{quota_us} {period_us}"))?,
        }
        Ok(quota)
    }

    /// Puts a process, all of its threads, under the quota.
    pub fn take(&self, pid: u32) -> Result<(), LabError> {
        self.write("cgroup.procs", &pid.to_string())
    }

    fn write(&self, member: &str, value: &str) -> Result<(), LabError> {
        fs::write(self.group.join(member), value)
            .map_err(|source| LabError::System { what: "setting a CPU quota by a control group", source })
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        let members = fs::read_to_string(self.group.join("cgroup.procs")).unwrap_or_default();
        for pid in members.lines() {
            // One that ended in between cannot be moved and need not be.
            let _ = fs::write(self.version.root().join("cgroup.procs"), pid);
        }
        let _ = fs::remove_dir(&self.group);
    }
}

fn quota_and_period_us(share: f64) -> (u64, u64) {
    let period = PERIOD_US.max(QUOTA_LEAST_US / share);
    ((share * period).round() as u64, period.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_that_has_the_cpu_is_found() {
        let hybrid = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0\n\
                      cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        assert_eq!(Version::of_mounts(hybrid), Some(Version::V1("/sys/fs/cgroup/cpu,cpuacct".into())));
        let unified = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev 0 0\n";
        assert_eq!(Version::of_mounts(unified), Some(Version::V2("/sys/fs/cgroup".into())));
        assert_eq!(Version::of_mounts("proc /proc proc rw 0 0\n"), None);
    }

    #[test]
    fn a_small_share_has_a_long_period() {
        assert_eq!(quota_and_period_us(0.5), (5_000, 10_000));
        assert_eq!(quota_and_period_us(0.1), (1_000, 10_000));
        assert_eq!(quota_and_period_us(0.025), (1_000, 40_000));
    }
}
