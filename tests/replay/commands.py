"""What a run asked the server for, in order: the part of a history that must stay as it is for old runs."""

from __future__ import annotations

from collections.abc import Iterator

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory


def commands(history: WorkflowHistory) -> list[str]:
    """The run's commands by kind and name. A timer that follows a timer is the same wait, begun anew."""
    found: list[str] = []
    for command in _commands(history):
        if command != "timer" or found[-1:] != ["timer"]:
            found.append(command)
    return found


def _commands(history: WorkflowHistory) -> Iterator[str]:
    for event in history.events:
        command = _command(event)
        if command is not None:
            yield command


def _command(event: HistoryEvent) -> str | None:
    match event.event_type:
        case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            return f"activity {event.activity_task_scheduled_event_attributes.activity_type.name}"
        case EventType.EVENT_TYPE_TIMER_STARTED:
            return "timer"
        case EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
            return f"child {event.start_child_workflow_execution_initiated_event_attributes.workflow_type.name}"
        case EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
            fields = event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
            return f"search attributes {', '.join(sorted(fields))}"
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
            return "complete"
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
            return "continue as new"
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
            return "fail"
    return None
