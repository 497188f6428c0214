"""What the tests of DICOM series look at."""

from __future__ import annotations

import numpy as np

from medlab_gui.io import scan
from tests.synthetic import phantom_values


def codes(series):
    return {p.code for p in series.problems}


def problem(series, code):
    (found,) = [p for p in series.problems if p.code == code]
    assert not found.message[0].islower()
    assert found.message.rstrip().endswith(".")
    return found


def assert_is_phantom(volume):
    """Every voxel must be what belongs to its place in the patient."""
    expected = phantom_values(volume.grid).astype(int)
    # Positions were rounded to micrometres; a value may round the other way.
    assert np.abs(volume.data.astype(int) - expected).max() <= 1
    assert np.mean(volume.data != expected) < 0.01


def one(folder):
    (series,) = scan(folder).series
    return series


def applied(series):
    return [a.code for a in series.applied]
