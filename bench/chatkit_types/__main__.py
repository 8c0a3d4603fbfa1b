"""`python -m bench.chatkit_types`: install what the tests check options against."""

import sys

from bench.chatkit_types import LOCKED
from bench.npm import CannotInstall

try:
    LOCKED.install()
except CannotInstall as problem:
    sys.exit(str(problem))
