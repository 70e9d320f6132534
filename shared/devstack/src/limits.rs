//! Every wait and every size of this crate.

use std::time::Duration;

/// Between two looks at a condition.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Until a started server takes connections. A durable Postgres may first have to replay its log.
pub(crate) const START: Duration = Duration::from_mins(2);

/// Until `initdb` is done.
pub(crate) const INITDB: Duration = Duration::from_mins(1);

/// Until a server that was asked to stop is killed.
pub(crate) const STOP: Duration = Duration::from_secs(10);

/// Until a folder's former server, or what a killed one left behind, has gone.
pub(crate) const LEAVE: Duration = Duration::from_secs(15);

/// Until a Postgres whose process was killed knows that it is to stop, and says so. One that does not say so stays.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// Until a program has said its version.
pub(crate) const VERSION: Duration = Duration::from_secs(10);

/// Free room that a memory-backed file system needs before a throw-away cluster goes there, in bytes.
pub(crate) const MEMORY_ROOM: u64 = 1 << 30;

/// The path of a unix socket, with its terminating zero, must fit here (Linux 108, macOS 104).
pub(crate) const SOCKET_PATH: usize = 104;

/// A log longer than this is set aside when its server starts, in bytes.
pub(crate) const LOG: u64 = 16 << 20;

/// Of a failed server's log, the last lines that its error carries.
pub(crate) const LOG_TAIL_LINES: usize = 15;

/// Of a failed server's log, the last bytes that are read for it.
pub(crate) const LOG_TAIL_BYTES: u64 = 8 << 10;

/// Ports tried until a server has one.
pub(crate) const PORT_TRIES: u32 = 8;

/// Chunks that wait on one direction of a proxied connection.
pub(crate) const PROXY_CHUNKS: usize = 256;

/// Bytes of one such chunk.
pub(crate) const PROXY_CHUNK: usize = 16 << 10;

/// What a throw-away Postgres allows, for many test processes at once.
pub(crate) const THROWAWAY_CONNECTIONS: u16 = 300;

/// What a durable Postgres allows: its own default.
pub(crate) const DURABLE_CONNECTIONS: u16 = 100;
