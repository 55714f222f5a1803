"""Every fact of one store into another: read in rounds, told as facts, counted and compared."""

from .work import Copying, Verdict

__all__ = ["Copying", "Verdict"]
