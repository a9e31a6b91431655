//! Rust whose parts are known: it prints the seconds of each. Usage: shapes SECONDS

use std::hint::black_box;
use std::time::Instant;

#[inline(always)]
fn folded(mut value: f64) -> f64 {
    for _ in 0..400 {
        value = value * 0.999 + 0.5;
    }
    value
}

trait Number: Copy + Into<f64> {
    fn of(value: f64) -> Self;
}

impl Number for f64 {
    fn of(value: f64) -> Self {
        value
    }
}

impl Number for f32 {
    fn of(value: f64) -> Self {
        value as f32
    }
}

#[inline(never)]
fn spreads<N: Number>(value: N) -> N {
    N::of(folded(value.into()) + 1.0)
}

#[inline(never)]
fn doubles(value: f64) -> f64 {
    spreads(value) + f64::from(spreads(value as f32))
}

trait Shape {
    fn area(&self, side: f64) -> f64;
}

struct Square;
struct Circle;

impl Shape for Square {
    #[inline(never)]
    fn area(&self, side: f64) -> f64 {
        folded(side) + 2.0
    }
}

impl Shape for Circle {
    #[inline(never)]
    fn area(&self, side: f64) -> f64 {
        3.14 * folded(side)
    }
}

#[inline(never)]
fn unwinds(depth: u32, value: f64) -> f64 {
    let kept = black_box(vec![value]);
    if depth == 0 {
        std::panic::resume_unwind(Box::new(value));
    }
    unwinds(depth - 1, value) + kept[0]
}

#[inline(never)]
fn catches(value: f64) -> f64 {
    std::panic::catch_unwind(|| unwinds(5, value)).unwrap_or(value + 1.0)
}

#[inline(never)]
fn sorts(value: f64) -> f64 {
    let mut items: Vec<u64> = (0..2_000).map(|index| index * 7_919 % 2_000).collect();
    items.sort_unstable_by_key(|item| std::cmp::Reverse(black_box(*item)));
    value + items[0] as f64
}

#[inline(never)]
fn chains(value: f64) -> f64 {
    (0..400).map(|index| f64::from(index) * value).filter(|item| black_box(*item) > 3.0).sum()
}

#[inline(never)]
fn during<T: Copy>(name: &str, seconds: f64, begin: T, part: impl Fn(T) -> T) -> T {
    let start = Instant::now();
    let mut value = begin;
    while start.elapsed().as_secs_f64() < seconds {
        for _ in 0..50 {
            value = black_box(part(black_box(value)));
        }
    }
    println!("{} {name}", start.elapsed().as_secs_f64());
    value
}

fn main() {
    let seconds: f64 = std::env::args().nth(1).map_or(1.0, |word| word.parse().unwrap());
    let shapes: [Box<dyn Shape>; 2] = [Box::new(Square), Box::new(Circle)];
    during("doubles", 0.2 * seconds, 1.0, doubles);
    for (name, shape) in ["Square as", "Circle as"].into_iter().zip(&shapes) {
        let shape = black_box(shape);
        during(name, 0.15 * seconds, 1.0, |value| shape.area(value));
    }
    during("catches", 0.15 * seconds, 1.0, catches);
    during("sorts", 0.15 * seconds, 1.0, sorts);
    during("chains", 0.1 * seconds, 1.0, chains);
    let named = std::thread::Builder::new().name("cruncher".to_owned());
    let runs = move || during("crunches", 0.1 * seconds, 1.0, crunches);
    named.spawn(runs).unwrap().join().unwrap();
}

#[inline(never)]
fn crunches(value: f64) -> f64 {
    folded(value) - 1.0
}
