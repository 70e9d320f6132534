use std::ffi::OsString;

use super::address::Address;
use super::cluster::Cluster;
use super::{PostgresOptions, Tcp};
use crate::scratch::Durability;

/// Nobody but us looks at these servers, and parameters of statements never reach a log.
const ALWAYS: &[(&str, &str)] = &[
    ("unix_socket_permissions", "0700"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("log_line_prefix", "%m [%p] "),
    ("log_parameter_max_length", "0"),
    ("logging_collector", "off"),
    ("cluster_name", "piton"),
];

/// Postgres's own defaults keep its promises (fsync and synchronous commit are on); this is about speed and insight.
const DURABLE: &[(&str, &str)] = &[
    ("shared_buffers", "256MB"),
    ("max_wal_size", "4GB"),
    ("wal_compression", "on"),
    ("log_checkpoints", "on"),
    ("log_lock_waits", "on"),
    ("log_min_duration_statement", "1s"),
];

/// Nothing has to survive a crash of the machine. The memory that processes share is in the folder, and goes with it.
const THROWAWAY: &[(&str, &str)] = &[
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("autovacuum", "off"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("max_wal_size", "512MB"),
    ("log_checkpoints", "off"),
    ("dynamic_shared_memory_type", "mmap"),
];

pub(super) fn arguments(cluster: &Cluster, address: &Address, options: &PostgresOptions) -> Vec<OsString> {
    let own = match cluster.durability {
        Durability::Durable => DURABLE,
        Durability::Throwaway => THROWAWAY,
    };
    let listen = match options.tcp {
        Tcp::Off => "",
        Tcp::AnyPort | Tcp::Port(_) => "127.0.0.1",
    };
    // The setting is a list: quoted, a folder with a comma in its name is still one folder.
    let folder = address.socket_folder.to_string_lossy().replace('"', "\"\"");
    let ours = [
        ("port", address.port.to_string()),
        ("listen_addresses", listen.to_owned()),
        ("unix_socket_directories", format!("\"{folder}\"")),
        ("max_connections", options.max_connections.to_string()),
    ];
    let fixed = ALWAYS.iter().chain(own).map(|(name, value)| (*name, (*value).to_owned()));
    let settings = fixed.chain(ours).flat_map(|(name, value)| [OsString::from("-c"), format!("{name}={value}").into()]);
    [OsString::from("-D"), cluster.pgdata().into()].into_iter().chain(settings).collect()
}
