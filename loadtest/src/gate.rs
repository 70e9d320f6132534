//! Steps that wait until somebody outside lets them go on, so that a test can act while one is under way.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use piton::prelude::*;

use crate::ledger::Ledger;

/// Between two looks at the gate.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Named gates in a folder that workers and tests share: a gate is open once its file is there.
#[derive(Debug, Clone)]
pub struct Gate {
    folder: PathBuf,
}

impl Gate {
    /// The gates in this folder.
    pub fn within(folder: &Path) -> io::Result<Self> {
        let folder = folder.join("gates");
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// Lets pass who waits at it, and who comes later.
    pub fn open(&self, name: &str) -> io::Result<()> {
        File::create(self.folder.join(name)).map(drop)
    }

    /// Whether a function was dropped while it waited at this gate.
    pub fn was_left(&self, name: &str) -> io::Result<bool> {
        fs::exists(self.folder.join(format!("{name}.left")))
    }

    async fn pass(&self, name: &str) -> io::Result<()> {
        let mut waiting = Waiting { gate: self, name, end: None };
        while !fs::exists(self.folder.join(name))? {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        waiting.end = Some(());
        Ok(())
    }
}

/// Dropped before its end, it leaves word.
struct Waiting<'a> {
    gate: &'a Gate,
    name: &'a str,
    end: Option<()>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.end.is_none() {
            // A test that waits for the word says so when it does not come.
            let _ = self.gate.open(&format!("{}.left", self.name));
        }
    }
}

/// Calls the ledger, waits at the gate, and says which process got through.
#[function]
pub(crate) async fn wait_at_gate(
    gate: Resource<Gate>,
    ledger: Resource<Ledger>,
    ctx: &FunctionContext,
    name: String,
) -> Result<u32> {
    ledger.call(&ctx.idempotency_key(), ctx.try_number(), &name)?;
    gate.pass(&name).await?;
    Ok(std::process::id())
}

/// Calls the ledger, and keeps its thread to itself until the gate is open, as no function should.
#[function]
pub(crate) async fn block_at_gate(
    gate: Resource<Gate>,
    ledger: Resource<Ledger>,
    ctx: &FunctionContext,
    name: String,
) -> Result<u32> {
    ledger.call(&ctx.idempotency_key(), ctx.try_number(), &name)?;
    while !fs::exists(gate.folder.join(&name))? {
        std::thread::park_timeout(LOOK_EVERY);
    }
    Ok(std::process::id())
}

/// One step that blocks.
#[workflow]
pub(crate) async fn blocked(ctx: &WorkflowContext, name: String) -> Result<u32> {
    Ok(ctx.step(block_at_gate(name)).await?)
}

/// A step at the gate between two others.
#[workflow]
pub(crate) async fn gated(ctx: &WorkflowContext, name: String) -> Result<u32> {
    ctx.step(crate::no_op::no_op(1)).await?;
    let pid = ctx.step(wait_at_gate(name)).await?;
    ctx.step(crate::no_op::no_op(2)).await?;
    Ok(pid)
}

/// A step, a durable sleep, a step at the gate.
#[workflow]
pub(crate) async fn nap(ctx: &WorkflowContext, milliseconds: u64, name: String) -> Result<u32> {
    ctx.step(crate::no_op::no_op(1)).await?;
    ctx.sleep(Duration::from_millis(milliseconds)).await?;
    Ok(ctx.step(wait_at_gate(name)).await?)
}

/// Before each gate a step and a durable sleep, so that rows of both kinds stand on both sides of it.
#[workflow]
pub(crate) async fn gates(ctx: &WorkflowContext, names: Vec<String>) -> Result<u32> {
    let mut last = 0;
    for name in names {
        ctx.step(crate::no_op::no_op(1)).await?;
        ctx.sleep(Duration::from_millis(1)).await?;
        last = ctx.step(wait_at_gate(name)).await?;
    }
    Ok(last)
}
