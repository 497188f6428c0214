"""A series that is looked at while it is still being read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.i18n import _
from medlab_gui.core.records import Series
from medlab_gui.review.session import ReviewSession

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from medlab_gui.core.geometry import Reorientation
    from medlab_gui.core.labels import LabelScheme
    from medlab_gui.core.records import Annotation
    from medlab_gui.io import FileSeries, VolumeStream

__all__ = ["ProvisionalSession", "first_slice"]


def first_slice(found: FileSeries) -> int:
    """Return the stored slice to read first: the one in the middle of what is shown.

    Parameters
    ----------
    found : FileSeries
        With a grid.
    """
    assert found.grid is not None
    return _stored_slice(found.grid.canonical(), found.shape[0] // 2)


class ProvisionalSession(ReviewSession):
    """A series whose slices come in one by one; it can be looked at, not edited.

    The arrays are on the working grid, as those of the project will be. Nothing of it
    is in the project, and there is no journal.

    Parameters
    ----------
    stream : VolumeStream
        What reads it.
    found : FileSeries
        As it is to be taken into the project.
    scheme : LabelScheme
        Of the project.
    author : str
        Who reviews.
    """

    is_provisional = True

    def __init__(
        self,
        stream: VolumeStream,
        found: FileSeries,
        scheme: LabelScheme,
        author: str,
    ) -> None:
        super().__init__("", found.uid, author)
        assert found.grid is not None
        self.stream = stream
        self.scheme = scheme
        self.read_only = True
        self.read_only_reason = _(
            "The scan is still being read. Editing, measuring and prediction begin "
            "when it is in the project."
        )
        self._how = found.grid.canonical()
        self._stored = stream.volume
        self.volume = self._stored.reoriented(self._how)
        self.series = Series(
            uid=found.uid,
            study_uid=found.study_uid,
            modality=found.modality,
            units=found.units,
            grid=self.volume.grid,
            description=found.name,
            source="",
            reorientation=self._how,
            blob="",
            problems=tuple(found.problems),
            window=found.window,
            display=stream.display,
            remedies=found.applied,
        )
        # One voxel's worth of memory: nobody writes into it.
        self.mask = np.broadcast_to(np.uint8(0), self.volume.grid.shape)
        self.confirmed = np.zeros(self.volume.grid.shape[0], np.bool_)
        self._filled = self._now_filled()
        self._k = self.volume.grid.shape[0] // 2

    # ---- what has come in -----------------------------------------------------

    @property
    def is_sliced(self) -> bool:
        """Whether slices of the files are slices of the picture (axial scans)."""
        return self._how.axes[0] == 0

    @property
    def n_read(self) -> int:
        """How many slices of the files have been read."""
        return int(np.count_nonzero(self.stream.filled))

    @property
    def n_to_read(self) -> int:
        """How many slices the files have."""
        return self.stream.series.shape[0]

    def _now_filled(self) -> NDArray[np.bool_]:
        """Return which slices of the working grid can be shown: bool, shape (Z,)."""
        filled = self.stream.filled
        if self.is_sliced:
            return filled[::-1] if self._how.flips[0] else filled
        # Each slice of the files is a line in every picture: lines that are not read
        # yet are zero, and the picture is worth a look with the first of them.
        return np.full(self.volume.grid.shape[0], filled.any())

    def update(self) -> None:
        """Take up what the stream has read since, and tell `arrived` if anything."""
        stored = self.stream.volume
        if stored.data is not self._stored.data:
            # A value did not fit into int16: the stream went over to float32.
            self._stored = stored
            self.volume = stored.reoriented(self._how)
        before, self._filled = self._filled, self._now_filled()
        if not self.is_sliced or not np.array_equal(before, self._filled):
            self.arrived.emit()

    def is_filled(self, k: int) -> bool:
        """Tell whether a slice can be shown."""
        return bool(self._filled[k])

    def want(self, k: int) -> None:
        """Have a slice of the working grid read next."""
        if self.is_sliced and not self.is_filled(k):
            self.stream.want(_stored_slice(self._how, k))

    def sample(self) -> NDArray[Any]:
        """Return a whole slice that has been read: the middle one, or of the files."""
        data = self.stream.volume.data
        if self.is_sliced or self.stream.done:
            return super().sample()
        return np.asarray(data[data.shape[0] // 2])

    # ---- nothing to edit, nothing to save ---------------------------------------

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to take back."""
        return False

    @property
    def can_redo(self) -> bool:
        """Whether there is an edit to bring again."""
        return False

    def undo(self) -> bool:
        """Take nothing back."""
        return False

    def redo(self) -> bool:
        """Bring nothing again."""
        return False

    @property
    def n_unsaved(self) -> int:
        """Edits that the latest revision does not hold."""
        return 0

    @property
    def saved_at(self) -> float | None:
        """When something was saved."""
        return None

    @property
    def is_durable(self) -> bool:
        """Whether every edit would survive a loss of power: there is none."""
        return True

    @property
    def was_refused(self) -> bool:
        """Whether the disk refused to keep the last edit: there is none."""
        return False

    def is_touched(self, k: int) -> bool:
        """Tell whether somebody decided something on a slice."""
        return False

    def note_saved(self, annotation: Annotation) -> None:
        """Take no note: there is nothing to save yet."""


def _stored_slice(how: Reorientation, k: int) -> int:
    """Return which slice of the files is number k of the planes they were taken in."""
    n = how.source.shape[0]
    return n - 1 - k if how.flips[how.axes.index(0)] else k
