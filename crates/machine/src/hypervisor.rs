//! The hypervisor as the CPU names it.

/// Returns the hypervisor's name from CPUID leaf `0x4000_0000`, or `None` on bare metal.
#[cfg(target_arch = "x86_64")]
pub(crate) fn ask_cpu() -> Option<String> {
    use std::arch::x86_64::__cpuid;

    // Bit 31 of ECX in leaf 1 is 0 on every real CPU.
    if __cpuid(1).ecx >> 31 == 0 {
        return None;
    }
    let leaf = __cpuid(0x4000_0000);
    let signature: Vec<u8> =
        [leaf.ebx, leaf.ecx, leaf.edx].iter().flat_map(|word| word.to_le_bytes()).collect();
    Some(name_of(&signature))
}

/// Other architectures don't tell programs.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn ask_cpu() -> Option<String> {
    None
}

#[cfg(target_arch = "x86_64")]
fn name_of(signature: &[u8]) -> String {
    let text = String::from_utf8_lossy(signature).trim_matches(['\0', ' ']).to_owned();
    let known = [
        ("KVMKVMKVM", "KVM"),
        ("Microsoft Hv", "Hyper-V"),
        ("VMwareVMware", "VMware"),
        ("XenVMMXenVMM", "Xen"),
        ("TCGTCGTCGTCG", "QEMU"),
        ("VBoxVBoxVBox", "VirtualBox"),
        ("bhyve bhyve", "bhyve"),
        ("ACRNACRNACRN", "ACRN"),
    ];
    known.iter().find(|(signature, _)| text == *signature).map_or(text, |(_, name)| (*name).to_owned())
}
