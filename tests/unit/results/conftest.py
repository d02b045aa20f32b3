"""Where the tests of results keep an experiment."""

import pytest

from orchestrator.results.layout import ExperimentFolder


@pytest.fixture
def folder(tmp_path):
    return ExperimentFolder(tmp_path)
