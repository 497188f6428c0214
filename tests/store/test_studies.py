from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from medlab_gui.core.errors import ConflictError, InputError, StoreError
from medlab_gui.core.records import Series, Study
from medlab_gui.core.remedies import AppliedRemedy
from medlab_gui.store.project import ProjectStore
from tests.store.conftest import add_series

if TYPE_CHECKING:
    from pathlib import Path


def test_a_series_comes_back_as_it_went_in(store: ProjectStore, series: Series) -> None:
    found = store.series(series.uid)
    assert found.grid == series.grid
    assert found.grid.orientation == "LPS"
    assert found.reorientation == series.reorientation
    assert found.reorientation.source == series.reorientation.source
    assert found.problems == series.problems
    assert found.window == (40.0, 400.0)
    for name in ("uid", "study_uid", "modality", "units", "description", "source"):
        assert getattr(found, name) == getattr(series, name)
    native = found.reorientation.restore(store.array(found.blob))
    np.testing.assert_array_equal(native.ravel(), np.arange(native.size))


def test_lists_keep_the_order_of_coming(store: ProjectStore, series: Series) -> None:
    store.add_study(Study("1.1", "p-1"))
    store.add_series(replace(series, uid="1.0", study_uid="1.1", window=None))
    assert [s.uid for s in store.studies()] == ["1.2", "1.1"]
    assert [s.uid for s in store.series_list()] == [series.uid, "1.0"]
    assert [s.uid for s in store.series_list("1.1")] == ["1.0"]
    assert store.descriptions() == {series.uid: "Abdomen", "1.0": "Abdomen"}
    assert store.series("1.0").window is None
    assert store.has_series("1.0")
    assert not store.has_series("1")


def test_a_study_stays_as_it_was(store: ProjectStore, series: Series) -> None:
    store.add_study(Study("1.2", "other", None, "other"))
    assert store.study("1.2") == Study("1.2", "p-0", "2020-01-02", "Liver")


def test_what_is_not_there_is_said(store: ProjectStore, series: Series) -> None:
    with pytest.raises(InputError, match=r"no series '9\.9'.*medlab list"):
        store.series("9.9")
    with pytest.raises(InputError, match=r"no study '9'"):
        store.study("9")
    with pytest.raises(ConflictError, match="in the project already"):
        store.add_series(series)
    with pytest.raises(InputError, match="study 9 is not in the project"):
        store.add_series(replace(series, uid="x", study_uid="9"))
    with pytest.raises(StoreError, match="missing"):
        store.add_series(replace(series, uid="x", blob="0" * 64))
    assert [s.uid for s in store.series_list()] == [series.uid]


def test_what_is_unchanged_is_not_made_anew(store: ProjectStore, place: Path) -> None:
    """To make 300 series of their rows stops the window for a twentieth of a second."""
    for uid in ("1.2.3", "1.2.4"):
        add_series(store, uid)
    before = store.series_list()
    assert all(a is b for a, b in zip(before, store.series_list(), strict=True))
    remedy = AppliedRemedy("keep", "As measured.")
    with ProjectStore.open(place) as other:
        other.set_remedies(before[0].uid, [remedy])
    changed, same = store.series_list()
    assert changed.remedies == (remedy,)
    assert not before[0].remedies
    assert same is before[1]
    assert store.n_series() == 2
    with ProjectStore.open(place) as other:
        other.remember(store)
        assert other.series_list()[1] is same
