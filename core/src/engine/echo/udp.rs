//! Trains over UDP.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use ispeed_protocol::echo::{ECHO_MAX_BYTES, EchoKind, EchoPacket};
use ispeed_wire::sys::{receive_datagram, stamp_datagrams};
use socket2::SockRef;

use super::{Dice, EchoAnswer, OnAnswer, Train, TrainLog, TrainPlan, TrainSide, round_trip_us, waits};
use crate::engine::clock::RunClock;
use crate::engine::net::Network;

/// The thread looks for a stop at least this often.
const WAKE_UP: Duration = Duration::from_millis(20);

/// Where and as whom to ask.
#[derive(Clone, Debug)]
pub(crate) struct UdpEcho {
    pub(crate) network: Network,
    pub(crate) peer: SocketAddr,
    pub(crate) echo_id: u64,
    pub(crate) key: [u8; 32],
    pub(crate) clock: RunClock,
}

impl UdpEcho {
    /// Starts a train on a socket and a thread of its own.
    pub(crate) fn start(&self, plan: TrainPlan, on_answer: OnAnswer) -> Train {
        let (train, side) = Train::pair();
        let Ok(socket) = self.network.udp(self.peer) else { return train };
        let echo = self.clone();
        let thread = std::thread::Builder::new().name("ispeed-echo".into()).spawn(move || {
            if let Ok(worker) = Worker::new(echo, socket, plan, on_answer) {
                worker.run(side);
            }
        });
        // Without a thread the side is dropped and the log is empty.
        drop(thread);
        train
    }
}

struct Worker {
    echo: UdpEcho,
    socket: UdpSocket,
    plan: TrainPlan,
    on_answer: OnAnswer,
    dice: Dice,
    log: TrainLog,
    /// Packets whose time came, those that the system did not take included.
    tries: u32,
    /// Sent and not answered yet: sequence to time.
    open: BTreeMap<u32, Instant>,
    longest_rtt_us: Option<u64>,
}

impl Worker {
    fn new(echo: UdpEcho, socket: UdpSocket, plan: TrainPlan, on_answer: OnAnswer) -> io::Result<Self> {
        socket.set_nonblocking(false)?;
        // Without stamps a packet counts as received when it is read.
        let _ = stamp_datagrams(&SockRef::from(&socket));
        let log = TrainLog { train: plan.train, ..TrainLog::default() };
        let open = BTreeMap::new();
        Ok(Self { echo, socket, plan, on_answer, dice: Dice::new(), log, tries: 0, open, longest_rtt_us: None })
    }

    fn run(mut self, side: TrainSide) {
        let mut due = Instant::now();
        while !side.abandon.is_cancelled() {
            let sending = !side.stop.is_cancelled() && !self.plan.pace.is_over(self.tries);
            if sending && Instant::now() >= due {
                self.send();
                due += self.plan.pace.gap(self.plan.packet_bytes, self.dice.roll());
                // A thread that slept too long does not catch up in a burst.
                due = due.max(Instant::now());
            }
            if !sending && !waits(&self.open, self.log.sent, self.longest_rtt_us) {
                break;
            }
            let until = if sending { due.saturating_duration_since(Instant::now()).min(WAKE_UP) } else { WAKE_UP };
            self.receive(until);
        }
        // A run that was dropped wants no log.
        let _ = side.log.send(self.log);
    }

    fn send(&mut self) {
        self.tries += 1;
        let packet = EchoPacket {
            kind: EchoKind::Request,
            train: self.plan.train,
            echo_id: self.echo.echo_id,
            sequence: self.log.sent,
            client_send_us: self.echo.clock.now_us(),
            server_receive_us: 0,
            server_send_us: 0,
        };
        let bytes = packet.encode(&self.echo.key, self.plan.packet_bytes, b"");
        // Before the call: over loopback the answer can be back before it returns.
        let sent = Instant::now();
        // What this machine's own queue refuses never entered the path: it is not sent, and so not lost.
        if self.socket.send(&bytes).is_ok() {
            self.open.insert(self.log.sent, sent);
            self.log.sent += 1;
        }
    }

    /// Reads what is there and waits up to `wait` for the first of it.
    fn receive(&mut self, wait: Duration) {
        // A time-out of zero would mean for ever.
        if self.socket.set_read_timeout(Some(wait.max(Duration::from_micros(500)))).is_err() {
            std::thread::sleep(wait);
            return;
        }
        let mut buffer = [0; ECHO_MAX_BYTES];
        // "Port unreachable" and time-outs are errors of this call alone.
        let Ok(datagram) = receive_datagram(&SockRef::from(&self.socket), &mut buffer) else { return };
        let received = Instant::now() - Duration::from_micros(datagram.age_us.unwrap_or(0));
        let Some(reply) = EchoPacket::decode(&buffer[..datagram.len], &self.echo.key) else { return };
        let ours =
            reply.kind == EchoKind::Reply && reply.train == self.plan.train && reply.echo_id == self.echo.echo_id;
        if let Some(sent) = self.open.remove(&reply.sequence).filter(|_| ours) {
            self.answered(sent, received, &reply);
        }
    }

    fn answered(&mut self, sent: Instant, received: Instant, reply: &EchoPacket) {
        let answer = EchoAnswer {
            sequence: reply.sequence,
            sent_us: self.echo.clock.at_us(sent),
            received_us: self.echo.clock.at_us(received),
            rtt_us: round_trip_us(received.saturating_duration_since(sent), reply),
            server_us: Some((reply.server_receive_us, reply.server_send_us)),
        };
        self.longest_rtt_us = self.longest_rtt_us.max(Some(answer.rtt_us));
        self.log.answers.push(answer);
        (self.on_answer)(&answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::echo::Pace;
    use ispeed_protocol::echo::ECHO_TRAIN_BYTES;
    use std::sync::mpsc;

    const KEY: [u8; 32] = [9; 32];

    /// Does with each request that arrives what `answer` says, given its sender and its length.
    fn server(mut answer: impl FnMut(&UdpSocket, &EchoPacket, usize, SocketAddr) + Send + 'static) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let mut buffer = [0; ECHO_MAX_BYTES];
            while let Ok((len, from)) = socket.recv_from(&mut buffer) {
                let Some(asked) = EchoPacket::decode(&buffer[..len], &KEY) else { continue };
                answer(&socket, &asked, len, from);
            }
        });
        address
    }

    fn reply_to(asked: &EchoPacket) -> EchoPacket {
        EchoPacket { kind: EchoKind::Reply, server_receive_us: 1_000_000, server_send_us: 1_000_000, ..*asked }
    }

    fn echo(peer: SocketAddr) -> UdpEcho {
        UdpEcho { network: Network::default(), peer, echo_id: 7, key: KEY, clock: RunClock::start() }
    }

    fn plan(packets: u32) -> TrainPlan {
        let pace = Pace::Count { packets, gap: Duration::from_millis(2) };
        TrainPlan { train: 1, packet_bytes: ECHO_TRAIN_BYTES, pace }
    }

    #[tokio::test]
    async fn a_train_counts_what_came_back_once_and_ends_by_itself() {
        let (sender, answers) = mpsc::channel();
        // All but those whose number leaves rest 4 of 5, twice and once with a foreign key.
        let server = server(|socket, asked, len, from| {
            for key in [&KEY, &KEY, &[1; 32]].into_iter().filter(|_| asked.sequence % 5 != 4) {
                socket.send_to(&reply_to(asked).encode(key, len, b""), from).unwrap();
            }
        });
        let train = echo(server).start(plan(20), Box::new(move |answer| sender.send(answer.sequence).unwrap()));
        let log = train.log().await;
        assert_eq!((log.train, log.sent, log.answers.len()), (1, 20, 16));
        assert_eq!(answers.iter().count(), 16);
        assert!(log.answers.iter().all(|answer| answer.sequence % 5 != 4));
        assert!(log.answers.iter().all(|answer| answer.received_us >= answer.sent_us && answer.rtt_us < 1_000_000));
    }

    #[tokio::test]
    async fn what_a_silent_path_brings_back_within_a_second_is_not_lost() {
        let away = server(|socket, asked, len, from| {
            if asked.sequence == 12 {
                std::thread::sleep(Duration::from_millis(500));
            }
            socket.send_to(&reply_to(asked).encode(&KEY, len, b""), from).unwrap();
        });
        let train = echo(away).start(plan(20), Box::new(|_| {}));
        let log = train.log().await;
        assert_eq!((log.sent, log.answers.len()), (20, 20));
    }

    #[tokio::test]
    async fn nobody_there_is_an_empty_log_and_a_dropped_train_ends() {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let train = echo(silent.local_addr().unwrap()).start(plan(3), Box::new(|_| {}));
        let log = train.log().await;
        assert_eq!((log.sent, log.answers.len()), (3, 0));
        // A peer that is not there at all is refused by the system, and the train ends all the same.
        let gone = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let log = echo(gone).start(plan(20), Box::new(|_| {})).log().await;
        assert!(log.sent <= 20 && log.answers.is_empty());
        let endless = TrainPlan { pace: Pace::Count { packets: u32::MAX, gap: Duration::from_millis(1) }, ..plan(1) };
        drop(echo(silent.local_addr().unwrap()).start(endless, Box::new(|_| {})));
        silent.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let mut left = 100_000;
        while silent.recv(&mut [0; 2048]).is_ok() {
            left -= 1;
            assert!(left > 0, "the dropped train still sends");
        }
    }
}
