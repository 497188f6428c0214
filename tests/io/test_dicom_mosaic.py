"""Siemens mosaics, against NiBabel's own reader and its real scans."""

from __future__ import annotations

import gzip
import struct
import warnings
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from medlab_gui.io import open_stream, read_volume, scan
from medlab_gui.io.dicom_mosaic import csa_values
from tests.io.dicom_checks import codes, problem
from tests.synthetic import edit_file


@pytest.fixture(scope="module")
def nicom() -> Path:
    """NiBabel's test scans: two pictures of a diffusion series, 48 tiles each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(str(resources.files("nibabel.nicom"))) / "tests" / "data"
    if not (folder / "siemens_dwi_0.dcm.gz").is_file():
        pytest.skip("NiBabel was installed without its test data")
    return folder


@pytest.fixture
def scans(nicom, tmp_path):
    for name in ("siemens_dwi_0", "siemens_dwi_1000"):
        packed = (nicom / f"{name}.dcm.gz").read_bytes()
        (tmp_path / name).write_bytes(gzip.decompress(packed))
    return tmp_path


def twin(path: Path):
    """Return voxels (Z, Y, X) and our kind of affine, as NiBabel has them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nibabel.nicom.dicomwrappers import wrapper_from_file

        wrapper = wrapper_from_file(path)
        voxels, affine = wrapper.get_data(), wrapper.affine
    # NiBabel counts rows, columns, slices.
    return voxels.transpose(2, 0, 1), affine[:, [2, 0, 1, 3]]


def test_tiles_become_the_slices_that_nibabel_finds(scans):
    found = scan(scans).series
    assert [s.name for s in found] == [
        "CBU_DTI_64D_1A b=0",
        "CBU_DTI_64D_1A b=1000",
    ]
    for series in found:
        assert series.shape == (48, 128, 128)
        assert codes(series) == {"several-volumes", "mosaic-taken-apart"}
        volume = read_volume(series)
        voxels, affine = twin(series.files[0])
        assert np.array_equal(volume.data, voxels)
        assert np.allclose(volume.grid.affine, affine, atol=1e-3)
        assert volume.grid.axis_letters == ("S", "P", "L")
        assert np.array_equal(open_stream(series).wait().data, voxels)


def test_a_header_that_cannot_be_read_is_explained(scans):
    for path in scans.iterdir():

        def edit(ds):
            ds[0x0029, 0x1010].value = b"SV10 and nothing more"

        edit_file(path, edit)
    found = scan(scans).series
    assert all(problem(s, "mosaic").message.startswith("Each picture") for s in found)
    assert all(s.grid is None for s in found)


def test_elements_of_the_private_header_as_nibabel_reads_them(scans):
    import pydicom

    raw = pydicom.dcmread(scans / "siemens_dwi_0")[0x0029, 0x1010].value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nibabel.nicom import csareader

        truth = csareader.read(raw)["tags"]
    found = csa_values(raw)
    assert found["NumberOfImagesInMosaic"] == ["48"]
    n_compared = 0
    for name, tag in truth.items():
        items = [i for i in tag["items"] if i not in ("", None)]
        if not items:
            continue
        kind = float if isinstance(items[0], (int, float)) else str
        ours = [kind(v) for v in found[name]][: len(items)]
        assert ours == [i.strip() if kind is str else i for i in items], name
        n_compared += 1
    assert n_compared > 20


def _first_version(raw):
    """Write the elements of a private header as older scanners did.

    By SPM's reading of it; NiBabel's csareader stumbles over the first element.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nibabel.nicom import csareader

        tags = csareader.read(raw)["tags"]
    parts = [struct.pack("<2I", len(tags), 77)]
    for name, tag in tags.items():
        known = [i.encode() for i in csa_values(raw).get(name, ())][:6]
        head = name.encode(), tag["vm"], tag["vr"].encode(), tag["syngodt"], 6, 77
        parts.append(struct.pack("<64si4s3i", *head))
        for item in [*known, *[b""] * (6 - len(known))]:
            value = item + b"\0" if item else b""
            parts.append(struct.pack("<4i", len(value) + 6, len(value), 77, 0))
            parts.append(value + bytes(-len(value) % 4))
    return b"".join(parts)


def test_the_first_version_of_the_private_header(scans):
    import pydicom

    truth, before = {}, {}
    for path in scans.iterdir():
        truth[path.name] = twin(path)
        csa = pydicom.dcmread(path)[0x0029, 0x1010].value
        before[path.name] = {k: v[:6] for k, v in csa_values(csa).items()}

        def edit(ds):
            ds[0x0029, 0x1010].value = _first_version(ds[0x0029, 0x1010].value)

        edit_file(path, edit)
        raw = pydicom.dcmread(path)[0x0029, 0x1010].value
        assert raw[:4] != b"SV10"
        assert csa_values(raw) == before[path.name]
    for series in scan(scans).series:
        volume = read_volume(series)
        voxels, affine = truth[series.files[0].name]
        assert np.array_equal(volume.data, voxels)
        assert np.allclose(volume.grid.affine, affine, atol=1e-3)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        struct.pack("<2I", 3, 77),
        struct.pack("<2I", 2**31, 77) + bytes(200),
        struct.pack("<2I", 1, 77)
        + struct.pack("<64si4s3i", b"Name", 1, b"IS", 0, 6, 77)
        + struct.pack("<4i", 10**6, 0, 0, 0),
        b"SV10",
        b"\0" * 400,
        b"SV10" + b"\4\3\2\1" + struct.pack("<II", 10**9, 77) + b"x" * 100,
        b"SV10\4\3\2\1"
        + struct.pack("<II", 1, 77)
        + struct.pack("<64si4s3i", b"Name", 1, b"IS", 0, 10**6, 0),
        b"SV10\4\3\2\1"
        + struct.pack("<II", 1, 77)
        + struct.pack("<64si4s3i", b"Name", 1, b"IS", 0, 1, 0)
        + struct.pack("<4i", 0, -5, 0, 0),
    ],
)
def test_broken_private_headers_give_nothing(raw):
    assert csa_values(raw) == {}
