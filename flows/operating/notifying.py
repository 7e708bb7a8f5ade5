"""Notifications: Prefect's own automation, which calls a webhook where a job of ours failed or its process died."""

import json
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from prefect.automations import Automation
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import get_client
from prefect.events.actions import CallWebhook
from prefect.events.schemas.automations import EventTrigger, Posture
from pydantic import SecretStr

from flows.operating.job_runs import TAG
from pipeline.errors import OperatingError

NAME = "understudy-failures"  # of the automation and of the block with the address
EVENTS = {"prefect.flow-run.Failed", "prefect.flow-run.Crashed"}
PAYLOAD = {  # what is sent; Prefect fills in the braces
    "job": "{{ flow_run.name }}",
    "id": "{{ flow_run.id }}",
    "kind": "{{ flow.name }}",
    "state": "{{ flow_run.state.name }}",
    "message": "{{ flow_run.state.message }}",
}


def notify(url: str) -> None:
    """Call a webhook with a POST of JSON (`PAYLOAD`) whenever a job fails or crashes; one earlier set is replaced.

    Raises: OperatingError: no web address.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise OperatingError(f"--webhook {url}", "this is no web address", "https://…", "Give the whole address.")
    block = Webhook(method="POST", url=SecretStr(url))
    block_id = block.save(NAME, overwrite=True)
    assert isinstance(block_id, UUID)  # outside of an event loop it is saved at once
    forget()
    Automation(
        name=NAME,
        description="Tells a webhook of jobs of understudy that failed or crashed.",
        trigger=EventTrigger(
            expect=EVENTS,
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related={"prefect.resource.id": f"prefect.tag.{TAG}", "prefect.resource.role": "tag"},
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=[CallWebhook(block_document_id=block_id, payload=json.dumps(PAYLOAD))],
    ).create()


def forget() -> None:
    """Call no webhook any more."""
    with get_client(sync_client=True) as client:
        for found in client.read_automations_by_name(NAME):
            client.delete_automation(found.id)
