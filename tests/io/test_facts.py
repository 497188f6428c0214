"""Every real scan against facts of independent readers.

`tests/io/facts/collect.py` says how they were found, and what they mean.

The facts lie beside this file, so that a change of ours that turns, shifts or rescales
a picture fails here, whatever our own other tests say.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.records import Severity
from medlab_gui.io import mask_on_grid, read_mask, read_volume, scan

FACTS = Path(__file__).parent / "facts"
ENTRIES = {
    path: entry
    for file in sorted(FACTS.glob("*.json"))
    for path, entry in json.loads(file.read_text(encoding="utf-8")).items()
}


BESIDE = (
    *("LICENSE", "COPYING", "METADATA", "copyright", "DICOMDIR", ".txt", ".json"),
    *(".xml", ".xml.gz", ".pfx", ".bval", ".bvec", ".itksnap", ".label", ".vtp"),
    *("brainlab.jpg", "slicer.png", "preview_total.png"),
)
"""Endings of what is no scan; `test_dicomdir` has the indexes of discs."""


def test_no_scan_is_without_facts(shared):
    data = shared / "data"
    known = set(ENTRIES)
    folders = {data / path.partition("/")[0] for path in known}
    files = (p.relative_to(data) for f in folders for p in f.rglob("*") if p.is_file())
    forgotten = [
        path.as_posix()
        for path in sorted(files)
        if known.isdisjoint(p.as_posix() for p in (path, *path.parents))
        and not path.name.endswith(BESIDE)
    ]
    assert forgotten == []


@pytest.mark.parametrize("path", ENTRIES)
def test_is_what_others_see(shared, path):
    entry = ENTRIES[path]
    place = shared / "data" / path
    facts = entry["series"]
    if "refused" in entry:
        with pytest.raises(MedlabError, match=entry["refused"]):
            scan(place)
        return
    left = list(scan(place).series)
    if "drawn" in entry:
        assert np.count_nonzero(read_mask(place)[0]) == entry["drawn"]
    if "unreadable" in entry:
        (series,) = left
        with pytest.raises(MedlabError, match=entry["unreadable"]):
            read_volume(series)
        return
    if not facts:
        assert all(s.blocking for s in left)
        assert {s.blocking.code for s in left} <= set(entry["blocked"])
        return
    if "twin" in entry:
        _is_its_twin(left, shared / "data" / entry["twin"])
    told = {p.code for s in left for p in s.problems}
    assert set(entry.get("must_name", [])) <= told
    if "name" in entry:
        for series in left:
            assert all(word in series.patient_name for word in entry["name"])
    pages = [f for f in facts if f.get("no_values") == "colour" and len(facts) > 1]
    if pages and all("corners" not in f for f in pages):
        # How pages without a place are bundled is a matter of taste; none may get lost.
        ours = [s for s in left if "colour" in {p.code for p in s.problems}]
        assert _n_by_size(s.shape for s in ours) == _n_by_size(
            f["shape"] for f in pages
        )
        assert all(s.blocking for s in ours)
        left = [s for s in left if s not in ours]
        facts = [f for f in facts if f not in pages]
    for fact in facts:
        matching = [s for s in left if _is_like(s, fact)]
        assert matching, f"no series like {fact} among {[_shown(s) for s in left]}"
        series = matching[0]
        if series.blocking is not None:
            assert _may_be_blocked(series, fact, entry), series.blocking
        else:
            series = next(s for s in matching if _has_values(s, fact))
        left.remove(series)
    assert [_shown(s) for s in left] == []


def _n_by_size(shapes):
    sizes = Counter()
    for n, rows, columns in shapes:
        sizes[rows, columns] += n
    return sizes


def _is_its_twin(found, twin):
    """What another program made of the DICOM files has the same voxels in place."""
    (series,) = found
    (source,) = scan(twin).series
    volume = read_volume(source)
    turned = mask_on_grid(read_volume(series).data, series.grid, volume.grid)
    assert np.array_equal(turned, volume.data)


def _shown(series):
    codes = [p.code for p in series.problems]
    corners = None if series.grid is None else _corners(series.grid).round(3).tolist()
    return series.shape, corners, codes, series.description


def _corners(grid):
    z, y, x = (n - 1 for n in grid.shape)
    return grid.to_mm(np.array([(0, 0, 0), (z, 0, 0), (0, y, 0), (0, 0, x)]))


def _is_like(series, fact):
    """Whether size, place, modality and encoding are those of a fact."""
    if list(series.shape) != fact["shape"]:
        return False
    if fact.get("modality", series.modality) not in (series.modality, ""):
        return False
    if series.grid is None or "corners" not in fact:
        return True
    # A slice that the facts place by a rounded position may be off by that much.
    off = np.abs(_corners(series.grid) - np.array(fact["corners"])).max(axis=1)
    if fact.get("uneven"):
        off[1] = 0  # no even grid has all slices where they are
    # Cosines are written with few digits; ours are made unit vectors first.
    return off.max() <= 0.02 + 2e-4 * np.ptp(fact["corners"])


def _may_be_blocked(series, fact, entry):
    if "blocked" in entry:
        return series.blocking.code in entry["blocked"]
    if fact.get("mode") == "L":  # grey pictures
        return False
    return "corners" not in fact or "min" not in fact


def _has_values(series, fact):
    volume = read_volume(series)
    assert volume.grid.same_as(series.grid)
    if "min" not in fact:
        # What the other readers cannot decode or colour: ours must not pass for more
        # than a picture with a warning.
        return any(p.severity is not Severity.NOTE for p in series.problems)
    data = volume.data.astype(np.float64)
    scale = max(1.0, abs(fact["min"]), abs(fact["max"]))
    got = data.min(), data.max(), data.mean()
    wanted = fact["min"], fact["max"], fact["mean"]
    if fact.get("not_numbers"):  # shown as the smallest, so the mean is another
        got, wanted = got[:2], wanted[:2]
    if not np.allclose(got, wanted, rtol=1e-5, atol=1e-6 * scale):
        return False
    for *mm, value in [] if fact.get("uneven") else fact.get("voxels", []):
        index = np.rint(volume.grid.to_index(np.array(mm))).astype(int)
        if value is not None and not np.isclose(
            data[tuple(index)], value, rtol=1e-5, atol=1e-5 * scale
        ):
            return False
    return True
