"""A volume that fills while it is looked at."""

from __future__ import annotations

import os
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from medlab_gui.core.errors import DamagedFileError, InputError, ResourceError
from medlab_gui.core.jobs import Cancelled
from medlab_gui.core.records import Problem, Severity
from medlab_gui.core.volume import Volume
from medlab_gui.io.archives import origin

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from medlab_gui.core.display import Display
    from medlab_gui.imaging.slicewise import ProgressCallback
    from medlab_gui.io.dicom_pixels import SliceFiller
    from medlab_gui.io.series import FileSeries

__all__ = ["VolumeStream"]

_PATIENCE_S = 0.5
_MOST_THREADS = 4
"""A disk serves a few readers better than one; more only get in each other's way."""


class VolumeStream:
    """Reads a series slice by slice on threads of its own.

    The volume is there at once, with zeros where nothing has been read: draw only
    slices that are ``filled``. What is finished is bit for bit what `read_volume`
    returns, in whatever order it was read.

    Files other than DICOM, and what is resampled, cannot be read by the slice: their
    volume is an empty one that takes no memory, until all slices come together.

    Parameters
    ----------
    series : FileSeries
        One without a ``blocking`` problem.
    start_at : int, optional
        The slice to begin with, then outward; the middle one if not given. -1 reads
        from the first to the last.
    on_filled : callable, optional
        Called as ``on_filled(stream, slices)`` with a tuple of slice numbers that can
        be drawn now, *on a reading thread*. Look at ``stream.volume`` each time: it is
        another one where a value turned up that int16 does not hold
        (`dtype_is_settled`).
    on_end : callable, optional
        Called once as ``on_end(stream, error)`` on a reading thread: None when all is
        read, else what went wrong. Not called after `cancel`.

    Attributes
    ----------
    began : float
        When the reading began (`time.time`).

    Raises
    ------
    ResourceError
        If there is not enough memory.
    """

    def __init__(
        self,
        series: FileSeries,
        *,
        start_at: int | None = None,
        on_filled: Callable[[VolumeStream, tuple[int, ...]], None] | None = None,
        on_end: Callable[[VolumeStream, Exception | None], None] | None = None,
    ) -> None:
        assert series.grid is not None  # None only where a problem blocks
        self.series = series
        self._on_filled, self._on_end = on_filled, on_end
        self._grid = series.grid
        n = series.shape[0]
        self._pending = list(range(n - 1, -1, -1))  # the next one last
        if start_at != -1:
            self._begin_at(n // 2 if start_at is None else start_at)
        self.began = time.time()
        self._changed = threading.Condition()
        self._n_done = 0
        self._error: Exception | None = None
        self._cancelled = False
        self._problems: tuple[Problem, ...] = ()
        self._display = series.display
        self._whole: tuple[float, float, str] = (0, 0, "Reading the file")
        self._filler: SliceFiller | None = None
        n_threads = 1
        if series.format == "dicom" and series.derivation is None:
            from medlab_gui.io.dicom_pixels import SliceFiller

            try:
                self._filler = SliceFiller(series)
            except MemoryError as error:
                raise too_large(series) from error
            self._volume = self._of(self._filler.data)
            n_threads = min(n, _MOST_THREADS, max(2, os.cpu_count() or 2))
        else:
            nothing = np.broadcast_to(np.int16(0), series.shape)
            self._volume = self._of(nothing)
        self._n_running = n_threads
        self._threads = [
            threading.Thread(
                target=self._run,
                args=(self._filler,),
                name=f"medlab-read-{m}",
                daemon=True,
            )
            for m in range(n_threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def volume(self) -> Volume:
        """The volume as far as it has been read."""
        data = self._volume.data if self._filler is None else self._filler.data
        if data is not self._volume.data:
            self._volume = self._of(data)
        return self._volume

    def let_go(self) -> None:
        """Stop, and keep the voxels no longer; for when they are elsewhere by now.

        Whoever asked for the reading may still hold this stream: jobs do.
        """
        self.cancel()
        self._filler = None
        self._volume = self._of(np.broadcast_to(np.int16(0), self.series.shape))

    @property
    def filled(self) -> NDArray[np.bool_]:
        """Which slices can be drawn: bool, shape (Z,); a copy."""
        if self._filler is not None:
            return self._filler.filled.copy()
        return np.full(self.series.shape[0], self._n_done > 0)

    @property
    def dtype_is_settled(self) -> bool:
        """Whether the array is sure to stay the same one to the end.

        True where the headers say so: Bits Stored, sign, slope and intercept of every
        slice leave no value that int16 cannot hold, or ask for float32 anyway.
        """
        return self._filler is not None and self._filler.settled

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What the voxels showed that the scan, which saw a part, could not tell."""
        return self._problems

    @property
    def display(self) -> Display:
        """How the voxels ask to be shown; what a resampling filled comes last."""
        return self._display

    @property
    def done(self) -> bool:
        """Whether every slice has been read."""
        return self._n_done == self.series.shape[0]

    @property
    def error(self) -> Exception | None:
        """What ended the reading before its time, or None."""
        return self._error

    def want(self, k: int) -> None:
        """Read slice ``k`` next, and then go on outward from there.

        Parameters
        ----------
        k : int
            Slice number. One that has been read already, or that does not exist,
            moves the place from which reading goes on.
        """
        with self._changed:
            self._begin_at(k)

    def cancel(self) -> None:
        """Read no further; slices that are on their way may still arrive."""
        with self._changed:
            self._cancelled = True
            self._pending.clear()
            self._changed.notify_all()

    def wait(self, progress: ProgressCallback | None = None) -> Volume:
        """Wait until all is read.

        Parameters
        ----------
        progress : callable, optional
            Called as ``progress(done, total, message)`` for each slice, on this
            thread, and now and then where one takes long. If it raises, the reading
            ends, and so does this.

        Returns
        -------
        Volume
            The whole of it.

        Raises
        ------
        DamagedFileError
            If a file has gone, is shorter than its header says, or does not decode.
        InputError
            If a file does not hold what its header says.
        ResourceError
            If there is not enough memory.
        RuntimeError
            If it was cancelled.
        """
        told = 0
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(partial(self._has_news, told), _PATIENCE_S)
                    now, over = self._n_done, self._over
                if told == now and not over and progress is not None:
                    progress(*self._whole)  # nothing new, but it may want to cancel
                while told < now:
                    told += 1
                    if progress is not None:
                        progress(told, self.series.shape[0], "Reading slices")
                if over and told == self._n_done:
                    break
        except BaseException:
            self.cancel()
            raise
        finally:
            if self._cancelled or self._over:
                for thread in self._threads:
                    thread.join()
        if self._error is not None:
            raise self._error
        if not self.done:
            msg = "the reading was cancelled"
            raise RuntimeError(msg)
        return self.volume

    def _has_news(self, told: int) -> bool:
        return self._n_done > told or self._over

    @property
    def _over(self) -> bool:
        return self._n_running == 0 or self._error is not None or self._cancelled

    def _of(self, data: NDArray[Any]) -> Volume:
        series = self.series
        return Volume(data, self._grid, series.modality, series.units, series.uid)

    def _begin_at(self, k: int) -> None:
        self._pending.sort(key=lambda n: -abs(n - k))

    def _run(self, filler: SliceFiller | None) -> None:
        try:
            if filler is None:
                self._read_all()
            else:
                self._read_slices(filler)
        except Cancelled:
            pass
        except Exception as error:  # noqa: BLE001 - carried to whoever waits for it
            self._fail(error)
        with self._changed:
            self._n_running -= 1
            last = self._n_running == 0
            self._changed.notify_all()
        if last and self._on_end is not None and not self._cancelled:
            self._on_end(self, self._error)

    def _read_slices(self, filler: SliceFiller) -> None:
        while True:
            with self._changed:
                if not self._pending:
                    return
                k = self._pending.pop()
            filler.fill(k)
            with self._changed:
                if self._n_done == self.series.shape[0] - 1:
                    self._tell(filler.problems())
                self._n_done += 1
                self._changed.notify_all()
            if self._on_filled is not None:
                self._on_filled(self, (k,))

    def _read_all(self) -> None:
        odd: list[Problem] = []
        data, display = _whole_file(self.series, self._note, odd)
        self._tell(odd)
        n = self.series.shape[0]
        with self._changed:
            if self._cancelled:
                return
            self._pending.clear()
            self._volume, self._display = self._of(data), display
            self._n_done = n
            self._changed.notify_all()
        if self._on_filled is not None:
            self._on_filled(self, tuple(range(n)))

    def _tell(self, odd: list[Problem]) -> None:
        """Keep what is odd about the voxels, or raise if they are none."""
        known = {p.code for p in self.series.problems}
        self._problems = tuple(p for p in odd if p.code not in known)
        for problem in self._problems:
            if problem.severity is Severity.NOT_A_VOLUME:
                where = place_of(self.series)
                msg = f"{where} cannot be opened. {problem.message}"
                raise InputError(msg, path=where)

    def _note(self, done: float, total: float = 0, message: str = "") -> None:
        """Take the progress of what cannot be read by the slice; may stop it."""
        if self._cancelled:
            raise Cancelled
        self._whole = done, total, message

    def _fail(self, error: Exception) -> None:
        where = place_of(self.series)
        if isinstance(error, MemoryError):
            cause, error = error, too_large(self.series)
            error.__cause__ = cause
        elif isinstance(error, OSError):
            cause_os = error
            error = DamagedFileError(
                f"{where} cannot be read any more: {cause_os.strerror or cause_os}.",
                path=where,
            )
            error.__cause__ = cause_os
        with self._changed:
            if self._error is None:
                self._error = error
            self._pending.clear()
            self._changed.notify_all()


def _whole_file(
    series: FileSeries, note: ProgressCallback, odd: list[Problem]
) -> tuple[NDArray[Any], Display]:
    if series.derivation is not None:
        source = VolumeStream(series.derivation.source, start_at=-1)
        stored = source.wait(note)
        odd += source.problems
        return series.derivation.apply(stored.data, source.display, note)
    return _stored_file(series, odd), series.display


def _stored_file(series: FileSeries, odd: list[Problem]) -> NDArray[Any]:
    if series.format == "nifti":
        from medlab_gui.io.nifti import read_nifti_voxels

        return read_nifti_voxels(series.files[0], odd, series.volume_index)
    if series.format == "pictures":
        from medlab_gui.io.image_stack import read_picture_voxels

        return read_picture_voxels(series)
    if series.format in ("analyze", "mgh"):
        from medlab_gui.io.nibabel_files import read_nibabel_voxels

        return read_nibabel_voxels(
            series.files[0], series.format, series.volume_index, odd
        )
    from medlab_gui.io.itk_files import read_itk_voxels

    return read_itk_voxels(series.files[0], series.format, odd, series.volume_index)


def place_of(series: FileSeries) -> Path:
    """Return the file or folder to name in a message."""
    first = origin(series.files[0])
    return first.parent if len(series.files) > 1 else first


def too_large(series: FileSeries) -> ResourceError:
    """Return the error for a series that does not fit into memory."""
    where = place_of(series)
    needed = np.prod(series.shape, dtype=np.int64) * 4 / 2**30
    return ResourceError(
        f"There is not enough memory for {where}: {series.shape} voxels need up to "
        f"{needed:.1f} GB. Close other programs or use a machine with more memory.",
        path=where,
    )
