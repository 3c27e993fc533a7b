//! What else the machine did: CPU and interface counters around the run. Computers only; phones forbid the counters.

use std::ffi::{OsStr, OsString};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use ispeed_protocol::sample::MachineContext;
use sysinfo::{Networks, System};

/// CPU shares need two looks this far apart; a shorter stretch also says little of traffic.
const STRETCH_MIN: Duration = Duration::from_millis(200);

/// Counters at one moment.
#[derive(Clone, Copy, Debug)]
struct Look {
    at: Instant,
    received_bytes: u64,
    sent_bytes: u64,
}

/// Watches the machine beside a run. Every method reads a few files of `/proc` and is called off the runtime.
#[derive(Debug)]
pub(crate) struct Machine {
    networks: Networks,
    system: System,
    begun: Instant,
    interface: Option<OsString>,
    before: Vec<(OsString, Look)>,
    load: Option<Look>,
    after: Option<Look>,
    context: MachineContext,
}

impl Machine {
    /// The first look; `None` where the system does not let us.
    pub(crate) fn begin() -> Option<Self> {
        let networks = Networks::new_with_refreshed_list().ok()?;
        let mut system = System::new().ok()?;
        system.refresh_cpu_usage();
        let begun = Instant::now();
        let before = looks(&networks);
        Some(Self {
            networks,
            system,
            begun,
            interface: None,
            before,
            load: None,
            after: None,
            context: MachineContext::default(),
        })
    }

    /// The engine's own connections are open and it only takes idle round trips: from here on traffic is others'.
    pub(crate) fn quiet(&mut self) {
        self.refresh();
        self.before = looks(&self.networks);
    }

    /// Just before load. `own_bps` is what the idle round trips take each way.
    pub(crate) fn load_begins(&mut self, local: IpAddr, own_bps: f64) {
        self.refresh();
        let of_address = |(_, data): &(&OsString, &sysinfo::NetworkData)| {
            data.ip_networks().iter().any(|network| network.addr == local)
        };
        self.interface = self.networks.iter().find(of_address).map(|(name, _)| name.clone());
        if self.begun.elapsed() >= STRETCH_MIN {
            self.system.refresh_cpu_usage();
            self.context.cpu_share_before = Some(f64::from(self.system.global_cpu_usage()) / 100.0);
        }
        let Some(name) = self.interface.clone() else { return };
        self.load = look(&self.networks, &name);
        let first = self.before.iter().find(|(other, _)| *other == name).map(|(_, first)| *first);
        if let Some((down_bps, up_bps)) = first.zip(self.load).and_then(|(first, now)| rates_bps(&first, &now)) {
            self.context.cross_down_bps_before = Some((down_bps - own_bps).max(0.0));
            self.context.cross_up_bps_before = Some((up_bps - own_bps).max(0.0));
        }
        self.context.interface = Some(name.to_string_lossy().into_owned());
    }

    /// Load is over, tails included.
    pub(crate) fn load_ended(&mut self) {
        self.refresh();
        self.after = self.interface.as_ref().and_then(|name| look(&self.networks, name));
        if let Some((load, after)) = self.load.zip(self.after) {
            self.context.interface_bytes_down = after.received_bytes.checked_sub(load.received_bytes);
            self.context.interface_bytes_up = after.sent_bytes.checked_sub(load.sent_bytes);
        }
    }

    /// How much longer to wait before [`Machine::end`] can tell what others move now.
    pub(crate) fn settle(&self) -> Duration {
        self.after.map_or(Duration::ZERO, |after| STRETCH_MIN.saturating_sub(after.at.elapsed()))
    }

    /// The last look.
    pub(crate) fn end(mut self) -> MachineContext {
        self.refresh();
        let last = self.interface.as_ref().and_then(|name| look(&self.networks, name));
        if let Some((down_bps, up_bps)) = self.after.zip(last).and_then(|(after, last)| rates_bps(&after, &last)) {
            self.context.cross_down_bps_after = Some(down_bps);
            self.context.cross_up_bps_after = Some(up_bps);
        }
        self.context
    }

    fn refresh(&mut self) {
        self.networks.refresh(false);
    }
}

/// A [`Machine`] that is looked at off the runtime, one look after the other.
#[derive(Debug)]
pub(crate) struct MachineWatch(Option<Machine>);

impl MachineWatch {
    /// The first look; watches nothing when the plan does not want it.
    pub(crate) async fn begin(wanted: bool) -> Self {
        if !wanted {
            return Self(None);
        }
        Self(tokio::task::spawn_blocking(Machine::begin).await.ok().flatten())
    }

    /// A look.
    pub(crate) async fn look(&mut self, look: impl FnOnce(&mut Machine) + Send + 'static) {
        let Some(mut machine) = self.0.take() else { return };
        let looked = tokio::task::spawn_blocking(move || {
            look(&mut machine);
            machine
        });
        // A look that panicked leaves the rest of the run without machine context.
        self.0 = looked.await.ok();
    }

    /// How much longer to wait before the last look can tell what others move.
    pub(crate) fn settle(&self) -> Duration {
        self.0.as_ref().map_or(Duration::ZERO, Machine::settle)
    }

    /// The last look.
    pub(crate) async fn end(&mut self) -> MachineContext {
        let Some(machine) = self.0.take() else { return MachineContext::default() };
        tokio::task::spawn_blocking(move || machine.end()).await.unwrap_or_default()
    }
}

fn looks(networks: &Networks) -> Vec<(OsString, Look)> {
    networks.keys().filter_map(|name| Some((name.clone(), look(networks, name)?))).collect()
}

fn look(networks: &Networks, interface: &OsStr) -> Option<Look> {
    let data = networks.get(interface)?;
    Some(Look { at: Instant::now(), received_bytes: data.total_received(), sent_bytes: data.total_transmitted() })
}

/// Bits a second between two looks, down and up; `None` where they are too close or a counter was reset.
fn rates_bps(first: &Look, last: &Look) -> Option<(f64, f64)> {
    let stretch = last.at.saturating_duration_since(first.at);
    if stretch < STRETCH_MIN {
        return None;
    }
    let rate = |first: u64, last: u64| Some(last.checked_sub(first)? as f64 * 8.0 / stretch.as_secs_f64());
    Some((rate(first.received_bytes, last.received_bytes)?, rate(first.sent_bytes, last.sent_bytes)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_need_a_stretch_and_counters_that_grow() {
        let at = Instant::now();
        let first = Look { at, received_bytes: 1_000, sent_bytes: 50 };
        let second = Look { at: at + Duration::from_millis(500), received_bytes: 126_000, sent_bytes: 50 };
        assert_eq!(rates_bps(&first, &second), Some((2_000_000.0, 0.0)));
        assert_eq!(rates_bps(&second, &Look { at: second.at + Duration::from_secs(1), ..first }), None);
        assert_eq!(rates_bps(&first, &Look { at: at + Duration::from_millis(10), ..second }), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn traffic_over_loopback_is_counted_on_loopback() {
        let mut machine = Machine::begin().unwrap();
        machine.quiet();
        machine.load_begins("127.0.0.1".parse().unwrap(), 0.0);
        let receiver = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..50 {
            sender.send_to(&[0; 1000], receiver.local_addr().unwrap()).unwrap();
        }
        machine.load_ended();
        let context = machine.end();
        assert_eq!(context.interface.as_deref(), Some("lo"));
        assert!(context.interface_bytes_up.unwrap() >= 50_000, "{context:?}");
    }
}
