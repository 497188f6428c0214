"""The end of the process, while its threads are in the middle of something."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_BUSY = """
import sys, threading
import numpy as np
import SimpleITK as sitk
from medlab_gui.core.leaving import at_end, end_at_once

picture = sitk.GetImageFromArray(np.zeros((20, 100, 100), np.float32))
begun = threading.Event()

def compute():
    while True:
        sitk.DiscreteGaussian(picture, 2.0)
        begun.set()

threading.Thread(target=compute, daemon=True).start()
begun.wait()
at_end(lambda: print("tidied"))
at_end(lambda: 1 / 0)
print("said", end=" ")
end_at_once(int(sys.argv[1]))
"""


@pytest.mark.parametrize("code", [0, 2])
def test_a_thread_in_a_library_is_no_reason_to_abort(code):
    """Python's own end aborts here: "FATAL: exception not rethrown"."""
    done = subprocess.run(
        [sys.executable, "-c", _BUSY, str(code)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, "said tidied\n", "")


def test_what_python_itself_ends_is_tidied_up_once():
    said = subprocess.run(
        [
            *(sys.executable, "-c"),
            "from medlab_gui.core.leaving import at_end, tidy_up\n"
            "at_end(lambda: print('first'))\n"
            "tidy_up()\n"
            "at_end(lambda: print('second'))\n",
        ],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert said.stdout.split() == ["first", "second"]
