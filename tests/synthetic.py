"""Phantoms whose every voxel is known, written as real DICOM.

The value of a voxel depends on its place in the patient alone (`phantom_values`). So a
reader that mixes up axes, directions, order or spacing gives other values than those
reckoned from the grid that it reports, whatever the orientation of the files.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    generate_uid,
)

from medlab_gui.core.geometry import Grid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

STUDY_UID = "1.2.826.0.1.3680043.8.498.4711"
SPHERE_RADIUS_MM = 12.0
SPHERE_CENTER_MM = (7.0, -11.0, 23.0)


def phantom_values(grid: Grid) -> NDArray[np.int16]:
    """Return a sphere of about 60 HU in air, with a slope of its own on each axis."""
    index = np.moveaxis(np.indices(grid.shape), 0, -1)
    mm = grid.to_mm(index)
    inside = np.linalg.norm(mm - SPHERE_CENTER_MM, axis=-1) <= SPHERE_RADIUS_MM
    ramp = mm @ [0.7, 1.9, 3.1]
    return np.rint(np.where(inside, 60, -900) + ramp).astype(np.int16)


def plain_grid(
    shape: tuple[int, int, int] = (12, 20, 24),
    spacing: tuple[float, float, float] = (3.0, 1.5, 1.25),
) -> Grid:
    """Return an axial grid whose sphere lies within."""
    half = (np.array(shape) - 1) * np.array(spacing) / 2
    x, y, z = SPHERE_CENTER_MM
    return Grid.from_spacing(shape, spacing, (x - half[2], y - half[1], z - half[0]))


def oriented_grids() -> list[Grid]:
    """Return grids in all 48 orders and directions of the axes."""
    result = []
    axes = np.eye(3)
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            affine = np.eye(4)
            spacing = (3.0, 1.5, 1.25)
            for n in range(3):
                affine[:3, n] = axes[order[n]] * signs[n] * spacing[n]
            affine[:3, 3] = (10.0, -20.0, 30.0)
            result.append(Grid((4, 5, 6), affine))
    return result


def oblique_grid(
    shape: tuple[int, int, int] = (12, 20, 24),
    spacing: tuple[float, float, float] = (3.0, 1.5, 1.25),
    degrees: tuple[float, float, float] = (12.0, -7.0, 20.0),
) -> Grid:
    """Return a grid turned about all three patient axes, with the sphere within."""
    a, b, c = np.radians(degrees)
    turn_x = [[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]
    turn_y = [[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]]
    turn_z = [[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]]
    turn = np.array(turn_z) @ np.array(turn_y) @ np.array(turn_x)
    affine = np.eye(4)
    affine[:3, :3] = turn @ plain_grid(shape, spacing).affine[:3, :3]
    affine[:3, 3] = SPHERE_CENTER_MM - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def tilted_grid(degrees: float = 15.0) -> Grid:
    """Return axial slices, each shifted to the front against the one before."""
    affine = np.array(plain_grid().affine)
    affine[1, 0] = -affine[2, 0] * np.tan(np.radians(degrees))
    return Grid(plain_grid().shape, affine)


def _header(modality: str, sop_class: str, series_uid: str, study_uid: str) -> Dataset:
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = generate_uid()
    ds.StudyInstanceUID = study_uid
    ds.SeriesInstanceUID = series_uid
    ds.FrameOfReferenceUID = "1.2.826.0.1.3680043.8.498.77"
    ds.Modality = modality
    ds.PatientName = "Müller^Käthe"
    ds.PatientID = "P-1"
    ds.StudyDate = "20240229"
    ds.StudyDescription = "Abdomen"
    ds.SeriesDescription = "phantom"
    ds.SeriesNumber = 3
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated = 16
    ds.BitsStored = 16
    ds.HighBit = 15
    ds.PixelRepresentation = 0
    return ds


def save_dataset(path: Path, ds: Dataset, syntax: str = ExplicitVRLittleEndian) -> Path:
    """Write a data set as a DICOM file with preamble and file meta information."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.file_meta = meta
    ds.save_as(path, enforce_file_format=True)
    return path


def write_series(
    folder: Path,
    grid: Grid,
    data: NDArray[Any] | None = None,
    *,
    slices: Iterable[int] | None = None,
    edit: Callable[[Dataset, int], None] | None = None,
    modality: str = "CT",
    series_uid: str = "",
    study_uid: str = STUDY_UID,
    syntax: str = ExplicitVRLittleEndian,
) -> list[Path]:
    """Write a volume as one DICOM file for each slice; return the files by ``k``.

    Files are named in an order that has nothing to do with position.

    Parameters
    ----------
    folder : Path
        Made where it is not there.
    grid : Grid
        ``affine[:3, 0]`` is the step from slice to slice, sheared or not.
    data : ndarray, shape ``grid.shape``, optional
        HU; `phantom_values` where it is not given. Stored with intercept -1024.
    slices : iterable of int, optional
        Which slices are written; all where it is not given.
    edit : callable, optional
        ``edit(dataset, k)`` may change each data set before it is written.
    modality, series_uid, study_uid, syntax : str
        As in the header.
    """
    data = phantom_values(grid) if data is None else data
    series_uid = series_uid or generate_uid()
    dz, dy, dx = grid.spacing
    row = grid.affine[:3, 2] / dx
    column = grid.affine[:3, 1] / dy
    paths = []
    for k in range(grid.shape[0]) if slices is None else slices:
        ds = _header(modality, CTImageStorage, series_uid, study_uid)
        ds.InstanceNumber = k + 1
        ds.Rows, ds.Columns = grid.shape[1:]
        position = grid.to_mm((k, 0, 0))
        ds.ImagePositionPatient = [round(float(v), 6) for v in position]
        ds.ImageOrientationPatient = [
            round(float(v), 10) for v in np.concatenate([row, column])
        ]
        ds.PixelSpacing = [dy, dx]
        ds.SliceThickness = round(float(dz), 4)
        ds.RescaleSlope, ds.RescaleIntercept = 1, -1024
        ds.WindowCenter, ds.WindowWidth = 50, 350
        stored = data[k].astype(np.int32) + 1024
        ds.PixelData = stored.astype("<u2").tobytes()
        if edit is not None:
            edit(ds, k)
        name = f"slice{(k * 7919 + 13) % 100003:06d}.dcm"
        paths.append(save_dataset(folder / name, ds, syntax))
    return paths


def write_enhanced(
    path: Path,
    grid: Grid,
    data: NDArray[Any] | None = None,
    *,
    order: Iterable[int] | None = None,
) -> Path:
    """Write a volume as one multi-frame file (Enhanced CT).

    Parameters
    ----------
    path : Path
        The file.
    grid : Grid
        Where the voxels are.
    data : ndarray, optional
        HU; `phantom_values` where it is not given.
    order : iterable of int, optional
        Slices in the order in which their frames are stored.
    """
    data = phantom_values(grid) if data is None else data
    order = list(range(grid.shape[0])) if order is None else list(order)
    dz, dy, dx = grid.spacing
    ds = _header("CT", EnhancedCTImageStorage, generate_uid(), generate_uid())
    ds.NumberOfFrames = len(order)
    ds.Rows, ds.Columns = grid.shape[1:]
    measures, orientation, transform = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [dy, dx]
    measures.SliceThickness = dz
    orientation.ImageOrientationPatient = [
        round(float(v), 10)
        for v in np.concatenate([grid.affine[:3, 2] / dx, grid.affine[:3, 1] / dy])
    ]
    transform.RescaleSlope, transform.RescaleIntercept = 1, -1024
    transform.RescaleType = "HU"
    shared = Dataset()
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [orientation]
    shared.PixelValueTransformationSequence = [transform]
    ds.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for k in order:
        place, frame = Dataset(), Dataset()
        place.ImagePositionPatient = [round(float(v), 6) for v in grid.to_mm((k, 0, 0))]
        frame.PlanePositionSequence = [place]
        frames.append(frame)
    ds.PerFrameFunctionalGroupsSequence = frames
    stored = data[order].astype(np.int32) + 1024
    ds.PixelData = stored.astype("<u2").tobytes()
    return save_dataset(path, ds)


def cut_short(path: Path, n_bytes: int) -> Path:
    """Take bytes off the end of a file."""
    path.write_bytes(path.read_bytes()[:-n_bytes])
    return path


def edit_file(path: Path, change: Callable[[pydicom.Dataset], None]) -> Path:
    """Change a DICOM file in its place."""
    ds = pydicom.dcmread(path)
    change(ds)
    ds.save_as(path)
    return path
