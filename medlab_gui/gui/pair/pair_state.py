"""Which second series is shown, how it follows the first, and how it looks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from medlab_gui.core.i18n import _
from medlab_gui.gui.notices import NoticeAction
from medlab_gui.gui.pair.second import SecondSeries, load_second
from medlab_gui.imaging.pairing import GridPair, SliceMatch

if TYPE_CHECKING:
    from medlab_gui.core.jobs import Job, JobContext
    from medlab_gui.gui.workbench import Workbench

__all__ = ["Link", "OverlayLook", "PairState"]


class Link(StrEnum):
    """How the slice of the second series follows that of the first."""

    POSITION = "position"
    NUMBER = "number"
    HAND = "hand"
    FREE = "free"


@dataclass(frozen=True)
class OverlayLook:
    """How the second series looks over the first.

    Parameters
    ----------
    colors : str
        Name of the colours, see `overlay_colors`.
    opacity : float
        0 to 1.
    low, high : float
        Values that become clear and brightest, in the second's units.
    """

    colors: str = "hot"
    opacity: float = 0.5
    low: float = 0.0
    high: float = 1.0


class PairState:
    """The second series, for as long as the first one is open.

    Positions are compared only where both series name the same frame of reference, or
    where a person has said that they may be; that is shown for as long as it holds.

    Parameters
    ----------
    bench : Workbench
        What is open.

    Attributes
    ----------
    second : SecondSeries or None
        What is compared with.
    level, width : float
        Window of its own pane.

    Signals
    -------
    changed()
        Another second series, or none.
    moved()
        Another slice of it, or it is linked in another way.
    shown_changed()
        Side by side or not, as an overlay or not, or looks of either.
    """

    changed = Signal()
    moved = Signal()
    shown_changed = Signal()

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._loading: Job | None = None
        self._waits = False
        self._reset()
        bench.session_changed.connect(self._on_session)
        bench.slice_changed.connect(self._on_slice)
        bench.job_finished.connect(self._on_job_end)

    def _reset(self) -> None:
        self.second: SecondSeries | None = None
        self._first_uid = ""
        self._pair: GridPair | None = None
        self._link = Link.FREE
        self._trusted = False
        self._anchor = (0, 0)
        self._index = 0
        self._beside = self._overlay = False
        self._look = OverlayLook()
        self.level, self.width = 0.5, 1.0

    # ---- opening and closing ----------------------------------------------------

    def open(self, uid: str, *, overlay: bool = False) -> None:
        """Show a series of the project beside the open one, or over it.

        Parameters
        ----------
        uid : str
            The series; it is read in a thread.
        overlay : bool
            Over the open one instead of beside it.
        """
        bench, session = self._bench, self._bench.session
        if session is None:
            bench.warn(_("Open a series first; then choose one to compare it with."))
            return
        if session.series_uid == uid:
            bench.warn(
                _("That is the series which is open; choose another to compare with.")
            )
            return
        if self.second is not None and self.second.uid == uid:
            self._show(overlay=overlay)
            return
        place, first = bench.project_place, session.series_uid

        def work(ctx: JobContext) -> SecondSeries:
            ctx.check()
            return load_second(place, uid)

        def done(second: SecondSeries) -> None:
            now = bench.session
            if now is not None and now.series_uid == first:
                self._adopt(second, overlay=overlay)

        self._loading = bench.submit(
            _("Open the series to compare with"), work, on_done=done, lane="pair-open"
        )

    def _adopt(self, second: SecondSeries, *, overlay: bool) -> None:
        session = self._bench.session
        assert session is not None
        self._reset()
        self.second, self._first_uid = second, session.series_uid
        self._pair = GridPair(session.volume.grid, second.volume.grid)
        self._link = Link.POSITION if self._pair.shares_frame else Link.FREE
        self._index = second.volume.grid.shape[0] // 2
        self.level, self.width = second.window
        self._bench.measure.watch_second(second)
        low = self.level - self.width / 2
        self._look = OverlayLook(low=low, high=low + self.width)
        self.changed.emit()
        self._show(overlay=overlay)

    def _show(self, *, overlay: bool) -> None:
        if overlay:
            self.overlay = True
            if not self._overlay:  # refused: what it would have been is shown beside
                self.beside = True
        else:
            self.beside = True

    def close(self) -> None:
        """Show the open series alone."""
        if self._loading is not None:
            self._loading.cancel()
            self._loading = None
        if self.second is not None:
            self._reset()
            self._bench.measure.watch_second(None)
            self.changed.emit()

    def _on_session(self) -> None:
        session = self._bench.session
        if session is None and self._waits:
            return
        self._waits = False
        if session is None or session.series_uid != self._first_uid:
            self.close()

    def wait_for_reopening(self) -> None:
        """Stay while the first series is closed, to be opened again at once."""
        self._waits = self.second is not None

    def _on_job_end(self, job: Job) -> None:
        if self._waits and job is self._bench.opening:
            self._waits = False  # it could not be opened again
            self.close()

    # ---- which slice ------------------------------------------------------------

    @property
    def pair(self) -> GridPair:
        """Both grids; only where there is a second series."""
        assert self._pair is not None
        return self._pair

    @property
    def link(self) -> Link:
        """How the slices go together."""
        return self._link

    @link.setter
    def link(self, link: Link) -> None:
        if self.second is None:
            return
        link = Link(link)
        if link is Link.HAND:
            self.link_here()
            return
        if link is Link.POSITION and not self.positions_hold:
            self.trust_positions()
            return
        self._keep_place()
        self._link = link
        self.moved.emit()

    def _keep_place(self) -> None:
        """Begin where the second series is now, whatever it followed until now."""
        index = self.match.index
        if index is not None:
            self._index = index

    def link_here(self) -> None:
        """From now on both go on by the same way in mm, from the slices shown now."""
        session = self._bench.session
        if self.second is not None and session is not None:
            self._keep_place()
            self._anchor = (session.k, self._index)
            self._link = Link.HAND
            self.moved.emit()

    @property
    def positions_hold(self) -> bool:
        """Whether positions of both may be compared: one frame, or trusted."""
        return self._pair is not None and (self._pair.shares_frame or self._trusted)

    @property
    def shares_place(self) -> bool:
        """Whether it is beside the first, and a place of one is known in the other."""
        return self.second is not None and self._beside and self._link is Link.POSITION

    @property
    def is_trusted_only(self) -> bool:
        """Whether a person has said that positions may be compared, and no file has."""
        return self._trusted and not self.pair.shares_frame

    def trust_positions(self, *, overlay: bool = False) -> None:
        """Compare positions although the files do not say that one may.

        Parameters
        ----------
        overlay : bool
            And show the second series over the first.
        """
        if self.second is None:
            return
        self._trusted, self._link = True, Link.POSITION
        self.moved.emit()
        if overlay:
            self.overlay = True
        self.shown_changed.emit()

    @property
    def is_resampled(self) -> bool:
        """Whether its pane shows it resampled into the plane of the first."""
        return (
            self.second is not None
            and self._link is Link.POSITION
            and not self.pair.is_parallel
        )

    @property
    def match(self) -> SliceMatch:
        """The slice that its pane shows; not the one where it `is_resampled`."""
        session = self._bench.session
        if self.second is None or session is None:
            return SliceMatch(None, 0.0)
        return self._match_of(session.k)

    def _match_of(self, k: int) -> SliceMatch:
        assert self.second is not None
        n = self.second.volume.grid.shape[0]
        if self._link is Link.POSITION:
            return self.pair.match(k)
        if self._link is Link.FREE:
            return SliceMatch(self._index, 0.0)
        step = self.pair.slice_distance_mm
        if self._link is Link.NUMBER:
            place = float(k)
        else:
            here, there = self._anchor
            way = (k - here) * _distance_mm(self.pair)
            place = there + way / step
        nearest = min(max(int(place + 0.5), 0), n - 1)
        off = nearest - place
        return SliceMatch(nearest if abs(off) <= 0.5 else None, off * step)

    def show_slice(self, index: int) -> None:
        """Show a slice of it; both series go there where they are linked."""
        if self.second is None:
            return
        if self._link is Link.FREE:
            self.step(index - self._index)
            return
        found = [(self._match_of(k), k) for k in range(self.pair.first.shape[0])]
        there = [(abs(m.off_mm), k) for m, k in found if m.index == index]
        if there:
            self._bench.go_to(min(there)[1])

    def step(self, n: int) -> None:
        """Go on by slices: both together where they are linked."""
        if self.second is None:
            return
        if self._link is Link.FREE:
            last = self.second.volume.grid.shape[0] - 1
            self._index = min(max(self._index + n, 0), last)
            self.moved.emit()
        else:
            self._bench.step(n)

    def _on_slice(self, _k: int) -> None:
        if self.second is not None:
            self.moved.emit()

    # ---- looks ------------------------------------------------------------------

    @property
    def beside(self) -> bool:
        """Whether it has a pane of its own."""
        return self._beside

    @beside.setter
    def beside(self, shown: bool) -> None:
        if shown != self._beside and (self.second is not None or not shown):
            self._beside = shown
            self.shown_changed.emit()

    @property
    def overlay(self) -> bool:
        """Whether it is shown over the first, in colour."""
        return self._overlay

    @overlay.setter
    def overlay(self, shown: bool) -> None:
        if shown and (self.second is None or not self.positions_hold):
            if self.second is not None:
                self._refuse()
            self.shown_changed.emit()  # a button that was pressed comes up again
        elif shown != self._overlay:
            self._overlay = shown
            self.shown_changed.emit()

    def _refuse(self) -> None:
        self._bench.warn(
            _("{why} The second is not laid over the first.").format(
                why=self.why_not_linked
            ),
            NoticeAction(
                _("Overlay anyway"), partial(self.trust_positions, overlay=True)
            ),
        )

    @property
    def why_not_linked(self) -> str:
        """Why positions cannot be compared, as a sentence; empty where they can."""
        if self._pair is None or self._pair.shares_frame:
            return ""
        if self._pair.first.frame_of_reference and (
            self._pair.second.frame_of_reference
        ):
            return _("The two series have different frames of reference.")
        return _("One of the two series does not name its frame of reference.")

    def badge(self) -> str:
        """Return how both go together, where it must be known."""
        if self.second is None:
            return ""
        if self._link is Link.FREE:
            if self.pair.shares_frame:
                return _("not synchronised")
            return self._frame_badge(_("not synchronised: {frame}"))
        if self._link is Link.NUMBER:
            return _("by slice number, not by position")
        if self._link is Link.HAND:
            first, second = self._anchor
            return _("linked by hand: slice {a} = slice {b}").format(
                a=first + 1, b=second + 1
            )
        return self.trust_badge()

    def trust_badge(self) -> str:
        """Return a warning where positions are compared on a person's word only."""
        if self.second is None or not self.is_trusted_only:
            return ""
        return self._frame_badge(_("{frame}: your choice"))

    def _frame_badge(self, text: str) -> str:
        pair = self.pair
        if pair.first.frame_of_reference and pair.second.frame_of_reference:
            return text.format(frame=_("other frame of reference"))
        return text.format(frame=_("frame of reference unknown"))

    @property
    def look(self) -> OverlayLook:
        """How it looks over the first."""
        return self._look

    def set_look(self, **changes: Any) -> None:
        """Change some of the `OverlayLook`; an empty range is left as it was."""
        look = replace(self._look, **changes)
        if look != self._look and look.high > look.low:
            self._look = look
            self.shown_changed.emit()

    def set_window(self, level: float, width: float) -> None:
        """Show its pane in another window."""
        self.level, self.width = level, max(width, 1e-6)
        self.shown_changed.emit()


def _distance_mm(pair: GridPair) -> float:
    """Return the distance between the first's slices, at right angles to them."""
    return GridPair(pair.second, pair.first).slice_distance_mm
