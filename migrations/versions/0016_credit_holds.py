"""Credit holds of customers: while the last one of a customer is not lifted, nothing of theirs is activated."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "credit_holds",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False, comment="false: it was lifted"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_credit_holds")),
    )
    op.create_index(op.f("ix_credit_holds_customer_id_seq"), "credit_holds", ["customer_id", "seq"], unique=False)
    op.execute(
        "CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON credit_holds "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER append_only_table BEFORE TRUNCATE ON credit_holds "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("credit_holds")
