"""The command line of the bootstrap script."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout that this installer belongs to."""

TORCH_HELP = """\
which build of torch:
  auto   cuda where nvidia-smi answers, else cpu; an environment that is already
         there keeps the build it has (the default)
  cpu    the CPU build. On Linux the general package index offers only a build that
         carries CUDA (several GB); the CPU build is taken where pip's own
         configuration or MEDLAB_TORCH_INDEX names an index that has it, and
         otherwise the general build, which runs on the CPU just as well
  cuda   a build that carries CUDA. On Linux that is what the general index has; on
         Windows MEDLAB_TORCH_INDEX must name an index of CUDA builds

MEDLAB_TORCH_INDEX is the address of an additional package index for torch alone.
"""


@dataclass(frozen=True)
class Arguments:
    """What was asked for.

    Parameters
    ----------
    verb : str
        ``"run"``, ``"test"`` or ``"env"``.
    torch : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    env : Path
        Folder of the environment.
    rest : tuple of str
        What stood behind ``--``: for pytest, or for ``medlab demo``.
    """

    verb: str
    torch: str
    env: Path
    rest: tuple[str, ...]

    @property
    def extras(self) -> tuple[str, ...]:
        """Extras of the package that the verb needs."""
        return ("test",) if self.verb == "test" else ()


def parse(argv: list[str]) -> Arguments:
    """Read the command line; ``argv`` is without the name of the script."""
    own, rest = argv, []
    if "--" in argv:
        at = argv.index("--")
        own, rest = argv[:at], argv[at + 1 :]
    parser = argparse.ArgumentParser(
        prog="bootstrap.py",
        description=(
            "Install MedLab into an environment of its own, then open it or test it.\n"
            "Run it again at any time: it does only what is still missing."
        ),
        epilog=(
            f"{TORCH_HELP}\nexamples:\n"
            "  python3 installer/bootstrap.py run\n"
            "  python3 installer/bootstrap.py test -- tests/core -x\n"
            "  python3 installer/bootstrap.py env --torch cuda --env ~/medlab-env\n"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "verb",
        choices=("run", "test", "env"),
        help=(
            "run: open the window on the demo study (what stands behind -- goes to "
            "'medlab demo'); test: check format, lint, types and import contracts and "
            "run every test (what stands behind -- goes to pytest); env: only install, "
            "and print the folder of the environment"
        ),
    )
    parser.add_argument(
        "--torch", choices=("auto", "cpu", "cuda"), default="auto", help="see below"
    )
    parser.add_argument(
        "--env",
        type=Path,
        default=ROOT / ".medlab-env",
        metavar="DIR",
        help="folder of the environment (default: .medlab-env in the checkout)",
    )
    found = parser.parse_args(own)
    return Arguments(
        found.verb, found.torch, found.env.expanduser().resolve(), tuple(rest)
    )
