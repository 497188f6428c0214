"""The queue of a project: slices that want a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from medlab_gui.core.errors import ConflictError
from medlab_gui.core.records import ItemState, WorkItem
from medlab_gui.store import tables
from medlab_gui.store.base import ProjectBase
from medlab_gui.store.stamps import new_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from sqlalchemy import RowMapping

__all__ = ["QueueRows"]


class QueueRows(ProjectBase):
    """The part of `ProjectStore` about the queue."""

    def replace_queue(self, items: Iterable[WorkItem]) -> tuple[WorkItem, ...]:
        """Put another ranking in place of the queue.

        A slice that a person has taken up (open, corrected, accepted or skipped) keeps
        its item as it is. A slice that still waits takes the new score, priority and
        reason under its old id, or leaves the queue if it is not named any more.
        Locked slices never enter.

        Parameters
        ----------
        items : iterable of WorkItem
            Of each, the series, slice, score, priority and reason count.

        Returns
        -------
        tuple of WorkItem
            The whole queue, see `items`.
        """
        table, locked = tables.item, tables.locked_slice
        wanted = {(i.series_uid, i.slice_index): i for i in items}
        with self._database.write() as connection:
            for row in connection.execute(select(locked)).mappings():
                wanted.pop((row["series_uid"], row["slice_index"]), None)
            gone, changed = [], []
            for row in connection.execute(select(table)).mappings():
                new = wanted.pop((row["series_uid"], row["slice_index"]), None)
                if row["state"] != ItemState.QUEUED:
                    continue
                if new is None:
                    gone.append({"old": row["n"]})
                else:
                    changed.append({"old": row["n"], **_ranked(new)})
            if gone:
                connection.execute(
                    delete(table).where(table.c.n == bindparam("old")), gone
                )
            if changed:
                connection.execute(
                    update(table).where(table.c.n == bindparam("old")), changed
                )
            if wanted:
                connection.execute(
                    insert(table),
                    [
                        {
                            "id": new_id(),
                            "series_uid": item.series_uid,
                            "slice_index": item.slice_index,
                            "state": str(ItemState.QUEUED),
                            "assignee": None,
                            "version": 1,
                            **_ranked(item),
                        }
                        for item in wanted.values()
                    ],
                )
        return self.items()

    def items(self, states: Iterable[ItemState] | None = None) -> tuple[WorkItem, ...]:
        """Return the queue, or its items in some states, highest priority first."""
        table = tables.item
        query = select(table).order_by(table.c.priority.desc(), table.c.n)
        if states is not None:
            query = query.where(table.c.state.in_([str(s) for s in states]))
        return tuple(_item(row) for row in self._rows(query))

    def first_item(
        self,
        states: Iterable[ItemState],
        *,
        besides: tuple[str, int] | None = None,
        not_of: Collection[str] = (),
    ) -> WorkItem | None:
        """Return the item of the highest priority in some states, or None.

        Parameters
        ----------
        states : iterable of ItemState
            The states.
        besides : tuple of str and int, optional
            Series and slice that do not count.
        not_of : collection of str
            Series that do not count.
        """
        table = tables.item
        query = (
            select(table)
            .where(table.c.state.in_([str(s) for s in states]))
            .order_by(table.c.priority.desc(), table.c.n)
        )
        if not_of:
            query = query.where(table.c.series_uid.not_in(not_of))
        if besides is not None:
            uid, k = besides
            query = query.where(
                or_(table.c.series_uid != uid, table.c.slice_index != k)
            )
        row = self._first(query)
        return _item(row) if row else None

    def slices_in(self, series_uid: str, states: Iterable[ItemState]) -> frozenset[int]:
        """Return the slices of one series whose items are in some states.

        No items are made: the bar of slices asks at every change of the project.
        """
        table = tables.item
        query = select(table.c.slice_index).where(
            table.c.series_uid == series_uid,
            table.c.state.in_([str(s) for s in states]),
        )
        return frozenset(int(row["slice_index"]) for row in self._rows(query))

    def n_items(self, states: Iterable[ItemState]) -> int:
        """Return how many items are in some states."""
        table = tables.item
        query = select(func.count().label("n")).select_from(table)
        (row,) = self._rows(query.where(table.c.state.in_([str(s) for s in states])))
        return int(row["n"])

    def item(self, item_id: str) -> WorkItem:
        """Return one item, or raise `InputError`."""
        return _item(self._named(tables.item, "id", item_id, "queue item"))

    def item_for(self, series_uid: str, k: int) -> WorkItem | None:
        """Return the item of a slice, or None."""
        table = tables.item
        row = self._first(
            select(table).where(
                table.c.series_uid == series_uid, table.c.slice_index == k
            )
        )
        return _item(row) if row else None

    def set_item_state(
        self,
        item_id: str,
        state: ItemState,
        *,
        version: int,
        assignee: str | None = None,
    ) -> WorkItem:
        """Change where an item stands.

        Parameters
        ----------
        item_id : str
            The item.
        state : ItemState
            Its new state.
        version : int
            The item's version when it was read.
        assignee : str or None
            Who has it from now on.

        Raises
        ------
        ConflictError
            If somebody else changed it since.
        InputError
            If there is no such item (any more).
        """
        table = tables.item
        with self._database.write() as connection:
            done = connection.execute(
                update(table)
                .where(table.c.id == item_id, table.c.version == version)
                .values(state=str(state), assignee=assignee, version=version + 1)
            )
            changed = done.rowcount == 1
        now = self.item(item_id)
        if not changed:
            who = f" by {now.assignee}" if now.assignee else ""
            msg = (
                f"Slice {now.slice_index + 1} of {now.series_uid} was changed by "
                f"somebody else meanwhile: it is {now.state}{who} now. "
                "Look at the queue again."
            )
            raise ConflictError(msg)
        return now

    def set_priorities(self, priorities: Mapping[str, float]) -> None:
        """Change priorities, by id; versions stay, as no decision was made."""
        table = tables.item
        rows = [{"old": i, "priority": float(v)} for i, v in priorities.items()]
        if rows:
            with self._database.write() as connection:
                connection.execute(
                    update(table).where(table.c.id == bindparam("old")), rows
                )


def _ranked(item: WorkItem) -> dict[str, float | str]:
    return {
        "score": float(item.score),
        "priority": float(item.priority),
        "reason": item.reason,
    }


def _item(row: RowMapping) -> WorkItem:
    return WorkItem(
        id=row["id"],
        series_uid=row["series_uid"],
        slice_index=row["slice_index"],
        score=row["score"],
        priority=row["priority"],
        reason=row["reason"],
        state=ItemState(row["state"]),
        assignee=row["assignee"],
        version=row["version"],
    )
