"""Time and chance come into the executor through its ports only, and the linter keeps it so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUFF = Path(sys.executable).parent / "ruff"


def banned(code: str, path: str) -> list[str]:
    """What the linter of the house says about time and chance in this code, were it at this path."""
    command = [RUFF, "check", "--select", "TID251", "--output-format", "json", "--stdin-filename", path, "-"]
    told = subprocess.run(command, input=code, capture_output=True, text=True, cwd=ROOT, timeout=60)
    return [one["message"] for one in json.loads(told.stdout)]


@pytest.mark.parametrize(
    "code",
    [
        "import time\n\ntime.time()\n",
        "from time import monotonic\n",
        "import random\n\nrandom.random()\n",
        "from secrets import token_hex\n",
        "import asyncio\n\n\nasync def wait():\n    await asyncio.sleep(1)\n",
        "from asyncio import sleep\n",
        "from datetime import UTC, datetime\n\ndatetime.now(UTC)\n",
        "import datetime\n\ndatetime.datetime.utcnow()\n",
        "import uuid\n\nuuid.uuid4()\n",
        "import os\n\nos.urandom(8)\n",
    ],
)
def test_the_executor_may_not_ask_the_machine(code: str):
    assert banned(code, "executor/desk/new.py")


@pytest.mark.parametrize("path", ["executor/ports.py", "executor/chain/local/anvil.py", "assets/new.py", "tests/new.py", "bench/new.py"])
def test_the_ports_and_the_other_packages_may(path: str):
    assert banned("import time\n\ntime.time()\n", path) == []


def test_the_executor_keeps_to_it():
    told = subprocess.run([RUFF, "check", "--select", "TID251", "executor"], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert told.returncode == 0, told.stdout
