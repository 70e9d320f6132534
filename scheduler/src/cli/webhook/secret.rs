//! `piton webhook secret …`

use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::{options::SecretOptions, path};
use crate::cli::{
    CliError, Console, Exit,
    screen::{Screen, text},
};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Secret {
    /// Add a secret; those that are there stay good. Without one, one is made and shown once.
    Add {
        /// The webhook's name, or its id.
        name: String,
        #[command(flatten)]
        secret: SecretOptions,
        /// What you call it.
        #[arg(long)]
        label: Option<String>,
    },
    /// Remove a secret: nothing is verified with it any more.
    Remove {
        /// The webhook's name, or its id.
        name: String,
        /// The secret's id, as `piton webhook show` lists it.
        id: uuid::Uuid,
    },
}

impl Secret {
    pub(super) async fn run(self, console: &Console) -> Result<Exit, CliError> {
        match self {
            Self::Add { name, secret, label } => {
                let mut body = Map::new();
                if let Some(secret) = secret.read()? {
                    body.insert("secret".into(), json!(secret.reveal()));
                }
                if let Some(label) = label {
                    body.insert("label".into(), json!(label));
                }
                let path = format!("{}/secrets", path(&name));
                let made = console.client()?.post(&path, &Value::Object(body)).await?;
                console.screen.show(&made, |screen, made| added(screen, &name, made))?;
            }
            Self::Remove { name, id } => {
                console.client()?.delete(&format!("{}/secrets/{id}", path(&name))).await?;
                let removed = json!({ "id": id, "removed": true });
                console
                    .screen
                    .show(&removed, |_, _| format!("removed {id}: {name} refuses what is signed with it\n"))?;
            }
        }
        Ok(Exit::Done)
    }
}

fn added(screen: Screen, name: &str, made: &Value) -> String {
    let (id, secret) = (text(made, "id"), text(made, "secret"));
    let mut shown = vec![format!("added {id}, which ends in {}\n", text(made, "hint"))];
    if !secret.is_empty() {
        shown.push(format!("secret    {secret}\n          {}\n", screen.dim("this is the only time it is shown")));
    }
    let next = "the others stay good; when the provider signs with this one: piton webhook secret remove";
    shown.push(format!("{}\n", screen.dim(&format!("{next} {name} ID"))));
    shown.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::screen::PLAIN;

    #[test]
    fn what_follows_is_said() {
        insta::assert_snapshot!(added(
            PLAIN,
            "shop",
            &json!({"id": "0197", "hint": "…cdef", "secret": "whsec_abcdef"})
        ));
        insta::assert_snapshot!(added(PLAIN, "shop", &json!({"id": "0197", "hint": "…cdef"})));
    }
}
