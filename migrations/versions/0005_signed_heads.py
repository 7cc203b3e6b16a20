"""Signed heads of the record, by which a cut tail is found."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "signed_heads",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("chain", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False, comment="how many entries there were"),
        sa.Column("hash", sa.Text(), nullable=False, comment="of the last of them"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="which key signed it"),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_signed_heads_number")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_signed_heads")),
    )
    op.execute(
        "CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON signed_heads "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER append_only_table BEFORE TRUNCATE ON signed_heads "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("signed_heads")
