"""What else the ledger tells: progress, usage, invoices, holds, and later periods of what runs without end."""

from alembic import op

revision = "0010"
down_revision = "0009"

BEFORE = ("scheduled", "activated", "delivered", "accepted", "reached", "rejected")
NOW = (*BEFORE, "progress", "usage", "invoiced", "held", "released", "period")


def upgrade() -> None:
    _allow(NOW)


def downgrade() -> None:
    _allow(BEFORE)


def _allow(kinds: tuple[str, ...]) -> None:
    """Checked for new rows at once; the rows there are were checked by the narrower rule, and are read once more."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.drop_constraint("ck_ledger_kind", "ledger")
    op.execute(f"ALTER TABLE ledger ADD CONSTRAINT ck_ledger_kind CHECK (kind IN ({listed})) NOT VALID")
    op.execute("ALTER TABLE ledger VALIDATE CONSTRAINT ck_ledger_kind")
