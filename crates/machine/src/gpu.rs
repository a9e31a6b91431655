//! GPUs, found without any vendor's library.

use festina_types::Bytes;
use serde::{Deserialize, Serialize};

use crate::source::Source;

/// Who made a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GpuVendor {
    /// NVIDIA.
    Nvidia,
    /// AMD.
    Amd,
    /// Intel.
    Intel,
}

/// A GPU that computes; the display chips of server boards and virtual machines are not counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpu {
    /// Who made it.
    pub vendor: GpuVendor,
    /// The model, or the PCI device number where the driver does not name it.
    pub model: String,
    /// Where it is on the PCI bus.
    pub pci_address: Option<String>,
    /// The kernel's driver.
    pub driver: Option<String>,
    /// Its own memory, where the driver tells.
    pub memory: Option<Bytes>,
}

/// Returns the GPUs of `source` in the order of their PCI addresses.
pub(crate) fn read(source: &Source) -> Vec<Gpu> {
    let mut gpus = nvidia(source);
    for gpu in drm(source) {
        // The proprietary driver shows a device in both places; its own tells the model.
        if !gpus.iter().any(|known| known.pci_address.is_some() && known.pci_address == gpu.pci_address) {
            gpus.push(gpu);
        }
    }
    gpus.sort_by(|a, b| a.pci_address.cmp(&b.pci_address));
    gpus
}

/// The proprietary NVIDIA driver: `/proc/driver/nvidia/gpus/0000:3b:00.0/information`.
fn nvidia(source: &Source) -> Vec<Gpu> {
    let folder = "/proc/driver/nvidia/gpus";
    let model = |text: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("Model:"))?;
        Some(line.trim().to_owned()).filter(|model| !model.is_empty())
    };
    source
        .list(folder)
        .into_iter()
        .filter(|address| address.contains(':'))
        .map(|address| Gpu {
            vendor: GpuVendor::Nvidia,
            model: source
                .parse(&format!("{folder}/{address}/information"), model)
                .unwrap_or_else(|| "unknown".to_owned()),
            pci_address: Some(address.to_ascii_lowercase()),
            driver: Some("nvidia".to_owned()),
            memory: None,
        })
        .collect()
}

/// The kernel's own drivers: `/sys/class/drm/card0/device/`.
fn drm(source: &Source) -> Vec<Gpu> {
    let folder = "/sys/class/drm";
    let is_card = |name: &String| name.strip_prefix("card").is_some_and(|rest| rest.parse::<u32>().is_ok());
    source
        .list(folder)
        .iter()
        .filter(|name| is_card(name))
        .filter_map(|name| {
            let file = |name_of_file: &str| format!("{folder}/{name}/device/{name_of_file}");
            let vendor = match source.read(&file("vendor"))?.as_str() {
                "0x10de" => GpuVendor::Nvidia,
                "0x1002" => GpuVendor::Amd,
                "0x8086" => GpuVendor::Intel,
                _ => return None,
            };
            let events = source.read(&file("uevent")).unwrap_or_default();
            let event = |key: &str| {
                let line = |line: &str| line.strip_prefix(key)?.strip_prefix('=').map(str::to_owned);
                events.lines().find_map(line)
            };
            let number = source.read(&file("device")).unwrap_or_else(|| "unknown".to_owned());
            let product = source.read(&file("product_name")).filter(|text| !text.is_empty());
            Some(Gpu {
                vendor,
                model: product.unwrap_or_else(|| format!("PCI device {number}")),
                pci_address: event("PCI_SLOT_NAME").map(|address| address.to_ascii_lowercase()),
                driver: event("DRIVER"),
                memory: source.number(&file("mem_info_vram_total")).map(Bytes),
            })
        })
        .collect()
}
