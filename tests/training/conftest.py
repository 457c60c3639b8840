"""The command line on a small folder of pictures."""

import pytest

from tests.command_line import CommandLine


@pytest.fixture
def command_line(pictures):
  return CommandLine(pictures)
