"""Items that were merged into others of their line."""

from alembic import op

revision = "0012"
down_revision = "0011"

BEFORE = ("scheduled", "activated", "partially_fulfilled", "fulfilled", "rejected", "superseded", "cancelled")
NOW = (*BEFORE, "merged")


def upgrade() -> None:
    _allow(NOW)


def downgrade() -> None:
    _allow(BEFORE)


def _allow(states: tuple[str, ...]) -> None:
    """Checked for new rows at once; the rows there are were checked by the narrower rule, and are read once more."""
    listed = ", ".join(f"'{state}'" for state in states)
    op.drop_constraint("ck_order_items_state", "order_items")
    op.execute(f"ALTER TABLE order_items ADD CONSTRAINT ck_order_items_state CHECK (state IN ({listed})) NOT VALID")
    op.execute("ALTER TABLE order_items VALIDATE CONSTRAINT ck_order_items_state")
