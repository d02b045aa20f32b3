import io
import tarfile

import pytest

from orchestrator.apps.source import SourceTree
from orchestrator.commands.checkout import APPS
from orchestrator.errors import UsageError


def tree(tmp_path, **files):
    for name, text in files.items():
        path = tmp_path / name.replace("__", "/").replace("_c", ".c")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return SourceTree(tmp_path)


def test_the_digest_follows_names_and_contents(tmp_path):
    first = tree(tmp_path / "1", app__main_c="int main;").digest
    assert first == tree(tmp_path / "2", app__main_c="int main;").digest
    assert first != tree(tmp_path / "3", app__main_c="int Main;").digest
    assert first != tree(tmp_path / "4", app__other_c="int main;").digest


def test_the_archive_holds_the_sources_and_nothing_else(tmp_path):
    source = tree(tmp_path, app__main_c="int main;")
    (tmp_path / "app" / "main.o").write_bytes(b"object")
    with tarfile.open(fileobj=io.BytesIO(source.archive())) as archive:
        assert archive.getnames() == ["app/main.c"]


def test_no_sources_is_an_error_with_a_remedy(tmp_path):
    with pytest.raises(UsageError, match="whole checkout"):
        _ = SourceTree(tmp_path).digest


def test_the_checkout_has_sources_of_every_app():
    names = {str(name) for name, _ in SourceTree(APPS).files}
    assert "meson.build" in names
    assert {name.split("/")[0] for name in names if "/" in name} >= {"common", "symmetric_mp", "traffic", "tcp_echo"}
