from __future__ import annotations

import itertools

import numpy as np

from medlab_gui.core.geometry import Reorientation
from medlab_gui.core.labels import LabelClass, LabelScheme
from medlab_gui.io import open_stream, scan, write_image
from medlab_gui.review.provisional import ProvisionalSession
from tests.synthetic import plain_grid

SCHEME = LabelScheme("test", (LabelClass(1, "Organ", (255, 0, 0)),))


def test_every_order_of_axes_shows_the_same_sample(tmp_path):
    """The window is chosen from it, so all files of one volume look alike."""
    grid = plain_grid((4, 5, 6))
    values = np.arange(4 * 5 * 6, dtype=np.int16).reshape(grid.shape)
    seen = set()
    for n, (axes, flips) in enumerate(
        itertools.product(
            itertools.permutations(range(3)), itertools.product((False, True), repeat=3)
        )
    ):
        how = Reorientation(grid, axes, flips)
        path = tmp_path / f"order{n}.nii.gz"
        write_image(path, how.apply(values), how.grid)
        (found,) = scan(path).series
        stream = open_stream(found)
        stream.wait()
        session = ProvisionalSession(stream, found, SCHEME, "somebody")
        assert session.volume.grid.shape == grid.shape
        seen.add(session.sample().tobytes())
    assert n == 47
    assert len(seen) == 1
