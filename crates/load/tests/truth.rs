//! The generator against servers whose latencies are computed.

use festina_load::{Arrivals, LoadPlan, LoadResult, Mode, Profile, RequestSpec, Slo, Target, Template, load};
use festina_testkit::{Queue, Stall, TruthServer};
use festina_types::{Bytes, CancelToken, Seconds};

fn plan(url: &str, mode: Mode) -> LoadPlan {
    let target: Target = url.parse().unwrap();
    LoadPlan {
        address: target.addresses().unwrap()[0],
        tls: None,
        http2: false,
        template: Template::new(&target, &RequestSpec::default()).unwrap(),
        mode,
        checks: vec!["json=/ok:true".parse().unwrap()],
        threads: 1,
        connections: 1000,
        keep_alive: true,
        timeout: Seconds(10.0),
        drain: Seconds(5.0),
        max_body: Bytes(1 << 20),
        seed: 1,
    }
}

fn open(arrivals: Arrivals, rate: f64, seconds: f64) -> Mode {
    Mode::Open { arrivals, profile: Profile::constant(rate, Seconds(seconds)).unwrap() }
}

fn run(plan: &LoadPlan) -> LoadResult {
    load(plan, &Slo::default(), (&[], 0.0), &CancelToken::new(), &mut ()).unwrap()
}

/// Runs until neither the server nor the generator was disturbed by others, a few times at most: these tests take real
/// time, since it is the clock, the kernel's timers and its sockets that they test.
fn undisturbed(start: impl Fn() -> (TruthServer, LoadResult)) -> (TruthServer, LoadResult) {
    let mut last = start();
    for _ in 0..7 {
        if last.0.latest() < 0.004 && last.1.client.is_valid {
            break;
        }
        last = start();
    }
    last
}

fn quantile(result: &LoadResult, probability: f64) -> f64 {
    result.latency.quantile(probability).unwrap().estimate.value
}

/// The latencies that the queue gives to arrivals by a clock, sorted.
fn truth(mut queue: Queue, service: f64, rate: f64, seconds: f64, offset: f64) -> Vec<f64> {
    let arrivals = (0..(rate * seconds) as usize).map(|k| offset + (k as f64 + 0.5) / rate);
    let mut latencies: Vec<f64> = arrivals.map(|at| queue.serve(at, service) - at).collect();
    latencies.sort_by(f64::total_cmp);
    latencies
}

fn assert_stall_is_seen(connections: usize) {
    let stall = Some(Stall { period: 2.0, length: 0.5 });
    let (server, result) = undisturbed(|| {
        let server = TruthServer::start(Queue::new(4, stall), |_| 0.01).unwrap();
        let mut plan = plan(&server.url(), open(Arrivals::Constant, 200.0, 4.0));
        plan.connections = connections;
        let result = run(&plan);
        (server, result)
    });
    // The first request comes half a gap after the begin.
    let offset = server.arrivals()[0] - 0.0025;
    assert_eq!((result.requests.sent, result.requests.good), (800, 800), "{:?}", result.requests.errors);
    let exact = truth(Queue::new(4, stall), 0.01, 200.0, 4.0, offset);
    for probability in [0.9, 0.95, 0.99, 0.999] {
        let wanted = exact[((probability * 800.0) as usize).min(799)];
        let found = quantile(&result, probability);
        assert!(
            (found / wanted - 1.0).abs() < 0.1,
            "{connections} connections, {probability}: {found} for {wanted}"
        );
    }
}

#[test]
fn a_stall_is_seen_with_ten_connections() {
    assert_stall_is_seen(10);
}

#[test]
fn a_stall_is_seen_with_a_thousand_connections() {
    assert_stall_is_seen(1000);
}

#[test]
fn poisson_users_are_sent_as_such() {
    let (server, result) = undisturbed(|| {
        let server = TruthServer::start(Queue::new(64, None), |_| 0.001).unwrap();
        let result = run(&plan(&server.url(), open(Arrivals::Poisson, 500.0, 3.0)));
        (server, result)
    });
    let arrivals = result.arrivals.unwrap();
    assert!((arrivals.sent_variation.unwrap() - 1.0).abs() < 0.15, "{arrivals:?}");
    let seen = server.arrivals();
    assert_eq!(seen.len() as u64, result.requests.sent);
    let mut gaps = festina_load::Gaps::default();
    seen.windows(2).for_each(|pair| gaps.add(pair[1] - pair[0]));
    assert!((gaps.variation().unwrap() - 1.0).abs() < 0.25, "the server saw {:?}", gaps.variation());
}

#[test]
fn threads_send_one_schedule() {
    let server = TruthServer::start(Queue::new(64, None), |_| 0.001).unwrap();
    let mut plan = plan(&server.url(), open(Arrivals::Poisson, 300.0, 1.0));
    let one = run(&plan).requests.sent;
    plan.threads = 3;
    assert_eq!(run(&plan).requests.sent, one);
}

#[test]
fn a_closed_loop_obeys_littles_law() {
    let server = TruthServer::start(Queue::new(8, None), |_| 0.01).unwrap();
    let mode = Mode::Closed { concurrency: 4, duration: Seconds(1.5) };
    let result = run(&plan(&server.url(), mode));
    let concurrency = result.requests.goodput * result.latency.mean_s.unwrap();
    assert!((concurrency - 4.0).abs() < 0.4, "N = X·R gives {concurrency} for 4: {:?}", result.requests);
    assert!(quantile(&result, 0.5) >= 0.01);
}

#[test]
fn what_is_not_answered_counts_with_its_age() {
    // The second request and all after it are never done in time.
    let server = TruthServer::start(Queue::new(1, None), |k| if k == 0 { 0.001 } else { 60.0 }).unwrap();
    let mut plan = plan(&server.url(), open(Arrivals::Constant, 20.0, 1.0));
    plan.drain = Seconds(0.5);
    let result = run(&plan);
    assert_eq!((result.requests.good, result.requests.unfinished), (1, 19), "{:?}", result.requests);
    assert_eq!(result.latency.count, 20);
    let tail = result.latency.quantile(0.99).unwrap();
    assert!(tail.is_at_least && tail.estimate.value > 1.3, "{tail:?}");
}
