from __future__ import annotations

import json

import numpy as np
import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.inspect_ import INSPECT, InspectParams, run
from medlab_gui.commands.launch import plain
from medlab_gui.core.errors import NotAnImageError
from tests.synthetic import oblique_grid, write_series


def test_every_promised_key_and_the_words(tmp_path):
    grid = oblique_grid()
    write_series(tmp_path, grid, series_uid="1.2.3.4")
    (tmp_path / "letter.txt").write_text("hello", encoding="utf-8")
    told = plain(run(InspectParams(str(tmp_path)), Context()))
    (series,) = told["series"]
    assert set(series) == {
        *("uid", "modality", "description", "patient_name", "n_slices", "shape"),
        *("spacing_mm", "affine", "orientation", "units", "transfer_syntax"),
        *("problems", "name", "applied"),
    }
    assert series["shape"] == list(grid.shape)
    assert np.allclose(series["affine"], grid.affine, atol=1e-4)
    assert series["units"] == "HU"
    assert told["ignored"][0]["path"].endswith("letter.txt")
    json.dumps(told, allow_nan=False)
    words = INSPECT.text(told)
    for part in ("12 x 20 x 24", "3 x 1.5 x 1.25 mm", "1.2.3.4", "Left out: 1 file"):
        assert part in words


def test_nothing_writes_anything(tmp_path, isolated):
    write_series(tmp_path / "scan", oblique_grid())
    run(InspectParams(str(tmp_path / "scan")), Context())
    assert not isolated.exists()


def test_a_folder_without_scans_is_named(tmp_path):
    (tmp_path / "letters").mkdir()
    for name in ("a.txt", "b.txt"):
        (tmp_path / "letters" / name).write_text("hello", encoding="utf-8")
        with pytest.raises(NotAnImageError, match="letters"):
            run(InspectParams(str(tmp_path / "letters")), Context())
