//! What this process has used so far, as the operating system counts it.

use std::time::Duration;

/// Processor time so far, user and system; zero where the system does not tell.
///
/// Linux: fields 14 and 15 of `/proc/self/stat` (proc(5)), in ticks of 10 ms on every platform
/// that Linux supports today.
pub(crate) fn cpu_time() -> Duration {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else { return Duration::ZERO };
    // The second field, the name in brackets, may itself hold spaces and brackets.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name
        .split_ascii_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}

/// The most memory this process ever held, in bytes; zero where the system does not tell.
///
/// Linux: `VmHWM` of `/proc/self/status`, in KiB.
pub(crate) fn peak_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}
