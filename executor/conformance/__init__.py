"""The conformance kit: what a venue must do, checked one promise at a time against a running chain.

    from executor.conformance import LocalStage, run_kit

    with LocalStage.open(venue) as stage:
        findings = asyncio.run(run_kit(venue, stage))

`python -m executor.conformance NAME` does the same from the command line. A fork of a known shape supplies a `Fork`: how to put
its factory and router on a local chain, and the fees its pools may have.
"""

from executor.conformance.forks import Fork, fork_of
from executor.conformance.kit import Check, Finding, checks_for, run_check, run_kit
from executor.conformance.local_stage import LocalStage
from executor.conformance.stage import Disagreement, Stage

__all__ = ["Check", "Disagreement", "Finding", "Fork", "LocalStage", "Stage", "checks_for", "fork_of", "run_check", "run_kit"]
