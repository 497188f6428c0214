"""The first tables: studies, masks, weights, runs, scores and the queue."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "checkpoint",
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("blob", sa.String(length=64), nullable=False),
        sa.Column("network", sa.JSON(), nullable=False),
        sa.Column("pipeline", sa.JSON(), nullable=False),
        sa.Column("inplane_mm", sa.Float(), nullable=True),
        sa.Column("scheme", sa.JSON(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("created", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("run_id", sa.String(length=32), nullable=True),
        sa.Column("parent", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["parent"], ["checkpoint.id"], name="fk_checkpoint_parent"
        ),
        sa.PrimaryKeyConstraint("n", name="pk_checkpoint"),
        sa.UniqueConstraint("id", name="uq_checkpoint_id"),
    )
    op.create_table(
        "project",
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created", sa.String(length=40), nullable=False),
        sa.Column("scheme", sa.JSON(), nullable=True),
        sa.Column("pipeline", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("n", name="pk_project"),
    )
    op.create_table(
        "study",
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(length=128), nullable=False),
        sa.Column("patient_key", sa.String(length=128), nullable=False),
        sa.Column("date", sa.String(length=40), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("added", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("n", name="pk_study"),
        sa.UniqueConstraint("uid", name="uq_study_uid"),
    )
    op.create_table(
        "adoption",
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("checkpoint_id", sa.String(length=32), nullable=False),
        sa.Column("previous_id", sa.String(length=32), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoint.id"], name="fk_adoption_checkpoint_id"
        ),
        sa.ForeignKeyConstraint(
            ["previous_id"], ["checkpoint.id"], name="fk_adoption_previous_id"
        ),
        sa.PrimaryKeyConstraint("n", name="pk_adoption"),
    )
    op.create_table(
        "run",
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("code_version", sa.String(length=32), nullable=False),
        sa.Column("started", sa.String(length=40), nullable=False),
        sa.Column("finished", sa.String(length=40), nullable=True),
        sa.Column("parent_checkpoint", sa.String(length=32), nullable=True),
        sa.Column("checkpoint", sa.String(length=32), nullable=True),
        sa.Column("comparison", sa.JSON(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_checkpoint"], ["checkpoint.id"], name="fk_run_parent_checkpoint"
        ),
        sa.PrimaryKeyConstraint("n", name="pk_run"),
        sa.UniqueConstraint("id", name="uq_run_id"),
    )
    op.create_table(
        "series",
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(length=128), nullable=False),
        sa.Column("study_uid", sa.String(length=128), nullable=False),
        sa.Column("modality", sa.String(length=16), nullable=False),
        sa.Column("units", sa.String(length=16), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reorientation", sa.JSON(), nullable=False),
        sa.Column("blob", sa.String(length=64), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("window", sa.JSON(), nullable=True),
        sa.Column("added", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_uid"], ["study.uid"], name="fk_series_study_uid"
        ),
        sa.PrimaryKeyConstraint("n", name="pk_series"),
        sa.UniqueConstraint("uid", name="uq_series_uid"),
    )
    op.create_index("ix_series_study_uid", "series", ["study_uid"], unique=False)
    op.create_table(
        "item",
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("series_uid", sa.String(length=128), nullable=False),
        sa.Column("slice_index", sa.Integer(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("priority", sa.Float(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["series_uid"], ["series.uid"], name="fk_item_series_uid"
        ),
        sa.PrimaryKeyConstraint("n", name="pk_item"),
        sa.UniqueConstraint("id", name="uq_item_id"),
        sa.UniqueConstraint(
            "series_uid", "slice_index", name="uq_item_series_uid_slice_index"
        ),
    )
    op.create_table(
        "prediction",
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("series_uid", sa.String(length=128), nullable=False),
        sa.Column("checkpoint_id", sa.String(length=255), nullable=False),
        sa.Column("labels_blob", sa.String(length=64), nullable=False),
        sa.Column("entropy_blob", sa.String(length=64), nullable=False),
        sa.Column("created", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["series_uid"], ["series.uid"], name="fk_prediction_series_uid"
        ),
        sa.PrimaryKeyConstraint("n", name="pk_prediction"),
        sa.UniqueConstraint("id", name="uq_prediction_id"),
    )
    op.create_index(
        "ix_prediction_series_uid_checkpoint_id",
        "prediction",
        ["series_uid", "checkpoint_id"],
        unique=False,
    )
    op.create_table(
        "score",
        sa.Column("series_uid", sa.String(length=128), nullable=False),
        sa.Column("slice_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("checkpoint_id", sa.String(length=255), nullable=False),
        sa.Column("method", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["series_uid"], ["series.uid"], name="fk_score_series_uid"
        ),
        sa.PrimaryKeyConstraint(
            "series_uid", "slice_index", "checkpoint_id", "method", name="pk_score"
        ),
    )
    op.create_table(
        "annotation",
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("series_uid", sa.String(length=128), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created", sa.String(length=40), nullable=False),
        sa.Column("blob", sa.String(length=64), nullable=False),
        sa.Column("confirmed", sa.JSON(), nullable=False),
        sa.Column("scheme", sa.JSON(), nullable=False),
        sa.Column("parent", sa.String(length=32), nullable=True),
        sa.Column("parent_prediction", sa.String(length=32), nullable=True),
        sa.Column("journal_seq", sa.Integer(), nullable=False),
        sa.Column("undo_floor", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent"], ["annotation.id"], name="fk_annotation_parent"
        ),
        sa.ForeignKeyConstraint(
            ["parent_prediction"],
            ["prediction.id"],
            name="fk_annotation_parent_prediction",
        ),
        sa.ForeignKeyConstraint(
            ["series_uid"], ["series.uid"], name="fk_annotation_series_uid"
        ),
        sa.PrimaryKeyConstraint("n", name="pk_annotation"),
        sa.UniqueConstraint("id", name="uq_annotation_id"),
        sa.UniqueConstraint(
            "series_uid", "revision", name="uq_annotation_series_uid_revision"
        ),
    )
    op.create_table(
        "locked_slice",
        sa.Column("series_uid", sa.String(length=128), nullable=False),
        sa.Column("slice_index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("annotation_id", sa.String(length=32), nullable=False),
        sa.Column("created", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["annotation_id"], ["annotation.id"], name="fk_locked_slice_annotation_id"
        ),
        sa.ForeignKeyConstraint(
            ["series_uid"], ["series.uid"], name="fk_locked_slice_series_uid"
        ),
        sa.PrimaryKeyConstraint("series_uid", "slice_index", name="pk_locked_slice"),
    )
