"""Runs pip, keeps its whole output, and says in a sentence why it failed."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import threading
from typing import TYPE_CHECKING

from medlab_installer.trouble import Trouble

if TYPE_CHECKING:
    from pathlib import Path

    from medlab_installer.progress import Progress

TAIL_LINES = 12
UNWANTED = ("PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX")
"""Variables that would let another Python's packages in, or ours out."""

_NOT_OFFERED = "no package index offers"
_OUR_OWN_CONFLICT = (
    r"Cannot install ([\w.-]+)[^\n]* because these package versions have conflicting "
    r"dependencies\.\s+The conflict is caused by:\n"
    r"(?:[ \t]+The user requested [^\n]*\n)+\s*\n"
)
_REASONS = (
    (
        r"No space left on device|Errno 28",
        "the disk is full; free some space and start again",
    ),
    (
        r"Temporary failure in name resolution|Name or service not known|"
        r"getaddrinfo failed|Network is unreachable|Connection refused|"
        r"NewConnectionError|ConnectTimeout|Read timed out|ProxyError|ProtocolError|"
        r"Connection (?:aborted|reset)",
        "the package index cannot be reached; check the network (and the proxy that "
        "pip is configured with) and start again",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError",
        "the package index's certificate is not trusted here; point PIP_CERT at your "
        "site's certificates and start again",
    ),
    (
        r"No matching distribution found for ([^\s(]+)",
        f"{_NOT_OFFERED} {{0}} for this Python and this machine",
    ),
    (
        # Pip's word where an index has no version at all of what is pinned: nothing
        # but our own wish and our own pin are in each other's way.
        _OUR_OWN_CONFLICT,
        f"{_NOT_OFFERED} {{0}} for this Python and this machine",
    ),
    (
        r"ResolutionImpossible|conflicting dependencies",
        "the pinned versions do not fit together on this Python",
    ),
    (
        r"Long Path support|WinError 206|File name too long",
        "a path is too long for this system; choose a shorter folder with --env DIR, "
        "or turn on long paths in Windows, and start again",
    ),
    (
        # Windows keeps the files of a running program.
        r"WinError (?:5|32)\b",
        "files of the environment are in use or may not be written; close MedLab and "
        "start again, or choose another folder with --env DIR",
    ),
    (
        r"Permission denied|Errno 13",
        "the environment cannot be written; choose another folder with --env DIR",
    ),
)


class PipError(Exception):
    """Pip ended with an error; the text is the sentence and the tail of its output."""


def clean_environment() -> dict[str, str]:
    """Return this process's variables, without those that lead out of our own."""
    kept = {k: v for k, v in os.environ.items() if k not in UNWANTED}
    return {**kept, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONNOUSERSITE": "1"}


def reason(output: str) -> str:
    """Return why pip failed, as half a sentence.

    Parameters
    ----------
    output : str
        What it printed.
    """
    for pattern, text in _REASONS:
        found = re.search(pattern, output)
        if found:
            return text.format(*found.groups())
    return "see the end of its output"


def _shown(line: str) -> str | None:
    """Return what of a line of pip's output tells a person something."""
    line = line.strip()
    if line.startswith(("Collecting", "Downloading", "Building", "Installing")):
        return line if len(line) < 100 else f"{line[:97]}..."
    return None


def run(
    command: list[str], log: Path, progress: Progress, *, cwd: Path | None = None
) -> None:
    """Run pip (or another installing program) to its end.

    Parameters
    ----------
    command : list of str
        Program and arguments.
    log : Path
        All output is added to it.
    progress : Progress
        Told what is going on.
    cwd : Path, optional
        Where it runs.

    Raises
    ------
    PipError
        If it did not end well.
    """
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        close_fds=False,  # it keeps the lock, see Environment.lock
    )
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                lines.put(line)
        lines.put(None)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    output: list[str] = []
    detail = "starting"
    try:
        with log.open("a", encoding="utf-8", buffering=1) as out:
            out.write(f"$ {' '.join(command)}\n")
            while True:
                try:
                    line = lines.get(timeout=1.0)
                except queue.Empty:
                    progress.tick(detail)
                    continue
                if line is None:
                    break
                out.write(line)
                output.append(line)
                detail = _shown(line) or detail
                progress.tick(detail)
        code = process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        reader.join(5)
    if code != 0:
        # Notes about indexes that lack a package are not why it failed.
        told = [line for line in output if not line.startswith("WARNING")]
        tail = "".join(f"  | {line}" for line in told[-TAIL_LINES:])
        # But where no index answers, pip says so in warnings alone.
        why = reason("".join(output if _finds_nothing("".join(told)) else told))
        msg = f"{why} (all of it is in {log}).\n{tail}"
        raise PipError(msg.rstrip())


def _finds_nothing(told: str) -> bool:
    """Return whether no version at all was found of a package."""
    return "(from versions: none)" in told or bool(re.search(_OUR_OWN_CONFLICT, told))


def failed(what: str, error: PipError) -> Trouble:
    """Turn a failed run into the sentence that is shown."""
    return Trouble(f"{what} could not be installed: {error}")
