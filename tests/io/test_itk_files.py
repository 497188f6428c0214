"""NRRD and MetaImage in all their spellings, against SimpleITK and by hand."""

from __future__ import annotations

import bz2
import gzip
import zlib

import numpy as np
import pytest
import SimpleITK as sitk

from medlab_gui.core.errors import MedlabError
from medlab_gui.core.records import Severity
from medlab_gui.io import read_one, read_volume, scan

DATA = np.arange(24, dtype=np.int16).reshape(2, 3, 4) - 7


def codes(series):
    return {p.code: p for p in series.problems}


def nrrd(path, data=DATA, *, space="left-posterior-superior", packed=bytes, **fields):
    lines = {
        "type": "short",
        "dimension": str(data.ndim),
        "space": space,
        "sizes": " ".join(str(n) for n in data.shape[::-1]),
        "space directions": "(1,0,0) (0,2,0) (0,0,3)",
        "space origin": "(10,20,30)",
        "endian": "little",
        "encoding": "raw",
    }
    lines.update({k.replace("_", " "): v for k, v in fields.items()})
    head = "".join(f"{k}: {v}\n" for k, v in lines.items() if v is not None)
    body = packed(data.tobytes()) if packed is not None else b""
    path.write_bytes(b"NRRD0005\n# a remark\n" + head.encode() + b"\n" + body)
    return path


@pytest.mark.parametrize(
    ("space", "letters", "origin"),
    [
        ("left-posterior-superior", "LPS", (10, 20, 30)),
        ("LPS", "LPS", (10, 20, 30)),
        ("right-anterior-superior", "RAS", (-10, -20, 30)),
        ("RAS", "RAS", (-10, -20, 30)),
        ("left-anterior-superior", "LAS", (10, -20, 30)),
        ("LAS", "LAS", (10, -20, 30)),
    ],
)
def test_spaces(tmp_path, space, letters, origin):
    series, volume = read_one(nrrd(tmp_path / "x.nrrd", space=space))
    assert series.grid.orientation == letters
    assert np.allclose(volume.grid.to_mm((0, 0, 0)), origin)
    assert series.grid.spacing == pytest.approx((3, 2, 1))
    assert np.array_equal(volume.data, DATA)


@pytest.mark.parametrize("encoding", ["bzip2", "gzip"])
@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("behind", [b"", bytes(20), b"something"])
def test_several_streams(tmp_path, encoding, beside, behind):
    """As pbzip2, pigz and bgzip write them; of bzip2 the first alone was read."""
    pack = {"bzip2": bz2.compress, "gzip": gzip.compress}[encoding]

    def packed(raw):
        return b"".join(pack(raw[n : n + 20]) for n in range(0, len(raw), 20))

    fields = {"encoding": encoding}
    if beside:
        (tmp_path / "x.raw").write_bytes(packed(DATA.tobytes()) + behind)
        fields |= {"data_file": "x.raw", "packed": None}
    else:
        fields |= {"packed": lambda raw: packed(raw) + behind}
    file = nrrd(tmp_path / "x.nrrd", **fields)
    assert np.array_equal(read_one(file)[1].data, DATA)


def test_the_last_of_several_streams_is_cut_short(tmp_path):
    def packed(raw):
        return bz2.compress(raw[:20]) + bz2.compress(raw[20:])[:-4]

    file = nrrd(tmp_path / "x.nrrd", encoding="bzip2", packed=packed)
    with pytest.raises(MedlabError, match="does not hold the 4x3x2 voxels"):
        read_one(file)


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("raw", bytes),
        ("gzip", gzip.compress),
        ("gz", gzip.compress),
        ("bzip2", bz2.compress),
        ("ascii", lambda raw: " ".join(map(str, np.frombuffer(raw, "<i2"))).encode()),
        ("hex", lambda raw: raw.hex().encode()),
    ],
)
def test_encodings(tmp_path, encoding, packed):
    path = nrrd(tmp_path / "x.nrrd", encoding=encoding, packed=packed)
    _, volume = read_one(path)
    assert np.array_equal(volume.data, DATA)
    if encoding != "bzip2":  # which ITK does not know
        image = sitk.ReadImage(str(path))
        assert np.array_equal(sitk.GetArrayFromImage(image), DATA)


def test_big_endian_and_detached(tmp_path):
    swapped = DATA.astype(">i2")
    _, volume = read_one(nrrd(tmp_path / "big.nrrd", swapped, endian="big"))
    assert np.array_equal(volume.data, DATA)
    (tmp_path / "x.raw").write_bytes(DATA.tobytes())
    path = nrrd(tmp_path / "x.nhdr", packed=None, data_file="x.raw")
    _, volume = read_one(path)
    assert np.array_equal(volume.data, DATA)


def test_kinds_that_are_no_space(tmp_path):
    vectors = np.arange(72, dtype=np.int16).reshape(2, 3, 4, 3)
    path = nrrd(
        tmp_path / "v.nrrd",
        vectors,
        space_directions="none (1,0,0) (0,2,0) (0,0,3)",
        kinds="vector domain domain domain",
    )
    (series,) = scan(path).series
    assert codes(series)["colour"].severity is Severity.NOT_A_VOLUME


@pytest.mark.parametrize("ending", [".nrrd", ".mha"])
def test_four_dimensions_give_a_series_for_each_volume(tmp_path, ending):
    data = np.arange(72, dtype=np.int16).reshape(3, 2, 3, 4)
    volumes = [sitk.GetImageFromArray(one) for one in data]
    for one in volumes:
        one.SetSpacing((1, 2, 3))
    path = tmp_path / f"x{ending}"
    sitk.WriteImage(sitk.JoinSeries(volumes), str(path))
    found = scan(path).series
    assert [s.part for s in found] == ["volume 1", "volume 2", "volume 3"]
    for n, series in enumerate(found):
        assert np.array_equal(read_volume(series).data, data[n])
        assert series.grid.spacing == pytest.approx((3, 2, 1))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("ending", [".mha", ".mhd"])
def test_metaimage_packed_and_in_two_files(tmp_path, packed, ending):
    image = sitk.GetImageFromArray(DATA)
    image.SetSpacing((1.25, 1.5, 3))
    image.SetOrigin((5, 6, 7))
    image.SetDirection((0, -1, 0, 1, 0, 0, 0, 0, 1))
    path = tmp_path / f"x{ending}"
    sitk.WriteImage(image, str(path), packed)
    if ending == ".mhd":
        assert (tmp_path / ("x.zraw" if packed else "x.raw")).is_file()
    _, volume = read_one(path)
    assert np.array_equal(volume.data, DATA)
    for k, j, i in np.ndindex(DATA.shape):
        truth = image.TransformIndexToPhysicalPoint((i, j, k))
        assert np.allclose(volume.grid.to_mm((k, j, i)), truth)


def test_big_endian_metaimage(tmp_path):
    head = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\n"
        "BinaryDataByteOrderMSB = True\nCompressedData = False\n"
        "TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\n"
        "ElementSpacing = 1 2 3\nDimSize = 4 3 2\nElementType = MET_SHORT\n"
        "ElementDataFile = LOCAL\n"
    )
    path = tmp_path / "x.mha"
    path.write_bytes(head.encode() + DATA.astype(">i2").tobytes())
    assert np.array_equal(read_one(path)[1].data, DATA)


def test_zraw_cut_short(tmp_path):
    image = sitk.GetImageFromArray(np.random.default_rng(0).normal(size=(9, 9, 9)))
    sitk.WriteImage(image, str(tmp_path / "x.mhd"), True)
    raw = (tmp_path / "x.zraw").read_bytes()
    assert zlib.decompress(raw)
    (tmp_path / "x.zraw").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(MedlabError):
        read_one(tmp_path / "x.mhd")


@pytest.mark.parametrize(
    "space", ["martian", "RAI", "", "LPST", "right-anterior-inferior", "space: odd"]
)
def test_a_space_that_nobody_knows(tmp_path, space):
    """ITK refuses it, and the file was called damaged."""
    series, volume = read_one(nrrd(tmp_path / "x.nrrd", space=space))
    told = codes(series)["no-orientation"]
    assert told.severity is Severity.UNSAFE
    assert f'"{space.lower() or "?"}"' in told.message
    assert series.grid.spacing == pytest.approx((3, 2, 1))
    assert np.array_equal(volume.data, DATA)


def test_a_space_of_which_only_the_size_is_told(tmp_path):
    file = nrrd(tmp_path / "x.nrrd", space=None)
    text = file.read_bytes().replace(b"sizes:", b"space dimension: 3\nsizes:", 1)
    file.write_bytes(text)
    series, volume = read_one(file)
    assert codes(series)["no-orientation"].severity is Severity.UNSAFE
    assert series.grid.spacing == pytest.approx((3, 2, 1))
    assert np.array_equal(volume.data, DATA)


@pytest.mark.parametrize("space", ["scanner-xyz", "3D-right-handed"])
def test_spaces_that_say_nothing_of_the_patient(tmp_path, space):
    (series,) = scan(nrrd(tmp_path / "x.nrrd", space=space)).series
    assert codes(series)["no-orientation"].severity is Severity.UNSAFE
    assert series.grid.spacing == pytest.approx((3, 2, 1))


def test_an_axis_without_a_distance(tmp_path):
    path = nrrd(tmp_path / "x.nrrd", space_directions="(1,0,0) (0,2,0) none")
    assert sitk.ReadImage(str(path)).GetSpacing()[2] == 1  # which ITK makes up
    (series,) = scan(path).series
    problem = codes(series)["no-spacing"]
    assert problem.severity is Severity.UNSAFE
    assert "distance along 1 of its axes" in problem.message
    lists = nrrd(
        tmp_path / "list.nrrd",
        DATA[..., np.newaxis],
        space_directions="none (1,0,0) (0,2,0) (0,0,3)",
        kinds="list domain domain domain",
    )
    (series,) = scan(lists).series
    assert "no-spacing" not in codes(series)


@pytest.mark.parametrize(
    "fields",
    [
        {"space_directions": "(1,0,0) (0,2,0) (nan,nan,nan)"},
        {"space_directions": "(nan,nan,nan) (nan,nan,nan) (nan,nan,nan)"},
        {
            **dict.fromkeys(("space", "space_directions", "space_origin")),
            "spacings": "1 2 NaN",
        },
    ],
)
def test_what_is_no_number_is_no_millimetre(tmp_path, fields):
    """ITK takes "nan", which says that nobody knows, for 1 mm."""
    path = nrrd(tmp_path / "x.nrrd", **fields)
    assert sitk.ReadImage(str(path)).GetSpacing()[2] == 1
    (series,) = scan(path).series
    assert codes(series)["no-spacing"].severity is Severity.UNSAFE
    assert codes(series)["no-orientation"].severity is Severity.UNSAFE


@pytest.mark.parametrize("spacing", ["0 0 0", "1 1 0"])
def test_a_voxel_of_no_size_is_not_called_a_damaged_file(tmp_path, spacing):
    path = tmp_path / "x.mha"
    sitk.WriteImage(sitk.GetImageFromArray(DATA), str(path))
    path.write_bytes(
        path.read_bytes().replace(b"Spacing = 1 1 1", f"Spacing = {spacing}".encode())
    )
    (series,) = scan(path).series
    assert [p.code for p in series.problems] == ["absurd-spacing"]
    assert "size 0" in series.problems[0].message


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("mm", 1), ("cm", 10), ("um", 0.001), ("micron", 0.001), ("m", 1000)],
)
def test_units_of_an_nrrd(tmp_path, unit, factor):
    """ITK passes over them: a length in cm would be a tenth of what it is."""
    named = " ".join([f'"{unit}"'] * 3)
    path = nrrd(tmp_path / "x.nrrd", space_units=named, space_origin="(1,2,3)")
    (series,) = scan(path).series
    assert series.grid.spacing == pytest.approx((3 * factor, 2 * factor, factor))
    assert series.grid.affine[:3, 3] == pytest.approx([factor, 2 * factor, 3 * factor])
    noted = {c for c, p in codes(series).items() if p.severity is Severity.NOTE}
    assert noted == (set() if factor == 1 else {"units"})


@pytest.mark.parametrize("named", ['"furlong" "furlong" "furlong"', '"mm" "mm" "cm"'])
def test_units_of_an_nrrd_that_nobody_knows(tmp_path, named):
    path = nrrd(tmp_path / "x.nrrd", space_units=named)
    (series,) = scan(path).series
    assert series.grid.spacing == pytest.approx((3, 2, 1))
    assert codes(series)["units"].severity is Severity.UNSAFE
