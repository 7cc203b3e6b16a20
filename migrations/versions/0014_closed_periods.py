"""Months that were closed, and a short way to the customers with something that runs without end."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "closed_periods",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("month", sa.Text(), nullable=False, comment="2027-01; all months before it are closed with it"),
        sa.Column("customer_id", sa.Text(), nullable=True, comment="none: of every customer"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_closed_periods")),
        sa.UniqueConstraint(
            "customer_id",
            "month",
            name=op.f("uq_closed_periods_customer_id_month"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.execute(
        "CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON closed_periods "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER append_only_table BEFORE TRUNCATE ON closed_periods "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.create_index(
        "ix_ledger_evergreen",
        "ledger",
        ["customer_id"],
        unique=False,
        postgresql_where=sa.text("(body ->> 'item_kind') = 'evergreen'"),
    )


def downgrade() -> None:
    op.drop_index("ix_ledger_evergreen", "ledger")
    op.drop_table("closed_periods")
