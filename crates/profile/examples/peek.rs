fn main() {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let target = festina_profile::Target { program: args[0].clone(), arguments: args[1..].to_vec(), environment: std::env::vars_os().collect() };
    let options = festina_profile::Options { rate_hz: 1000.0, ..Default::default() };
    let r = festina_profile::profile_command(&target, &options, Some(std::path::Path::new("/tmp/prof/rec")), &festina_types::CancelToken::new(), &mut ()).unwrap();
    println!("{:?} rounds {} end {} s, procs {:?}", r.sampling, r.rounds.len(), r.elapsed_s(), r.processes);
    for f in &r.findings { println!("{f:?}"); }
    let mut weights = std::collections::HashMap::new();
    for t in &r.threads {
        let w = r.weights();
        println!("thread {} rounds {:?} changes {} cpu {} queued {}", t.tid, t.rounds, t.changes.len(), t.cpu_ns as f64*1e-9, t.queued_ns as f64*1e-9);
        for (i, c) in t.changes.iter().enumerate() {
            let end = t.changes.get(i+1).map_or(t.rounds.end, |n| n.round);
            let time: u64 = (c.round..end).map(|k| w[k as usize]).sum();
            *weights.entry((t.tid, c.state, c.stack)).or_insert(0) += time;
        }
    }
    let mut list: Vec<_> = weights.into_iter().collect();
    list.sort_by_key(|x| std::cmp::Reverse(x.1));
    for ((tid, state, stack), time) in list.into_iter().take(25) {
        let names: Vec<_> = r.frames_of(stack).map(|f| format!("{}:{}", r.functions[f.function as usize].name, f.line)).collect();
        println!("{:8.3} {tid} {state:?} {}", time as f64*1e-9, names.join(" < "));
    }
}
