"""Drives Piton by a client that was generated from its description: see generate.py.

    python3 drive.py URL FOLDER

URL is where the API is, with a worker that has the order pipeline; FOLDER is where the client was generated. The API key
is read from PITON_API_KEY. Says what it does, line by line, and fails where an answer is not what was asked for.
"""

import os
import sys
import time
import uuid

URL, FOLDER = sys.argv[1:] if len(sys.argv) == 3 else sys.exit(__doc__)
sys.path.insert(0, FOLDER)

from piton_client import AuthenticatedClient, Client  # noqa: E402
from piton_client.api.batches import get_batch, get_batch_results, submit_batch  # noqa: E402
from piton_client.api.definitions import get_definition, list_definitions  # noqa: E402
from piton_client.api.events import get_event, publish_events  # noqa: E402
from piton_client.api.runs import cancel_run, export_run, get_run, get_run_journal, list_runs, start_run  # noqa: E402
from piton_client.api.schedules import create_schedule, delete_schedule, get_schedule  # noqa: E402
from piton_client.api.webhooks import create_webhook, delete_webhook, list_webhooks  # noqa: E402
from piton_client.api.workers import list_workers  # noqa: E402
from piton_client.models import (  # noqa: E402
    CreateSchedule,
    CreateWebhook,
    NewEvent,
    Problem,
    Provider,
    PublishEvents,
    Run,
    RunState,
    Started,
    StartRun,
    SubmitBatch,
)
from piton_client.models.get_definition_kind import GetDefinitionKind  # noqa: E402

KEY = os.environ.get("PITON_API_KEY")
CLIENT = AuthenticatedClient(base_url=URL, token=KEY) if KEY else Client(base_url=URL)
PATIENCE = 60.0


def expect(kind, answer):
    """The answer, which must be of this kind: a problem is told in its own words."""
    if isinstance(answer, Problem):
        sys.exit(f"{answer.title}: {answer.detail} (code {answer.code}, request {answer.request_id})")
    assert isinstance(answer, kind), f"not {kind.__name__}: {answer!r}"
    return answer


def refused(code, answer):
    assert isinstance(answer, Problem) and answer.code == code, f"not refused as {code}: {answer!r}"
    print(f"refused: {answer.title}; {URL}{answer.type_}")
    return answer


def worker():
    until = time.monotonic() + PATIENCE
    while True:
        workers = list_workers.sync(client=CLIENT).workers
        if any("order_workflow" in worker.workflows for worker in workers):
            print(f"{len(workers)} worker(s), {workers[0].name} among them")
            return
        assert time.monotonic() < until, "no worker with the order pipeline came"
        time.sleep(0.1)


def ended(run_id):
    """Waits on the server, over as many requests as that takes."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        run = expect(Run, get_run.sync(run_id, client=CLIENT, wait="10s"))
        if run.finished_at:
            return run
    sys.exit(f"run {run_id} did not end in time")


def order():
    key, body = f"drive-{uuid.uuid4()}", StartRun(workflow="order_workflow", input_="generated-1", tags=["drive"])
    started = expect(Started, start_run.sync(client=CLIENT, body=body, idempotency_key=key))
    again = expect(Started, start_run.sync(client=CLIENT, body=body, idempotency_key=key))
    assert started.id == again.id, "one key makes one run"
    run = ended(started.id)
    assert run.state == RunState.COMPLETED, run
    print(f"run {run.id} {run.state}: {run.result}")

    journal = get_run_journal.sync(run.id, client=CLIENT)
    print("journal:", ", ".join(entry.key for entry in journal.entries))
    assert export_run.sync(run.id, client=CLIENT).journal
    return key, run


def pages():
    seen, cursor = set(), None
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = list_runs.sync(client=CLIENT, workflow="order_workflow", limit=1, **more)
        seen.update(run.id for run in page.runs)
        cursor = page.next_cursor
        if not cursor or len(seen) >= 3:
            return seen


def errors(key, run):
    unknown = get_run.sync(uuid.UUID(int=0), client=CLIENT)
    refused("unknown_run", unknown)
    other = StartRun(workflow="order_workflow", input_="another")
    refused("idempotency_conflict", start_run.sync(client=CLIENT, body=other, idempotency_key=key))
    wrong = refused("invalid_field", start_run.sync(client=CLIENT, body=StartRun(workflow="a/b")))
    assert wrong.errors[0].pointer == "/workflow"
    refused("run_ended", cancel_run.sync(run.id, client=CLIENT))


def batch():
    body = SubmitBatch(function="validate_order", items=["generated-2", "generated-3"], max_concurrency=2)
    submitted = submit_batch.sync(client=CLIENT, body=body)
    found = get_batch.sync(submitted.id, client=CLIENT, wait="30s")
    results = get_batch_results.sync(submitted.id, client=CLIENT).results
    print(f"batch {submitted.id} {found.status}: {found.stats.completed} of {found.stats.total}")
    assert [item.status for item in results] == ["completed", "completed"], results


def definitions():
    names = {found.name for found in list_definitions.sync(client=CLIENT).definitions}
    assert {"order_workflow", "charge_customer"} <= names, names
    found = get_definition.sync(GetDefinitionKind.WORKFLOW, "order_workflow", client=CLIENT)
    print(f"definition {found.name}: {len(names)} in all")
    wrong = refused("invalid_input", start_run.sync(client=CLIENT, body=StartRun(workflow="order_workflow", input_=7)))
    assert wrong.errors[0].pointer == "/input", wrong


def events():
    order = f"generated-{uuid.uuid4()}"
    event = NewEvent(name="order.placed", id=order, data={"order_id": order})
    published = publish_events.sync(client=CLIENT, body=PublishEvents(events=[event, event])).events
    assert [one.outcome for one in published] == ["accepted", "duplicate"], published
    runs = [ended(run.id) for run in published[0].runs]
    assert sorted(run.workflow for run in runs) == ["award_points", "order_workflow"], runs
    assert all(run.state == RunState.COMPLETED for run in runs), runs
    assert get_event.sync(published[0].id, client=CLIENT).name == "order.placed"
    print(f"event {published[0].id} started {', '.join(run.workflow for run in runs)}, once each")


def doors():
    made = create_webhook.sync(client=CLIENT, body=CreateWebhook(name="drive", provider=Provider.STRIPE))
    assert made.secret and "drive" in {webhook.name for webhook in list_webhooks.sync(client=CLIENT).webhooks}
    print(f"webhook {made.name} at {made.path}")
    delete_webhook.sync_detailed("drive", client=CLIENT)
    schedule = CreateSchedule(name="drive", workflow="close_till", expression="0 9 * * 1-5", time_zone="Europe/Berlin")
    create_schedule.sync(client=CLIENT, body=schedule)
    print(f"schedule {get_schedule.sync('drive', client=CLIENT).name}: {schedule.expression}")
    delete_schedule.sync_detailed("drive", client=CLIENT)
    refused("unknown_schedule", get_schedule.sync("drive", client=CLIENT))


if __name__ == "__main__":
    worker()
    key, run = order()
    assert run.id in pages(), "the newest runs are listed first"
    errors(key, run)
    batch()
    definitions()
    events()
    doors()
    print("done")
