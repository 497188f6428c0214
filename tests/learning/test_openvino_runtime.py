"""Nothing leaves the machine."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

_ALONE = """
import os, sys, threading
forks = []
os.register_at_fork(before=lambda: forks.append(1))
from medlab_gui.learning.openvino_runtime import load_openvino
load_openvino().Core()
threads = [t.name for t in threading.enumerate() if t is not threading.main_thread()]
told = [m for m in sys.modules if m.startswith("openvino_telemetry.")]
print(len(forks), threads, told)
"""


@pytest.mark.skipif(find_spec("openvino") is None, reason="OpenVINO is not installed")
def test_openvino_does_not_report_its_import():
    """It would do so from a thread of a pool, which forks."""
    done = subprocess.run(
        [sys.executable, "-c", _ALONE],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.split("\n")[0] == "0 [] []"
