//! The normal and Student's t distribution.

use std::f64::consts::{PI, SQRT_2};

/// Returns P(Z ≤ z) for a standard normal Z.
///
/// ```
/// assert!((festina_laws::stats::normal_cdf(1.959_963_984_540_054) - 0.975).abs() < 1e-15);
/// ```
pub fn normal_cdf(z: f64) -> f64 {
    let tail = 0.5 * complementary_error(z.abs() / SQRT_2);
    if z > 0.0 { 1.0 - tail } else { tail }
}

/// Returns the z with P(Z ≤ z) = `probability` for a standard normal Z; ±∞ at 0 and 1, NaN outside.
///
/// ```
/// assert!((festina_laws::stats::normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-14);
/// ```
///
/// P. J. Acklam's rational approximation (relative error 1.2e-9), then one step of Halley's method.
pub fn normal_quantile(probability: f64) -> f64 {
    if !(0.0..=1.0).contains(&probability) {
        return f64::NAN;
    }
    // By symmetry only the lower half is computed: there, the probability carries its full precision.
    if probability > 0.5 {
        return -normal_quantile(1.0 - probability);
    }
    if probability == 0.0 {
        return f64::NEG_INFINITY;
    }
    let start = acklam(probability);
    let error = (normal_cdf(start) - probability) * (2.0 * PI).sqrt() * (start * start / 2.0).exp();
    if error.is_finite() { start - error / (1.0 + start * error / 2.0) } else { start }
}

/// Approximates the normal quantile of a probability in (0, 0.5].
fn acklam(probability: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
        1.0,
    ];
    if probability < 0.024_25 {
        let q = (-2.0 * probability.ln()).sqrt();
        horner(&C, q) / horner(&D, q)
    } else {
        let q = probability - 0.5;
        q * horner(&A, q * q) / horner(&B, q * q)
    }
}

/// Evaluates a polynomial whose highest coefficient comes first.
fn horner(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

/// Returns erfc(x) for x ≥ 0: a series near 0, a continued fraction (Lentz) elsewhere.
fn complementary_error(x: f64) -> f64 {
    if x < 1.5 {
        let (mut term, mut sum, mut n) = (x, x, 0.0);
        while term.abs() > 1e-17 * sum.abs() {
            n += 1.0;
            term *= -x * x / n;
            sum += term / (2.0 * n + 1.0);
        }
        1.0 - 2.0 / PI.sqrt() * sum
    } else {
        // erfc(x) = exp(−x²)/√π · 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + …)))), from the tail to the front.
        let fraction = (1..=120).rev().fold(x, |tail, k| x + f64::from(k) / 2.0 / tail);
        (-x * x).exp() / PI.sqrt() / fraction
    }
}

/// Returns P(T ≤ t) for Student's t with `degrees` of freedom, positive; the normal for infinitely many.
pub fn student_t_cdf(t: f64, degrees: f64) -> f64 {
    if degrees.is_infinite() {
        return normal_cdf(t);
    }
    let tail =
        0.5 * incomplete_beta(degrees / 2.0, 0.5, degrees / (degrees + t * t), t * t / (degrees + t * t));
    if t > 0.0 { 1.0 - tail } else { tail }
}

/// Returns the t with P(T ≤ t) = `probability` for Student's t with `degrees` of freedom, positive; the normal's
/// quantile for infinitely many.
///
/// ```
/// # use festina_laws::stats::student_t_quantile;
/// // Any table of the t distribution.
/// assert!((student_t_quantile(0.975, 1.0) - 12.706_204_736_174_694).abs() < 1e-10);
/// assert!((student_t_quantile(0.975, 10.0) - 2.228_138_851_986_274).abs() < 1e-12);
/// ```
pub fn student_t_quantile(probability: f64, degrees: f64) -> f64 {
    if degrees.is_infinite() {
        return normal_quantile(probability);
    }
    if probability < 0.5 {
        return -student_t_quantile(1.0 - probability, degrees);
    }
    if probability == 0.5 || probability.is_nan() || probability >= 1.0 {
        return if probability == 0.5 {
            0.0
        } else if probability == 1.0 {
            f64::INFINITY
        } else {
            f64::NAN
        };
    }
    let mut upper = normal_quantile(probability).max(1.0);
    while student_t_cdf(upper, degrees) < probability {
        upper *= 2.0;
    }
    bisect_with_newton(probability, degrees, upper)
}

/// Finds the quantile in `[0, upper]` by Newton's method, halving where a step would leave the bracket.
fn bisect_with_newton(probability: f64, degrees: f64, upper: f64) -> f64 {
    let log_scale = ln_gamma((degrees + 1.0) / 2.0) - ln_gamma(degrees / 2.0) - 0.5 * (degrees * PI).ln();
    let density = |t: f64| (log_scale - (degrees + 1.0) / 2.0 * (t * t / degrees).ln_1p()).exp();
    let (mut lower, mut upper) = (0.0, upper);
    let mut t = upper / 2.0;
    for _ in 0..200 {
        let excess = student_t_cdf(t, degrees) - probability;
        if excess > 0.0 {
            upper = t;
        } else {
            lower = t;
        }
        let newton = t - excess / density(t);
        let next = if lower < newton && newton < upper { newton } else { f64::midpoint(lower, upper) };
        if (next - t).abs() <= 1e-15 * t {
            return next;
        }
        t = next;
    }
    t
}

/// Returns ln Γ(x) for x > 0 (Lanczos with g = 7 and nine terms, relative error about 1e-15).
fn ln_gamma(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let terms = COEFFICIENTS.iter().enumerate().skip(1).map(|(i, c)| c / (x + i as f64)).sum::<f64>();
    let t = x + 7.5;
    0.5 * (2.0 * PI).ln() + (x + 0.5) * t.ln() - t + (COEFFICIENTS[0] + terms).ln()
}

/// Returns the regularised incomplete beta function `I_x(a, b)` by Lentz's continued fraction; `y` is 1 − x, given
/// apart because it may be far smaller than the rounding of x.
///
/// Source: *NIST Digital Library of Mathematical Functions*, § 8.17(v), <https://dlmf.nist.gov/8.17>.
fn incomplete_beta(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if x <= 0.0 || y <= 0.0 {
        return if y <= 0.0 { 1.0 } else { 0.0 };
    }
    // The fraction converges fast on one side of the mean; the symmetry `I_x(a, b) = 1 − I_{1−x}(b, a)` does the rest.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(b, a, y, x);
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * y.ln()).exp() / a;
    const TINY: f64 = 1e-300;
    let guard = |value: f64| if value.abs() < TINY { TINY } else { value };
    let (mut c, mut d) = (1.0, 1.0 / guard(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for m in 1..500 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / guard(1.0 + even * d);
        c = guard(1.0 + even / c);
        fraction *= c * d;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / guard(1.0 + odd * d);
        c = guard(1.0 + odd / c);
        fraction *= c * d;
        if (c * d - 1.0).abs() < 1e-16 {
            break;
        }
    }
    front * fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks `actual` against numbers of `SciPy` 1.17 to a relative error of 1e-12.
    fn assert_all_close(function: impl Fn(f64) -> f64, cases: &[(f64, f64)]) {
        for &(x, expected) in cases {
            let actual = function(x);
            assert!((actual - expected).abs() <= 1e-12 * expected.abs(), "at {x}: {actual} != {expected}");
        }
    }

    #[test]
    fn the_normal_distribution_equals_scipys() {
        // scipy.stats.norm.cdf, scipy.stats.norm.ppf
        let cdf = [
            (-10.0, 7.619_853_024_160_47e-24),
            (-5.0, 2.866_515_718_791_933e-7),
            (-2.0, 0.022_750_131_948_179_195),
            (-0.5, 0.308_537_538_725_986_9),
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_542_9),
            (3.0, 0.998_650_101_968_369_9),
        ];
        assert_all_close(normal_cdf, &cdf);
        let quantiles = [
            (1e-300, -37.047_096_299_361_2),
            (1e-6, -4.753_424_308_822_899),
            (0.025, -1.959_963_984_540_054_5),
            (0.2, -0.841_621_233_572_914_2),
            (0.5, 0.0),
            (0.9, 1.281_551_565_544_600_4),
            (0.9999, 3.719_016_485_455_709),
        ];
        assert_all_close(normal_quantile, &quantiles);
        assert_eq!((normal_quantile(0.0), normal_quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(normal_quantile(1.5).is_nan() && normal_quantile(f64::NAN).is_nan());
    }

    #[test]
    fn students_distribution_equals_scipys() {
        // scipy.stats.t.ppf(0.975, degrees), t.ppf(0.6, degrees), t.cdf(x, 4)
        let outer = [
            (1.0, 12.706_204_736_174_694),
            (2.0, 4.302_652_729_749_462),
            (2.5, 3.574_654_842_003_681_7),
            (10.0, 2.228_138_851_986_274),
            (100.0, 1.983_971_518_523_552_3),
        ];
        assert_all_close(|degrees| student_t_quantile(0.975, degrees), &outer);
        let inner = [
            (1.0, 0.324_919_696_232_906_34),
            (3.0, 0.276_670_662_332_689_8),
            (30.0, 0.255_605_364_951_912_8),
        ];
        assert_all_close(|degrees| student_t_quantile(0.6, degrees), &inner);
        let cdf = [
            (-10.0, 0.000_281_001_811_357_995_5),
            (-0.5, 0.321_664_981_590_931_65),
            (0.0, 0.5),
            (3.0, 0.980_029_015_964_140_6),
        ];
        assert_all_close(|t| student_t_cdf(t, 4.0), &cdf);
        assert_eq!(student_t_quantile(0.975, f64::INFINITY), normal_quantile(0.975));
    }

    proptest::proptest! {
        #[test]
        fn quantiles_invert_the_distribution(probability in 0.001_f64..0.999, degrees in 0.8_f64..200.0) {
            let there_and_back = student_t_cdf(student_t_quantile(probability, degrees), degrees);
            proptest::prop_assert!((there_and_back - probability).abs() < 1e-11);
            proptest::prop_assert!((normal_cdf(normal_quantile(probability)) - probability).abs() < 1e-13);
        }
    }
}
