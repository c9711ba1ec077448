"""Kills a writer with SIGKILL while it appends, and says which entries it had been promised."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time


def acknowledged_before_death(setting: str, run: int, chance: random.Random) -> dict[int, str]:
    """Starts a writer, kills it at a moment of chance's choosing; seq → hash of everything that was acknowledged until then."""
    command = [sys.executable, "-m", "tests.executor.journal.writer", setting, str(run)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "open\n"
    time.sleep(chance.uniform(0.0, 0.08))
    os.kill(writer.pid, signal.SIGKILL)
    told = writer.stdout.read()
    writer.wait()
    whole_lines = told[: told.rfind("\n") + 1].splitlines()
    return {int(seq): digest for seq, digest in (line.split() for line in whole_lines)}
