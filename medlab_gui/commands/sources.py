"""Slices of a project as the trainer and the judge see them (a `SliceSource`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from medlab_gui.core.errors import InputError
from medlab_gui.imaging.padding import is_padding, without_padding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from medlab_gui.core.records import Series
    from medlab_gui.learning.dataset import SliceKey
    from medlab_gui.store.project import ProjectStore

__all__ = ["ProjectSource", "labelled_keys", "locked_source", "training_source"]


@dataclass
class ProjectSource:
    """Slices whose truth is a pinned revision of a project's masks.

    Parameters
    ----------
    store : ProjectStore
        The project; used by this thread only.
    truth : mapping of SliceKey to str
        Each slice and the id of the annotation that holds its truth.
    """

    store: ProjectStore
    truth: Mapping[SliceKey, str]
    _series: dict[str, Series] = field(default_factory=dict, init=False)
    _masks: dict[str, NDArray[np.uint8]] = field(default_factory=dict, init=False)
    _groups: dict[str, str] = field(default_factory=dict, init=False)

    @property
    def keys(self) -> tuple[SliceKey, ...]:
        """The slices, in the order of series and position."""
        return tuple(sorted(self.truth, key=lambda k: (k.series_uid, k.slice_index)))

    def _record(self, uid: str) -> Series:
        if uid not in self._series:
            self._series[uid] = self.store.series(uid)
        return self._series[uid]

    def image(self, key: SliceKey) -> NDArray[Any]:
        """Return the picture, shape (Y, X), in the units of the series."""
        series = self._record(key.series_uid)
        picture = self.store.array(series.blob)[key.slice_index]
        return without_padding(picture, series.display.padding)

    def scan(self, key: SliceKey) -> NDArray[Any]:
        """Return the whole scan of a slice, shape (Z, Y, X).

        Mapped, not read, where no voxel of it only fills the picture.
        """
        series = self._record(key.series_uid)
        return without_padding(self.store.array(series.blob), series.display.padding)

    def depth(self, key: SliceKey) -> int:
        """Return how many slices the scan of a slice has."""
        return self._record(key.series_uid).n_slices

    def labels(self, key: SliceKey) -> NDArray[np.uint8]:
        """Return the truth, shape (Y, X)."""
        annotation = self.truth[key]
        if annotation not in self._masks:
            self._masks[annotation] = self.store.annotation_mask(
                self.store.annotation(annotation)
            )
        labels: NDArray[np.uint8] = self._masks[annotation][key.slice_index]
        return labels

    def unmeasured(self, key: SliceKey) -> NDArray[np.bool_] | None:
        """Return which pixels only fill the picture; None where none does."""
        series = self._record(key.series_uid)
        picture = self.store.array(series.blob)[key.slice_index]
        return is_padding(picture, series.display.padding)

    def spacing(self, key: SliceKey) -> tuple[float, float]:
        """Return ``(dy, dx)`` in mm."""
        return self._record(key.series_uid).grid.spacing[1:]

    def group(self, key: SliceKey) -> str:
        """Return the patient's pseudonym: splits never part a patient's slices."""
        if not self._groups:
            self._groups.update({s.uid: s.patient_key for s in self.store.studies()})
        series = self._record(key.series_uid)
        return series.patient_of(self._groups[series.study_uid], key.slice_index)


def labelled_keys(store: ProjectStore) -> dict[SliceKey, str]:
    """Return the slices that a person vouches for, locked ones left out."""
    from medlab_gui.learning.dataset import SliceKey

    locked = {(s.series_uid, s.slice_index) for s in store.locked()}
    found: dict[SliceKey, str] = {}
    for series in store.series_list():
        annotation = store.latest_annotation(series.uid)
        if annotation is None:
            continue
        for k in annotation.confirmed:
            if (series.uid, k) not in locked:
                found[SliceKey(series.uid, k)] = annotation.id
    return found


def locked_source(store: ProjectStore) -> ProjectSource:
    """Return the locked validation slices with the truth that was pinned."""
    from medlab_gui.learning.dataset import SliceKey

    locked = store.locked()
    return ProjectSource(
        store,
        {SliceKey(s.series_uid, s.slice_index): s.annotation_id for s in locked},
    )


def training_source(
    store: ProjectStore, *, seed: int, by_class: bool = False
) -> ProjectSource:
    """Return what may be learned from; draw a validation set first if there is none.

    Where no slice is locked yet, about a fifth of the labelled slices is locked, by
    patient where there are several, else as a contiguous block. Who of the rest may
    teach, `commands.splits` says.

    Parameters
    ----------
    store : ProjectStore
        The project.
    seed : int
        Of the draw.
    by_class : bool
        Whether each class that slices show is to be on both sides, for classifiers.

    Raises
    ------
    InputError
        If too little is labelled, or nothing that could be told apart; nothing is
        locked then.
    """
    from medlab_gui.learning.check import check_slices
    from medlab_gui.learning.duplicates import merged_groups
    from medlab_gui.learning.folds import split_slices
    from medlab_gui.learning.whole_slices import shown_classes

    labelled = labelled_keys(store)
    if not store.locked():
        source = ProjectSource(store, labelled)
        if len(labelled) < 4:
            msg = (
                f"Fine-tuning needs at least 4 labelled slices, so that some can judge "
                f"the new weights; there are {len(labelled)}. Label some more."
            )
            raise InputError(msg)
        keys = list(source.keys)
        groups = merged_groups(source)
        shown = shown_classes(source) if by_class else None
        rest, validation = split_slices(keys, groups, 0.2, seed, shown)
        # Before anything is locked: that is for good, and nothing may come of this.
        teaching = ProjectSource(store, {key: labelled[key] for key in rest})
        check_slices(teaching, store.scheme(), by_class=by_class)
        _lock(store, validation, labelled)
        labelled = labelled_keys(store)
    if not labelled:
        msg = (
            "Nothing is labelled yet outside the locked validation set. Correct and "
            "accept at least one slice, then fine-tune."
        )
        raise InputError(msg)
    return ProjectSource(store, labelled)


def _lock(
    store: ProjectStore, keys: Iterable[SliceKey], truth: Mapping[SliceKey, str]
) -> None:
    by_series: dict[str, list[int]] = {}
    annotation: dict[str, str] = {}
    for key in keys:
        by_series.setdefault(key.series_uid, []).append(key.slice_index)
        annotation[key.series_uid] = truth[key]
    for uid, indices in by_series.items():
        store.lock_slices(uid, sorted(indices), annotation[uid])
