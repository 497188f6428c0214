"""Training, prediction, scores: what a network learns and what it is asked next.

Nothing is imported here: each module loads torch only when it is used itself.
"""
