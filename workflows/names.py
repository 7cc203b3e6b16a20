"""What things are called on the server: workflow ids, the task queue and the search attributes.

Ids are functions of the business key, so that starting the same thing twice is noticed by the server.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from temporalio.common import SearchAttributeKey

TASK_QUEUE: Final = "countersign"
# The server takes 400 bytes as the name of a timer or an activity.
LONGEST_NAME: Final = 100

QUOTE_ID: Final = SearchAttributeKey.for_keyword("QuoteId")
CUSTOMER_ID: Final = SearchAttributeKey.for_keyword("CustomerId")
QUOTE_STATE: Final = SearchAttributeKey.for_keyword("QuoteState")
WAITING_FOR: Final = SearchAttributeKey.for_keyword_list("WaitingFor")
DUE_AT: Final[SearchAttributeKey[datetime]] = SearchAttributeKey.for_datetime("DueAt")
ORDER_STATE: Final = SearchAttributeKey.for_keyword("OrderState")
# A date is kept as its midnight in the order's own time zone: the server has no type for a date.
ORDER_DATE: Final[SearchAttributeKey[datetime]] = SearchAttributeKey.for_datetime("OrderDate")

ALL_KEYS: Final[tuple[SearchAttributeKey[Any], ...]] = (
    QUOTE_ID,
    CUSTOMER_ID,
    QUOTE_STATE,
    WAITING_FOR,
    DUE_AT,
    ORDER_STATE,
    ORDER_DATE,
)

# The server fails a run that goes beyond 2,048 bytes in one search attribute.
MOST_BYTES: Final = 1_800


def searchable(names: Iterable[str]) -> list[str]:
    """As many of the names, in their order, as a search attribute holds."""
    kept: list[str] = []
    left = MOST_BYTES
    for name in names:
        left -= len(name.encode()) + 4
        if left < 0:
            break
        kept.append(name)
    return kept


def quote_approval_id(quote: str, round_number: int) -> str:
    """The run that takes one round of a quote through its approvals."""
    return f"quote-approval/{quote}/{round_number}"


def fulfilment_id(quote: str) -> str:
    """The run that splits an accepted quote into orders and watches them."""
    return f"orders/{quote}"


def order_batch_id(quote: str, key: str, number: int) -> str:
    """The run that starts a part of the orders of one split."""
    return f"orders/{quote}/{key}/{number}"


def order_run_id(order_id: str) -> str:
    """The run of one split order, from its date to its last delivery."""
    return f"order/{order_id}"


def replacement_id(operation: str) -> str:
    """The run that puts a successor in somebody's place everywhere."""
    return f"replace/{operation}"
