"""Where the ledger stood when a month was closed: the place of its last row. None of closings made before."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column(
        "closed_periods",
        sa.Column(
            "ledger_seq",
            sa.BigInteger(),
            nullable=True,
            comment="the last row of the ledger then; none: closed by an earlier release",
        ),
    )


def downgrade() -> None:
    op.drop_column("closed_periods", "ledger_seq")
