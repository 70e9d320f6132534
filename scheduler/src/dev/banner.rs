//! What a stack says of itself when it is ready.

use std::path::PathBuf;

use serde::Serialize;

/// Where everything is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Places {
    /// The API of each scheduler, the first first.
    pub urls: Vec<String>,
    /// NATS, for workers.
    pub nats_url: String,
    /// Postgres, for whoever wants to look.
    pub database_url: String,
    /// The folder of all data.
    pub data: PathBuf,
}

impl Places {
    /// The first scheduler's API.
    pub fn url(&self) -> &str {
        self.urls.first().map_or("", String::as_str)
    }

    /// For people: where things are, and what to do next.
    pub fn banner(&self) -> String {
        let apis = self.urls.join("\n            ");
        let data = self.data.display();
        let (url, nats, database) = (self.url(), &self.nats_url, &self.database_url);
        format!(
            "\
Piton is ready. Ctrl-C stops it; the data stays.

  API       {apis}
  NATS      {nats}
  Postgres  {database}
  data      {data}   (piton dev --reset deletes it)

In another terminal:

  export PITON_URL={url}
  export PITON_NATS_URL={nats}

  cargo run                       # your worker: it finds NATS by PITON_NATS_URL
  piton run start WORKFLOW --input '{{\"a\": 1}}' --wait
  piton worker list
"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_where_everything_is() {
        let places = Places {
            urls: vec!["http://127.0.0.1:7070".into(), "http://127.0.0.1:40001".into()],
            nats_url: "nats://127.0.0.1:7071".into(),
            database_url: "postgres://piton:secret@127.0.0.1:7072/piton".into(),
            data: "/var/lib/piton/dev".into(),
        };
        insta::assert_snapshot!(places.banner());
    }
}
