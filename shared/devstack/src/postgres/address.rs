use std::fs::{self, DirBuilder};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::error::Error;
use crate::limits;
use crate::scratch;

/// The port in the socket's name where there is no TCP.
pub(super) const UNIX_PORT: u16 = 5432;

/// Where a cluster is reached.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) socket_folder: PathBuf,
    pub(super) port: u16,
    pub(super) password: String,
}

impl Address {
    /// The socket is in the cluster's folder, or, if its path would be too long for a socket, in one of the same number
    /// of characters for every cluster.
    pub(super) fn new(cluster: &Path) -> Self {
        let inside = cluster.join("socket");
        let socket_folder = if fits(&inside) { inside } else { short_folder(cluster) };
        Self { socket_folder, port: UNIX_PORT, password: String::new() }
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.socket_folder.join(format!(".s.PGSQL.{}", self.port))
    }

    pub(super) fn socket_url(&self, database: &str) -> String {
        let (port, database) = (self.port, percent(database));
        let folder = percent(&self.socket_folder.to_string_lossy());
        format!("postgres://piton@localhost:{port}/{database}?host={folder}&sslmode=disable")
    }

    pub(super) fn tcp_url(&self, database: &str) -> String {
        let Self { port, password, .. } = self;
        format!("postgres://piton:{password}@127.0.0.1:{port}/{}?sslmode=disable", percent(database))
    }

    /// For the account alone. What somebody else has put at that place is refused.
    pub(super) fn make_socket_folder(&self, account: Option<&Account>) -> Result<(), Error> {
        let folder = &self.socket_folder;
        match DirBuilder::new().mode(0o700).create(folder) {
            Ok(()) => {}
            Err(there) if there.kind() == io::ErrorKind::AlreadyExists => {
                let found = fs::symlink_metadata(folder).map_err(Error::file("look at", folder))?;
                let ours = rustix::process::geteuid().as_raw();
                let owned = found.uid() == ours || account.is_some_and(|account| account.uid == found.uid());
                if !found.is_dir() || !owned {
                    return Err(Error::file("use, as it is somebody else's,", folder)(there));
                }
            }
            Err(source) => return Err(Error::file("make", folder)(source)),
        }
        Account::own(account, folder)?;
        Account::check_reaches(account, folder)
    }

    /// Removes it if it is not in the cluster's folder.
    pub(super) async fn remove_socket_folder(&self, cluster: &Path) -> Result<(), Error> {
        if self.socket_folder.starts_with(cluster) { Ok(()) } else { scratch::remove(&self.socket_folder).await }
    }
}

fn fits(folder: &Path) -> bool {
    folder.join(".s.PGSQL.65535").as_os_str().len() < limits::SOCKET_PATH
}

fn short_folder(cluster: &Path) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    cluster.hash(&mut hasher);
    let user = rustix::process::geteuid().as_raw();
    let name = format!("piton-{user}-{:016x}", hasher.finish());
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(|folder| PathBuf::from(folder).join(&name));
    // As root the servers are somebody else, who may not enter root's runtime folder.
    runtime.filter(|folder| user != 0 && fits(folder)).unwrap_or_else(|| Path::new("/tmp").join(name))
}

/// What may stand unescaped in a path or a value of a URL, kept; everything else escaped.
fn percent(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut escaped, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(byte.into());
            }
            b'/' => escaped.push('/'),
            _ => write!(escaped, "%{byte:02X}").expect("writing to a string cannot fail"),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::{Address, Path, fits};

    #[test]
    fn a_long_path_gets_a_short_socket_and_always_the_same() {
        let long = format!("/{}/cluster", "long/".repeat(30));
        let [first, second] = [(), ()].map(|()| Address::new(Path::new(&long)));
        assert!(fits(&first.socket_folder));
        assert_eq!(first.socket_folder, second.socket_folder);
        let other = Address::new(Path::new(&format!("{long}2")));
        assert_ne!(first.socket_folder, other.socket_folder);
    }

    #[test]
    fn what_is_special_in_a_url_is_escaped() {
        let address = Address { socket_folder: "/a b/ö&c".into(), port: 5432, password: "p".into() };
        assert_eq!(
            address.socket_url("x?y"),
            "postgres://piton@localhost:5432/x%3Fy?host=/a%20b/%C3%B6%26c&sslmode=disable"
        );
        assert_eq!(address.tcp_url("x"), "postgres://piton:p@127.0.0.1:5432/x?sslmode=disable");
    }
}
