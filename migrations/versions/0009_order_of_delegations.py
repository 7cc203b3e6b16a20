"""In which order delegations were entered: of several that fit, the last one counts."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

PLACE = "in the order of entering, which decides between several that fit"


def upgrade() -> None:
    # Nullable: the previous release does not fill it; what it enters meanwhile comes last, as it should.
    op.add_column("delegations", sa.Column("place", sa.BigInteger(), nullable=True, comment=PLACE))
    op.execute(
        "UPDATE delegations SET place = numbered.place FROM (SELECT delegation_id, "
        "row_number() OVER (ORDER BY entered_at, delegation_id) AS place FROM delegations) AS numbered "
        "WHERE delegations.delegation_id = numbered.delegation_id"
    )


def downgrade() -> None:
    op.drop_column("delegations", "place")
