"""Stacks of PNG, JPEG and TIFF."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
import tifffile
from PIL import Image

from medlab_gui.core.errors import DamagedFileError, GeometryError, InputError
from medlab_gui.core.records import Severity
from medlab_gui.io import read_one, read_volume, scan
from medlab_gui.io.image_stack import natural_key, offered_spacing
from medlab_gui.io.restack import give_spacing
from medlab_gui.io.treatment import treat
from tests.synthetic import plain_grid, write_series

RNG = np.random.default_rng(5)


def stack(folder, data, ending=".png", names=None):
    folder.mkdir(parents=True, exist_ok=True)
    for n, plane in enumerate(data):
        name = names[n] if names else f"slice{n}"
        Image.fromarray(plane).save(folder / f"{name}{ending}")
    return folder


def codes(series):
    return {p.code: p for p in series.problems}


@pytest.mark.parametrize("ending", [".png", ".tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_pixel_and_the_natural_order(tmp_path, ending, dtype):
    data = RNG.integers(0, 30000 if dtype == np.uint16 else 256, (12, 7, 9))
    data = data.astype(dtype)
    series, volume = read_one(stack(tmp_path / "scan", data, ending))
    assert [f.stem for f in series.files] == [f"slice{n}" for n in range(12)]
    assert np.array_equal(volume.data, data)
    assert volume.data.dtype == (np.uint8 if dtype == np.uint8 else np.int16)
    assert series.shape == (12, 7, 9)
    assert (series.description, series.modality, series.units) == ("scan", "OT", None)
    found = codes(series)
    assert found["no-spacing"].severity is Severity.UNSAFE
    assert found["no-orientation"].severity is Severity.UNSAFE
    assert series.grid.spacing == (1.0, 1.0, 1.0)


def test_sixteen_bits_beyond_int16_stay_exact(tmp_path):
    data = np.array([[[0, 40000], [65535, 7]]], np.uint16)
    _, volume = read_one(stack(tmp_path / "s", data))
    assert volume.data.dtype == np.float32
    assert np.array_equal(volume.data, data)


def test_natural_order_of_names():
    names = ["img10", "img9", "IMG_2b", "img1", "a", "img 3", "2", "10"]
    assert sorted(names, key=natural_key) == [
        *("2", "10", "a", "img1", "img9", "img10", "img 3", "IMG_2b"),
    ]


def test_spacing_given_by_hand_goes_with_it(tmp_path):
    data = RNG.integers(0, 256, (4, 5, 6)).astype(np.uint8)
    (series,) = scan(stack(tmp_path / "s", data)).series
    done = give_spacing(series, (2.5, 0.7, 0.8))
    assert done.grid.spacing == pytest.approx((2.5, 0.7, 0.8))
    assert "no-spacing" not in codes(done)
    assert "no-orientation" in codes(done)
    assert np.array_equal(read_volume(done).data, data)
    with pytest.raises(GeometryError):
        give_spacing(series, (0, 1, 1))


@pytest.mark.parametrize("bits", [8, 16])
def test_tiff_of_several_pages(tmp_path, bits):
    data = RNG.integers(0, 2**bits // 2, (5, 6, 7)).astype(f"uint{bits}")
    tifffile.imwrite(tmp_path / "pages.tif", data, photometric="minisblack")
    series, volume = read_one(tmp_path / "pages.tif")
    assert series.description == "pages"
    assert np.array_equal(volume.data, data)
    # Beside single pages it stays a series of its own.
    stack(tmp_path, data[:2], ".tif")
    assert sorted(s.n_slices for s in scan(tmp_path).series) == [2, 5]


def test_big_endian_and_float_tiff(tmp_path):
    data = RNG.normal(size=(3, 4, 5)).astype(np.float32)
    tifffile.imwrite(tmp_path / "f.tif", data, photometric="minisblack")
    assert np.array_equal(read_one(tmp_path / "f.tif")[1].data, data)
    whole = RNG.integers(0, 30000, (3, 4, 5)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "b.tif", whole, byteorder=">", photometric="minisblack")
    assert np.array_equal(read_one(tmp_path / "b.tif")[1].data, whole)


def test_resolution_of_a_tiff_is_offered_and_not_used(tmp_path):
    data = RNG.integers(0, 256, (3, 4, 5)).astype(np.uint8)
    tifffile.imwrite(
        tmp_path / "x.tif",
        data,
        photometric="minisblack",
        resolution=(20, 40),
        resolutionunit="CENTIMETER",
    )
    (series,) = scan(tmp_path / "x.tif").series
    assert series.grid.spacing == (1.0, 1.0, 1.0)
    assert offered_spacing(series) == pytest.approx((0, 0.25, 0.5))
    assert "0.25 x 0.5 mm" in codes(series)["no-spacing"].message
    assert "not used" in codes(series)["no-spacing"].message


def test_spacing_of_imagej(tmp_path):
    data = RNG.integers(0, 256, (3, 4, 5)).astype(np.uint8)
    tifffile.imwrite(
        tmp_path / "x.tif",
        data,
        imagej=True,
        resolution=(2, 2),
        metadata={"spacing": 3.0, "unit": "mm", "axes": "ZYX"},
    )
    (series,) = scan(tmp_path / "x.tif").series
    assert offered_spacing(series) == pytest.approx((3.0, 0.5, 0.5))
    png = stack(tmp_path / "png", data)
    assert offered_spacing(scan(png).series[0]) is None


def test_grey_in_colours_is_grey_and_colour_is_told(tmp_path):
    grey = RNG.integers(0, 256, (4, 5, 6)).astype(np.uint8)
    same = np.repeat(grey[..., np.newaxis], 3, axis=-1)
    for ending in (".png", ".tif"):
        _, volume = read_one(stack(tmp_path / ending, same, ending))
        assert np.array_equal(volume.data, grey)
    coloured = same.copy()
    coloured[0, 2, 2, 0] ^= 255
    (series,) = scan(stack(tmp_path / "c", coloured)).series
    assert codes(series)["colour"].severity is Severity.NOT_A_VOLUME
    with pytest.raises(InputError, match="is in colour"):
        read_volume(series)
    # One coloured mark on one slice is told before anything is read or imported.
    late = np.concatenate([same, same])
    late[3, 0, 0, 2] ^= 255
    (series,) = scan(stack(tmp_path / "d", late)).series
    told = codes(series)["colour"]
    assert told.severity is Severity.NOT_A_VOLUME
    assert told.files == ("slice3.png",)
    assert "slice3.png, one of 8 pictures, is in colour" in told.message
    with pytest.raises(InputError, match=r"slice3\.png, one of 8"):
        read_volume(series)
    late[5:7, 0, 0, 2] ^= 255
    (series,) = scan(stack(tmp_path / "e", late)).series
    told = codes(series)["colour"]
    assert told.files == ("slice3.png", "slice5.png", "slice6.png")
    assert "3 of 8 pictures, such as slice3.png, are in colour" in told.message


def test_colour_on_a_later_page_is_told_before_it_is_read(tmp_path):
    from PIL import Image

    grey = [Image.fromarray(np.full((5, 6), 9 * n, np.uint8)) for n in range(5)]
    red = Image.fromarray(np.full((5, 6, 3), (200, 10, 10), np.uint8))
    pages = [*grey[:3], red, *grey[3:]]
    pages[0].save(tmp_path / "x.tif", save_all=True, append_images=pages[1:])
    (series,) = scan(tmp_path / "x.tif").series
    assert codes(series)["colour"].files == ("x.tif",)


def test_other_kinds_of_png(tmp_path):
    grey = RNG.integers(0, 256, (2, 5, 6)).astype(np.uint8)
    for n, plane in enumerate(grey):
        picture = Image.fromarray(plane)
        (tmp_path / "p").mkdir(exist_ok=True)
        (tmp_path / "a").mkdir(exist_ok=True)
        (tmp_path / "b").mkdir(exist_ok=True)
        picture.convert("P").save(tmp_path / "p" / f"{n}.png")
        picture.convert("LA").save(tmp_path / "a" / f"{n}.png")
        picture.point(lambda v: 255 * (v > 99)).convert("1").save(
            tmp_path / "b" / f"{n}.png"
        )
    assert np.array_equal(read_one(tmp_path / "p")[1].data, grey)
    assert np.array_equal(read_one(tmp_path / "a")[1].data, grey)
    assert np.array_equal(read_one(tmp_path / "b")[1].data > 0, grey > 99)


def test_jpeg_as_pillow_decodes_it(tmp_path):
    ramp = np.add.outer(np.arange(64), np.arange(48)).astype(np.uint8)
    folder = stack(tmp_path / "s", [ramp, ramp + 9], ".jpg")
    _, volume = read_one(folder)
    for n, plane in enumerate(volume.data):
        with Image.open(folder / f"slice{n}.jpg") as image:
            assert np.array_equal(plane, np.array(image))


def test_sizes_that_differ_are_explained(tmp_path):
    small, large = np.zeros((4, 5), np.uint8), np.zeros((6, 5), np.uint8)
    (series,) = scan(stack(tmp_path / "s", [small, large, small])).series
    problem = codes(series)["mixed-size"]
    assert problem.severity is Severity.NOT_A_VOLUME
    assert problem.files == ("slice1.png",)
    assert "5 x 4" in problem.message
    assert "5 x 6" in problem.message
    with pytest.raises(GeometryError, match="of one size"):
        read_volume(series)


@pytest.mark.parametrize("ending", [".png", ".jpg", ".tif"])
def test_cut_short(tmp_path, ending):
    data = RNG.integers(0, 256, (3, 64, 64)).astype(np.uint8)
    folder = stack(tmp_path / "s", data, ending)
    last = folder / f"slice2{ending}"
    raw = last.read_bytes()
    last.write_bytes(raw[: len(raw) // 2])
    result = scan(folder)
    (series,) = result.series
    if series.blocking is None:  # its header tells that it is none
        assert [i.path.name for i in result.ignored] == [last.name]
    else:
        with pytest.raises(DamagedFileError, match=f"slice2{ending}"):
            read_volume(series)


def test_pictures_beside_scans_are_passed_over(tmp_path):
    write_series(tmp_path, plain_grid((3, 20, 24)))
    stack(tmp_path / "previews", np.zeros((2, 4, 5), np.uint8))
    result = scan(tmp_path)
    assert [s.format for s in result.series] == ["dicom"]
    assert len(result.ignored) == 2
    assert "beside scans" in result.ignored[0].reason


def test_a_stack_in_an_archive(tmp_path):
    data = RNG.integers(0, 256, (11, 4, 5)).astype(np.uint8)
    folder = stack(tmp_path / "s", data)
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    assert np.array_equal(read_one(tmp_path / "s.zip")[1].data, data)


def test_name_from_the_content(tmp_path):
    data = RNG.integers(0, 256, (3, 4, 5)).astype(np.uint8)
    first = scan(stack(tmp_path / "a", data)).series[0]
    second = scan(stack(tmp_path / "b", data)).series[0]
    third = scan(stack(tmp_path / "c", data[::-1])).series[0]
    assert first.uid == second.uid != third.uid


def test_import_with_spacing_records_it(tmp_path):
    from medlab_gui.commands.command import Context
    from medlab_gui.commands.import_ import ImportParams, run
    from medlab_gui.store.project import ProjectStore

    data = RNG.integers(0, 256, (4, 5, 6)).astype(np.uint8)
    folder = stack(tmp_path / "s", data)
    place = tmp_path / "project"
    run(ImportParams(str(folder), spacing="2.5,0.7,0.8"), Context(project=str(place)))
    with ProjectStore.open(place) as store:
        (series,) = store.series_list()
        assert series.grid.spacing == pytest.approx((2.5, 0.7, 0.8))
        assert [r.code for r in series.remedies] == ["given-spacing"]
        assert np.array_equal(store.array(series.blob), data)


def test_pictures_may_be_of_different_patients(tmp_path):
    rng = np.random.default_rng(0)
    for n in range(3):
        image = Image.fromarray(rng.integers(0, 255, (20, 20), np.uint8))
        image.save(tmp_path / f"{n}.png")
    (series,) = scan(tmp_path).series
    assert "one patient" in codes(series)["one-patient"].message
    (done,) = treat(series, ["different-patients"])
    assert done.uid == series.uid, "no voxel has changed"
    assert [a.code for a in done.applied] == ["different-patients"]
    (tmp_path / "1.png").unlink()
    (tmp_path / "2.png").unlink()
    (alone,) = scan(tmp_path).series
    assert "one-patient" not in codes(alone)
