"""What a file is that lacks DICOM's mark, and which reader it is for."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

from medlab_gui.core.errors import DamagedFileError, NotAnImageError
from medlab_gui.core.own_files import PROJECT_FILES, is_project
from medlab_gui.io.archives import archive_kind, unpack
from medlab_gui.io.folders import OPEN_IT
from medlab_gui.io.image_stack import picture_kind, read_picture
from medlab_gui.io.nibabel_files import header_of_pair, is_mgh

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from medlab_gui.io.dicom_headers import DicomHeader
    from medlab_gui.io.image_stack import Picture
    from medlab_gui.io.series import FileSeries

__all__ = ["NOT_READ", "read_other"]

NOT_READ = "is not a file that MedLab reads"
"""What is said of a file that has nothing to do with scans."""

_AGAIN = "Fetch or export the scan again from where it came from, or open another file."


def read_other(path: Path, head: bytes) -> Sequence[FileSeries] | DicomHeader | Picture:
    """Look into a file that does not begin like DICOM.

    Parameters
    ----------
    path : Path
        The file.
    head : bytes
        Its first 512 bytes, or all that there are.

    Returns
    -------
    sequence of FileSeries, DicomHeader or Picture
        The volumes of the file; or the header of a DICOM file without preamble, or
        packed with gzip; or a slice or slices without geometry.

    Raises
    ------
    NotAnImageError
        If it is nothing that MedLab reads.
    DamagedFileError
        If it is, but broken.
    """
    kind = picture_kind(head)
    if kind:
        return read_picture(path, kind)
    packed = head[:2] == b"\x1f\x8b"
    if packed:
        kind = archive_kind(path)
        head = _unpacked_head(path)
        if kind == "gzip" and (head[128:132] == b"DICM" or _may_be_bare_dicom(head)):
            return _packed_dicom(path)
    if _is_nifti(head):
        from medlab_gui.io.nifti import nifti_series

        pair = path.suffix.lower() in (".hdr", ".img") and head[344:348] != b"n+1\0"
        if not pair:
            return nifti_series(path)
        if path.suffix.lower() == ".hdr":
            from medlab_gui.io.nibabel_files import nibabel_series

            return nibabel_series(path, "analyze")
    if is_mgh(head):
        from medlab_gui.io.nibabel_files import nibabel_series

        return nibabel_series(path, "mgh")
    header = header_of_pair(path)
    if header is not None:
        msg = f"It holds the voxels of {header.name}, which is read with it."
        raise NotAnImageError(msg, path=path)
    if head[:4] == b"NRRD" or _is_metaimage(head):
        from medlab_gui.io.itk_files import itk_series

        return itk_series(path, "nrrd" if head[:4] == b"NRRD" else "mha")
    if not packed and _may_be_bare_dicom(head):
        from medlab_gui.io.dicom_headers import read_header

        return read_header(path, force=True)
    raise NotAnImageError(_what_it_is(path, head), path=path)


def _packed_dicom(path: Path) -> DicomHeader:
    from medlab_gui.io.dicom_headers import read_header

    (file,) = (p for p in unpack(path).folder.iterdir() if p.is_file())
    return read_header(file, force=True)


def _unpacked_head(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            return file.read(512)
    except (OSError, EOFError, zlib.error) as error:
        msg = f"{path.name} is damaged: it cannot be unpacked (gzip). {_AGAIN}"
        raise DamagedFileError(msg, path=path) from error


def _is_nifti(head: bytes) -> bool:
    if head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in (b"n+2\0", b"ni2\0"):
        return True
    # A header whose magic is broken is still a NIfTI that someone wants explained.
    return head[:4] in (b"\x5c\x01\0\0", b"\0\0\x01\x5c") and len(head) >= 348


def _is_metaimage(head: bytes) -> bool:
    for line in head.split(b"\n"):
        first = line.strip()
        if first and not first.startswith((b"#", b"Comment", b"Name", b"ID")):
            return first.startswith((b"ObjectType", b"NDims"))
    return False


_VRS = "AE AS AT CS DA DS DT FD FL IS LO LT OB OW PN SH SL SQ SS ST TM UI UL UN US UT"


def _may_be_bare_dicom(head: bytes) -> bool:
    """Tell whether a file without preamble begins like a DICOM data set."""
    if len(head) < 16 or head[1] != 0 or head[0] not in (0x02, 0x08):
        return False
    if head[4:6].decode("latin-1") in _VRS.split():
        return True
    return head[3] == 0 and int.from_bytes(head[4:8], "little") < 1024


def _what_it_is(path: Path, head: bytes) -> str:
    name = path.name
    if path.name in PROJECT_FILES and is_project(path.parent):
        return f"{name} is part of a MedLab project. {OPEN_IT}"
    if not head:
        return f"{name} is empty (0 bytes). {_AGAIN}"
    kind = archive_kind(path)
    if kind:
        what = "is an archive" if "tar" in kind or kind == "zip" else "is packed"
        return f"{name} {what} ({kind}). Open it on its own to see what is in it."
    if path.suffix.lower() in (".dcm", ".dicom", ".ima"):
        kind = "text" if _is_text(head) else "something else"
        said = f"{name} is not DICOM although it is named so: it holds {kind}."
        return f"{said} {_AGAIN}"
    if path.suffix.lower() in (".nii", ".gz", ".nrrd", ".mha", ".mhd"):
        said = f"{name} is not the image that its name says, or its start is damaged."
        return f"{said} {_AGAIN}"
    return (
        f"{name} {NOT_READ} (DICOM, NIfTI, NRRD, "
        "MetaImage, Analyze, MGH, PNG, JPEG, TIFF, or an archive of these)."
    )


def _is_text(head: bytes) -> bool:
    try:
        # The last bytes may cut a character in two.
        return head[:-4].decode("utf-8").isprintable() or b"\n" in head
    except UnicodeDecodeError:
        return False
