"""How every process of ours talks to Temporal: one plugin for client, worker and replayer, one way to connect."""

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter
from temporalio.plugin import SimplePlugin
from temporalio.service import RPCError
from temporalio.worker import WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from starter.child_process import StackError
from workflows.names import ALL_KEYS

if TYPE_CHECKING:
    from temporalio.api.enums.v1 import IndexedValueType

    from starter.settings import Settings

# Modules without state of their own that workflows use. The sandbox would import each anew at every start of a
# workflow: 345 ms instead of 7. Workflow definitions themselves stay in the sandbox.
PASSED_THROUGH = (
    "activities",
    "annotated_types",
    "babel",
    "domain",
    "pydantic",
    "pydantic_core",
    "typing_extensions",
    "typing_inspection",
    "tzdata",
    "workflows.alarm",
    "workflows.burst",
    "workflows.messages",
    "workflows.names",
    "workflows.pictures",
    "workflows.refusing",
    "workflows.replacement_messages",
    "workflows.run_clock",
    "workflows.searched",
    "workflows.terms",
    "workflows.waiting",
    "yaml",
    "zoneinfo",
)


class CountersignPlugin(SimplePlugin):
    """Pydantic on the wire and the sandbox's exceptions, the same for client, worker and replayer.

    Give it to the client only: a worker takes over the plugins of its client. A `Replayer` needs its own.
    """

    def __init__(self) -> None:
        super().__init__("countersign", data_converter=_converter, workflow_runner=_runner)


def _converter(existing: DataConverter | None) -> DataConverter:
    # Only the payload converter is ours: a codec that encrypts, set by whoever connects, must survive.
    if existing is None:
        return pydantic_data_converter
    return replace(existing, payload_converter_class=pydantic_data_converter.payload_converter_class)


def _runner(existing: WorkflowRunner | None) -> WorkflowRunner:
    runner = SandboxedWorkflowRunner() if existing is None else existing
    if not isinstance(runner, SandboxedWorkflowRunner):
        return runner
    return replace(runner, restrictions=runner.restrictions.with_passthrough_modules(*PASSED_THROUGH))


async def connect(settings: "Settings", address: str | None = None, *, namespace: str | None = None) -> Client:
    """A client for the given server, or the one the settings name, with our plugin, key and TLS.

    An API key (Temporal Cloud) always goes with TLS. Raises ValueError when neither argument nor settings name a
    server: start `embedded_stack` and pass the address it has.
    """
    target = address or settings.temporal
    if target is None:
        raise ValueError("no Temporal server: start the embedded one or set COUNTERSIGN_TEMPORAL to host:port")
    external = target == settings.temporal
    api_key = settings.temporal_api_key.get_secret_value() if external and settings.temporal_api_key else None
    return await Client.connect(
        target,
        namespace=namespace or settings.temporal_namespace,
        api_key=api_key,
        tls=external and (settings.temporal_tls or api_key is not None),
        plugins=[CountersignPlugin()],
    )


async def register_search_attributes(client: Client) -> tuple[str, ...]:
    """Add the search attributes that the client's namespace lacks, and return their names.

    Raises StackError with what to register where we may not: Temporal Cloud wants it done in its console.
    """
    known = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    missing = [key for key in ALL_KEYS if key.name not in known.custom_attributes]
    if missing:
        wanted = {key.name: cast("IndexedValueType.ValueType", int(key.indexed_value_type)) for key in missing}
        try:
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(namespace=client.namespace, search_attributes=wanted)
            )
        except RPCError as refused:
            named = ", ".join(f"{key.name} ({key._metadata_type})" for key in missing)
            raise StackError(
                f"the namespace {client.namespace} lacks search attributes, and adding them was refused "
                f"({refused.message}); register them first: {named}"
            ) from refused
    return tuple(key.name for key in missing)
