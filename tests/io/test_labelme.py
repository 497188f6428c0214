"""Labelme files and pictures as masks."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image
from skimage.draw import polygon2mask

from medlab_gui.core.errors import DamagedFileError, GeometryError, InputError
from medlab_gui.io import mask_on_grid, read_mask, read_one
from tests.synthetic import plain_grid


def shape(label, kind, points, **more):
    return {"label": label, "shape_type": kind, "points": points, **more}


def labelme(path, *shapes, size=(40, 50), **more):
    content = {
        "version": "5.4.1",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": f"{path.stem}.png",
        "imageData": None,
        "imageHeight": size[0],
        "imageWidth": size[1],
        **more,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def picture(path, size=(40, 50)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros(size, np.uint8)).save(path)


def test_shapes_fill_what_they_enclose(tmp_path):
    path = labelme(
        tmp_path / "a.json",
        shape("liver", "polygon", [[5, 5], [30, 6], [28, 35], [6, 30]]),
        shape("tumour", "circle", [[15, 15], [15, 20]]),
        shape("vessel", "rectangle", [[44, 38], [40, 30]]),
    )
    mask, grid = read_mask(path, {"Liver": 1, "TUMOUR": 2, "vessel": 3})
    assert grid is None
    assert mask.dtype == np.uint8
    assert mask.shape == (1, 40, 50)
    plane = mask[0]
    # Pillow draws the border too, so it is a little more than the plain interior.
    inside = polygon2mask((40, 50), [[5, 5], [6, 30], [35, 28], [30, 6]])
    assert np.all(plane[inside] > 0)
    extra = (np.isin(plane, (1, 2)) & ~inside).sum()
    assert extra < 100
    rows, columns = np.nonzero(plane == 2)
    assert np.hypot(rows - 15, columns - 15).max() <= 5.8
    assert abs((plane == 2).sum() - np.pi * 5.5**2) < 12
    expected = np.zeros((40, 50), bool)
    expected[30:39, 40:45] = True
    assert np.array_equal(plane == 3, expected)


def test_later_shapes_lie_upon_earlier_ones(tmp_path):
    outer = shape("1", "rectangle", [[0, 0], [20, 20]])
    inner = shape("2", "rectangle", [[5, 5], [10, 10]])
    hole = shape("_background_", "rectangle", [[12, 12], [14, 14]])
    unsure = shape("__ignore__", "rectangle", [[16, 16], [18, 18]])
    mask, _ = read_mask(labelme(tmp_path / "a.json", outer, inner, hole, unsure))
    assert (mask[0, 2, 2], mask[0, 7, 7], mask[0, 13, 13], mask[0, 17, 17]) == (
        *(1, 2, 0, 255),
    )


def test_painted_mask(tmp_path):
    part = np.zeros((4, 6), np.uint8)
    part[1:3, 2:5] = 255
    buffer = io.BytesIO()
    Image.fromarray(part).save(buffer, "PNG")
    packed = base64.b64encode(buffer.getvalue()).decode()
    path = labelme(
        tmp_path / "a.json", shape("7", "mask", [[10, 20], [15, 23]], mask=packed)
    )
    mask, _ = read_mask(path)
    assert np.array_equal(mask[0, 20:24, 10:16], np.where(part, 7, 0))
    assert mask.sum() == 7 * 6


def test_folder_takes_the_slices_of_its_pictures(tmp_path):
    for n in range(12):
        picture(tmp_path / f"s{n}.png")
    for n in (2, 10):
        labelme(tmp_path / f"s{n}.json", shape(str(n), "rectangle", [[0, 0], [9, 9]]))
    mask, _ = read_mask(tmp_path)
    assert mask.shape == (12, 40, 50)
    assert [k for k in range(12) if mask[k].any()] == [2, 10]
    assert mask[10].max() == 10
    # The pictures themselves are the scan; the mask lies on it.
    _, volume = read_one(tmp_path)
    assert mask_on_grid(mask, None, volume.grid) is mask


def test_folder_without_pictures_has_a_slice_for_each_file(tmp_path):
    for n in (1, 2, 10):
        labelme(tmp_path / f"s{n}.json", shape(str(n), "rectangle", [[0, 0], [9, 9]]))
    mask, _ = read_mask(tmp_path)
    assert [int(p.max()) for p in mask] == [1, 2, 10]


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ([shape("a", "point", [[1, 1]])], "has no area"),
        ([shape("1", "line", [[1, 1], [5, 5]])], "has no area"),
        ([shape("1", "polygon", [[1, 1], [5, 5]])], "encloses nothing"),
        ([shape("spleen", "rectangle", [[1, 1], [5, 5]])], "'spleen', which is no"),
        ([shape("1", "rectangle", [[1, "x"], [5, 5]])], "has no points"),
        ([shape("1", "circle", [[1, 1], [1e9, 5]])], "lies nowhere"),
        ([{"shape_type": "polygon"}], "has no label"),
    ],
)
def test_what_cannot_be_filled_is_told(tmp_path, shapes, said):
    path = labelme(tmp_path / "a.json", *shapes)
    with pytest.raises(InputError) as caught:
        read_mask(path, {"a": 1})
    assert said in caught.value.message
    assert "a.json" in caught.value.message


def test_sizes_are_compared(tmp_path):
    labelme(tmp_path / "a.json", shape("1", "rectangle", [[0, 0], [3, 3]]))
    picture(tmp_path / "a.png", (41, 50))
    with pytest.raises(
        GeometryError, match=r"50 x 40 pixels, but a\.png beside it has"
    ):
        read_mask(tmp_path / "a.json")
    (tmp_path / "a.png").unlink()
    labelme(tmp_path / "b.json", size=(20, 50))
    with pytest.raises(GeometryError, match="of one size"):
        read_mask(tmp_path)
    other = plain_grid((1, 41, 50))
    mask, _ = read_mask(tmp_path / "a.json")
    with pytest.raises(GeometryError, match="1 slice of 50 x 40 pixels"):
        mask_on_grid(mask, None, other)


def test_a_file_whose_picture_is_not_there(tmp_path):
    picture(tmp_path / "x.png")
    labelme(tmp_path / "y.json", shape("1", "rectangle", [[0, 0], [3, 3]]))
    with pytest.raises(InputError, match=r"y\.json .* belongs to no picture"):
        read_mask(tmp_path)


def test_size_from_the_picture_and_paths_that_lead_elsewhere(tmp_path):
    picture(tmp_path / "in" / "a.png", (30, 31))
    picture(tmp_path / "b.png", (7, 7))
    path = labelme(
        tmp_path / "in" / "a.json",
        shape("1", "rectangle", [[0, 0], [3, 3]]),
        imageHeight=None,
        imageWidth=None,
        imagePath="C:\\work\\a.png",
    )
    assert read_mask(path)[0].shape == (1, 30, 31)
    labelme(path, imageHeight=None, imageWidth=None, imagePath="../b.png")
    with pytest.raises(DamagedFileError, match="size of its picture"):
        read_mask(path)


@pytest.mark.parametrize("text", ["{}", "[1]", "{", '{"shapes": 3}', "\xff"])
def test_other_json_is_no_mask(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(InputError):
        read_mask(path)


def test_pictures_as_masks(tmp_path):
    data = np.zeros((3, 20, 30), np.uint8)
    data[1, 4:9, 5:12] = 3
    for n, plane in enumerate(data):
        (tmp_path / "png").mkdir(exist_ok=True)
        Image.fromarray(plane).save(tmp_path / "png" / f"{n}.png")
    mask, grid = read_mask(tmp_path / "png")
    assert grid is None
    assert np.array_equal(mask, data)


def test_jpeg_noise_is_taken_off_black_and_white_only(tmp_path):
    truth = np.zeros((64, 64), np.uint8)
    truth[20:40, 10:50] = 255
    Image.fromarray(truth).save(tmp_path / "m.jpg", quality=80)
    with Image.open(tmp_path / "m.jpg") as image:
        assert len(np.unique(np.array(image))) > 2
    mask, _ = read_mask(tmp_path / "m.jpg")
    assert np.array_equal(mask[0], truth)
    ramp = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    Image.fromarray(ramp).save(tmp_path / "r.jpg")
    with pytest.raises(InputError, match="Save masks as PNG"):
        read_mask(tmp_path / "r.jpg")
