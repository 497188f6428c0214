"""Reading and scanning against SimpleITK and pydicom, on the same files.

The files are made from one header and one picture of a real scan: 600 slices of
512 x 512 with 16 bits, and a folder of 5,000 small slices of ten patients. As a program
it is one side, in a process of its own: ``python -m tests.benchmarks.reading NAME SIDE
FOLDER``.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks.say import say
from tests.benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from medlab_gui.io import VolumeStream
    from tests.benchmarks.__main__ import Bench

__all__ = ["read", "scan"]

N_SLICES, SIZE = 600, 512
N_FILES, N_PATIENTS, SMALL = 5000, 10, 32
FIRST_SLICE_S = 0.4
MB = 1e6
_MODULE = "tests.benchmarks.reading"

# ---- the rows ---------------------------------------------------------------------


def read(bench: Bench) -> list[Row]:
    """600 slices from their files into one array; the scan of the folder included."""
    bench.side("read", "make", _MODULE)
    found = bench.turns("read", ("medlab", "SimpleITK", "pydicom"), _MODULE)
    _must_agree(found, "sum")
    first = bench.turns("first", ("medlab",), _MODULE)["medlab"]
    ours = _median(found["medlab"], "seconds")
    array = found["medlab"][0]["bytes"] / MB
    what = f"{SIZE}x{SIZE}x{N_SLICES} from its files"
    rows = [
        Row(what, ours, _median(found[peer], "seconds"), "s", peer, target)
        for peer, target in (("SimpleITK", 1 / 2.5), ("pydicom", 1 / 4))
    ]
    rows += [
        Row(
            f"peak memory of it, {side}",
            _median(found[side], "peak") / MB,
            array,
            "MB",
            "the array",
            1.15 if side == "medlab" else None,
        )
        for side in found
    ]
    rows += [
        Row(
            "first slice of it, from the path",
            _median(first, "warm"),
            FIRST_SLICE_S,
            "s",
            "what is promised",
            1.0,
        ),
        Row(
            "first slice of it, libraries not loaded yet",
            _median(first, "cold"),
            FIRST_SLICE_S,
            "s",
            "what is promised warm",
        ),
    ]
    return rows


def scan(bench: Bench) -> list[Row]:
    """The facts of a folder with thousands of files."""
    bench.side("scan", "make", _MODULE)
    found = bench.turns("scan", ("medlab", "pydicom"), _MODULE)
    _must_agree(found, "files")
    return [
        Row(
            f"scan of {N_FILES:,} files of {N_PATIENTS} patients",
            _median(found["medlab"], "seconds"),
            _median(found["pydicom"], "seconds"),
            "s",
            "pydicom, headers only",
            1 / 3,
        )
    ]


def _median(runs: list[dict[str, Any]], key: str) -> float:
    return median(run[key] for run in runs)


def _must_agree(found: dict[str, list[Any]], key: str) -> None:
    values = {side: runs[0][key] for side, runs in found.items()}
    if max(values.values()) - min(values.values()) > 1e-6 * abs(values["medlab"]):
        raise SystemExit(f"the readers do not agree: {values}")


# ---- the files --------------------------------------------------------------------


def _template() -> Any:
    """Return the middle slice of the real scan."""
    import pydicom
    from pydicom.misc import is_dicom

    files = [p for p in Path(os.environ["BENCH_SCAN"]).iterdir() if is_dicom(p)]
    slices = [pydicom.dcmread(p) for p in files]
    slices.sort(key=lambda d: float(d.ImagePositionPatient[2]))
    middle = slices[len(slices) // 2]
    if middle.file_meta.TransferSyntaxUID.is_compressed:
        middle.decompress()
    return middle


def _write(folder: Path, n_files: int, size: int, n_patients: int) -> None:
    """Write slices with the real header; patients by turns, as a CD has them."""
    from pydicom.uid import generate_uid

    folder.mkdir()
    ds = _template()
    picture = ds.pixel_array
    turns = -(-size // min(picture.shape))
    picture = np.tile(picture, (turns, turns))[:size, :size]
    ds.Rows = ds.Columns = size
    series = [generate_uid() for _ in range(n_patients)]
    studies = [generate_uid() for _ in range(n_patients)]
    for n in range(n_files):
        k, patient = divmod(n, n_patients)
        ds.PatientID = f"patient {patient}"
        ds.StudyInstanceUID, ds.SeriesInstanceUID = studies[patient], series[patient]
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        ds.InstanceNumber = k + 1
        ds.ImagePositionPatient = [-180.5, -170.25, round(1.6 * k, 3)]
        ds.PixelData = np.roll(picture, k, axis=0).tobytes()
        ds.save_as(folder / f"image_{n}")


# ---- the sides --------------------------------------------------------------------


def _read_side(side: str, folder: Path) -> None:
    place = folder / "slices"
    if side == "make":
        _write(place, N_SLICES, SIZE, 1)
        say(files=N_SLICES)
    from tests.benchmarks.memory import resident, watched_peak

    reader = {"medlab": _by_medlab, "SimpleITK": _by_sitk, "pydicom": _by_pydicom}
    work = reader[side](place)
    np.sum(work(), dtype=float)  # libraries and file cache warm, for everybody
    bare = resident()
    with watched_peak() as peak:
        started = time.perf_counter()
        array = work()
        seconds = time.perf_counter() - started
    say(
        seconds=seconds,
        sum=float(np.sum(array, dtype=float)),
        peak=peak.bytes - bare,
        bytes=array.nbytes,
    )


def _by_medlab(place: Path) -> Callable[[], NDArray[Any]]:
    from medlab_gui.io import read_one

    return lambda: read_one(place)[1].data


def _by_sitk(place: Path) -> Callable[[], NDArray[Any]]:
    import SimpleITK as sitk

    def work() -> NDArray[Any]:
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(place)))
        array: NDArray[Any] = sitk.GetArrayFromImage(reader.Execute())
        return array

    return work


def _by_pydicom(place: Path) -> Callable[[], NDArray[Any]]:
    import pydicom

    def work() -> NDArray[Any]:
        slices = [pydicom.dcmread(p) for p in place.iterdir()]
        slices.sort(key=lambda d: float(d.ImagePositionPatient[2]))
        return np.stack(
            [
                d.pixel_array.astype(np.float32) * float(d.RescaleSlope)
                + float(d.RescaleIntercept)
                for d in slices
            ]
        )

    return work


def _first_side(side: str, folder: Path) -> None:
    """From the path to the first slice in an array, the rest still coming in."""
    cold = _first_slice(folder)
    say(cold=cold, warm=median(_first_slice(folder) for _ in range(3)))


def _first_slice(folder: Path) -> float:
    started = time.perf_counter()
    from medlab_gui.io import open_stream

    arrived = threading.Event()
    seconds: list[float] = []
    early: list[bool] = []

    def filled(stream: VolumeStream, slices: tuple[int, ...]) -> None:
        if not seconds:
            seconds.append(time.perf_counter() - started)
            early.append(not stream.done)
            arrived.set()

    stream = open_stream(folder / "slices", on_filled=filled)
    assert arrived.wait(60), "no slice came"
    assert early[0], "it was not told before the whole was read"
    stream.wait()
    return seconds[0]


def _scan_side(side: str, folder: Path) -> None:
    place = folder / "many"
    if side == "make":
        _write(place, N_FILES, SMALL, N_PATIENTS)
        say(files=N_FILES)
    if side == "medlab":
        from medlab_gui.io import scan as scan_folder

        def work() -> int:
            return sum(s.n_slices for s in scan_folder(place).series)

    else:
        import pydicom

        def work() -> int:
            return sum(
                pydicom.dcmread(p, stop_before_pixels=True).Rows == SMALL
                for p in place.iterdir()
            )

    work()  # libraries and file cache warm, for everybody
    started = time.perf_counter()
    n = work()
    say(seconds=time.perf_counter() - started, files=n)


SIDES = {"read": _read_side, "first": _first_side, "scan": _scan_side}

if __name__ == "__main__":
    name, side, place = sys.argv[1:4]
    SIDES[name](side, Path(place))
