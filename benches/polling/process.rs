//! What this process has used so far, as the system tells it. Where the system has no such thing, the answer is nothing.

use std::time::Duration;

/// Processor time of all threads, in the program and in the kernel.
pub(crate) fn processor_time() -> Duration {
    #[cfg(unix)]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        Duration::from_secs(seconds) + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or_default())
    }
    #[cfg(not(unix))]
    Duration::ZERO
}

/// Resident memory, in MiB.
pub(crate) fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}

/// TCP connections that are open: sockets of this process that stand in the kernel's table as established.
pub(crate) fn connections() -> usize {
    let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap_or_default();
    // The tenth column is the number of the socket; 01 in the fourth is "established".
    let established: Vec<&str> = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|columns| columns.get(3) == Some(&"01"))
        .filter_map(|columns| columns.get(9).copied())
        .collect();
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else {
        return 0;
    };
    open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| {
            let target = target.to_string_lossy();
            target
                .strip_prefix("socket:[")
                .and_then(|rest| rest.strip_suffix(']'))
                .is_some_and(|number| established.contains(&number))
        })
        .count()
}
