//! What the figures were taken on.

use std::{fs, path::Path, process::Command};

use serde::Serialize;

/// Where it ran.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// The processor's own name.
    pub processor: String,
    /// How many of them this process may use.
    pub cores: usize,
    /// Memory in MB.
    pub memory_mb: u64,
    /// The kernel's release.
    pub kernel: String,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let processor = value_of(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".to_owned());
        let memory = value_of(&read("/proc/meminfo"), "MemTotal");
        let kilobytes = memory.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
        Self {
            processor,
            cores: std::thread::available_parallelism().map_or(1, Into::into),
            memory_mb: kilobytes.unwrap_or_default() / 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

fn value_of(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(found, _)| found.trim() == name).map(|(_, value)| value.trim().to_owned())
}

/// The commit that is checked out where we run, with `-changed` if files differ from it; `unknown` without git.
pub fn commit() -> String {
    let described = Command::new("git").args(["describe", "--always", "--dirty=-changed", "--abbrev=9"]).output();
    match described {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Ok(_) | Err(_) => "unknown".to_owned(),
    }
}

/// Whether a folder lies in memory, where nothing is durable and every figure flatters.
pub fn is_in_memory(folder: &Path) -> bool {
    const TMPFS: u64 = 0x0102_1994;
    const RAMFS: u64 = 0x8584_58f6;
    rustix::fs::statfs(folder).is_ok_and(|found| [TMPFS, RAMFS].contains(&(found.f_type as u64)))
}

#[cfg(test)]
mod tests {
    use super::value_of;

    #[test]
    fn the_value_after_a_name_is_read() {
        let text = "processor\t: 0\nmodel name\t: Fast: 3000\nMemTotal:  123 kB\n";
        assert_eq!(value_of(text, "model name").as_deref(), Some("Fast: 3000"));
        assert_eq!(value_of(text, "MemTotal").as_deref(), Some("123 kB"));
        assert_eq!(value_of(text, "other"), None);
    }
}
