"""Everybody's approvals in a state, for operators."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_index(op.f("ix_approvals_state_approval_id"), "approvals", ["state", "approval_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_approvals_state_approval_id"), table_name="approvals")
