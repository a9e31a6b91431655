//! The generator against servers whose latencies are computed.

use festina_load::{
    Arrivals, Gaps, LoadPlan, LoadResult, Mode, Profile, RequestSpec, Schedule, Slo, Target, Template, load,
};
use festina_testkit::{ConstantService, Queue, Stall, TruthServer};
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
    let mut gaps = Gaps::default();
    seen.windows(2).for_each(|pair| gaps.add(pair[1] - pair[0]));
    assert!((gaps.variation().unwrap() - 1.0).abs() < 0.25, "the server saw {:?}", gaps.variation());
}

fn schedule(rate: f64, seconds: f64) -> Vec<f64> {
    let profile = Profile::constant(rate, Seconds(seconds)).unwrap();
    Schedule::new(&Arrivals::Poisson, &profile, 1, 0, 1).collect()
}

fn variation(times: &[f64]) -> f64 {
    let mut gaps = Gaps::default();
    times.windows(2).for_each(|pair| gaps.add(pair[1] - pair[0]));
    gaps.variation().unwrap()
}

/// Returns the latencies, sorted, that a queue of `servers` gives to `arrivals` that need `service` seconds each.
fn served(servers: usize, service: f64, arrivals: &[f64]) -> Vec<f64> {
    let mut queue = Queue::new(servers, None);
    let mut latencies: Vec<f64> = arrivals.iter().map(|at| queue.serve(*at, service) - at).collect();
    latencies.sort_by(f64::total_cmp);
    latencies
}

#[test]
fn arrivals_make_the_queues_of_the_theory() {
    // No clock is in this: a million of the arrivals that a run would send, and the formulas for queues of such users.
    for (servers, rate, service) in [(1, 800.0, 1e-3), (4, 320.0, 1e-2)] {
        let arrivals = schedule(rate, 1e6 / rate);
        assert!((variation(&arrivals) - 1.0).abs() < 0.01, "{}", variation(&arrivals));
        let latencies = served(servers, service, &arrivals);
        let theory = ConstantService::new(servers, rate, service);
        for probability in [0.5, 0.9, 0.99] {
            let found = latencies[(probability * latencies.len() as f64) as usize];
            let wanted = theory.latency(probability);
            assert!((found / wanted - 1.0).abs() < 0.05, "M/D/{servers}: {found} for {wanted}");
        }
    }
}

/// Sends Poisson users at a utilisation of 0.8: their 99th percentile is what the queue gives to the very requests that
/// came, and they came as they were meant to.
fn assert_users_queue_as_they_should(servers: usize, service: fn(u64) -> f64) {
    let seconds = 4.0;
    let rate = 0.8 * servers as f64 / service(0);
    let (server, result) = undisturbed(|| {
        let server = TruthServer::start(Queue::new(servers, None), service).unwrap();
        let result = run(&plan(&server.url(), open(Arrivals::Poisson, rate, seconds)));
        (server, result)
    });
    assert_eq!(result.requests.sent, result.requests.good, "{:?}", result.requests.errors);
    let latencies = served(servers, service(0), &server.arrivals());
    let wanted = latencies[((0.99 * latencies.len() as f64).ceil() as usize).max(1) - 1];
    let found = quantile(&result, 0.99);
    // Whatever else the machine does can only add to what the queue makes of the requests that came.
    assert!(found > wanted * 0.95, "M/D/{servers}: {found} for {wanted}");
    if server.latest() >= 0.004 || !result.client.is_valid {
        // It does too much for the rest to be told, and the run says so.
        return;
    }
    assert!(found < wanted * 1.05, "M/D/{servers}: {found} for {wanted}, {:?}", result.client);
    let (sent, meant) =
        (result.arrivals.unwrap().sent_variation.unwrap(), variation(&schedule(rate, seconds)));
    assert!((sent - meant).abs() < 0.03, "M/D/{servers}: {sent} for {meant}, {:?}", result.client);
}

#[test]
fn users_before_one_server_queue_as_they_should() {
    assert_users_queue_as_they_should(1, |_| 0.005);
}

#[test]
fn users_before_four_servers_queue_as_they_should() {
    assert_users_queue_as_they_should(4, |_| 0.010);
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
