"""Makes the samples beside the tests importable, the plugin findable without an install, and starts the servers."""

from __future__ import annotations

import importlib.metadata
import sys
import tomllib
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from loopback import closing, faulty

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["closing", "faulty", "installed", "serve"]
HERE = Path(__file__).resolve().parent
PYPROJECT = HERE.parents[2] / "providers" / "vertex" / "pyproject.toml"
sys.path.insert(0, str(HERE))


@pytest.fixture(autouse=True, scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """toolfan-vertex as an installed distribution: where it is only on the path, its metadata are written."""
    from toolfan.registry.loading import clear_loaded_adapters

    try:
        importlib.metadata.distribution("toolfan-vertex")
    except importlib.metadata.PackageNotFoundError:
        project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
        site = tmp_path_factory.mktemp("site")
        info = site / f"toolfan_vertex-{project['version']}.dist-info"
        info.mkdir()
        info.joinpath("METADATA").write_text(f"Name: toolfan-vertex\nVersion: {project['version']}\n")
        groups = project["entry-points"].items()
        lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in names.items()) for group, names in groups]
        info.joinpath("entry_points.txt").write_text("\n".join(lines))
        sys.path.append(str(site))
        yield
        sys.path.remove(str(site))
        clear_loaded_adapters()
    else:
        yield


@pytest.fixture
def serve(closing: list[Thread]) -> Iterator[Any]:
    """`serve(*answers, grpc=False)`: a server on loopback that gives these answers, each one time."""
    server_module = pytest.importorskip("toolfan_local.server")
    servers: list[Any] = []

    def start(*answers: dict[str, Any], **options: Any) -> Any:
        servers.append(server_module.Server(list(answers), **options).start())
        return servers[-1]

    yield start
    for server in servers:
        closing.append(Thread(target=server.close, daemon=True))
        closing[-1].start()
