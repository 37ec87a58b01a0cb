"""Imported first in the process that workers are forked from: looking for cycles takes a tenth of the time of imports.

It makes nothing else, so nothing is lost by not looking; workers look again when they begin (`workers._begin`).
"""

import gc

gc.disable()
