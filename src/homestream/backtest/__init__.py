"""Rules over a home's own history: which alerts would they have raised, and what would they have done.

Read on: run.py (one pass of the engine over the history), interest.py and sameness.py (which readings matter
to a rule), history.py, stretch.py and drive.py (the others are only kept), result.py, variants.py and band.py
(what came of it, and of the same rules written otherwise).
"""

from homestream.backtest.result import Backtest, Raised
from homestream.backtest.run import backtest

__all__ = ["Backtest", "Raised", "backtest"]
