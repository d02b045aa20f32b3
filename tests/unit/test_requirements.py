"""What requirements.txt pins can be installed on a fresh Debian 12, and it names no index."""

from importlib import metadata
from pathlib import Path

from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]
DEBIAN_12_PYTHON = "3.11.2"
LINES = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")]


def test_every_line_pins_one_version_and_names_no_host():
    for line in LINES:
        name, version = line.split("==")
        assert name.strip() == name
        assert version.strip() == version != ""
        assert "/" not in line
        assert "@" not in line


def test_every_pin_takes_the_python_of_debian_12():
    pins = dict(line.split("==") for line in LINES)
    for name, version in pins.items():
        assert metadata.version(name) == version, f"{name}: ./inv makes the environment anew"
        wanted = metadata.metadata(name).get("Requires-Python")
        assert wanted is None or SpecifierSet(wanted).contains(DEBIAN_12_PYTHON), f"{name}=={version} needs {wanted}"
