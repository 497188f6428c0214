"""In which state the files of a series were when it was taken in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; files of older series are compared when they are next opened."""
    op.create_table(
        "source_stamp",
        sa.Column("stamp", sa.String(length=64), nullable=False),
        sa.Column("series_uid", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(
            ["series_uid"], ["series.uid"], name="fk_source_stamp_series_uid"
        ),
        sa.PrimaryKeyConstraint("stamp", name="pk_source_stamp"),
    )
