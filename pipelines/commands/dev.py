"""`grekko dev`: the Dagster UI on a recording's home."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer


def dev(
    recording: Annotated[Path | None, typer.Option(help="Recording whose tables to show; the shipped one by default.")] = None,
    home: Annotated[Path | None, typer.Option(help="Data folder; .grekko/<recording's name> by default.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the UI, on loopback.")] = 3000,
) -> None:
    """Open the Dagster UI on what the demo built."""
    from pipelines.home import PROJECT, Home

    place = Home.here(recording, home)
    place.settle()
    print(f"Dagster UI: http://127.0.0.1:{port} (tables in {place.root}; stop with Ctrl-C)", flush=True)
    # Dagster stops on SIGINT; a shell that starts us in the background would have it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(PROJECT)
    dg = Path(sys.executable).parent / "dg"
    os.execv(dg, [str(dg), "dev", "--workspace", "workspace.yaml", "--host", "127.0.0.1", "--port", str(port)])
