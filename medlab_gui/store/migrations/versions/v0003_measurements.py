"""Measurements: every version of each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "measurement",
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("series_uid", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("plane", sa.String(length=16), nullable=False),
        sa.Column("slice_index", sa.Integer(), nullable=False),
        sa.Column("points", sa.JSON(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created", sa.String(length=40), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["series_uid"], ["series.uid"], name="fk_measurement_series_uid"
        ),
        sa.PrimaryKeyConstraint("n", name="pk_measurement"),
        sa.UniqueConstraint("id", "version", name="uq_measurement_id_version"),
    )
    op.create_index("ix_measurement_series_uid", "measurement", ["series_uid"])
