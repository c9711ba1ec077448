"""kill -9 between any two steps of a writer leaves a log that verifies, with whole batches and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from executor.compliance.audit import AuditLog, verify_log
from executor.compliance.audit.log import anchors_beside
from tests.executor.compliance.audit.logs import KEY, entries_of

# Forks for each line of the audit log's code that a writer runs; the child kills itself when it comes there.
CHILD = """
import os, signal, sys, json
from datetime import timedelta
from pathlib import Path
from executor.compliance.audit import AuditLog, sign_head, verify_log
from tests.executor.compliance.audit.logs import AT, KEY, entries_of
folder, part, parts = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])

def work(path, steps):
    count = 0
    def trace(frame, event, argument):
        if "compliance/audit" not in frame.f_code.co_filename:
            return None
        def line(frame, event, argument):
            nonlocal count
            count += 1
            if count == steps:
                os.kill(os.getpid(), signal.SIGKILL)
            return line
        return line(frame, event, argument)
    sys.settrace(trace)
    with AuditLog(path) as log:
        log.append(entries_of(0, 3))
        sign_head(log, KEY, AT)
        log.append(entries_of(3, 2))
        sign_head(log, KEY, AT + timedelta(hours=1))
    sys.settrace(None)
    return count

work(folder / f"first-{part}", -1)  # what is remembered from now on, each child remembers too
lines = work(folder / f"whole-{part}", -1)
done = []
for steps in range(1 + part, lines + 1, parts):
    path = folder / f"{steps}"
    child = os.fork()
    if child == 0:
        work(path, steps)
        os._exit(7)
    _, status = os.waitpid(child, 0)
    done.append((steps, os.WTERMSIG(status)))
print(json.dumps([lines, done]))
"""


@pytest.mark.parametrize("part", range(3))
def test_a_writer_killed_anywhere_leaves_a_log_that_verifies_and_goes_on(tmp_path: Path, part: int) -> None:
    # Every third line, in three runs: the lines between them belong to the same steps.
    stride = 9
    result = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path), str(part * 3), str(stride)], capture_output=True, text=True, check=True, timeout=120
    )
    lines, done = json.loads(result.stdout)
    assert lines > 150 and len(done) == len(range(1 + part * 3, lines + 1, stride))
    assert {signal for _, signal in done} == {9}
    sizes = set()
    for steps, _ in done:
        path = tmp_path / f"{steps}"
        if path.is_file() and path.stat().st_size:
            with AuditLog(path) as log:  # the next writer goes on where this one ended
                sizes.add(log.size)
                assert log.size in (0, 3, 5)
                log.append(entries_of(log.size, 1))
            result = verify_log(path, anchors_beside(path) if anchors_beside(path).is_dir() else None, KEY.public)
            assert result.holds, (steps, [finding for finding in result.findings if not finding.holds])
    assert sizes == {0, 3, 5}
