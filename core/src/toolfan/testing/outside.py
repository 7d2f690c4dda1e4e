"""Facts that show in another process only: what an import brings along, what hashing changes, what `connect` says.

Started as `python -m toolfan.testing.outside`, with the question on its standard input; the answer is one line of JSON.
The environment is emptied of keys, so `connect` finds none.

Knows: how such a process is started, and what it does.  Must not know: laws.
"""

from __future__ import annotations

import base64
import faulthandler
import functools
import hashlib
import importlib
import json
import os
import pickle
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

from .attributes import is_there
from .erring import errors_of
from .giving import ONE, OTHER, given, given_at_once, samples_of
from .lawbook import LawNotAsked
from .suite_keys import two_keys
from .ways import ADDRESSES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolfan.adapter import ParallelToolsAdapter

    from .subject import Subject

_PASSED = (
    "PATH",
    "HOME",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "VIRTUAL_ENV",
    "COVERAGE_PROCESS_START",
)
_DIRECT = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "NO_GCE_CHECK": "true"}
"""To the services on loopback past what a system's settings name for a proxy; and no service is looked for."""
_SECONDS = 180.0
_AT_WORK = 150.0
"""Seconds, after which it says where it stands, and ends."""
_TOLD = 2500
_BEGINS = '{"hook"'
OTHER_VARIABLE = "TOOLFAN_SUITE_KEY"
BEHIND = "/toolfan-proxy/v1"
"""The path of an address, as that of a proxy."""


def ask(subject: Subject) -> Mapping[str, Any]:
    """What another process found out about the subject; asked once for each adapter and question.

    Raises RuntimeError, with what it wrote, if it failed.
    """
    adapter = subject.adapter
    question = {
        "path": [os.path.abspath(entry) for entry in sys.path],
        "plugin": subject.plugin or type(adapter).__module__.partition(".")[0],
        "sdk": list(subject.sdk),
        "settings": dict(subject.settings),
        "model": subject.request_model,
        "key_variable": subject.key_variable,
        "keys": two_keys(subject.key),
        "environment": dict(subject.environment),
        "options": dict(subject.options),
        "samples": samples_of(subject),
        "errors": errors_of(subject),
        "logins": {path: dict(answer) for path, answer in subject.logins.items()},
        "seconds": _AT_WORK,
        "adapter": base64.b64encode(pickle.dumps(adapter)).decode(),
    }
    said = _asked(json.dumps(question))
    if not said.startswith(_BEGINS):
        raise RuntimeError(said)
    answer: Mapping[str, Any] = json.loads(said)
    return answer


@functools.lru_cache(maxsize=256)
def _asked(question: str) -> str:
    """Its line of JSON, or why there is none: what hangs is waited for once, and not once for each law."""
    given = {name: value for name, value in os.environ.items() if name in _PASSED}
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    done = subprocess.run(
        [sys.executable, "-m", "toolfan.testing.outside"],
        input=question,
        env={**given, **_DIRECT, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        return f"the other process failed:\n{_end(done.stderr)}"
    said = [line for line in done.stdout.splitlines() if line.startswith(_BEGINS)]  # an SDK may print at its end
    return said[-1] if said else f"the other process ended before it was asked all:\n{_end(done.stderr)}"


def _end(text: str) -> str:
    """The last lines of a long text, whole."""
    if len(text) <= _TOLD:
        return text
    whole = text[-_TOLD:].partition("\n")[2]
    return f"...\n{whole or text[-_TOLD:]}"


def ask_sdk(subject: Subject) -> Mapping[str, Any]:
    """The same, for what only the vendor's SDK can tell.  Raises LawNotAsked where it is not installed."""
    facts = ask(subject)
    if facts["missing"] and facts["taken"][0]["error"] == "AdapterNotInstalled":
        raise LawNotAsked(f"the SDK is not installed here: there is no module {', '.join(facts['missing'])}")
    return facts


def fingerprint(adapter: ParallelToolsAdapter, model: str) -> str:
    """A digest of the tools of every shape, and of requests, as the adapter writes them."""
    from toolfan.adapter import ToolChoice, ToolRequest
    from toolfan.tools.toolset import ToolSet

    from .specimens import SPECIMENS

    tools = ToolSet(list(SPECIMENS.values()))
    told: list[Any] = [adapter.render_tools(tools, strict=None)]
    most = adapter.capabilities.tool_choice_subset
    some = tuple(tools.by_name)[1 : 9 if most is True else 1 + most]
    for choice in (ToolChoice(), ToolChoice("none"), ToolChoice("required", some)):
        if choice.tools == ():
            continue
        message = {"role": "user", "content": "x"}
        try:
            told.append(adapter.build_request(ToolRequest(model, (message,), tools, choice)).body)
        except Exception as exc:  # noqa: BLE001 - laws of requests tell of it; those of packages are not about it
            told.append(type(exc).__name__)
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _loaded(names: list[str]) -> list[str]:
    return sorted(name for name in names if any(one == name or one.startswith(f"{name}.") for one in sys.modules))


def _said(adapter: ParallelToolsAdapter, settings: Mapping[str, Any], *, use_async: bool) -> dict[str, str]:
    """What became of `connect`."""
    try:
        adapter.connect(adapter.settings_model.model_validate(dict(settings)), use_async=use_async)
    except Exception as exc:  # noqa: BLE001 - it is what is told
        return {"error": type(exc).__name__, "text": str(exc)}
    return {"error": "", "text": ""}


def _taken(adapter: ParallelToolsAdapter, settings: Mapping[str, Any], *, use_async: bool) -> dict[str, str]:
    """What became of `connect`, and of `transport` over the client that it gave."""
    step = "connect"
    try:
        client = adapter.connect(adapter.settings_model.model_validate(dict(settings)), use_async=use_async)
        step = "transport"
        adapter.transport(client, use_async=use_async)
    except Exception as exc:  # noqa: BLE001 - it is what is told
        return {"step": step, "error": type(exc).__name__, "text": str(exc)}
    return {"step": "", "error": "", "text": ""}


def _sent(adapter: ParallelToolsAdapter, model: str, settings: Mapping[str, Any], field: str) -> dict[str, Any]:
    """What became of a request whose service is at an address of this process; whether it came there."""
    from .failing import request
    from .listening import Reply, listening

    with listening(Reply("refused")) as service:
        said: dict[str, Any] = {"error": "", "text": ""}
        try:
            client = adapter.connect(
                adapter.settings_model.model_validate({**settings, field: f"{service.address}{BEHIND}"}),
                use_async=False,
            )
            transport: Any = adapter.transport(client, use_async=False)
            transport.send(request(adapter, model), timeout=10.0, headers={}, query={})
        except Exception as exc:  # noqa: BLE001 - it is what is told
            said = {"error": type(exc).__name__, "text": str(exc)}
        paths = [one.path for one in service.heard]
        return {**said, "heard": bool(paths), "beside": [path for path in paths if not path.startswith(f"{BEHIND}/")]}


def _heard(adapter: ParallelToolsAdapter, question: Mapping[str, Any]) -> dict[str, Any]:
    """What a service hears of requests, and what becomes of them; nothing where there is no setting of its address."""
    from .erring import raised
    from .failing import failed, request
    from .listening import listening
    from .parting import left_open
    from .sending import PLAIN, added, halted, is_hurried, sent, waited
    from .stopping import stopped
    from .ways import is_addressed, settings_at, ways

    model, key = question["model"], question["keys"][0]
    names = ("built", "added", "failed", "waited", "given", "left", "raised", "stopped", "hurried", "halted", "unheard")
    told: dict[str, Any] = {name: [] for name in names} | {"unmade": {}}
    told["addressed"] = is_addressed(adapter)
    if not told["addressed"]:
        return told
    with listening(PLAIN, key) as service:
        for way in ways(adapter, settings_at(adapter, question, service.address), told["unmade"]):
            try:
                plain = request(adapter, model, stream=way.streams)
            except Exception as exc:  # noqa: BLE001 - laws of requests tell of it
                told["unheard"].append(f"{way.name}: no request; {type(exc).__name__}: {exc}"[:300])
                continue
            told["built"].append(sent(adapter, model, question["options"], way, service))
            arrives = "asked" in told["built"][-1]
            if not arrives:
                told["unheard"].append(f"{way.name}: nothing came to the service; {told['built'][-1]['error']}")
            if arrives:
                told["added"] += added(way, plain, service)
            told["failed"] += failed(adapter, model, way, service)
            told["hurried"] += [way.name] if is_hurried(way, plain, service) else []
            if not service.outlasted:  # one that waits for long is enough
                told["waited"].append(waited(way, plain, service))
            if arrives:
                told["given"] += given(adapter, way, plain, question["samples"], service)
                says = [({"role": "user", "content": word},) for word in (ONE, OTHER)]
                both = [request(adapter, model, stream=way.streams, messages=one) for one in says]
                told["given"] += given_at_once(adapter, way, both, question["samples"], service)
                told["raised"] += raised(way, plain, question["errors"], service)
                told["halted"] += halted(way, plain, question["samples"], service)
                told["stopped"] += stopped(way, plain, question["samples"], service)
    with listening(PLAIN, key, keeps=True) as service:
        told["left"] = left_open(adapter, settings_at(adapter, question, service.address), model, service)
    return told


def _missing(names: list[str]) -> list[str]:
    """The modules that are not installed."""
    return [name for name in names if not is_there(name)]


def _main() -> None:
    from .leaking import keys_of_others, shown, unknown
    from .listening import LOGINS
    from .siblings import siblings

    question = json.loads(sys.stdin.read())
    faulthandler.dump_traceback_later(question["seconds"], exit=True)
    os.environ.update(question["environment"])
    LOGINS.update(question["logins"])
    sys.path[:] = question["path"]
    plugin = importlib.import_module(question["plugin"])
    make = getattr(plugin, "toolfan_adapter", None)
    made = make() if callable(make) else None
    answer: dict[str, Any] = {"hook": made is not None, "name": getattr(made, "name", None)}
    adapter = pickle.loads(base64.b64decode(question["adapter"]))  # our own question
    answer["imported"] = _loaded(question["sdk"])
    answer["fingerprint"] = fingerprint(adapter, "toolfan-model")
    answer["imported later"] = _loaded(question["sdk"])
    modules: dict[str, Any] = sys.modules
    modules |= dict.fromkeys(question["sdk"])  # None there makes an import fail
    variable, key = question["key_variable"], question["keys"][0]
    if variable:
        os.environ[variable] = key
    answer["without the SDK"] = [_said(adapter, question["settings"], use_async=use) for use in (False, True)]
    for name in question["sdk"]:
        del modules[name]
    answer["missing"] = _missing(question["sdk"])
    known = adapter.settings_model.model_fields
    model, settings = question["model"], question["settings"]
    answer["taken"] = [_taken(adapter, settings, use_async=use) for use in (False, True)]
    answer["sent"] = {name: _sent(adapter, model, settings, name) for name in ADDRESSES if name in known}
    answer |= _heard(adapter, question)
    answer["shown"] = shown(adapter, question, key)
    answer["siblings"] = siblings(adapter, question, answer["built"])
    answer["unknown"] = unknown(adapter, question, key) if variable else []
    if "api_key_env" in known:
        named = {**question["settings"], "api_key_env": OTHER_VARIABLE}
        answer["without the named key"] = _said(adapter, named, use_async=False)
        os.environ.pop(variable or "", None)
        os.environ[OTHER_VARIABLE] = key
        answer["with the named key"] = _said(adapter, named, use_async=False)
    for name in (variable or "", OTHER_VARIABLE):
        os.environ.pop(name, None)
    os.environ.update(keys_of_others(adapter, question))
    answer["without a key"] = [_said(adapter, question["settings"], use_async=use) for use in (False, True)]
    faulthandler.cancel_dump_traceback_later()
    print(f"\n{json.dumps(answer)}", flush=True)  # noqa: T201 - to the process that asks
    if any(not one.daemon for one in threading.enumerate() if one is not threading.main_thread()):
        os._exit(0)  # an SDK's thread that only `close` ends: not all clients that were made here were closed


if __name__ == "__main__":
    _main()
