"""Messages say why they were given up, and are listed."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("outgoing", sa.Column("reason", sa.Text(), comment="why it was given up, as a code"))
    op.create_index("ix_outgoing_position", "outgoing", ["position"], unique=False)
    op.create_index(
        "ix_outgoing_unsent", "outgoing", ["position"], unique=False, postgresql_where=sa.text("sent_at IS NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_outgoing_unsent", table_name="outgoing")
    op.drop_index("ix_outgoing_position", table_name="outgoing")
    op.drop_column("outgoing", "reason")
