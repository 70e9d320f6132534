//! `piton completions`

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, CliError, Exit, screen::print};

#[derive(Debug, clap::Args)]
#[command(after_help = INSTALL)]
pub(super) struct Completions {
    /// The shell to write them for.
    shell: Shell,
}

/// Where each shell looks for them.
const INSTALL: &str = "\
To have them in every new shell:
  bash        piton completions bash > ~/.local/share/bash-completion/completions/piton
  zsh         piton completions zsh > ~/.zfunc/_piton    (with ~/.zfunc in fpath before compinit)
  fish        piton completions fish > ~/.config/fish/completions/piton.fish
  elvish      piton completions elvish >> ~/.config/elvish/rc.elv
  powershell  piton completions powershell >> $PROFILE";

impl Completions {
    /// Prints a script that the shell reads.
    pub(super) fn run(self) -> Result<Exit, CliError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "piton", &mut script);
        print(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Done)
    }
}
