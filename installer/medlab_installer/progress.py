"""What is going on, on standard error."""

from __future__ import annotations

import shutil
import sys
import time

QUIET_S = 15.0


class Progress:
    """Numbered steps, each with a line that says what it is doing and for how long.

    Parameters
    ----------
    n_steps : int
        How many steps there will be.
    """

    def __init__(self, n_steps: int) -> None:
        self._n_steps = n_steps
        self._step = 0
        self._title = ""
        self._started = time.monotonic()
        self._step_started = self._started
        self._last_tick = self._started
        self._width = 0

    @property
    def elapsed_s(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._started

    def _say(self, text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def _clear(self) -> None:
        # Spaces: Windows' own console shows the codes of other terminals as signs.
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            self._width = 0

    def step(self, title: str) -> None:
        """Begin the next step."""
        self._clear()
        self._step += 1
        self._title = title
        self._step_started = self._last_tick = time.monotonic()
        self._say(f"[{self._step}/{self._n_steps}] {title}")

    def tick(self, detail: str) -> None:
        """Say what the step is doing: at once on a terminal, else now and then."""
        now = time.monotonic()
        since = now - self._step_started
        line = f"      {since:4.0f} s  {detail}"
        if sys.stderr.isatty():
            if now - self._last_tick < 0.2:
                return
            line = line[: shutil.get_terminal_size().columns - 1]
            sys.stderr.write("\r" + line.ljust(self._width))
            sys.stderr.flush()
            self._width = max(self._width, len(line))
            self._last_tick = now
        elif now - self._last_tick >= QUIET_S:
            self._say(line)
            self._last_tick = now

    def note(self, text: str) -> None:
        """Say something that the user should know."""
        self._clear()
        self._say(f"      {text}")

    def done(self, text: str) -> None:
        """End with a line that says how long it all took."""
        self._clear()
        self._say(f"{text} ({self.elapsed_s:.0f} s)")
