use clap::CommandFactory;
use piton_transport::NatsAuth;

use super::Cli;

/// The long help of a command, as a terminal of 100 columns shows it.
fn help(path: &[&str]) -> String {
    let mut command = Cli::command().term_width(100);
    command.build();
    let found = path.iter().fold(&mut command, |command, name| {
        command.find_subcommand_mut(name).expect("the tests name commands that are there")
    });
    found.render_long_help().to_string()
}

#[test]
fn the_arguments_are_sound() {
    Cli::command().debug_assert();
}

#[test]
fn help_of_every_command() {
    let paths: &[&[&str]] = &[
        &[],
        &["dev"],
        &["new"],
        &["serve"],
        &["migrate"],
        &["doctor"],
        &["error"],
        &["openapi"],
        &["completions"],
        &["run"],
        &["run", "start"],
        &["run", "get"],
        &["run", "list"],
        &["run", "watch"],
        &["run", "export"],
        &["run", "cancel"],
        &["run", "kill"],
        &["run", "resume"],
        &["run", "state"],
        &["batch"],
        &["batch", "submit"],
        &["batch", "show"],
        &["batch", "list"],
        &["batch", "results"],
        &["batch", "cancel"],
        &["schedule"],
        &["schedule", "add"],
        &["schedule", "change"],
        &["schedule", "list"],
        &["schedule", "show"],
        &["schedule", "next"],
        &["schedule", "firings"],
        &["schedule", "pause"],
        &["schedule", "resume"],
        &["schedule", "trigger"],
        &["schedule", "remove"],
        &["event"],
        &["event", "publish"],
        &["event", "list"],
        &["event", "show"],
        &["event", "replay"],
        &["trigger"],
        &["trigger", "list"],
        &["trigger", "add"],
        &["trigger", "change"],
        &["trigger", "show"],
        &["trigger", "pause"],
        &["trigger", "resume"],
        &["trigger", "remove"],
        &["session", "state"],
        &["webhook"],
        &["webhook", "add"],
        &["webhook", "secret", "add"],
        &["webhook", "secret", "remove"],
        &["webhook", "deliveries"],
        &["webhook", "send"],
        &["definition", "list"],
        &["definition", "show"],
        &["webhook"],
        &["webhook", "add"],
        &["webhook", "secret", "add"],
        &["webhook", "secret", "remove"],
        &["webhook", "deliveries"],
        &["webhook", "send"],
        &["worker", "list"],
        &["key", "create"],
        &["key", "list"],
        &["key", "revoke"],
        &["org"],
        &["org", "create"],
        &["org", "list"],
        &["org", "disable"],
        &["org", "enable"],
    ];
    let pages: Vec<_> = paths.iter().map(|path| format!("$ piton {} --help\n{}", path.join(" "), help(path))).collect();
    insta::assert_snapshot!(pages.join("\n\n"));
}

/// Every option of `piton serve` that has a variable stands in the reference with both and its default.
#[test]
fn the_reference_of_options_is_complete() {
    let reference = include_str!("../../../deploy/configuration.md");
    let mut command = Cli::command();
    command.build();
    let serve = command.find_subcommand("serve").expect("schedulers are started by it");
    let mut missing = Vec::new();
    for argument in serve.get_arguments() {
        let (Some(long), Some(variable)) = (argument.get_long(), argument.get_env()) else { continue };
        let default = argument.get_default_values().first();
        let none = if argument.is_required_set() { "none: needed" } else { "none" };
        let default = default.map_or(none.into(), |value| format!("`{}`", value.to_string_lossy()));
        let row = format!("| `--{long}` | `{}` | {default} |", variable.to_string_lossy());
        if !reference.contains(&row) {
            missing.push(row);
        }
    }
    // Secrets have no option.
    missing.extend(
        NatsAuth::VARIABLES.map(|name| format!("`{name}`")).into_iter().filter(|name| !reference.contains(name)),
    );
    assert_eq!(missing, Vec::<String>::new());
}

/// What names a server is read from the environment too: a command line stands in the list of processes.
#[test]
fn addresses_are_read_from_the_environment_everywhere() {
    fn walk(command: &clap::Command, path: &str, missing: &mut Vec<String>) {
        for argument in command.get_arguments() {
            let named = argument.get_long().filter(|long| long.ends_with("url") && argument.get_env().is_none());
            missing.extend(named.map(|long| format!("{path} --{long}")));
        }
        for inner in command.get_subcommands() {
            walk(inner, &format!("{path} {}", inner.get_name()), missing);
        }
    }
    let mut command = Cli::command();
    command.build();
    let mut missing = Vec::new();
    walk(&command, "piton", &mut missing);
    assert_eq!(missing, Vec::<String>::new());
}
