"""What an archive may hold at most, so that none can fill the disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from medlab_gui.core.errors import InputError, StorageFullError, storage_error
from medlab_gui.io.wording import sized

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_gui.imaging.slicewise import ProgressCallback

__all__ = ["ArchiveLimits", "Counter"]

_BLOCK = 2**20


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an archive may hold at most.

    Parameters
    ----------
    n_bytes : int
        Bytes when unpacked.
    n_members : int
        Files.
    ratio : float
        Unpacked bytes for each packed one; looked at beyond ``harmless`` only, for an
        empty mask is packed a thousandfold.
    harmless : int
        Bytes that no ratio makes suspicious.
    """

    n_bytes: int = 64 * 2**30
    n_members: int = 200_000
    ratio: float = 200.0
    harmless: int = 2**30


@dataclass(slots=True)
class Counter:
    """Counts what is unpacked and stops it at the limits.

    Parameters
    ----------
    name : str
        Of the archive, for messages.
    limits : ArchiveLimits
        What it may hold at most.
    room : int
        Bytes that the disk has for it.
    n_packed : int
        Size of the archive.
    progress : callable, optional
        Called as ``progress(done, total, message)``.
    """

    name: str
    limits: ArchiveLimits
    room: int
    n_packed: int
    progress: ProgressCallback | None = None
    n_bytes: int = 0
    n_members: int = 0
    is_full: bool = field(default=False)

    def check(self, more: int) -> None:
        """Raise if ``more`` bytes would be too many."""
        total = self.n_bytes + more
        self.is_full = True
        suspicious = total > self.limits.ratio * max(self.n_packed, 1)
        if suspicious and total > self.limits.harmless:
            msg = (
                f"{self.name} ({sized(self.n_packed)}) would unpack to more than "
                f"{sized(self.limits.harmless)}, over {self.limits.ratio:g} times its "
                "size, as harmful archives do; it was not unpacked. If you trust it, "
                "unpack it yourself and open the folder."
            )
            raise InputError(msg)
        if total > self.limits.n_bytes:
            msg = (
                f"{self.name} would unpack to more than "
                f"{sized(self.limits.n_bytes)}, which is the most that MedLab unpacks. "
                "Unpack the study that you need yourself and open its folder."
            )
            raise InputError(msg)
        if total > self.room:
            msg = (
                f"There is no room to unpack {self.name}: it needs "
                f"{sized(max(total, 1))} or more, and {sized(max(self.room, 0))} can "
                "be used in the temporary folder. Free some space, or unpack it on "
                "another disk and open the folder."
            )
            raise StorageFullError(msg)
        self.is_full = False

    def add_member(self) -> None:
        """Count a file."""
        self.n_members += 1
        if self.n_members > self.limits.n_members:
            self.is_full = True
            msg = (
                f"{self.name} holds more than {self.limits.n_members:,} files, which "
                "is the most that MedLab unpacks. Unpack the study that you need "
                "yourself and open its folder."
            )
            raise InputError(msg)

    def write(self, source: IO[bytes], target: Path) -> None:
        """Copy a member, and count its bytes while they come."""
        # Errors of the disk are told apart from those of the archive here: later both
        # would be OSErrors.
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            file = target.open("xb", buffering=0)
        except OSError as error:
            raise storage_error(error, target.parent) from error
        with file:
            while block := source.read(_BLOCK):
                self.check(len(block))
                self.n_bytes += len(block)
                try:
                    file.write(block)
                except OSError as error:
                    raise storage_error(error, target.parent) from error

    def report(self, done: int, total: int) -> None:
        """Tell how far it is; the place at which it can be cancelled."""
        if self.progress is not None:
            self.progress(done, total, "Unpacking")
