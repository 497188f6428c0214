"""MedLab against its peers, as ratios within one run: ``python -m tests.benchmarks``.

Times are not portable between machines, ratios are. Every figure comes from processes
of their own, the sides in turn, on the same screen.
"""
