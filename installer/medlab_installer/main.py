"""From the command line to a window, or to the tests' result."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from medlab_installer import arguments, checks, fits, machine
from medlab_installer.environment import Environment
from medlab_installer.progress import Progress
from medlab_installer.trouble import Trouble

if TYPE_CHECKING:
    from medlab_installer.arguments import Arguments

N_STEPS = 5
INTERRUPTED = 130


def _flavour(env: Environment, asked: str) -> str:
    """Return which torch to install: ``"cpu"`` or ``"cuda"``."""
    if asked == "cuda" and sys.platform == "darwin":
        msg = "There is no CUDA on macOS; use --torch cpu."
        raise Trouble(msg)
    if asked != "auto":
        return asked
    stamp = env.stamp()
    if stamp is not None:
        return stamp.flavour
    return "cuda" if machine.has_nvidia() and sys.platform != "darwin" else "cpu"


def _told(found: dict[str, object], asked: str, flavour: str) -> str:
    """Return which torch it is, and refuse one that was not asked for."""
    cuda = found["cuda"]
    text = f"torch {found['torch']}, " + (f"CUDA {cuda}" if cuda else "CPU only")
    if flavour == "cuda" and not cuda:
        if asked == "cuda":
            msg = (
                f"A CUDA build of torch was asked for, and {text} is what the "
                "configured package indexes gave; name an index of CUDA builds in "
                "MEDLAB_TORCH_INDEX, or use --torch cpu."
            )
            raise Trouble(msg)
        return (
            f"{text}: the NVIDIA device stays unused (see --help, MEDLAB_TORCH_INDEX)"
        )
    if cuda and not found["device"]:
        return f"{text}, no usable device now: it computes on the CPU"
    return text


def install(env: Environment, wanted: Arguments) -> None:
    """Make the environment, or mend it, and write its stamp.

    Raises
    ------
    Trouble
        If something is missing that cannot be installed from here.
    """
    fits.refuse_unfit()
    progress = Progress(N_STEPS)
    screen = wanted.verb == "test" and machine.needs_own_screen()
    env.prepare_folder()
    with env.lock(progress):
        if env.is_ready(wanted):  # another installation has just made it
            return
        flavour = _flavour(env, wanted.torch)
        lacks = machine.lacking(screen=screen)
        progress.step("Looking at the machine: disk, system libraries")
        old = env.stamp()
        if not env.site.exists():
            space = machine.SPACE_CUDA if flavour == "cuda" else machine.SPACE_CPU
            machine.check_space(env.folder, space)
        if lacks:
            progress.note(f"apt-get: {', '.join(lack.package for lack in lacks)}")
        machine.provide(lacks, env.log, screen=screen)
        # What a test run has put there stays when the window is opened next.
        extras = tuple(sorted({*wanted.extras, *(old.extras if old else ())}))

        for attempt in (1, 2):
            if attempt == 1:
                progress.step(f"Python environment in {env.folder}")
            # Where only the trial was cut off, only that is done again.
            is_there = attempt == 1 and env.is_installed(wanted)
            if not is_there:
                env.make_base(progress)
            if attempt == 1:
                progress.step(f"torch ({flavour})")
            if not is_there:
                env.install_torch(flavour, progress)
            if attempt == 1:
                progress.step("MedLab and what it needs")
            if not is_there:
                env.install_rest(extras, progress)
                env.write_stamp(extras, flavour, "", tried=False)
            if attempt == 1:
                progress.step("Trying that everything can be used")
            try:
                text = _told(env.verify(), wanted.torch, flavour)
                break
            except Trouble as trouble:
                if attempt == 2 or "cannot be used" not in str(trouble):
                    raise
                progress.note(f"{trouble}; making a new environment")
                env.empty()
        env.write_stamp(extras, flavour, text)
        progress.note(text)
        progress.done("Installed")


def _open_window(env: Environment, rest: tuple[str, ...]) -> int:
    command = [env.script("medlab"), "demo", *rest]
    if not machine.has_display() and "--headless" not in rest:
        msg = (
            "Everything is installed, but there is no display here to open a window "
            f"on; '{env.script('medlab')} demo --headless' walks the demo without one."
        )
        raise Trouble(msg)
    if os.name != "nt":
        os.execv(command[0], command)
    # On Windows exec would give the prompt back while the program still runs.
    return subprocess.run(command, check=False).returncode


def main(argv: list[str] | None = None) -> int:
    """Do what the command line asks for and return the exit code."""
    wanted = arguments.parse(sys.argv[1:] if argv is None else argv)
    env = Environment(wanted.env)
    try:
        screen = wanted.verb == "test" and machine.needs_own_screen()
        if not env.is_ready(wanted) or machine.lacking(screen=screen):
            install(env, wanted)
        if wanted.verb == "test":
            return checks.run(env, wanted.rest)
        if wanted.verb == "env":
            print(env.folder)
            return 0
        return _open_window(env, wanted.rest)
    except Trouble as trouble:
        print(f"bootstrap.py: {trouble}", file=sys.stderr)
        return 2
    except OSError as error:
        # A full disk or a folder without permission, wherever it was met.
        where = f" at {error.filename}" if error.filename else ""
        print(
            f"bootstrap.py: The system refused{where}: {error.strerror or error}. Mend "
            "that and start again, or choose another folder with --env DIR.",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print("bootstrap.py: stopped; start it again to go on.", file=sys.stderr)
        return INTERRUPTED
