import numpy as np
import pytest

from medlab_gui.core.errors import GeometryError
from medlab_gui.core.volume import Volume
from tests.synthetic import oblique_grid, phantom_values, plain_grid


def test_reoriented_volume_keeps_values_at_their_place():
    grid = oblique_grid()
    volume = Volume(phantom_values(grid), grid, "CT", "HU", "1.2")
    turned = volume.reoriented(grid.canonical())
    assert np.array_equal(turned.data, phantom_values(turned.grid))
    assert (turned.modality, turned.units, turned.series_uid) == ("CT", "HU", "1.2")


def test_shapes_must_fit():
    grid = plain_grid((2, 3, 4))
    with pytest.raises(GeometryError, match="volume has the shape"):
        Volume(np.zeros((2, 3, 5)), grid, "CT", "HU", "1.2")
