//! CPU and memory of every process of the stack, from `/proc`.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    time::Duration,
};

use serde::Serialize;

/// A part of the stack, as a reader of figures thinks of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// This process.
    LoadGenerator,
    /// `piton serve`, all of them.
    Schedulers,
    /// The worker processes, all of them.
    Workers,
    /// The postmaster and every backend, those that have ended included.
    Postgres,
    /// The broker.
    Nats,
}

impl Component {
    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LoadGenerator => "load generator",
            Self::Schedulers => "schedulers",
            Self::Workers => "workers",
            Self::Postgres => "Postgres",
            Self::Nats => "NATS",
        }
    }
}

/// What a component has used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// In user and in kernel mode.
    pub cpu: Duration,
    /// Of memory, in bytes: what each process has for itself, and the largest shared part once (Postgres' backends all
    /// map the same buffers).
    pub memory: u64,
}

/// Which process belongs to which component: the nearest named one among itself and its ancestors decides.
#[derive(Debug, Clone, Default)]
pub struct Accounting {
    roots: HashMap<i32, Component>,
}

/// A process, as `/proc/PID/stat` and `statm` tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    parent: i32,
    own_ticks: u64,
    /// Of children that have ended and were waited for.
    children_ticks: u64,
    resident_pages: u64,
    shared_pages: u64,
}

impl Accounting {
    /// This process alone.
    pub fn new() -> Self {
        Self { roots: HashMap::from([(std::process::id().cast_signed(), Component::LoadGenerator)]) }
    }

    /// A process, with those of its descendants that are not named themselves.
    pub fn watch(&mut self, component: Component, pid: i32) {
        self.roots.insert(pid, component);
    }

    /// What each component has used since its processes began.
    pub fn look(&self) -> BTreeMap<Component, Spent> {
        let seen: HashMap<i32, Seen> = pids().filter_map(|pid| Some((pid, Seen::of(pid)?))).collect();
        let page = rustix::param::page_size() as u64;
        let ticks_a_second = rustix::param::clock_ticks_per_second();
        self.sums(&seen)
            .into_iter()
            .map(|(component, sum)| {
                let cpu = Duration::from_micros(sum.ticks * 1_000_000 / ticks_a_second);
                (component, Spent { cpu, memory: (sum.private_pages + sum.most_shared_pages) * page })
            })
            .collect()
    }

    fn sums(&self, seen: &HashMap<i32, Seen>) -> BTreeMap<Component, Sum> {
        let mut sums = BTreeMap::<Component, Sum>::new();
        for (&pid, process) in seen {
            let Some(component) = self.component(pid, seen) else { continue };
            let sum = sums.entry(component).or_default();
            sum.ticks += process.own_ticks;
            // What we wait for ourselves (compilers, psql) is no part of the load.
            if component != Component::LoadGenerator {
                sum.ticks += process.children_ticks;
            }
            sum.private_pages += process.resident_pages.saturating_sub(process.shared_pages);
            sum.most_shared_pages = sum.most_shared_pages.max(process.shared_pages);
        }
        sums
    }

    fn component(&self, pid: i32, seen: &HashMap<i32, Seen>) -> Option<Component> {
        let mut at = pid;
        loop {
            match self.roots.get(&at) {
                // Only ourselves: a child of ours that was not named is none of the stack.
                Some(Component::LoadGenerator) if at != pid => return None,
                Some(component) => return Some(*component),
                None => at = seen.get(&at)?.parent,
            }
        }
    }
}

#[derive(Debug, Default)]
struct Sum {
    ticks: u64,
    private_pages: u64,
    most_shared_pages: u64,
}

fn pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

impl Seen {
    /// `None` for a process that has just ended.
    fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
        Self::parse(&stat, &statm)
    }

    fn parse(stat: &str, statm: &str) -> Option<Self> {
        // The second field is the program's name in brackets, which may hold anything; the third follows the last one.
        let (_, after_name) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let pages: Vec<u64> = statm.split_whitespace().map_while(|word| word.parse().ok()).collect();
        Some(Self {
            parent: field(4)?.try_into().ok()?,
            own_ticks: field(14)? + field(15)?,
            children_ticks: field(16)? + field(17)?,
            resident_pages: *pages.get(1)?,
            shared_pages: *pages.get(2)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(parent: i32, own: u64, children: u64, resident: u64, shared: u64) -> Seen {
        Seen { parent, own_ticks: own, children_ticks: children, resident_pages: resident, shared_pages: shared }
    }

    #[test]
    fn stat_reads_whatever_a_program_is_called() {
        let stat = "7 (a) b) (c) S 3 7 7 0 -1 4194560 9 8 7 6 11 12 13 14 20 0 1 0 5 6 7 8";
        assert_eq!(Seen::parse(stat, "100 40 30 1 0 2 0"), Some(seen(3, 23, 27, 40, 30)));
        assert_eq!(Seen::parse("7 (a", "1 2 3"), None);
        assert_eq!(Seen::parse(stat, "1"), None);
    }

    #[test]
    fn backends_count_for_postgres_and_strangers_for_nobody() {
        let processes = HashMap::from([
            (10, seen(1, 5, 100, 50, 10)),
            (20, seen(10, 7, 50, 90, 80)),
            (21, seen(20, 8, 0, 70, 60)),
            (22, seen(20, 9, 0, 85, 75)),
            (30, seen(10, 1000, 0, 1, 1)),
            (40, seen(1, 1000, 0, 1, 1)),
        ]);
        let roots = HashMap::from([(10, Component::LoadGenerator), (20, Component::Postgres)]);
        let sums = Accounting { roots }.sums(&processes);
        assert_eq!(sums.len(), 2);
        let own = &sums[&Component::LoadGenerator];
        assert_eq!((own.ticks, own.private_pages, own.most_shared_pages), (5, 40, 10));
        let postgres = &sums[&Component::Postgres];
        assert_eq!((postgres.ticks, postgres.private_pages, postgres.most_shared_pages), (74, 30, 80));
    }

    #[test]
    fn this_process_is_seen() {
        let spent = Accounting::new().look()[&Component::LoadGenerator];
        assert!(spent.memory > 1 << 20, "{spent:?}");
    }
}
