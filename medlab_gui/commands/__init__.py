"""The verbs: everything with a durable effect, declared once.

Menu, palette, shortcut, command line and child process are all made from `COMMANDS`.
"""

from __future__ import annotations

from typing import Any

from medlab_gui.commands.accept import ACCEPT, SKIP
from medlab_gui.commands.adopt import ADOPT
from medlab_gui.commands.classes import CLASSES
from medlab_gui.commands.command import Command, Context, Where, param
from medlab_gui.commands.compare import COMPARE
from medlab_gui.commands.demo import DEMO
from medlab_gui.commands.doctor import DOCTOR
from medlab_gui.commands.evaluate import EVALUATE
from medlab_gui.commands.export import EXPORT
from medlab_gui.commands.import_ import IMPORT
from medlab_gui.commands.inspect_ import INSPECT
from medlab_gui.commands.list_ import LIST
from medlab_gui.commands.measurements import (
    DELETE_MEASUREMENT,
    EXPORT_MEASUREMENTS,
    MEASUREMENTS,
)
from medlab_gui.commands.networks_ import NETWORKS_COMMAND
from medlab_gui.commands.pace import PACE
from medlab_gui.commands.predict import PREDICT
from medlab_gui.commands.preprocess import PREPROCESS
from medlab_gui.commands.queue_ import QUEUE
from medlab_gui.commands.runs_ import DELETE_RUN, EXPORT_RUN
from medlab_gui.commands.save import ANNOTATE, LOCK, SAVE
from medlab_gui.commands.score import SCORE
from medlab_gui.commands.train import TRAIN
from medlab_gui.commands.weights import WEIGHTS

__all__ = ["COMMANDS", "Command", "Context", "Where", "param"]

COMMANDS: tuple[Command[Any, Any], ...] = (
    IMPORT,
    LIST,
    INSPECT,
    PREPROCESS,
    PREDICT,
    COMPARE,
    SCORE,
    QUEUE,
    ACCEPT,
    SKIP,
    SAVE,
    ANNOTATE,
    LOCK,
    CLASSES,
    TRAIN,
    ADOPT,
    EXPORT_RUN,
    DELETE_RUN,
    EVALUATE,
    EXPORT,
    MEASUREMENTS,
    EXPORT_MEASUREMENTS,
    DELETE_MEASUREMENT,
    NETWORKS_COMMAND,
    PACE,
    WEIGHTS,
    DOCTOR,
    DEMO,
)
