"""Actions: what Temporal Cloud would bill a run for, counted from its history.

One for the start (of every run of a chain, continued ones too), for each update that reached a worker, each signal,
each timer, each activity and each further attempt of one, and each upsert of search attributes. Nothing for workflow
tasks, for search attributes given at the start, and for the mark that ``patched()`` leaves, its search attribute
included. Not in a history, and so not counted: queries, heartbeats, and updates that a validator refused.
"""

from __future__ import annotations

from collections import Counter

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

UNBILLED = frozenset({"TemporalChangeVersion"})
BILLED = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: "start",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: "update",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: "signal",
    EventType.EVENT_TYPE_TIMER_STARTED: "timer",
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: "activity",
}


def actions(history: WorkflowHistory) -> Counter[str]:
    """How many actions of each kind the run took."""
    found: Counter[str] = Counter()
    for event in history.events:
        kind = BILLED.get(event.event_type)
        if kind is not None:
            found[kind] += 1
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            found["retry"] += event.activity_task_started_event_attributes.attempt - 1
        elif event.event_type == EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
            found["upsert"] += not _fields(event) <= UNBILLED
    return +found


def _fields(event: HistoryEvent) -> set[str]:
    return set(event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields)
