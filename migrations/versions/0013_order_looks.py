"""Orders whose runs must look again, because a change of another order touched or made them."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "order_looks",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, comment="of the order that its run must look at"),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_order_looks_order_id")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_order_looks")),
    )
    op.create_index(op.f("ix_order_looks_not_before"), "order_looks", ["not_before"], unique=False)


def downgrade() -> None:
    op.drop_table("order_looks")
