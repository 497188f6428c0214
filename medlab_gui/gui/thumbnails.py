"""Small pictures of slices, made on a thread when somebody looks at them."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from psygnal import Signal

from medlab_gui.core.errors import MedlabError
from medlab_gui.gui.pictures import thumbnail

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qtpy.QtGui import QImage

    from medlab_gui.core.jobs import JobContext
    from medlab_gui.gui.workbench import Workbench
    from medlab_gui.store.project import ProjectStore

__all__ = ["Place", "Thumbnails", "draw"]

Place = tuple[str, int]
"""``(series_uid, slice_index)``."""

_AT_ONCE = 12
_KEPT = 600
_NONE = ("", "")


def draw(
    store: ProjectStore, places: Iterable[Place], side: int
) -> dict[Place, QImage]:
    """Draw slices of a project with the outline of their masks.

    A slice that a person vouches for shows that mask, any other one the newest
    prediction.

    Parameters
    ----------
    store : ProjectStore
        This thread's own connection.
    places : iterable of Place
        Which slices.
    side : int
        Longer side in device pixels.

    Returns
    -------
    dict of Place to QImage
        Slices that cannot be read are left out: a picture is a help, not a need.
    """
    from medlab_gui.imaging.window import default_window

    made: dict[Place, QImage] = {}
    by_series: dict[str, list[int]] = {}
    for uid, k in places:
        by_series.setdefault(uid, []).append(k)
    for uid, slices in by_series.items():
        try:
            series = store.series(uid)
            data = store.array(series.blob)
            annotation = store.latest_annotation(uid)
            prediction = store.latest_prediction(uid)
            confirmed = set(annotation.confirmed) if annotation is not None else set()
            truth = guess = None
            if annotation is not None and confirmed.intersection(slices):
                truth = store.annotation_mask(annotation)
            if prediction is not None and not confirmed.issuperset(slices):
                guess = store.array(prediction.labels_blob)
            window = default_window(
                data, series.modality, series.window, series.display.padding
            )
            _dz, dy, dx = series.grid.spacing
            for k in slices:
                mask = truth if k in confirmed else guess
                made[uid, k] = thumbnail(
                    data[k],
                    (dy, dx),
                    window,
                    side,
                    mask[k].astype("uint8") if mask is not None else None,
                    store.scheme(),
                )
        except (MedlabError, IndexError):
            continue
    return made


def stamps(store: ProjectStore) -> dict[str, tuple[str, str]]:
    """Return the ids of the mask and the prediction that each series' pictures show.

    Two questions for the whole project: a queue shows slices of any number of series,
    and asks at each change.
    """
    masks, guesses = store.latest_annotation_ids(), store.latest_prediction_ids()
    uids = masks.keys() | guesses.keys()
    return {uid: (masks.get(uid, ""), guesses.get(uid, "")) for uid in uids}


class Thumbnails:
    """Pictures that are at hand, and orders for those that are not.

    Parameters
    ----------
    workbench : Workbench
        Whose project is drawn.

    Attributes
    ----------
    ready : Signal(set of Place)
        These can be shown now.
    """

    ready = Signal(object)

    def __init__(self, workbench: Workbench) -> None:
        self._bench = workbench
        self._side = 48
        self._made: OrderedDict[Place, QImage | None] = OrderedDict()
        self._wanted: OrderedDict[Place, None] = OrderedDict()
        self._stamps: dict[str, tuple[str, str]] = {}
        self._busy = False
        self._of = workbench.project_place

    def set_side(self, pixels: int) -> None:
        """Draw them so many device pixels long."""
        if pixels != self._side:
            self._side = pixels
            self._made.clear()

    def get(self, place: Place) -> QImage | None:
        """Return a picture, or None and order it."""
        if place in self._made:
            self._made.move_to_end(place)
            return self._made[place]
        self._wanted[place] = None
        self._wanted.move_to_end(place)
        self._next()
        return None

    def forget_changed(self) -> None:
        """Drop pictures whose mask or prediction is another one by now."""
        store, place = self._bench.store, self._bench.project_place
        if store is None or place != self._of:
            self._of = place
            self._made.clear()
            return
        try:
            now = stamps(store)
        except MedlabError:
            self._made.clear()  # who acts on the project is told
            return
        changed = {
            uid
            for uid in {uid for uid, _k in self._made}
            if now.get(uid, _NONE) != self._stamps.get(uid)
        }
        for made in [made for made in self._made if made[0] in changed]:
            del self._made[made]

    def _next(self) -> None:
        if self._busy or not self._wanted or self._bench.store is None:
            return
        # What was asked for last is what is on the screen now.
        batch = [
            self._wanted.popitem()[0] for _n in range(min(_AT_ONCE, len(self._wanted)))
        ]
        while len(self._wanted) > _KEPT:
            self._wanted.popitem(last=False)
        place, side = self._bench.project_place, self._side

        def work(
            ctx: JobContext,
        ) -> tuple[dict[Place, QImage], dict[str, tuple[str, str]]]:
            from medlab_gui.store.project import ProjectStore

            ctx.check()
            with ProjectStore.open(place) as store:
                # First the stamps: what is saved while they are drawn is drawn again.
                now = stamps(store)
                of_batch = {uid: now.get(uid, _NONE) for uid, _k in batch}
                return draw(store, batch, side), of_batch

        def done(
            result: tuple[dict[Place, QImage], dict[str, tuple[str, str]]],
        ) -> None:
            made, of_batch = result
            if place != self._bench.project_place:
                return
            self._stamps.update(of_batch)
            for one in batch:
                self._made[one] = made.get(one)
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
            self.ready.emit(set(batch))

        self._busy = True
        self._bench.submit(
            "",
            work,
            on_done=done,
            on_error=self._on_error,
            on_end=self._on_end,
            lane="thumbnail",
            newest_wins=False,
        )

    def _on_error(self, error: BaseException) -> None:
        # The project is gone or closed: whoever acts on it next is told.
        if not isinstance(error, MedlabError):
            raise error

    def _on_end(self) -> None:
        self._busy = False
        self._next()
