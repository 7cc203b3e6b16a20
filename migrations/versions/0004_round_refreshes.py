"""Rounds that must look again who may act, because the directory changed."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "round_refreshes",
        sa.Column("quote_id", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False, comment="of the directory that the round must look at"),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("quote_id", "round", name=op.f("pk_round_refreshes")),
    )
    op.create_index(op.f("ix_round_refreshes_not_before"), "round_refreshes", ["not_before"], unique=False)


def downgrade() -> None:
    op.drop_table("round_refreshes")
