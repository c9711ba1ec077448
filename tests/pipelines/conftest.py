"""The home in which reports are made, as the tests of the compliance tables use it."""

from tests.assets.compliance.conftest import chain, lake, own_home, recording, reporting_home, reporting_settings

__all__ = ["chain", "lake", "own_home", "recording", "reporting_home", "reporting_settings"]
