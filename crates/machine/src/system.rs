//! The kernel, the hypervisor and the container around a program.

use crate::cpuinfo::CpuInfo;
use crate::source::Source;

/// Returns the kernel's release, such as `6.12.9-amd64`.
pub(crate) fn kernel(source: &Source) -> Option<String> {
    source.read("/proc/sys/kernel/osrelease")?.lines().next().map(str::to_owned)
}

/// Makers and products, as firmware names them, that are hypervisors.
const VIRTUAL_FIRMWARE: [(&str, &str); 10] = [
    ("qemu", "QEMU/KVM"),
    ("kvm", "KVM"),
    ("vmware", "VMware"),
    ("virtualbox", "VirtualBox"),
    ("innotek", "VirtualBox"),
    ("xen", "Xen"),
    ("microsoft corporation", "Hyper-V"),
    ("amazon ec2", "Amazon EC2"),
    ("google", "Google Compute Engine"),
    ("openstack", "OpenStack"),
];

/// Returns the hypervisor that the machine is a guest of, where that can be seen.
///
/// Firmware of a cloud's bare-metal machine bears the cloud's name too, so on x86 the CPU must say that it is
/// virtual; elsewhere it can't, and firmware is believed.
pub(crate) fn hypervisor(source: &Source, info: &CpuInfo) -> Option<String> {
    if let Some(kind) = source.read("/sys/hypervisor/type").filter(|text| !text.is_empty()) {
        return Some(kind);
    }
    if kernel(source).is_some_and(|release| release.to_ascii_lowercase().contains("microsoft")) {
        return Some("WSL".into());
    }
    if info.is_virtual == Some(false) {
        return None;
    }
    let from_firmware = || {
        let names =
            ["sys_vendor", "product_name"].map(|name| source.read(&format!("/sys/class/dmi/id/{name}")));
        let text = names.into_iter().flatten().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
        VIRTUAL_FIRMWARE.iter().find(|(part, _)| text.contains(part)).map(|(_, name)| (*name).to_owned())
    };
    let from_device_tree = || {
        let text = source.read("/proc/device-tree/hypervisor/compatible")?;
        text.split('\0').find(|part| !part.is_empty()).map(str::to_owned)
    };
    source
        .hypervisor_vendor()
        .or_else(from_firmware)
        .or_else(from_device_tree)
        .or_else(|| info.is_virtual.map(|_| "unknown".to_owned()))
}

/// Parts of group paths that container engines leave.
const CONTAINER_GROUPS: [(&str, &str); 6] = [
    ("kubepods", "Kubernetes"),
    ("docker", "Docker"),
    ("libpod", "Podman"),
    ("lxc", "LXC"),
    ("containerd", "containerd"),
    ("garden", "Garden"),
];

/// Returns the engine of the container that the program runs in, where it leaves a trace.
pub(crate) fn container(source: &Source, group_paths: &[String]) -> Option<String> {
    let by_group =
        CONTAINER_GROUPS.iter().find(|(part, _)| group_paths.iter().any(|path| path.contains(part)));
    let by_file = [("/.dockerenv", "Docker"), ("/run/.containerenv", "Podman")];
    by_group
        .or_else(|| by_file.iter().find(|(path, _)| source.exists(path)))
        .map(|(_, name)| (*name).to_owned())
        .or_else(|| source.read("/run/systemd/container").filter(|text| !text.is_empty()))
}
