import numpy as np
import pytest

from medlab_gui.core.errors import GeometryError
from medlab_gui.core.labels import LabelScheme
from medlab_gui.core.volume import LabelMap, Prediction, Volume
from tests.synthetic import oblique_grid, phantom_values, plain_grid

SCHEME = LabelScheme.from_names("organs", ["Liver", "Spleen"])


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
    with pytest.raises(GeometryError, match="mask has the shape"):
        LabelMap(np.zeros((2, 3, 5), np.uint8), grid, SCHEME)
    labels = LabelMap(np.zeros(grid.shape, np.uint8), grid, SCHEME)
    with pytest.raises(GeometryError, match="entropy has the shape"):
        Prediction(labels, np.zeros((1, 3, 4), np.float16), "c")


def test_mask_is_uint8_and_unconfirmed():
    grid = plain_grid((2, 3, 4))
    with pytest.raises(GeometryError, match="must be uint8"):
        LabelMap(np.zeros(grid.shape, np.int32), grid, SCHEME)
    labels = LabelMap(np.zeros(grid.shape, np.uint8), grid, SCHEME)
    assert labels.confirmed.tolist() == [False, False]
    with pytest.raises(GeometryError, match="2 slices"):
        LabelMap(labels.data, grid, SCHEME, np.zeros(3, bool))
