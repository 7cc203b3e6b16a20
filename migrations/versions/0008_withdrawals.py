"""Decisions that their authors took back."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "withdrawals",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("approval_id", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["approval_id"], ["approvals.approval_id"], name=op.f("fk_withdrawals_approval_id")),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.decision_id"], name=op.f("fk_withdrawals_decision_id")),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_withdrawals")),
    )
    op.create_index(op.f("ix_withdrawals_approval_id"), "withdrawals", ["approval_id"], unique=False)
    op.execute(
        "CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON withdrawals "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER append_only_table BEFORE TRUNCATE ON withdrawals "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("withdrawals")
