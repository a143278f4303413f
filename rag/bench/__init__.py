"""Measure what answers cost: beside the plain pipeline in the same run (`compare`), and as a corpus grows (`scale`).

Everything is measured where it happens; nothing is asserted of absolute times, which belong to one machine.
"""

KINDS = ("ours", "ahead", "plain")
"""The pipelines that are compared: this project, the same once it has read ahead, and the plain one."""
