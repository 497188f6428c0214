"""Fuzzing of the readers: see `tests.fuzz.__main__`."""
