"""Operations: long work that is asked for once and done in parts, and the rounds it must look at."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"

STATES = "state IN ('scheduled', 'running', 'done', 'cancelled', 'refused')"
ROUND_STATES = "state IN ('waiting', 'replaced', 'unchanged', 'left', 'round_closed')"


def upgrade() -> None:
    op.create_table(
        "operations",
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="whom it is about: the name that is replaced"),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("total", sa.Integer(), server_default="0", nullable=False, comment="rounds to look at"),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("wanted", postgresql.JSONB(none_as_null=True), nullable=False, comment="what was asked for"),
        sa.Column(
            "directory",
            postgresql.JSONB(none_as_null=True),
            nullable=False,
            comment="entries that were touched or left alone",
        ),
        sa.Column("refusal", postgresql.JSONB(none_as_null=True)),
        sa.CheckConstraint(STATES, name=op.f("ck_operations_state")),
        sa.PrimaryKeyConstraint("operation_id", name=op.f("pk_operations")),
    )
    op.create_index(op.f("ix_operations_asked_at_operation_id"), "operations", ["asked_at", "operation_id"])
    op.create_index(op.f("ix_operations_subject_asked_at"), "operations", ["subject", "asked_at"])
    op.create_table(
        "operation_rounds",
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column("quote_id", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "to_refresh",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="its run has not heard of it",
        ),
        sa.Column(
            "found",
            postgresql.JSONB(none_as_null=True),
            nullable=False,
            comment="what became of each of its approvals",
        ),
        sa.CheckConstraint(ROUND_STATES, name=op.f("ck_operation_rounds_state")),
        sa.ForeignKeyConstraint(
            ["operation_id"], ["operations.operation_id"], name=op.f("fk_operation_rounds_operation_id")
        ),
        sa.PrimaryKeyConstraint("operation_id", "quote_id", "round", name=op.f("pk_operation_rounds")),
    )
    op.create_index(op.f("ix_operation_rounds_operation_id_position"), "operation_rounds", ["operation_id", "position"])
    op.create_index(
        "ix_operation_rounds_waiting",
        "operation_rounds",
        ["operation_id", "attempts", "position"],
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_operation_rounds_refresh", "operation_rounds", ["operation_id"], postgresql_where=sa.text("to_refresh")
    )


def downgrade() -> None:
    op.drop_table("operation_rounds")
    op.drop_table("operations")
