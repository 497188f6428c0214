"""MedLab: open scans, predict masks, correct them, and learn from every correction."""

__version__ = "0.1.0"
