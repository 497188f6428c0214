"""`medlab pace`, and the window's question, which must not load torch itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from medlab_gui.commands.command import Context
from medlab_gui.commands.pace import PACE, PaceParams, run
from medlab_gui.core.errors import MedlabError

SMALL = json.dumps({"name": "unet", "options": {"width": 0.02}})


def test_a_pace_is_measured_and_told():
    small = run(PaceParams(SMALL, 64, 64), Context(device="cpu"))
    assert small["device"] == "cpu"
    assert small["look"] > 0
    assert small["bytes_free"] > small["bytes_slice"] > 0
    words = PACE.text(small)
    assert "on the processor" in words
    assert "GB for each slice of a batch" in words


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("unett", "Did you mean 'unet'"),
        ("{", "no network in JSON"),
        ('{"name": "unet", "depth": 3}', "depth"),
    ],
)
def test_what_is_no_network_is_told(network, said):
    with pytest.raises(MedlabError, match=said):
        run(PaceParams(network), Context(device="cpu"))


_ASKS = f"""
import sys
from medlab_gui.commands.command import Context
from medlab_gui.commands.pace import pace_in_child
from medlab_gui.core.specs import NetworkSpec

network = NetworkSpec.from_dict({json.loads(SMALL)!r})
pace = pace_in_child(network, (63.6, 64.2), Context(device="cpu"))
assert pace.learn_all > 0 and pace.device == "cpu", pace
print("torch" in sys.modules)
"""


def test_who_asks_does_not_load_torch():
    """Its import alone had stopped the window for more than half a second."""
    asked = subprocess.run(
        [sys.executable, "-c", _ASKS],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.split() == ["False"]
