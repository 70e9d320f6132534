//! The account that the servers run as: Postgres refuses to be root.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// In order of preference.
const NAMES: [&str; 2] = ["postgres", "nobody"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// `None`: the servers run as whoever we are. As root, the owner of `existing` or else one of [`NAMES`].
    pub(crate) fn for_servers(existing: &Path) -> Result<Option<Self>, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        if let Some(owner) = fs::metadata(existing).ok().filter(|found| found.uid() != 0) {
            let (uid, gid) = (owner.uid(), owner.gid());
            return Ok(Some(Self { name: format!("with id {uid}"), uid, gid }));
        }
        let passwd = Path::new("/etc/passwd");
        let passwd = fs::read_to_string(passwd).map_err(Error::file("read", passwd))?;
        NAMES.iter().find_map(|name| Self::named(name, &passwd)).map(Some).ok_or(Error::NoAccount)
    }

    fn named(name: &str, passwd: &str) -> Option<Self> {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let found = fields.next().filter(|found| *found == name)?;
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some(Self { name: found.to_owned(), uid, gid })
        })
    }

    /// Gives a file or folder to the account.
    pub(crate) fn own(account: Option<&Self>, path: &Path) -> Result<(), Error> {
        match account {
            None => Ok(()),
            Some(Self { uid, gid, .. }) => {
                chown(path, Some(*uid), Some(*gid)).map_err(Error::file("change the owner of", path))
            }
        }
    }

    /// Whether the account can walk down to the folder, the folder itself left out.
    pub(crate) fn check_reaches(account: Option<&Self>, folder: &Path) -> Result<(), Error> {
        let Some(account) = account else {
            return Ok(());
        };
        match account.barrier(folder) {
            None => Ok(()),
            Some(barrier) => Err(Error::Unreachable { user: account.name.clone(), folder: folder.to_owned(), barrier }),
        }
    }

    fn barrier(&self, folder: &Path) -> Option<PathBuf> {
        let above: Vec<_> = folder.ancestors().skip(1).collect();
        above
            .into_iter()
            .rev()
            .find(|path| fs::metadata(path).is_ok_and(|found| !self.may_enter(&found)))
            .map(Into::into)
    }

    fn may_enter(&self, folder: &fs::Metadata) -> bool {
        let bit = match (folder.uid() == self.uid, folder.gid() == self.gid) {
            (true, _) => 0o100,
            (false, true) => 0o010,
            (false, false) => 0o001,
        };
        folder.mode() & bit != 0
    }
}

#[cfg(test)]
mod tests {
    use super::Account;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
        postgresql:x:7:7::/:/bin/sh\n\
        broken:x\n\
        postgres:x:101:104:the administrator,,,:/var/lib/postgresql:/bin/bash\n";

    #[test]
    fn reads_the_account_by_its_whole_name() {
        let expected = Account { name: "postgres".into(), uid: 101, gid: 104 };
        assert_eq!(Account::named("postgres", PASSWD), Some(expected));
        assert_eq!(Account::named("broken", PASSWD), None);
        assert_eq!(Account::named("nobody", PASSWD), None);
    }
}
