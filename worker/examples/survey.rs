//! Survey: walks a folder, a page of it a step, and reads all files at once: the shape of a scraper.
//!
//! Start a stack with `piton dev`, then `cargo run -p piton --example survey` in this repository, then
//! `piton run start survey --wait`.

use std::path::PathBuf;

use piton::prelude::*;
use serde::{Deserialize, Serialize};

/// Where the files are.
struct Root(PathBuf);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Found {
    files: usize,
    lines: usize,
    longest: String,
}

/// The folders and the Rust files of one folder, sorted.
#[function(retries = 2)]
async fn list(root: Resource<Root>, folder: String) -> Result<(Vec<String>, Vec<String>)> {
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    let mut entries = tokio::fs::read_dir(root.0.join(&folder)).await?;
    while let Some(entry) = entries.next_entry().await? {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        if entry.file_type().await?.is_dir() {
            folders.push(path);
        } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    folders.sort();
    files.sort();
    Ok((folders, files))
}

/// Counts the lines of one file.
#[function(retries = 2, try_timeout = "10s")]
async fn count(root: Resource<Root>, file: String) -> Result<usize> {
    Ok(tokio::fs::read_to_string(root.0.join(&file)).await?.lines().count())
}

/// How much there is, and where most of it.
#[workflow]
async fn survey(ctx: &WorkflowContext) -> Result<Found> {
    let (mut level, mut files) = (vec![String::new()], Vec::new());
    while !level.is_empty() {
        // All folders of a level at once.
        let listed = ctx.parallel(level.into_iter().map(list)).await?;
        level = Vec::new();
        for (folders, found) in listed {
            level.extend(folders);
            files.extend(found);
        }
    }
    let lines = ctx.map(files.clone().into_iter().map(count)).max_concurrency(16).await?;
    let longest = lines.iter().zip(&files).max().map(|(_, file)| file.clone()).unwrap_or_default();
    Ok(Found { files: files.len(), lines: lines.iter().sum(), longest })
}

fn worker() -> piton::WorkerBuilder {
    Worker::builder().resource(Root(".".into())).register(list).register(count).register(survey)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    worker().options_from_env().connect().await?.run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use piton::testing::{TestEngine, Trial, When};

    use super::*;

    fn engine() -> TestEngine {
        TestEngine::of(worker()).resource(Root(concat!(env!("CARGO_MANIFEST_DIR"), "/examples").into()))
    }

    #[tokio::test]
    async fn the_files_beside_this_one_are_read_once_each_whatever_crashes() {
        let untouched = engine().run(survey()).await;
        assert!(untouched.story.step_keys().contains(&"parallel#1/0/list#1"), "{}", untouched.story);
        let found = untouched.output();
        assert!(found.files >= 8 && found.lines > found.files, "{found:?}");
        let crashed = engine().run(survey()).crash(When::AfterAppend(2)).crash(When::ended("count#1/3")).await;
        assert_eq!(crashed.story.tries_of("count#1/3").count(), 2);
        assert_eq!(crashed.story.tries_of("count#1/2").count(), 1);
        assert_eq!(crashed.output(), found);
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_fails_the_survey() {
        let runs = Trial::of(engine, survey).fail_each_step(|failed| assert!(failed.run.result.is_err())).await;
        assert!(runs > 8);
    }
}
