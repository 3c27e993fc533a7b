//! What networks do to an upload, through real sockets: each fault leaves the sample acknowledged once, or kept with its
//! reason; after the fault is over it arrives, once.
#![allow(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

mod support;

use std::net::{Ipv6Addr, TcpListener};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ispeed_core::http;
use ispeed_core::outbox::{Event, Outbox, ProblemKind, State};
use ispeed_core::upload::{Now, drain};
use ispeed_protocol::UtcMicros;
use ispeed_protocol::consent::Share;
use ispeed_protocol::identity::SIGNATURE_HEADER;
use reqwest::Client;
use support::http::{Handler, Reply, Request, serve};
use support::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use uuid::Uuid;

/// What is expected right after the fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Then {
    Sent,
    Waits(ProblemKind),
    Quarantined(ProblemKind),
}

/// A test bench: one sample, one collector behind a server that meets its first request with a fault.
struct Bench {
    _dir: tempfile::TempDir,
    outbox: Arc<Outbox>,
    collector: Arc<Mutex<Collector>>,
    clock: Arc<AtomicI64>,
    requests: Arc<Mutex<Vec<Request>>>,
    id: Uuid,
}

type Fault = Box<dyn Fn(&mut Collector, &Request) -> Reply + Send + Sync>;

fn good(collector: &mut Collector, request: &Request) -> (u16, Vec<u8>) {
    let id: Uuid = request.path.rsplit('/').next().unwrap().parse().unwrap();
    collector.take_in(id, &request.body, request.header(SIGNATURE_HEADER))
}

impl Bench {
    async fn new(listen: &str, fault: Fault) -> Self {
        let collector = Arc::new(Mutex::new(Collector::default()));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let handler: Handler = {
            let (collector, requests) = (Arc::clone(&collector), Arc::clone(&requests));
            Arc::new(move |request| {
                let mut requests = requests.lock().unwrap();
                requests.push(request.clone());
                let mut collector = collector.lock().unwrap();
                if requests.len() == 1 {
                    return fault(&mut collector, &request);
                }
                let (code, body) = good(&mut collector, &request);
                Reply::json(code, body)
            })
        };
        let address = serve(listen, handler).await;
        Self::at(&format!("http://{address}"), collector, requests)
    }

    fn at(url: &str, collector: Arc<Mutex<Collector>>, requests: Arc<Mutex<Vec<Request>>>) -> Self {
        let (dir, outbox) = outbox();
        let key = collector.lock().unwrap().key.public().text();
        outbox.trust_collector(url, &key, NOW).unwrap();
        let mut draft = draft(consent(Share::Commune, true), NOW);
        draft.collector = url.to_owned();
        outbox.begin(&draft, NOW).unwrap();
        let id =
            finish(&outbox, &draft, measured(&draft, ispeed_protocol::sample::Outcome::Complete)).unwrap().sample.id;
        let clock = Arc::new(AtomicI64::new(NOW.as_micros()));
        Self { _dir: dir, outbox: Arc::new(outbox), collector, clock, requests, id }
    }

    fn now(&self) -> Now {
        let clock = Arc::clone(&self.clock);
        Arc::new(move || UtcMicros(clock.load(Ordering::SeqCst)))
    }

    async fn drain(&self, client: &Client) -> Option<UtcMicros> {
        drain(Arc::clone(&self.outbox), client, self.now()).await.unwrap().waits_until
    }

    fn expect(&self, name: &str, then: Then) {
        let sample = self.outbox.sample(self.id).unwrap().unwrap();
        let kind = sample.problem.as_ref().map(|p| p.kind);
        let seen = match sample.state {
            State::Sent => Then::Sent,
            State::Waiting => Then::Waits(kind.unwrap()),
            State::Quarantined => Then::Quarantined(kind.unwrap()),
            other => panic!("{name}: {other}"),
        };
        assert_eq!(seen, then, "{name}: {:?}", sample.problem);
    }

    /// The fault is over: the sample arrives, and arrived once.
    async fn recovers(&self, name: &str, client: &Client, waits_until: Option<UtcMicros>) {
        if let Some(until) = waits_until {
            self.clock.fetch_max(until.as_micros(), Ordering::SeqCst);
        }
        self.outbox.requeue_all(self.now()()).unwrap();
        self.drain(client).await;
        self.expect(name, Then::Sent);
        let collector = self.collector.lock().unwrap();
        assert_eq!(collector.held.keys().collect::<Vec<_>>(), [&self.id], "{name}");
        let ledger = self.outbox.ledger(Some(self.id)).unwrap();
        assert_eq!(ledger.iter().filter(|e| e.event == Event::Sent).count(), 1, "{name}");
    }
}

/// As the real one, but it loses patience in a tenth of a second.
fn impatient() -> Client {
    Client::builder()
        .tls_backend_preconfigured((*ispeed_wire::tls::client_config(None).unwrap()).clone())
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_millis(300))
        .build()
        .unwrap()
}

async fn run(name: &str, then: Then, fault: Fault) -> Bench {
    run_with(name, then, fault, &http::client(None).unwrap()).await
}

async fn run_with(name: &str, then: Then, fault: Fault, client: &Client) -> Bench {
    let bench = Bench::new("127.0.0.1:0", fault).await;
    let waits_until = bench.drain(client).await;
    bench.expect(name, then);
    bench.recovers(name, client, waits_until).await;
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_that_is_lost_does_not_count_twice() {
    let fault: Fault = Box::new(|collector, request| {
        good(collector, request);
        Reply::Cut
    });
    let bench = run("ack lost", Then::Waits(ProblemKind::Network), fault).await;
    let requests = bench.requests.lock().unwrap();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].body, requests[1].body, "the same bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_status_ends_kept_with_its_reason() {
    use ProblemKind::{Busy, Credentials, Refused, ServerError};
    let cases = [
        (500, Then::Waits(ServerError)),
        (502, Then::Waits(ServerError)),
        (503, Then::Waits(Busy)),
        (429, Then::Waits(Busy)),
        (408, Then::Waits(Busy)),
        (425, Then::Waits(Busy)),
        (401, Then::Waits(Credentials)),
        (403, Then::Waits(Credentials)),
        (400, Then::Quarantined(Refused)),
        (404, Then::Quarantined(Refused)),
        (409, Then::Quarantined(Refused)),
        (413, Then::Quarantined(Refused)),
        (422, Then::Quarantined(Refused)),
    ];
    for (code, then) in cases {
        let name = format!("status {code}");
        run(&name, then, Box::new(move |_, _| Reply::status(code))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_forms_of_retry_after_are_obeyed() {
    let in_ten_minutes = "Mon, 23 Nov 2026 00:00:00 GMT";
    let date = UtcMicros(1_795_392_000_000_000);
    let seconds = (date.micros_since(NOW) / SECOND).to_string();
    for value in [in_ten_minutes.to_owned(), seconds] {
        for code in [429, 503] {
            let header = value.clone();
            let fault: Fault = Box::new(move |_, _| Reply::with(code, "Retry-After", &header, ""));
            let bench = Bench::new("127.0.0.1:0", fault).await;
            let client = http::client(None).unwrap();
            let until = bench.drain(&client).await.unwrap();
            assert!(until >= date && until.micros_since(date) <= 60 * SECOND, "{code} {value}: {until}");
            bench.clock.store(date.as_micros() - SECOND, Ordering::SeqCst);
            bench.drain(&client).await;
            assert_eq!(bench.requests.lock().unwrap().len(), 1, "not a second early");
            bench.recovers(&value, &client, Some(until)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_answers_in_place_of_the_collector_is_not_believed() {
    let html = "<html><body>Đăng nhập Wi-Fi</body></html>";
    let portal: Fault = Box::new(move |_, _| Reply::with(200, "content-type", "text/html", html));
    run("captive portal", Then::Waits(ProblemKind::NotAReceipt), portal).await;

    let (seen, elsewhere) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
    let counter = Arc::clone(&elsewhere);
    let login = serve(
        "127.0.0.1:0",
        Arc::new(move |_| {
            *counter.lock().unwrap() += 1;
            Reply::status(200)
        }),
    )
    .await;
    for code in [301, 302, 303, 307, 308] {
        let to = format!("http://{login}/login");
        let seen = Arc::clone(&seen);
        let redirect: Fault = Box::new(move |_, _| {
            *seen.lock().unwrap() += 1;
            Reply::with(code, "location", &to, "")
        });
        run("redirect", Then::Waits(ProblemKind::Redirected), redirect).await;
    }
    assert_eq!((*seen.lock().unwrap(), *elsewhere.lock().unwrap()), (5, 0), "a position is never carried elsewhere");

    let endless: Fault = Box::new(|_, _| Reply::Endless);
    run("endless", Then::Waits(ProblemKind::NotAReceipt), endless).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_break_leave_the_sample_waiting() {
    let network = Then::Waits(ProblemKind::Network);
    run("cut", network, Box::new(|_, _| Reply::Cut)).await;
    let half: Fault = Box::new(|collector, request| Reply::Half { body: good(collector, request).1 });
    run("half body", network, half).await;
    run_with("slow body", network, Box::new(|_, _| Reply::Stall), &impatient()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_counts_by_its_signature_and_not_by_its_content_type() {
    let fault: Fault = Box::new(|collector, request| {
        let (code, body) = good(collector, request);
        Reply::with(code, "content-type", "text/plain", body)
    });
    run("content type", Then::Sent, fault).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_that_do_not_hold_do_not_count() {
    let forged: Fault = Box::new(|_, request| {
        let (code, body) = good(&mut Collector::default(), request);
        let body = String::from_utf8(body).unwrap().replace("\"attested\":false", "\"attested\":true");
        Reply::json(code, body.into_bytes())
    });
    run("bad signature", Then::Waits(ProblemKind::ReceiptRefused), forged).await;

    let another: Fault = Box::new(|_, request| {
        let (code, body) =
            Collector::default().take_in(Uuid::now_v7(), &request.body, request.header(SIGNATURE_HEADER));
        Reply::json(code, body)
    });
    run("another id", Then::Waits(ProblemKind::ReceiptRefused), another).await;

    let stranger: Fault = Box::new(|_, request| {
        let (code, body) = good(&mut Collector::with_key(44), request);
        Reply::json(code, body)
    });
    run("server id changed", Then::Quarantined(ProblemKind::CollectorKeyChanged), stranger).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ipv6_only_works() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        eprintln!("skipped: this machine has no IPv6 loopback");
        return;
    }
    let bench = Bench::new("[::1]:0", Box::new(|_, _| Reply::status(500))).await;
    let client = http::client(None).unwrap();
    let waits_until = bench.drain(&client).await;
    bench.expect("IPv6", Then::Waits(ProblemKind::ServerError));
    bench.recovers("IPv6", &client, waits_until).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_network_no_name_and_no_tls_leave_the_sample_waiting() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let not_tls = plain.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 400 This is not TLS\r\n\r\n").await;
        }
    });
    let nowhere = Client::builder()
        .tls_backend_preconfigured((*ispeed_wire::tls::client_config(None).unwrap()).clone())
        .no_proxy()
        .dns_resolver(Arc::new(NoNames))
        .build()
        .unwrap();
    let normal = http::client(None).unwrap();
    let cases = [
        ("airplane mode", format!("http://{closed}"), &normal, "no connection"),
        ("not TLS", format!("https://{not_tls}"), &normal, "TLS"),
        ("no DNS", "https://collector.invalid".to_owned(), &nowhere, "name could not be resolved"),
    ];
    for (name, url, client, said) in cases {
        let bench = Bench::at(&url, Arc::default(), Arc::default());
        assert!(bench.drain(client).await.is_some(), "{name}");
        bench.expect(name, Then::Waits(ProblemKind::Network));
        let problem = bench.outbox.sample(bench.id).unwrap().unwrap().problem.unwrap();
        assert!(problem.text.contains(said), "{name}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_a_day_off_delays_and_does_not_lose() {
    for offset in [-24 * HOUR, 24 * HOUR] {
        let bench = Bench::new("127.0.0.1:0", Box::new(|_, _| Reply::with(503, "retry-after", "60", ""))).await;
        bench.clock.fetch_add(offset, Ordering::SeqCst);
        let client = http::client(None).unwrap();
        bench.drain(&client).await;
        bench.clock.store(NOW.as_micros(), Ordering::SeqCst);
        let waits_until = bench.drain(&client).await;
        let again = waits_until.unwrap_or(NOW);
        assert!(again.micros_since(NOW) <= 25 * HOUR, "{offset}: {again}");
        bench.recovers("clock off", &client, waits_until).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_samples_drain_in_one_go() {
    let bench = Bench::new("127.0.0.1:0", Box::new(|_, _| Reply::status(500))).await;
    let url = bench.outbox.sample(bench.id).unwrap().unwrap().collector;
    for second in 0..100 {
        let mut draft = draft(consent(Share::Commune, true), NOW.plus_micros(second * SECOND));
        draft.collector.clone_from(&url);
        bench.outbox.begin(&draft, NOW).unwrap();
        finish(&bench.outbox, &draft, measured(&draft, ispeed_protocol::sample::Outcome::Complete)).unwrap();
    }
    let client = http::client(None).unwrap();
    let until = bench.drain(&client).await.unwrap();
    assert_eq!(bench.requests.lock().unwrap().len(), 1, "one failure and the rest waits");
    bench.clock.store(until.as_micros() + HOUR, Ordering::SeqCst);
    assert_eq!(bench.drain(&client).await, None);
    assert_eq!(bench.collector.lock().unwrap().held.len(), 101);
    assert_eq!(bench.outbox.stock().unwrap().sent, 101);
}

struct NoNames;

impl reqwest::dns::Resolve for NoNames {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(async { Err("no such name".into()) })
    }
}
