from __future__ import annotations

import numpy as np

from medlab_gui.commands.command import Context
from medlab_gui.commands.import_ import ImportParams, run
from medlab_gui.core.geometry import Grid
from medlab_gui.gui.study_rows import in_files, in_project
from medlab_gui.io import scan
from medlab_gui.store.project import ProjectStore
from tests.synthetic import write_series


def test_a_sagittal_scan_has_as_many_slices_in_the_project_as_in_its_files(tmp_path):
    affine = np.array(
        [[4.0, 0, 0, -8], [0, 0, 1.0, -10], [0, -1.0, 0, 12], [0, 0, 0, 1]]
    )
    write_series(tmp_path / "in", Grid((5, 24, 20), affine))
    place = str(tmp_path / "project")
    run(ImportParams(str(tmp_path / "in")), Context(place))
    with ProjectStore.open(place) as store:
        series = store.series_list()
        (stored,) = in_project(store.studies(), series, {s.uid: 0 for s in series}, {})
        # One labels axial slices, whatever plane the scan was taken in.
        labelled = {s.uid: 7 for s in series}
        (begun,) = in_project(store.studies(), series, labelled, {})
    (found,) = in_files(scan(tmp_path / "in").series, {})
    assert stored.facts == found.facts == "CT · 5 slices"
    assert begun.facts == "CT · 7/24 labelled"
