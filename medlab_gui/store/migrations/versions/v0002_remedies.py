"""What was chosen about the geometry of a series goes with it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; series that are there already were kept as measured."""
    op.add_column("series", sa.Column("remedies", sa.JSON(), nullable=True))
