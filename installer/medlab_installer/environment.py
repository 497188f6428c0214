"""The environment: its files, what it was made from, and how it is made or mended."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import tomllib
import venv
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, BinaryIO

from medlab_installer import contents, machine, pip
from medlab_installer.arguments import ROOT
from medlab_installer.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from medlab_installer.arguments import Arguments
    from medlab_installer.progress import Progress

CONSTRAINTS = ROOT / "installer" / "constraints.txt"
KEPT = ("medlab-install.lock", "medlab-install.log")
IN_PLACE_BREAKS = ("pyside6-essentials", "shiboken6")
"""Another version of these over the old one leaves neither: start from nothing."""

VERIFY = """\
import json, sys
import alembic, napari, nibabel, numpy, openjpeg, pydicom, safetensors, scipy
import SimpleITK, skimage, sqlalchemy, torch
if sys.version_info < (3, 14):
    import jpeg_ls
from qtpy import QtGui, QtWidgets
import medlab_gui
from medlab_gui.imaging.compiled import compile_here
try:
    compile_here()
except OSError as error:  # no room for a cache: only the first start is slower
    print(error, file=sys.stderr)
print(json.dumps({
    "torch": torch.__version__, "cuda": torch.version.cuda,
    "device": torch.cuda.is_available(), "medlab": medlab_gui.__version__,
}))
"""


@dataclass(frozen=True)
class Stamp:
    """Written last, so that where it stands, everything stands.

    Parameters
    ----------
    fingerprint : str
        Hash of all that the environment was made from.
    extras : list of str
        Extras of the package that are in it.
    flavour : str
        Which torch was asked for: ``"cpu"`` or ``"cuda"``.
    torch : str
        What was found to be installed, for people.
    packages : dict of str to str
        Name and version of all that was installed.
    tried : bool
        Whether all of it was used once; else that is all that is left to do.
    """

    fingerprint: str
    extras: list[str]
    flavour: str
    torch: str
    packages: dict[str, str]
    tried: bool = True


class Environment:
    """A virtual environment for MedLab in a folder.

    Parameters
    ----------
    folder : Path
        It need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        windows = os.name == "nt"
        self.scripts = folder / ("Scripts" if windows else "bin")
        self.suffix = ".exe" if windows else ""
        self.python = self.scripts / f"python{self.suffix}"
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.site = folder.joinpath(
            *(("Lib",) if windows else ("lib", version)), "site-packages"
        )
        self.lock_file, self.log = (folder / name for name in KEPT)
        self.stamp_file = folder / "medlab-install.json"
        self.config = folder / "pyvenv.cfg"

    def script(self, name: str) -> str:
        """Return the path of a program in the environment."""
        return str(self.scripts / f"{name}{self.suffix}")

    def stamp(self) -> Stamp | None:
        """Return the stamp, or None where there is none that can be read."""
        try:
            return Stamp(**json.loads(self.stamp_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def is_ready(self, arguments: Arguments) -> bool:
        """Return whether there is nothing to do: all is there, whole and of today."""
        stamp = self.stamp()
        return stamp is not None and stamp.tried and self.is_installed(arguments)

    def is_installed(self, arguments: Arguments) -> bool:
        """Return whether all is there, though perhaps nobody has tried it yet."""
        stamp = self.stamp()
        return (
            stamp is not None
            and stamp.fingerprint == fingerprint(self.folder)
            and set(arguments.extras) <= set(stamp.extras)
            and arguments.torch in ("auto", stamp.flavour)
            and self.python.exists()
            and self.config.exists()
            and self.script_exists("medlab")
            and stamp.packages.items() <= contents.installed(self.site).items()
            and not contents.damaged(self.site)
        )

    def script_exists(self, name: str) -> bool:
        """Return whether a program is in the environment."""
        return (self.scripts / f"{name}{self.suffix}").exists()

    def prepare_folder(self) -> None:
        """Make the folder; refuse one that holds something else.

        Raises
        ------
        Trouble
            If it is somebody else's, or cannot be written.
        """
        ours = (*KEPT, self.stamp_file.name, self.config.name)
        odd = _unusable(str(self.folder))
        if odd:
            msg = (
                f"Programs cannot be started from {self.folder}: its path holds {odd}. "
                "Choose another folder with --env DIR."
            )
            raise Trouble(msg)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            entries = {entry.name for entry in self.folder.iterdir()}
            if entries and not entries & set(ours):
                msg = (
                    f"{self.folder} holds other files; choose an empty or new folder "
                    "with --env DIR."
                )
                raise Trouble(msg)
            self.lock_file.touch()
        except OSError as error:
            msg = (
                f"The environment cannot be made in {self.folder} "
                f"({error.strerror or error}); choose another folder with --env DIR."
            )
            raise Trouble(msg) from error

    @contextmanager
    def lock(self, progress: Progress) -> Iterator[None]:
        """Keep other installations out of the folder while the block runs."""
        with self.lock_file.open("r+b") as handle:
            while not _try_lock(handle):
                progress.tick(f"another installation is at work in {self.folder}")
                time.sleep(0.5)
            # Where this process is killed, pip goes on by itself. It keeps the lock, so
            # that nobody works beside it; on Windows locks are not inherited.
            os.set_inheritable(handle.fileno(), os.name != "nt")
            yield  # closing the file gives the lock back

    def empty(self) -> None:
        """Remove all but the lock and the log."""
        for entry in self.folder.iterdir():
            if entry.name in KEPT:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def _was_moved(self) -> bool:
        """Return whether it was made elsewhere: its programs name that place.

        The module ``venv`` writes down by which command it was made.
        """
        text = self.config.read_text(encoding="utf-8", errors="replace")
        found = re.search(r"^command\s*=.* -m venv .*?(\S.*)$", text, re.MULTILINE)
        return found is not None and not os.path.normcase(found[1]).endswith(
            os.path.normcase(self.folder)
        )

    def _can_be_mended(self) -> bool:
        """Return whether pip still works there and no package forbids an update."""
        if not self.python.exists() or self._was_moved():
            return False
        pins, there = pinned(), contents.installed(self.site)
        if any(n in there and there[n] != pins[n] for n in IN_PLACE_BREAKS):
            return False
        asked = subprocess.run(
            [str(self.python), "-m", "pip", "--version"],
            check=False,
            capture_output=True,
            env=pip.clean_environment(),
        )
        return asked.returncode == 0

    def make_base(self, progress: Progress) -> None:
        """Have a working, perhaps empty, environment in the folder."""
        old = self.stamp()
        self.stamp_file.unlink(missing_ok=True)
        current = f"{sys.version_info.major}.{sys.version_info.minor}."
        same_python = self.config.exists() and re.search(
            rf"^version\s*=\s*{re.escape(current)}",
            self.config.read_text(encoding="utf-8", errors="replace"),
            re.MULTILINE,
        )
        if same_python and self._can_be_mended():
            torn = contents.damaged(self.site)
            for folder in torn:
                # What pip does not see any more it installs again, over the rest.
                shutil.rmtree(folder)
            for rest in self.site.glob("~*"):
                shutil.rmtree(rest, ignore_errors=True)
            if torn:
                names = ", ".join(f.name.removesuffix(contents.SUFFIX) for f in torn)
                progress.note(f"mending what is incomplete: {names}")
            elif old is None:
                progress.note("an earlier installation was not finished: going on")
            return
        if self.config.exists():
            progress.note("the environment there cannot be used: making a new one")
        self.empty()
        try:
            venv.create(self.folder, with_pip=True, symlinks=os.name != "nt")
        except subprocess.CalledProcessError as error:
            msg = (
                "This Python cannot make an environment with pip in it; install its "
                "venv and ensurepip modules (on Debian: python3-venv) and start again."
            )
            raise Trouble(msg) from error

    def _pip(self, arguments: list[str], progress: Progress) -> None:
        command = [str(self.python), "-m", "pip", "install", "--no-input"]
        command += ["--progress-bar", "off", "-c", str(CONSTRAINTS)]
        pip.run([*command, *arguments], self.log, progress, cwd=ROOT)

    def install_torch(self, flavour: str, progress: Progress) -> None:
        """Install the build of torch that is wanted.

        Parameters
        ----------
        flavour : str
            ``"cpu"`` or ``"cuda"``.
        progress : Progress
            Told what is going on.

        Raises
        ------
        Trouble
            If there is none to be had.
        """
        version = pinned()["torch"]
        there = contents.installed(self.site).get("torch", "")
        if there.partition("+")[0] == version and flavour == self._torch_flavour():
            return
        if there:
            command = [str(self.python), "-m", "pip", "uninstall", "-y", "torch"]
            pip.run(command, self.log, progress)
        index = os.environ.get("MEDLAB_TORCH_INDEX")
        options = ["--extra-index-url", index] if index else []
        if flavour == "cuda":
            # A CPU build from the configured places must not win by its suffix.
            wanted = [f"torch=={version},!={version}+cpu"]
        elif sys.platform.startswith("linux"):
            wanted = [f"torch=={version}+cpu", f"torch=={version}"]
        else:
            wanted = [f"torch=={version}"]
        for requirement in wanted:
            try:
                self._pip([*options, requirement], progress)
            except pip.PipError as error:
                if requirement is wanted[-1] or "no package index" not in str(error):
                    raise pip.failed("torch", error) from error
                progress.note(
                    "no configured package index has a CPU-only torch; taking the "
                    "general build: several GB, and it runs on the CPU as well "
                    "(MEDLAB_TORCH_INDEX can name an index that has one)"
                )
                machine.check_space(self.folder, machine.SPACE_CUDA)
            else:
                return

    def _torch_flavour(self) -> str:
        """Return the flavour of the installed torch, from its own version file."""
        try:
            text = (self.site / "torch" / "version.py").read_text(encoding="utf-8")
        except OSError:
            return ""
        found = re.search(r"^cuda\b[^=\n]*=\s*(.+)$", text, re.MULTILINE)
        return "cpu" if found is None or found[1].strip() == "None" else "cuda"

    def install_rest(self, extras: tuple[str, ...], progress: Progress) -> None:
        """Install MedLab from the checkout, with all that it needs.

        Editable: the program that starts is always the checkout as it is.

        Raises
        ------
        Trouble
            If pip could not.
        """
        extra = f"[{','.join(extras)}]" if extras else ""
        try:
            # The build back-end is pinned too: pip's isolated builds know no pins.
            self._pip(["hatchling", "editables"], progress)
            self._pip(["--no-build-isolation", "-e", f"{ROOT}{extra}"], progress)
        except pip.PipError as error:
            raise pip.failed("MedLab", error) from error

    def verify(self) -> dict[str, object]:
        """Import everything once and return what torch says of itself.

        Raises
        ------
        Trouble
            If something cannot be imported.
        """
        asked = subprocess.run(
            [str(self.python), "-I", "-c", VERIFY],
            check=False,
            close_fds=False,  # it keeps the lock
            capture_output=True,
            text=True,
            errors="replace",
            env=pip.clean_environment(),
        )
        if asked.returncode != 0:
            last = (asked.stderr.strip().splitlines() or ["no output"])[-1]
            library = re.search(r"(lib\S+\.so\S*): cannot open shared object", last)
            if library:
                msg = (
                    f"The system library {library[1]} is missing; install the package "
                    "that holds it and start again."
                )
            elif re.search(r"DLL load failed|WinError (?:126|127|1114)\b", last):
                msg = (
                    f"A library of Windows is missing or too old ({last}); install "
                    "Microsoft's Visual C++ Redistributable (x64) and start again."
                )
            else:
                msg = f"The installed packages cannot be used: {last}"
            raise Trouble(msg)
        found: dict[str, object] = json.loads(asked.stdout.strip().splitlines()[-1])
        return found

    def write_stamp(
        self, extras: tuple[str, ...], flavour: str, torch: str, *, tried: bool = True
    ) -> None:
        """Say that everything is there, and whether it was tried."""
        stamp = Stamp(
            fingerprint(self.folder),
            sorted(extras),
            flavour,
            torch,
            contents.installed(self.site),
            tried,
        )
        part = self.stamp_file.with_suffix(".part")
        part.write_text(json.dumps(asdict(stamp), indent=1), encoding="utf-8")
        part.replace(self.stamp_file)


def pinned() -> dict[str, str]:
    """Return the version of each package in the constraints file."""
    pins = {}
    for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines():
        found = re.match(r"([A-Za-z0-9][\w.-]*)==([^\s;#]+)", line)
        if found:
            pins[contents.canonical(found[1])] = found[2]
    return pins


def fingerprint(folder: Path) -> str:
    """Return a hash of all that an environment is made from.

    Parameters
    ----------
    folder : Path
        Where it is: an environment cannot be moved, nor can its checkout.
    """
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    parts = [
        json.dumps([project["build-system"], project["project"]], sort_keys=True),
        CONSTRAINTS.read_text(encoding="utf-8"),
        sys.version,
        platform.machine(),
        str(ROOT),
        str(folder),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _unusable(path: str) -> str:
    """Return what of a path forbids an environment there; empty where nothing does.

    A colon parts the entries of PATH, and pip's programs begin with a line for the
    shell that names the path between double quotes.
    """
    if os.name == "nt":
        return ""
    odd = [sign for sign in ':"$`\\' if sign in path]
    if any(ord(sign) < ord(" ") for sign in path):
        odd.append("a control character")
    return " and ".join(odd)


def _try_lock(handle: BinaryIO) -> bool:
    """Take the lock on an open file, or return False where somebody holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
