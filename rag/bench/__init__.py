"""Measure the cost of answers: against the plain pipeline in the same run (`compare`), and as a corpus grows (`scale`).

Stages are timed in the process that runs them. Absolute times depend on the machine, so nothing is asserted of them.
"""

KINDS = ("ours", "ahead", "plain")
"""The pipelines compared: this project, this project after reading ahead, and the plain pipeline."""
