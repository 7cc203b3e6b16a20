"""The steps of a life in test: what may happen, and the random numbers that say to what and how."""

from __future__ import annotations

from hypothesis import strategies as st

OPERATIONS = (
    "move_date", "move", "split", "merge", "cancel", "hold", "release", "supplement", "supplement", "close_short",
    "return", "activate", "rollback", "close",
)  # fmt: skip
FACTS = ("wait", "wait", "wait", "deliver", "deliver", "accept_item", "reach", "progress", "usage", "invoice")
OTHERS = ("amend", "amend", "amend", "order", "close_period")
ON_RUNNING = frozenset({"deliver", "accept_item", "reach", "progress", "usage", "invoice"})
Step = tuple[str, int, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(FACTS + OPERATIONS + OTHERS), st.integers(0, 99), st.integers(0, 99), st.integers(0, 500)
    ),
    min_size=50,
    max_size=50,
)
KEYS = st.lists(st.sampled_from(("order_date", "ship_to", "group", "segment", "kind")), max_size=3, unique=True).map(
    tuple
)
