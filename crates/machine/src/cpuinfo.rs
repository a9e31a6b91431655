//! `/proc/cpuinfo`: the model, and the topology where `/sys` is missing.

/// What `/proc/cpuinfo` tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CpuInfo {
    pub(crate) model: Option<String>,
    pub(crate) processors: Vec<Processor>,
    /// Whether the CPU says that it is virtual; `None` where it can't, which is all but x86.
    pub(crate) is_virtual: Option<bool>,
}

/// One hardware thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Processor {
    pub(crate) cpu: u32,
    pub(crate) socket: Option<u32>,
    pub(crate) core: Option<u32>,
}

/// The names under which architectures give a model, the best first: x86, then ARM and RISC-V boards, POWER.
const MODEL_KEYS: [&str; 5] = ["model name", "Hardware", "Model", "cpu", "uarch"];

impl CpuInfo {
    /// Returns what `text` tells; whatever is not understood is left out.
    pub(crate) fn parse(text: &str) -> Self {
        let mut info = Self::default();
        let mut best_key = MODEL_KEYS.len();
        for line in text.lines() {
            let Some((key, value)) = line.split_once(':') else { continue };
            let (key, value) = (key.trim(), value.trim());
            if let Some(rank) = MODEL_KEYS.iter().position(|&known| known == key)
                && rank < best_key
                && !value.is_empty()
            {
                best_key = rank;
                info.model = Some(value.split_whitespace().collect::<Vec<_>>().join(" "));
            }
            info.take(key, value);
        }
        info
    }

    fn take(&mut self, key: &str, value: &str) {
        let is_first = self.processors.len() <= 1;
        match (key, self.processors.last_mut()) {
            ("processor", _) => {
                let new = value.parse().map(|cpu| Processor { cpu, socket: None, core: None });
                self.processors.extend(new.ok());
            }
            ("physical id", Some(last)) => last.socket = value.parse().ok(),
            ("core id", Some(last)) => last.core = value.parse().ok(),
            // The same for every processor, and long: once is enough.
            ("flags", _) if is_first => {
                self.is_virtual = Some(value.split(' ').any(|flag| flag == "hypervisor"));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x86_tells_sockets_and_cores() {
        let text = "processor\t: 0\nmodel name\t: Some  CPU @ 2GHz\ncpu MHz\t\t: 1000.0\nphysical id\t: 0\n\
                    core id\t\t: 0\nflags\t\t: fpu hypervisor aperfmperf\n\n\
                    processor\t: 1\ncpu MHz\t\t: 3000.0\nphysical id\t: 1\ncore id\t\t: 4\nflags\t\t: fpu\n";
        let info = CpuInfo::parse(text);
        assert_eq!(info.model.as_deref(), Some("Some CPU @ 2GHz"));
        assert_eq!(info.is_virtual, Some(true));
        assert_eq!(info.processors[1], Processor { cpu: 1, socket: Some(1), core: Some(4) });
    }

    #[test]
    fn arm_tells_little() {
        let text =
            "processor\t: 0\nBogoMIPS\t: 108.00\n\nprocessor\t: 1\n\nHardware\t: BCM2835\nModel\t: Pi 4\n";
        let info = CpuInfo::parse(text);
        assert_eq!((info.model.as_deref(), info.processors.len()), (Some("BCM2835"), 2));
        assert_eq!((info.processors[1].core, info.is_virtual), (None, None));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "(processor|core id|cpu MHz|[ \t:0-9a-z]|\n)*") {
            CpuInfo::parse(&text);
        }
    }
}
