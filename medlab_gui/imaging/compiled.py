"""Finds or makes the machine code of ``kernels.py`` without anybody waiting for it.

Compiling takes seconds and holds Python's lock: the window would freeze. So the first
time a child process compiles and leaves the code in the user's cache; this process
loads it from there, on a thread of its own. Until then, and where there is no numba,
numpy computes the same bits, only slower.
"""

from __future__ import annotations

import atexit
import gc
import hashlib
import logging
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medlab_gui.core.cache import cache_folder, made_folder
from medlab_gui.core.leaving import at_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["compile_here", "is_loading", "kernel", "wait_until_compiled", "warm_up"]

_log = logging.getLogger(__name__)

_CHILD_S = 120.0
_NEVER = 2**31 - 1
_SOURCES = ("kernels.py", "chambolle.py")
COMPILE_ARGUMENT = "--compile-filters"
"""What makes the frozen program compile and end, instead of opening its window."""


class _State:
    """What this process knows of the compiled loops."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None
        self.done = threading.Event()
        self.leaving = threading.Event()
        self.child: subprocess.Popen[bytes] | None = None
        self.loops: dict[str, Callable[..., Any]] = {}


_state = _State()


def kernel(name: str) -> Callable[..., Any] | None:
    """Return a compiled loop of ``kernels.py``, or None while there is none.

    The first call begins to load them. Never waits.
    """
    if not _state.done.is_set():
        warm_up()
    return _state.loops.get(name)


def warm_up() -> None:
    """Begin to load the compiled loops in the background; returns at once.

    Called by the window after its first paint. Where nothing is in the cache yet, a
    child process compiles: no thread of this process is held up. May be called often
    and from every thread.
    """
    with _state.lock:
        if _state.thread is not None:
            return
        _state.thread = threading.Thread(
            target=_load_or_compile, name="compiled-filters", daemon=True
        )
        atexit.register(_wait)
        at_end(_stop)
        _state.thread.start()


def is_loading() -> bool:
    """Tell whether `warm_up` is still at work."""
    return _state.thread is not None and not _state.done.is_set()


def wait_until_compiled(timeout_s: float = _CHILD_S) -> bool:
    """Wait for `warm_up`, and tell whether the loops are compiled.

    For tests and measurements; the program itself never waits.
    """
    warm_up()
    _state.done.wait(timeout_s)
    return bool(_state.loops)


def compile_here() -> int:
    """Compile into the cache and end; the child's whole work. Returns the exit code."""
    try:
        with suppress(OSError, AttributeError):
            os.nice(10)
        _load(_cache_folder())
    except ImportError:
        return 2
    return 0


def _stop() -> None:
    """Begin nothing any more, and end the child that compiles."""
    with _state.lock:
        _state.leaving.set()
        if _state.child is not None:
            with suppress(OSError):
                _state.child.terminate()


def _wait() -> None:
    # A thread that is importing while the interpreter is taken down may crash it.
    if _state.thread is not None:
        _state.thread.join(5)


def _load_or_compile() -> None:
    try:
        folder = _cache_folder()
        with _no_full_collection():
            mark = folder / f"compiled-{_fingerprint()}"
        if not mark.exists():
            if not _compile_in_child(folder):
                return
            mark.touch()
        if not _state.leaving.is_set():
            with _no_full_collection():
                _state.loops = _load(folder)
    except ImportError as error:
        _log.info("Filters run without compiled loops, slower: %s", error)
    except Exception:  # noqa: BLE001 - numpy does the same: nothing here may stop anyone
        _log.warning("Filters run without compiled loops, slower.", exc_info=True)
    finally:
        _state.done.set()


@contextmanager
def _no_full_collection() -> Iterator[None]:
    """Spare the oldest objects meanwhile.

    numba makes some hundred thousand that stay. Python would look through them, and
    through all that was there, again and again for garbage: each time every thread
    stands still for nearly a tenth of a second. Not by ``gc.disable``: whether Python
    collects by itself is the window's to say (`gui.collector`).
    """
    before = gc.get_threshold()
    gc.set_threshold(*before[:2], _NEVER)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _load(folder: Path) -> dict[str, Callable[..., Any]]:
    import numba

    # Where numba keeps machine code is read when a function is decorated.
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)
    try:
        from medlab_gui.imaging import kernels
    finally:
        numba.config.CACHE_DIR = before
    loops = {}
    for name, signature in kernels.signatures().items():
        loop = getattr(kernels, name)
        loop.compile(signature)
        loops[name] = loop
    return loops


def _compile_in_child(folder: Path) -> bool:
    import importlib.util

    if importlib.util.find_spec("numba") is None:
        _log.info("Filters run without compiled loops, slower: there is no numba.")
        return False
    if getattr(sys, "frozen", False):
        command = [sys.executable, COMPILE_ARGUMENT]
    else:
        package = Path(__file__).resolve().parents[2]
        code = (
            f"import sys; sys.path.insert(0, {str(package)!r}); "
            "from medlab_gui.imaging.compiled import compile_here; "
            "sys.exit(compile_here())"
        )
        # -P: a folder with a file numpy.py in it must not change what runs
        command = [sys.executable, "-P", "-c", code]
    with _state.lock:
        if _state.leaving.is_set():
            return False
        _state.child = subprocess.Popen(
            command,
            env={**os.environ, "NUMBA_CACHE_DIR": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    with _state.child as child:
        waited = 0.0
        while waited < _CHILD_S and not _state.leaving.is_set():
            try:
                code_of_child = child.wait(0.2)
            except subprocess.TimeoutExpired:
                waited += 0.2
                continue
            # Where all of us are asked to end (a cancelled `torchrun`) nothing failed.
            if code_of_child not in (0, -signal.SIGTERM):
                _log.warning("Compiling filters failed (exit code %d).", code_of_child)
            return code_of_child == 0
        child.terminate()
    return False


def _cache_folder() -> Path:
    """Return a folder that only this user writes; made where it is not there."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return made_folder(Path(chosen))
    return cache_folder("compiled")


def _fingerprint() -> str:
    """Name what the code in the cache depends on, as numba's own index does."""
    import llvmlite
    import numba
    from llvmlite import binding

    sources = [Path(__file__).with_name(name) for name in _SOURCES]
    # In a frozen program there are no sources: it is replaced as a whole.
    found = sources if sources[0].exists() else [Path(sys.executable)]
    stamps = [(file.stat().st_mtime_ns, file.stat().st_size) for file in found]
    facts = (
        sys.version,
        numba.__version__,
        llvmlite.__version__,
        binding.get_host_cpu_name(),
        binding.get_host_cpu_features().flatten(),
        stamps,
        str(sources[0]),
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
