use piton::prelude::*;

struct Database;

#[workflow]
async fn reads(_ctx: &WorkflowContext, database: Resource<Database>) -> Result<()> {
    drop(database);
    Ok(())
}

fn main() {}
