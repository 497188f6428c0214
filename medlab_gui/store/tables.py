"""The tables of a project, as the newest migration leaves them.

Ids are short random names, times are ISO 8601 in UTC, documents are JSON. A column
``n`` counts rows in the order in which they came, since clocks may go back.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = [
    "METADATA",
    "SCHEMA_VERSION",
    "adoption",
    "annotation",
    "checkpoint",
    "classification",
    "item",
    "locked_slice",
    "measurement",
    "prediction",
    "project",
    "run",
    "score",
    "series",
    "source_stamp",
    "study",
]

SCHEMA_VERSION = 6
"""Number of the newest migration; the revision ``"0001"`` is 1."""

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

project = Table(
    "project",
    METADATA,
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("created", String(40), nullable=False),
    Column("scheme", JSON, nullable=True),
    Column("pipeline", JSON, nullable=True),
)

study = Table(
    "study",
    METADATA,
    Column("n", Integer, primary_key=True),
    Column("uid", String(128), nullable=False, unique=True),
    Column("patient_key", String(128), nullable=False),
    Column("date", String(40), nullable=True),
    Column("description", Text, nullable=False),
    Column("added", String(40), nullable=False),
)

series = Table(
    "series",
    METADATA,
    Column("n", Integer, primary_key=True),
    Column("uid", String(128), nullable=False, unique=True),
    Column("study_uid", ForeignKey("study.uid"), nullable=False, index=True),
    Column("modality", String(16), nullable=False),
    Column("units", String(16), nullable=True),
    Column("description", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("reorientation", JSON, nullable=False),
    Column("blob", String(64), nullable=False),
    Column("problems", JSON, nullable=False),
    Column("window", JSON, nullable=True),
    Column("added", String(40), nullable=False),
    Column("remedies", JSON, nullable=True),
    Column("display", JSON, nullable=True),
)

# States of files (see `io.file_stamps`) whose content a series is known to have.
source_stamp = Table(
    "source_stamp",
    METADATA,
    Column("stamp", String(64), primary_key=True),
    Column("series_uid", ForeignKey("series.uid"), nullable=False),
)

annotation = Table(
    "annotation",
    METADATA,
    Column("n", Integer, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("series_uid", ForeignKey("series.uid"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("author", Text, nullable=False),
    Column("created", String(40), nullable=False),
    Column("blob", String(64), nullable=False),
    Column("confirmed", JSON, nullable=False),
    Column("scheme", JSON, nullable=False),
    Column("parent", ForeignKey("annotation.id"), nullable=True),
    Column("parent_prediction", ForeignKey("prediction.id"), nullable=True),
    Column("journal_seq", Integer, nullable=False),
    Column("undo_floor", Integer, nullable=False),
    UniqueConstraint("series_uid", "revision"),
)

locked_slice = Table(
    "locked_slice",
    METADATA,
    Column("series_uid", ForeignKey("series.uid"), primary_key=True),
    Column("slice_index", Integer, primary_key=True, autoincrement=False),
    Column("annotation_id", ForeignKey("annotation.id"), nullable=False),
    Column("created", String(40), nullable=False),
)

run = Table(
    "run",
    METADATA,
    Column("n", Integer, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    Column("spec", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("seed", Integer, nullable=False),
    Column("code_version", String(32), nullable=False),
    Column("started", String(40), nullable=False),
    Column("finished", String(40), nullable=True),
    Column("parent_checkpoint", ForeignKey("checkpoint.id"), nullable=True),
    # No foreign key: a run's checkpoint refers back to the run.
    Column("checkpoint", String(32), nullable=True),
    Column("comparison", JSON, nullable=False),
    Column("message", Text, nullable=False),
)

checkpoint = Table(
    "checkpoint",
    METADATA,
    Column("n", Integer, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("blob", String(64), nullable=False),
    Column("network", JSON, nullable=False),
    Column("pipeline", JSON, nullable=False),
    Column("inplane_mm", Float, nullable=True),
    Column("scheme", JSON, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("created", String(40), nullable=False),
    Column("name", Text, nullable=False),
    # No foreign key: see run.checkpoint.
    Column("run_id", String(32), nullable=True),
    Column("parent", ForeignKey("checkpoint.id"), nullable=True),
    Column("resize", JSON, nullable=True),
)

adoption = Table(
    "adoption",
    METADATA,
    Column("n", Integer, primary_key=True),
    Column("checkpoint_id", ForeignKey("checkpoint.id"), nullable=False),
    Column("previous_id", ForeignKey("checkpoint.id"), nullable=True),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created", String(40), nullable=False),
)

prediction = Table(
    "prediction",
    METADATA,
    Column("n", Integer, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("series_uid", ForeignKey("series.uid"), nullable=False),
    # No foreign key: weights may be a file that never came into the project.
    Column("checkpoint_id", String(255), nullable=False),
    Column("labels_blob", String(64), nullable=False),
    Column("entropy_blob", String(64), nullable=False),
    Column("created", String(40), nullable=False),
    Column("options", JSON, nullable=True),
    Index(None, "series_uid", "checkpoint_id"),
)

# What classifiers said of whole slices; a mask it is not.
classification = Table(
    "classification",
    METADATA,
    Column("n", Integer, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("series_uid", ForeignKey("series.uid"), nullable=False),
    Column("checkpoint_id", String(255), nullable=False),
    Column("classes", JSON, nullable=False),
    Column("probs_blob", String(64), nullable=False),
    Column("created", String(40), nullable=False),
    Column("options", JSON, nullable=True),
    Index(None, "series_uid", "checkpoint_id"),
)

score = Table(
    "score",
    METADATA,
    Column("series_uid", ForeignKey("series.uid"), primary_key=True),
    Column("slice_index", Integer, primary_key=True, autoincrement=False),
    Column("checkpoint_id", String(255), primary_key=True),
    Column("method", String(64), primary_key=True),
    Column("value", Float, nullable=False),
    Column("reason", Text, nullable=False),
)

item = Table(
    "item",
    METADATA,
    Column("n", Integer, primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("series_uid", ForeignKey("series.uid"), nullable=False),
    Column("slice_index", Integer, nullable=False),
    Column("score", Float, nullable=False),
    Column("priority", Float, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("assignee", Text, nullable=True),
    Column("version", Integer, nullable=False),
    UniqueConstraint("series_uid", "slice_index"),
)

# Every version of each measurement; nothing is changed in place or removed.
measurement = Table(
    "measurement",
    METADATA,
    Column("n", Integer, primary_key=True),
    Column("id", String(32), nullable=False),
    Column("version", Integer, nullable=False),
    Column("series_uid", ForeignKey("series.uid"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("plane", String(16), nullable=False),
    Column("slice_index", Integer, nullable=False),
    Column("points", JSON, nullable=False),
    Column("label", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("created", String(40), nullable=False),
    Column("deleted", Boolean, nullable=False),
    UniqueConstraint("id", "version"),
)
