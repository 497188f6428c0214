"""How the files of a series ask to be shown goes with it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; series that are there already are shown as they were."""
    op.add_column("series", sa.Column("display", sa.JSON(), nullable=True))
