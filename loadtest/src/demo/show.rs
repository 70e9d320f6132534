//! What is printed at the end, and where to look further.

use std::time::Duration;

use anyhow::{bail, ensure};
use comfy_table::{CellAlignment, Table, presets::NOTHING};

use super::{
    claims::{Claim, Evidence, Witness},
    story::piton,
};
use crate::private::PrivateStack;

/// The runs by workflow, then each claim; an error if one does not hold.
pub(super) fn everything(evidence: &Evidence<'_>, took: Duration) -> anyhow::Result<()> {
    let claims = evidence.claims();
    println!("What the database holds, asked with psql:\n\n{}\n", by_workflow(evidence.witness));
    println!("What Piton promises, and what was found in the database and in the books of the payment provider:\n");
    println!("{}\n", table(&claims));
    println!("The provider writes down every call and moves money once for each idempotency key: a function runs at");
    println!("least once, its result counts exactly once. Each charge takes it 200 ms.");
    let broken: Vec<_> = claims.iter().filter(|claim| !claim.holds).map(|claim| claim.claim.as_str()).collect();
    if !broken.is_empty() {
        bail!("{} of {} claims do not hold: {}", broken.len(), claims.len(), broken.join("; "));
    }
    ensure!(!claims.is_empty(), "nothing was claimed");
    println!("\nAll {} claims hold; it took {:.1} s.", claims.len(), took.as_secs_f64());
    println!("To look around while it runs: make demo KEEP=1. With two schedulers: make demo SCHEDULERS=2.");
    Ok(())
}

fn by_workflow(witness: &Witness) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["workflow", "runs", "completed", "taken over", "median", "longest"]);
    for runs in &witness.workflows {
        table.add_row([
            runs.workflow.clone(),
            runs.runs.to_string(),
            runs.completed.to_string(),
            runs.taken_over.to_string(),
            format!("{:.0} ms", runs.median_ms),
            format!("{:.0} ms", runs.longest_ms),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn table(claims: &[Claim]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["", "promise", "found"]);
    for claim in claims {
        table.add_row([if claim.holds { "ok" } else { "BROKEN" }, &claim.claim, &claim.found]);
    }
    table
}

/// Where to look while everything goes on.
pub(super) fn look_around(stack: &PrivateStack) {
    let servers = stack.cluster.servers();
    let url = stack.cluster.schedulers().first().map(|scheduler| scheduler.api.url()).unwrap_or_default();
    let piton = piton(stack);
    let piton = piton.display();
    println!("\nKEEP=1: everything goes on until Ctrl-C.\n");
    println!("  {url}/reference          the API, to read and to try in a browser; the key is below\n");
    println!("In another terminal:\n");
    println!("  export PITON_URL={url} PITON_API_KEY={}", stack.cluster.key());
    println!("  {piton} run list                        the runs");
    println!("  {piton} run watch ID                    one of them, step by step");
    println!("  {piton} event list                      the events, and what they started");
    println!("  {piton} webhook deliveries stripe       what Stripe sent, and what was refused");
    println!("  {piton} schedule show till              when the clock fired, and when it fires next");
    println!("  {piton} definition list                 what the workers can do, and what starts it");
    println!("  {piton} worker list                     who works, and who was killed");
    println!("  psql '{}'", servers.database_url);
    println!("  ls {}                  logs, and the provider's books", stack.folder().display());
    println!("\nStart something yourself:\n");
    println!("  {piton} event publish order.placed --data '{{\"order_id\": \"mine\"}}'");
    println!("  {piton} webhook send stripe --event payment_intent.succeeded\n");
}
