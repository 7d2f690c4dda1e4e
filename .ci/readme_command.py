"""Prints the command block of README.md that follows `<!-- ci:NAME -->`: `python3 .ci/readme_command.py demo`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

readme = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
found = re.findall(rf"<!-- ci:{re.escape(sys.argv[1])} -->\s*```sh\n(.*?)```", readme, re.DOTALL)
if len(found) != 1:
    sys.exit(f"README.md has {len(found)} command blocks marked ci:{sys.argv[1]}, not one")
print(found[0].strip())
