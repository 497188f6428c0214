"""DICOMDIR: the index of a CD or of an export, and whether its files are there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medlab_gui.io.dicom_source import open_dicom
from medlab_gui.io.dicom_values import printable
from medlab_gui.io.pydicom_quiet import pydicom_errors, quiet_pydicom
from medlab_gui.io.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom import Dataset

__all__ = ["DicomIndex", "index_note", "is_index", "read_index"]

_INDEX_CLASS = "1.2.840.10008.1.3.10"
_NAMED = 12
_LONGEST = 100
"""Characters of a name; the eight parts that the standard allows have 71."""


@dataclass(frozen=True, slots=True)
class DicomIndex:
    """What a DICOMDIR lists.

    Parameters
    ----------
    path : Path
        The DICOMDIR.
    present : tuple of Path
        Listed files that are there, in the order of the list, each once.
    absent : tuple of str
        Listed files that are not there, as the list names them (``IMG/00001``).
    readable : bool
        False where it is no index, or a damaged one.
    """

    path: Path
    present: tuple[Path, ...]
    absent: tuple[str, ...]
    readable: bool = True

    @property
    def is_complete(self) -> bool:
        """Whether it lists files, and all of them are there."""
        return self.readable and bool(self.present) and not self.absent


def is_index(path: Path) -> bool:
    """Tell by its name whether a file is a DICOMDIR (``dicomdir``, ``DICOMDIR.;1``)."""
    return _plain(path.name) == "dicomdir"


def read_index(path: Path) -> DicomIndex:
    """Read a DICOMDIR and look for the files that it lists.

    Names are compared without case, and without the version (``;1``) and the final dot
    that some systems show of a CD. A name that leads out of the folder counts as
    absent.

    Parameters
    ----------
    path : Path
        The DICOMDIR; listed files lie beside and below it.
    """
    import pydicom

    try:
        with quiet_pydicom():
            with open_dicom(path) as opened:
                dataset = pydicom.dcmread(opened, force=True)
            is_real = dataset.file_meta.get("MediaStorageSOPClassUID") == _INDEX_CLASS
            is_cut = _is_cut(dataset)
            records = dataset.get("DirectoryRecordSequence") or []
            listed = [_parts(record.get("ReferencedFileID")) for record in records]
    except pydicom_errors(OSError):
        return DicomIndex(path, (), (), readable=False)
    if is_cut or (not is_real and not records):
        return DicomIndex(path, (), (), readable=False)
    folders = _Folders()
    present: dict[Path, None] = {}
    absent: dict[str, None] = {}
    for parts in listed:
        if not parts:
            continue
        place = folders.find(path.parent, parts)
        if place is None:
            absent["/".join(parts)] = None
        else:
            present[place] = None
    return DicomIndex(path, tuple(present), tuple(absent))


def index_note(index: DicomIndex) -> str:
    """Return a sentence on a DICOMDIR, for the list of files that were passed over."""
    name = index.path.name
    if not index.readable:
        return (
            f"{name} should be an index of other files (DICOMDIR), but it is damaged; "
            "the files beside and below it were looked at instead."
        )
    if not index.absent:
        return "It is an index of other files (DICOMDIR), not a picture."
    shown = ", ".join(
        name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…"
        for name in index.absent[:_NAMED]
    )
    more = len(index.absent) - _NAMED
    shown += f" and {more:,} more" if more > 0 else ""
    n_listed = len(index.present) + len(index.absent)
    lost = f"{counted(len(index.absent), 'is', 'are')} not there: {shown}"
    if not index.present:
        lost = f"none is there: {shown}"
    return (
        f"{name} lists {counted(n_listed, 'file', 'files')}, of which {lost}. Copy the "
        "whole CD or export again if they are needed."
    )


def _is_cut(dataset: Dataset) -> bool:
    """Tell whether the list of records is longer than what is there of it.

    pydicom reads as many records as are there of a file that was cut off, and the
    slices of the others would be missing without a word. A list of undefined length
    that is cut off raises.
    """
    records = dataset.get_item("DirectoryRecordSequence")
    value = getattr(records, "value", None)
    return isinstance(value, bytes) and len(value) < getattr(records, "length", 0)


def _parts(value: object) -> tuple[str, ...]:
    """Return a Referenced File ID as names of folders and of a file."""
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        value = value.split("\\")
    assert isinstance(value, (list, tuple)) or hasattr(value, "__iter__")
    # Some writers use slashes within a component.
    parts = (printable(p) for v in value for p in re.split(r"[/\\]", str(v)))
    return tuple(p for p in parts if p and p != ".")


class _Folders:
    """Finds files without regard to case; lists each folder once."""

    def __init__(self) -> None:
        self._names: dict[Path, dict[str, Path]] = {}

    def find(self, folder: Path, parts: tuple[str, ...]) -> Path | None:
        if ".." in parts or any(":" in p for p in parts):
            return None
        place = folder
        for part in parts:
            names = self._names.get(place)
            if names is None:
                names = dict(self._listed(place))
                self._names[place] = names
            found = names.get(part) or names.get(_plain(part))
            if found is None:
                return None
            place = found
        return place if place.is_file() else None

    @staticmethod
    def _listed(folder: Path) -> Iterator[tuple[str, Path]]:
        try:
            entries = sorted(folder.iterdir(), reverse=True)
        except OSError:
            return
        for entry in entries:
            yield _plain(entry.name), entry
        # An exact name wins over one that differs in case only.
        for entry in entries:
            yield entry.name, entry


def _plain(name: str) -> str:
    return re.sub(r"\.?(;\d+)?$", "", name).casefold()
