//! `piton new`

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{CliError, Console, Exit};

/// The worker of a new project: an example that is compiled and tested with the others.
const MAIN: &str = include_str!("../../../worker/examples/starter/main.rs");
const MANIFEST: &str = include_str!("new/Cargo.toml.template");
const README: &str = include_str!("new/README.md.template");
const IGNORE: &str = "/target\n";

/// Makes a small project with one workflow, to be changed.
#[derive(Debug, clap::Args)]
pub(super) struct New {
    /// The folder to make; its last part names the package.
    #[arg(value_name = "NAME")]
    path: PathBuf,
    /// The folder of the crate `piton` (`worker` in a checkout of Piton). Found beside this program when not said.
    #[arg(long, value_name = "DIR")]
    piton: Option<PathBuf>,
}

impl New {
    pub(super) fn run(self, console: &Console) -> Result<Exit, CliError> {
        let name = package_name(&self.path)?;
        let piton = dependency(self.piton.as_deref())?;
        let files = [
            ("Cargo.toml", MANIFEST.replace("{{name}}", &name).replace("{{piton}}", &piton)),
            ("README.md", README.replace("{{name}}", &name)),
            (".gitignore", IGNORE.to_owned()),
            ("src/main.rs", MAIN.to_owned()),
        ];
        make(&self.path, &files).map_err(|error| not_made(&self.path, &error))?;
        let made: Vec<_> = files.iter().map(|(path, _)| path).collect();
        console.screen.show(&json!({ "name": name, "path": self.path, "files": made }), |_, _| next(&self.path))?;
        Ok(Exit::Done)
    }
}

fn not_made(path: &Path, error: &io::Error) -> CliError {
    let path = path.display();
    if error.kind() == ErrorKind::AlreadyExists {
        return CliError::new(Exit::Refused, format!("{path} is there already"))
            .advise("choose another name: nothing was changed");
    }
    CliError::new(Exit::Refused, format!("failed to make {path}: {error}"))
}

fn next(path: &Path) -> String {
    let path = path.display();
    format!(
        "\
Made {path}. Next:

  cd {path}
  cargo test                    # the workflow without any server
  piton dev -- cargo run        # a private stack and this worker

and in another terminal:

  piton run start welcome --input '{{\"email\": \"ada@example.com\", \"wait_seconds\": 2}}' --wait
"
    )
}

/// The last part of the path, if cargo takes it for a package.
fn package_name(path: &Path) -> Result<String, CliError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let fits = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    // The names that cargo itself refuses, and the one that would depend on itself.
    let taken = ["test", "core", "std", "alloc", "proc-macro", "proc_macro", "piton"].contains(&name);
    if fits && !taken {
        return Ok(name.to_owned());
    }
    Err(CliError::new(Exit::Usage, format!("`{name}` cannot name a package"))
        .advise("a letter, then letters, digits, `_` and `-`: `piton new my-worker`"))
}

/// How the project depends on the SDK: on the folder that was given or is found, or else on the version.
fn dependency(given: Option<&Path>) -> Result<String, CliError> {
    let found = match given {
        Some(given) if is_sdk(given) => Some(given.to_owned()),
        Some(given) => {
            let given = given.display();
            return Err(CliError::new(Exit::Usage, format!("`{given}` is not the folder of the crate `piton`"))
                .advise("name the folder `worker` of a checkout of Piton"));
        }
        None => std::env::current_exe().ok().and_then(|program| beside(&program)),
    };
    Ok(match found.and_then(|folder| fs::canonicalize(folder).ok()) {
        // A path in quotes as TOML has them; JSON's are the same.
        Some(folder) => format!("{{ path = {} }}", json!(folder)),
        None => json!(env!("CARGO_PKG_VERSION")).to_string(),
    })
}

/// A program that was built in a checkout lies below it.
fn beside(program: &Path) -> Option<PathBuf> {
    program.ancestors().map(|folder| folder.join("worker")).find(|folder| is_sdk(folder))
}

fn is_sdk(folder: &Path) -> bool {
    fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|manifest| manifest.contains("name = \"piton\"\n"))
}

/// Makes the folder and its files; an empty folder may be there.
fn make(path: &Path, files: &[(&str, String)]) -> io::Result<()> {
    let holds = match fs::read_dir(path) {
        Ok(entries) => entries.count(),
        Err(error) if error.kind() == ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    if holds > 0 {
        return Err(ErrorKind::AlreadyExists.into());
    }
    fs::create_dir_all(path.join("src"))?;
    files.iter().try_for_each(|(file, text)| fs::write(path.join(file), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cargo_takes_names_a_project() {
        for good in ["worker", "my-worker", "some/where/my_worker2"] {
            assert!(package_name(Path::new(good)).is_ok(), "{good}");
        }
        for bad in ["", "2fast", "my worker", "wörker", "..", "test", "piton", "a.b"] {
            let error = package_name(Path::new(bad)).expect_err(bad);
            assert_eq!(error.exit(), Exit::Usage, "{bad}");
        }
    }

    #[test]
    fn it_says_what_comes_next() {
        insta::assert_snapshot!(next(Path::new("my-worker")));
    }
}
