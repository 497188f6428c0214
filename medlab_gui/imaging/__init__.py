"""Pictures in, pictures out: windows, histograms, denoising, resampling, masks.

Pure functions on arrays. scipy, scikit-image, SimpleITK and numba are imported when
they are used.
"""

from medlab_gui.imaging.compiled import warm_up
from medlab_gui.imaging.denoise import total_variation
from medlab_gui.imaging.histogram import equalize, histogram
from medlab_gui.imaging.masks import (
    border_band,
    bounding_box,
    fill_holes,
    keep_largest,
    surface,
)
from medlab_gui.imaging.pipeline import (
    STEPS,
    FittedPipeline,
    ParamInfo,
    StepInfo,
    fit_pipeline,
    needs_volume,
    run_pipeline,
)
from medlab_gui.imaging.quality import Quality, quality
from medlab_gui.imaging.resample import resample_slice, resize
from medlab_gui.imaging.window import PRESETS, WindowPreset, default_window, window

__all__ = [
    "PRESETS",
    "STEPS",
    "FittedPipeline",
    "ParamInfo",
    "Quality",
    "StepInfo",
    "WindowPreset",
    "border_band",
    "bounding_box",
    "default_window",
    "equalize",
    "fill_holes",
    "fit_pipeline",
    "histogram",
    "keep_largest",
    "needs_volume",
    "quality",
    "resample_slice",
    "resize",
    "run_pipeline",
    "surface",
    "total_variation",
    "warm_up",
    "window",
]
