"""Members of archives: what an archive is, safe names, and what is left out."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from medlab_gui.core.errors import DamagedFileError, InputError
from medlab_gui.core.places import is_device
from medlab_gui.io.companions import is_companion_in_archive
from medlab_gui.io.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medlab_gui.io.archive_limits import Counter

__all__ = ["archive_kind", "unpack_into"]

_OPENERS: dict[str, Any] = {
    "gzip": gzip.open,
    "bzip2": bz2.open,
    "xz": lzma.open,
}
_ENDINGS = {"gzip": (".gz", ".gzip"), "bzip2": (".bz2",), "xz": (".xz", ".lzma")}
_BROKEN = (
    EOFError,
    IndexError,
    KeyError,
    OSError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What the standard library was seen to raise on broken archives."""
_BLOCK = 2**20
_METHODS = {9: "Deflate64", 93: "Zstandard", 95: "xz", 98: "PPMd", 99: "AES"}


def archive_kind(path: Path) -> str:
    """Tell by its content what kind of archive a file is.

    Returns
    -------
    str
        ``"zip"``, ``"tar"``, ``"tar in gzip"`` (or bzip2, xz), ``"gzip"`` (or bzip2,
        xz) for a single packed file that is no NIfTI, ``"7-Zip"`` or ``"RAR"``, which
        MedLab does not unpack, or "".
    """
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError:
        return ""
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "zip"
    if head[:6] == b"7z\xbc\xaf\x27\x1c":
        return "7-Zip"
    if head[:4] == b"Rar!":
        return "RAR"
    packed = ""
    if head[:2] == b"\x1f\x8b":
        packed = "gzip"
    elif head[:3] == b"BZh" and head[4:10] == b"1AY&SY":
        packed = "bzip2"
    elif head[:6] == b"\xfd7zXZ\0":
        packed = "xz"
    if packed:
        try:
            with _OPENERS[packed](path) as unpacked:
                head = unpacked.read(512)
        except _BROKEN:
            # Half an archive is explained when it is unpacked; other readers know
            # what to say of a broken NIfTI.
            return f"tar in {packed}" if _is_named_tar(path) else ""
        if _is_tar(head):
            return f"tar in {packed}"
        is_volume = head[344:347] in (b"n+1", b"ni1") or head[4:7] in (b"n+2", b"ni2")
        named = path.name.lower().endswith((".nii.gz", ".mgz", ".hdr.gz", ".img.gz"))
        if packed == "gzip" and (is_volume or named):
            return ""  # its reader unpacks it, or says what is wrong with it
        return packed
    return "tar" if _is_tar(head) else ""


def unpack_into(path: Path, folder: Path, counter: Counter) -> list[tuple[str, str]]:
    """Unpack one archive.

    Parameters
    ----------
    path : Path
        A file that `archive_kind` knows.
    folder : Path
        An empty folder.
    counter : Counter
        Counts files and bytes.

    Returns
    -------
    list of (str, str)
        Names of members that were left out, each with the reason as a sentence.

    Raises
    ------
    InputError
        If it is encrypted, too large, or of a kind that MedLab does not unpack.
    DamagedFileError
        If nothing can be unpacked of it.
    """
    kind = archive_kind(path)
    places = _Places(folder)
    if kind == "zip":
        return _unzip(path, places, counter)
    if kind.startswith("tar"):
        return _untar(path, places, counter)
    if kind in _OPENERS:
        return _unpack_single(path, kind, places, counter)
    msg = (
        f"{path.name} is a {kind} archive, which MedLab does not unpack. Unpack it "
        "yourself and open the folder."
    )
    raise InputError(msg, path=path)


class _Places:
    """Gives members places below a folder, no two the same on any system."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._taken: set[str] = set()

    def of(self, name: str) -> Path | None:
        """Return where a member goes, or None if its name leads elsewhere."""
        name = name.replace("\\", "/")
        parts = PurePosixPath(name).parts
        if (
            not parts
            or "\0" in name
            or name.startswith("/")
            or re.match("[A-Za-z]:", name)
            or ".." in parts
        ):
            return None
        clean = [_clean(part) for part in parts]
        place, n = self.folder.joinpath(*clean), 1
        while self._key(place) in self._taken or place.exists():
            n += 1
            place = self.folder.joinpath(*clean[:-1], f"{n}~{clean[-1]}")
        self._taken.add(self._key(place))
        for above in place.relative_to(self.folder).parents:
            # A file "a" and a folder "a" cannot both be.
            if (self.folder / above).is_file():
                return None
        return place

    @staticmethod
    def _key(place: Path) -> str:
        return unicodedata.normalize("NFC", str(place)).casefold()


def _clean(part: str) -> str:
    """Return a name that Windows, macOS and Linux all allow."""
    part = part.encode("utf-8", "replace").decode("utf-8")
    part = re.sub(r'[<>:"|?*\x00-\x1f]', "_", part).rstrip(". ") or "_"
    if is_device(part):
        part = f"_{part}"
    stem, dot, ending = part.rpartition(".")
    if len(part) > 100:
        part = f"{stem[: 90 - len(ending)]}{dot}{ending}" if len(ending) < 20 else ""
    return part or "long-name"


_ESCAPES = "its name leads out of the folder that it is unpacked to, so it was left out"


def _unzip(path: Path, places: _Places, counter: Counter) -> list[tuple[str, str]]:
    left_out: list[tuple[str, str]] = []
    try:
        archive = zipfile.ZipFile(path)
    except (*_BROKEN, NotImplementedError) as error:
        raise _damaged(path, "its list of files cannot be read") from error
    with archive:
        members = [
            m
            for m in archive.infolist()
            if not m.is_dir() and not is_companion_in_archive(m.filename)
        ]
        if members and all(m.flag_bits & 1 for m in members):
            msg = (
                f"{path.name} is protected by a password. Unpack it with the password "
                "and open the folder."
            )
            raise InputError(msg, path=path)
        counter.check(sum(m.file_size for m in members))
        for n, member in enumerate(members):
            counter.report(n, len(members))
            reason = _unzip_one(archive, member, places, counter)
            if reason:
                left_out.append((_shown(member.filename), _sentence(member, reason)))
    _check_some(path, len(members), left_out)
    return left_out


def _unzip_one(
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    places: _Places,
    counter: Counter,
) -> str:
    """Unpack a member; return why not, if not."""
    # Unix keeps the kind of a file in the upper half: links, devices, sockets.
    kind = member.external_attr >> 28
    if member.create_system == 3 and kind not in (0, 8):
        return "it is a link or a device and no file, so it was left out"
    if member.flag_bits & 1:
        return "it is protected by a password; unpack it with the password"
    place = places.of(member.filename)
    if place is None:
        return _ESCAPES
    counter.add_member()
    try:
        with archive.open(member) as source:
            counter.write(source, place)
    except NotImplementedError:
        method = _METHODS.get(member.compress_type, f"method {member.compress_type}")
        return (
            f"it is packed by {method}, which MedLab cannot unpack; unpack the archive "
            "yourself and open the folder"
        )
    except (*_BROKEN, RuntimeError):
        place.unlink(missing_ok=True)
        return "it is damaged and cannot be unpacked; fetch the archive again"
    return ""


def _untar(path: Path, places: _Places, counter: Counter) -> list[tuple[str, str]]:
    left_out: list[tuple[str, str]] = []
    size = path.stat().st_size
    n_done = 0
    place: Path | None = None
    try:
        with path.open("rb") as raw, _tar(raw, archive_kind(path)) as archive:
            for member in _members(archive, counter):
                counter.report(min(raw.tell(), size), size)
                if member.isdir() or is_companion_in_archive(member.name):
                    continue
                place = places.of(member.name) if member.isreg() else None
                if place is None:
                    reason = (
                        _ESCAPES
                        if member.isreg()
                        else "it is a link or a device and no file, so it was left out"
                    )
                    left_out.append((_shown(member.name), _sentence(member, reason)))
                    continue
                source = archive.extractfile(member)
                assert source is not None  # for regular files
                with source:
                    counter.write(source, place)
                n_done += 1
                place = None
    except _BROKEN as error:
        if place is not None:
            place.unlink(missing_ok=True)
        if not n_done:
            raise _damaged(path, "it ends too early or holds something else") from error
        left_out.append(
            (
                "",
                f"{path.name} is damaged: only {counted(n_done, 'file', 'files')} "
                "could be unpacked and the rest is lost. Fetch the archive again.",
            )
        )
    if not n_done:
        _check_some(path, len(left_out), left_out)
    return left_out


class _Sips(io.BufferedIOBase):
    """A file that is not read in gulps, which a forged header may ask for."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def read(self, n: int | None = -1, /) -> bytes:
        if n is None or not 0 <= n <= 16 * _BLOCK:
            msg = "a header of absurd size"
            raise tarfile.ReadError(msg)
        return self._file.read(n)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True


def _tar(raw: IO[bytes], kind: str) -> tarfile.TarFile:
    packed = kind.rpartition(" ")[2]
    file = raw if packed == "tar" else _OPENERS[packed](raw)
    return tarfile.open(fileobj=_Sips(file), mode="r:")


def _members(archive: tarfile.TarFile, counter: Counter) -> Iterator[tarfile.TarInfo]:
    while (member := archive.next()) is not None:
        # Links and folders count too: tarfile remembers all that it has seen.
        counter.add_member()
        # What is skipped takes no room, but it takes time.
        counter.check(max(0, archive.offset - counter.n_bytes))
        yield member


def _unpack_single(
    path: Path, kind: str, places: _Places, counter: Counter
) -> list[tuple[str, str]]:
    name = path.name
    for ending in _ENDINGS[kind]:
        if name.lower().endswith(ending):
            name = name[: -len(ending)]
    place = places.of(name) or places.folder / "file"
    counter.add_member()
    counter.report(0, 1)
    try:
        with _OPENERS[kind](path) as source:
            counter.write(source, place)
    except _BROKEN as error:
        raise _damaged(path, f"it cannot be unpacked ({kind})") from error
    return []


def _check_some(path: Path, n_members: int, left_out: list[tuple[str, str]]) -> None:
    if not n_members:
        msg = f"{path.name} is an archive without a file in it."
        raise InputError(msg, path=path)
    if len(left_out) >= n_members:
        msg = f"Nothing could be unpacked of {path.name}. {left_out[0][1]}"
        if "is damaged" in left_out[0][1]:
            raise DamagedFileError(msg, path=path)
        raise InputError(msg, path=path)


def _sentence(member: zipfile.ZipInfo | tarfile.TarInfo, reason: str) -> str:
    name = member.filename if isinstance(member, zipfile.ZipInfo) else member.name
    return f"{_shown(name)}: {reason}."


def _shown(name: str) -> str:
    """Return a member's name without what a terminal would obey."""
    plain = "".join(c if c.isprintable() else "_" for c in name)
    return re.sub(r"^([A-Za-z]:)?[/\\]+", "", plain) or "_"


def _is_tar(head: bytes) -> bool:
    if len(head) < 512 or not head.strip(b"\0"):
        return False
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return False
    return True


def _is_named_tar(path: Path) -> bool:
    return re.search(r"\.(tar\.(gz|bz2|xz)|tgz|tbz2?|txz)$", path.name.lower()) is not (
        None
    )


def _damaged(path: Path, what: str) -> DamagedFileError:
    msg = f"{path.name} is damaged: {what}. Fetch the archive again."
    return DamagedFileError(msg, path=path)
