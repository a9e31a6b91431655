//! Values as bytes, little-endian: what goes to a worker and comes back.

use crate::model::{Metric, Model};
use crate::rule::Rule;
use crate::space::candidates::Candidates;

/// Writes values one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

/// Reads them back in the same order.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

/// What a worker says about bytes that no coordinator of this version wrote.
const TRUNCATED: &str = "the task's input is truncated";

macro_rules! lists {
    ($($write:ident $read:ident $type:ty),*) => {
        impl Writer {
            $(pub(crate) fn $write(&mut self, values: &[$type]) {
                self.u64(values.len() as u64);
                self.0.reserve(size_of_val(values));
                for value in values {
                    self.0.extend_from_slice(&value.to_le_bytes());
                }
            })*
        }
        impl Reader<'_> {
            $(pub(crate) fn $read(&mut self) -> Result<Vec<$type>, String> {
                let count = self.u64()? as usize;
                let size = count.checked_mul(size_of::<$type>()).ok_or(TRUNCATED)?;
                let (head, tail) = self.0.split_at_checked(size).ok_or(TRUNCATED)?;
                self.0 = tail;
                let value = |bytes: &[u8]| <$type>::from_le_bytes(bytes.try_into().expect("chunks are exact"));
                Ok(head.chunks_exact(size_of::<$type>()).map(value).collect())
            })*
        }
    };
}

lists!(u32s read_u32s u32, u64s read_u64s u64, i64s read_i64s i64, f64s read_f64s f64);

impl Writer {
    pub(crate) fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn f64(&mut self, value: f64) {
        self.u64(value.to_bits());
    }

    /// Writes a model.
    pub(crate) fn model(&mut self, model: &Model) {
        match &model.metric {
            Metric::Plane(points) => {
                self.u64(0);
                self.f64s(points.as_flattened());
            }
            Metric::Points(rule, points) => {
                let (code, steps) = rule_code(*rule);
                self.u64(1 + code);
                self.f64(steps);
                self.f64s(points.as_flattened());
            }
            Metric::Matrix { side, weights } => {
                self.u64(100);
                self.u64(*side as u64);
                self.i64s(weights);
            }
            Metric::Doubled { side, weights } => {
                self.u64(101);
                self.u64(*side as u64);
                self.i64s(weights);
            }
        }
        self.u64(u64::from(model.dummy));
        self.u32s(&model.partner);
    }

    /// Writes candidates.
    pub(crate) fn candidates(&mut self, candidates: &Candidates) {
        let (k, nodes, distances) = candidates.parts();
        self.u64(k as u64);
        self.u32s(nodes);
        self.u32s(distances);
    }
}

impl Reader<'_> {
    pub(crate) fn u64(&mut self) -> Result<u64, String> {
        let (head, tail) = self.0.split_at_checked(8).ok_or(TRUNCATED)?;
        self.0 = tail;
        Ok(u64::from_le_bytes(head.try_into().expect("eight bytes were split off")))
    }

    pub(crate) fn f64(&mut self) -> Result<f64, String> {
        Ok(f64::from_bits(self.u64()?))
    }

    /// Reads a model.
    pub(crate) fn model(&mut self) -> Result<Model, String> {
        let metric = match self.u64()? {
            0 => Metric::Plane(self.read_f64s()?.as_chunks::<2>().0.to_vec()),
            100 => Metric::Matrix { side: self.u64()? as usize, weights: self.read_i64s()? },
            101 => Metric::Doubled { side: self.u64()? as usize, weights: self.read_i64s()? },
            code => {
                let rule = rule_of_code(code - 1, self.f64()?).ok_or(TRUNCATED)?;
                Metric::Points(rule, self.read_f64s()?.as_chunks::<3>().0.to_vec())
            }
        };
        let dummy = self.u64()? == 1;
        Ok(Model { metric, dummy, partner: self.read_u32s()? })
    }

    /// Reads candidates.
    pub(crate) fn candidates(&mut self) -> Result<Candidates, String> {
        let k = self.u64()? as usize;
        Ok(Candidates::from_parts(k, self.read_u32s()?, self.read_u32s()?))
    }
}

const RULES: [Rule; 10] = [
    Rule::Euclidean2,
    Rule::Euclidean3,
    Rule::Ceiling2,
    Rule::Manhattan2,
    Rule::Manhattan3,
    Rule::Maximum2,
    Rule::Maximum3,
    Rule::Geo,
    Rule::Att,
    Rule::GreatCircle,
];

fn rule_code(rule: Rule) -> (u64, f64) {
    match rule {
        Rule::Scaled2 { steps } => (RULES.len() as u64, steps),
        rule => (RULES.iter().position(|&other| other == rule).unwrap_or(0) as u64, 0.0),
    }
}

fn rule_of_code(code: u64, steps: f64) -> Option<Rule> {
    if code == RULES.len() as u64 { Some(Rule::Scaled2 { steps }) } else { RULES.get(code as usize).copied() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_comes_back_as_it_went() {
        let points = vec![[1.0, 2.0, 0.0], [3.0, 4.0, 0.0]];
        let rules = RULES.into_iter().chain([Rule::Scaled2 { steps: 1000.0 }]);
        let metrics = rules.map(|rule| Metric::Points(rule, points.clone())).chain([
            Metric::Plane(vec![[1.0, 2.0], [3.0, 4.0]]),
            Metric::Matrix { side: 2, weights: vec![0, 5, 5, 0] },
            Metric::Doubled { side: 2, weights: vec![0, 5, 6, 0] },
        ]);
        for metric in metrics {
            let model = Model { metric, dummy: true, partner: vec![1, 0] };
            let mut writer = Writer::default();
            writer.model(&model);
            let mut reader = Reader(&writer.0);
            let back = reader.model().unwrap();
            assert_eq!(format!("{back:?}"), format!("{model:?}"));
            assert!(reader.0.is_empty());
            assert!(Reader(&writer.0[..writer.0.len() - 1]).model().is_err());
        }
    }
}
