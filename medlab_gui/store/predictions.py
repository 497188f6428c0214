"""What networks said about the series of a project, and how sure they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, insert, select

from medlab_gui.core.errors import InputError
from medlab_gui.core.predicted import StoredClassification, StoredPrediction
from medlab_gui.core.records import Score
from medlab_gui.store import tables
from medlab_gui.store.stamps import new_id, utc_now
from medlab_gui.store.studies import StudyRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy import RowMapping, Table

__all__ = ["PredictionRows"]

_SCORE_KEY = ("series_uid", "slice_index", "checkpoint_id", "method")


class PredictionRows(StudyRows):
    """The part of `ProjectStore` about predictions and scores."""

    def add_prediction(
        self,
        series_uid: str,
        checkpoint_id: str,
        labels: NDArray[np.uint8],
        entropy: NDArray[np.float16],
        options: dict[str, Any] | None = None,
    ) -> StoredPrediction:
        """Keep a prediction.

        Parameters
        ----------
        series_uid : str
            What it is about.
        checkpoint_id : str
            Whose it is: a checkpoint of the project, or the name of another one.
        labels : ndarray of uint8, shape (Z, Y, X)
            Most probable class, on the working grid.
        entropy : ndarray of float16, shape (Z, Y, X)
            0 (certain) to 1.
        options : dict, optional
            How the network was asked, and what was done to its mask: plain data.

        Raises
        ------
        InputError
            If the series is unknown or a shape does not fit.
        StorageFullError
            If there is no room or no permission.
        """
        shape = self.series(series_uid).grid.shape
        for name, array in (("labels", labels), ("entropy", entropy)):
            if array.shape != shape:
                msg = (
                    f"The {name} of a prediction for this series must be {shape}; "
                    f"found {array.shape}."
                )
                raise InputError(msg)
        return _prediction(
            self._keep(
                tables.prediction,
                {"labels_blob": labels, "entropy_blob": entropy},
                series_uid=series_uid,
                checkpoint_id=checkpoint_id,
                options=options,
            )
        )

    def renew_prediction(self, stored: StoredPrediction) -> StoredPrediction:
        """Let a prediction be the newest one of its series, as if it were made now.

        Its arrays are those that are there: nothing is computed or written twice.
        """
        return _prediction(
            self._keep(
                tables.prediction,
                {},
                series_uid=stored.series_uid,
                checkpoint_id=stored.checkpoint_id,
                labels_blob=stored.labels_blob,
                entropy_blob=stored.entropy_blob,
                options=stored.options,
            )
        )

    def _keep(
        self, table: Table, arrays: dict[str, NDArray[Any]], **values: Any
    ) -> dict[str, Any]:
        """Keep arrays as blobs, then the row that names them; return the row."""
        row = {
            "id": new_id(),
            "created": utc_now(),
            **values,
            **{n: self._blobs.put_array(a, compressed=True) for n, a in arrays.items()},
        }
        with self._database.write() as connection:
            connection.execute(insert(table).values(row))
        return row

    def prediction(self, prediction_id: str) -> StoredPrediction:
        """Return one prediction, or raise `InputError`."""
        return _prediction(
            self._named(tables.prediction, "id", prediction_id, "prediction")
        )

    def prediction_or_classification(
        self, given_id: str
    ) -> StoredPrediction | StoredClassification:
        """Return what a network said, masks or classes, or raise `InputError`."""
        table = tables.classification
        row = self._first(select(table).where(table.c.id == given_id))
        return _classification(row) if row else self.prediction(given_id)

    def latest_prediction(
        self, series_uid: str, checkpoint_id: str | None = None
    ) -> StoredPrediction | None:
        """Return the newest prediction for a series (by one checkpoint), or None."""
        row = self._newest(tables.prediction, series_uid, checkpoint_id)
        return _prediction(row) if row else None

    def latest_prediction_ids(self) -> dict[str, str]:
        """Return the id of the newest prediction of each series that has one."""
        table = tables.prediction
        query = select(table.c.series_uid, table.c.id).order_by(table.c.n)
        return {row["series_uid"]: row["id"] for row in self._rows(query)}

    def _newest(
        self, table: Table, series_uid: str, checkpoint_id: str | None
    ) -> RowMapping | None:
        query = (
            select(table)
            .where(table.c.series_uid == series_uid)
            .order_by(table.c.n.desc())
        )
        if checkpoint_id is not None:
            query = query.where(table.c.checkpoint_id == checkpoint_id)
        return self._first(query)

    def add_classification(
        self,
        series_uid: str,
        checkpoint_id: str,
        classes: Sequence[str],
        probs: NDArray[np.float32],
        options: dict[str, Any] | None = None,
    ) -> StoredClassification:
        """Keep what a classifier said of the slices of a series.

        Parameters
        ----------
        series_uid, checkpoint_id : str
            As in `add_prediction`.
        classes : sequence of str
            Names of the C classes, that of value 0 first.
        probs : ndarray of float32, shape (Z, C)
            Probability of each class in each slice of the working grid.
        options : dict, optional
            How the network was asked: plain data.

        Raises
        ------
        InputError
            If the series is unknown or the shape does not fit.
        StorageFullError
            If there is no room or no permission.
        """
        shape = (self.series(series_uid).n_slices, len(classes))
        if probs.shape != shape:
            msg = (
                f"The probabilities for this series must be {shape}; found "
                f"{probs.shape}."
            )
            raise InputError(msg)
        return _classification(
            self._keep(
                tables.classification,
                {"probs_blob": probs},
                series_uid=series_uid,
                checkpoint_id=checkpoint_id,
                classes=list(classes),
                options=options,
            )
        )

    def latest_classification(
        self, series_uid: str, checkpoint_id: str | None = None
    ) -> StoredClassification | None:
        """Return the newest word of a classifier on a series (of one), or None."""
        row = self._newest(tables.classification, series_uid, checkpoint_id)
        return _classification(row) if row else None

    def put_scores(self, scores: Iterable[Score]) -> None:
        """Keep scores; each takes the place of the one with the same four keys."""
        rows = [
            {
                "series_uid": s.series_uid,
                "slice_index": s.slice_index,
                "checkpoint_id": s.checkpoint_id,
                "method": s.method,
                "value": float(s.value),
                "reason": s.reason,
            }
            for s in scores
        ]
        if not rows:
            return
        table = tables.score
        same = [table.c[key] == bindparam(f"old_{key}") for key in _SCORE_KEY]
        old = [{f"old_{key}": row[key] for key in _SCORE_KEY} for row in rows]
        with self._database.write() as connection:
            connection.execute(delete(table).where(*same), old)
            connection.execute(insert(table), rows)

    def scores(self, checkpoint_id: str | None = None) -> tuple[Score, ...]:
        """Return all scores, or those by one checkpoint, by series and slice."""
        table = tables.score
        query = select(table).order_by(table.c.series_uid, table.c.slice_index)
        if checkpoint_id is not None:
            query = query.where(table.c.checkpoint_id == checkpoint_id)
        return tuple(
            Score(
                row["series_uid"],
                row["slice_index"],
                row["checkpoint_id"],
                row["method"],
                row["value"],
                row["reason"],
            )
            for row in self._rows(query)
        )


def _prediction(row: RowMapping | dict[str, Any]) -> StoredPrediction:
    return StoredPrediction(
        row["id"],
        row["series_uid"],
        row["checkpoint_id"],
        row["labels_blob"],
        row["entropy_blob"],
        row["created"],
        row["options"],
    )


def _classification(row: RowMapping | dict[str, Any]) -> StoredClassification:
    return StoredClassification(
        row["id"],
        row["series_uid"],
        row["checkpoint_id"],
        tuple(row["classes"]),
        row["probs_blob"],
        row["created"],
        row["options"],
    )
