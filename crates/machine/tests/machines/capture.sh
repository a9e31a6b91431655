#!/bin/sh
# Prints the files by which festina knows this machine, in the form of the other files here:
#   sh capture.sh > my-machine.txt
# Host names, serial numbers and users are not in them, but read the output before you share it.

show() {
    if [ -r "$1" ] && [ -f "$1" ]; then
        text=$(cat "$1" 2>/dev/null) || return 0
        printf '==> %s\n%s\n' "$1" "$text"
    fi
}

echo "# $(uname -srm)"
for file in /proc/cpuinfo /proc/meminfo /proc/stat /proc/loadavg /proc/pressure/* /proc/sys/kernel/osrelease \
    /proc/self/status /proc/self/limits /proc/self/cgroup /proc/self/mountinfo \
    /sys/devices/system/cpu/online /sys/devices/system/cpu/present /sys/devices/system/cpu/isolated \
    /sys/devices/system/cpu/cpu*/cpu_capacity \
    /sys/devices/system/cpu/cpu*/topology/core_cpus_list /sys/devices/system/cpu/cpu*/topology/thread_siblings_list \
    /sys/devices/system/cpu/cpu*/topology/physical_package_id \
    /sys/devices/system/cpu/cpu*/topology/package_cpus_list /sys/devices/system/cpu/cpu*/topology/core_siblings_list \
    /sys/devices/system/cpu/cpu*/cache/index*/level /sys/devices/system/cpu/cpu*/cache/index*/type \
    /sys/devices/system/cpu/cpu*/cache/index*/size /sys/devices/system/cpu/cpu*/cache/index*/shared_cpu_list \
    /sys/devices/system/cpu/cpu*/cache/index*/coherency_line_size \
    /sys/devices/cpu_core/cpus /sys/devices/cpu_atom/cpus /sys/devices/cpu_lowpower/cpus \
    /sys/devices/system/node/node*/cpulist /sys/devices/system/node/node*/meminfo \
    /sys/hypervisor/type /sys/class/dmi/id/sys_vendor /sys/class/dmi/id/product_name \
    /run/systemd/container /.dockerenv /run/.containerenv \
    /proc/driver/nvidia/gpus/*/information \
    /sys/class/drm/card*/device/vendor /sys/class/drm/card*/device/device /sys/class/drm/card*/device/uevent \
    /sys/class/drm/card*/device/product_name /sys/class/drm/card*/device/mem_info_vram_total; do
    show "$file"
done

# The control groups of this process, from its own up, wherever they are mounted.
mounts=$(awk '/ - cgroup2? / { print $5 }' /proc/self/mountinfo)
cut -d: -f3- /proc/self/cgroup | sort -u | while IFS= read -r group; do
    while :; do
        for mount in $mounts; do
            for name in cpu.max cpu.stat cpuset.cpus.effective memory.max memory.high memory.current memory.stat \
                cpu.cfs_quota_us cpu.cfs_period_us cpuset.cpus cpuset.effective_cpus \
                memory.limit_in_bytes memory.usage_in_bytes; do
                show "$mount${group%/}/$name"
            done
        done
        case $group in '' | /) break ;; esac
        group=${group%/*}
    done
done
