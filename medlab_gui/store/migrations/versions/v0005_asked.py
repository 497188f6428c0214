"""How networks were asked, what classifiers said, and weights that resize slices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns and a table; nobody knows how older predictions were asked."""
    op.add_column("prediction", sa.Column("options", sa.JSON(), nullable=True))
    op.add_column("checkpoint", sa.Column("resize", sa.JSON(), nullable=True))
    op.create_table(
        "classification",
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("series_uid", sa.String(length=128), nullable=False),
        sa.Column("checkpoint_id", sa.String(length=255), nullable=False),
        sa.Column("classes", sa.JSON(), nullable=False),
        sa.Column("probs_blob", sa.String(length=64), nullable=False),
        sa.Column("created", sa.String(length=40), nullable=False),
        sa.Column("options", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["series_uid"], ["series.uid"], name="fk_classification_series_uid"
        ),
        sa.PrimaryKeyConstraint("n", name="pk_classification"),
        sa.UniqueConstraint("id", name="uq_classification_id"),
    )
    op.create_index(
        "ix_classification_series_uid_checkpoint_id",
        "classification",
        ["series_uid", "checkpoint_id"],
    )
