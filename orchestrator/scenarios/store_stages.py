"""The processes of a trial of the scenario `store`, by stage."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from orchestrator.apps.cores import cpu_of
from orchestrator.apps.params import Idle
from orchestrator.apps.process import PlannedProcess
from orchestrator.apps.store_faults import NO_FAULT, parse_faults
from orchestrator.apps.store_params import (
    BackingParams,
    Cache,
    Durability,
    Engine,
    FaultParams,
    MeasureParams,
    Op,
    PingPongParams,
    Serve,
    SockperfParams,
    StoreFioParams,
    StoreLoadParams,
    StoreMountParams,
    StoreMountSelfParams,
)
from orchestrator.inventory.addresses import kernel_address
from orchestrator.inventory.model import Inventory
from orchestrator.scenarios.base import Row, TrialContext
from orchestrator.scenarios.cables import role_host
from orchestrator.scenarios.load import idle_of, load_of
from orchestrator.scenarios.processes import kernel_process
from orchestrator.scenarios.store_programs import Way, fresh_backing, network_process, server_process

STAGES = ("transport", "store", "fuse", "all", "floor")
WITHOUT_NETWORK = "none"
"""Transport and link of the stage `fuse`."""
FILE_MB = 16
MOUNT = "mnt"
SOCKPERF_PORT = 7111


def stage_processes(
    inventory: Inventory, row: Row, context: TrialContext, way: Way | None
) -> tuple[PlannedProcess, ...]:
    """The processes of one trial of `row`; `way` is None for the stage without a network."""
    if way is None:
        return _fuse(inventory, row, context)
    stage = row.params["stage"]
    if stage == "floor":
        return _bare_frames(row, context, way) if way.dpdk else _sockperf(row, context, way)
    server = _server(row, context, way, "echo" if stage == "transport" else "store")
    if stage == "all":
        return (server, _mount(row, context, way), _fio(inventory, row, context, 2))
    return (server, _load(row, context, way, "echo" if stage == "transport" else "store"))


def _server(row: Row, context: TrialContext, way: Way, serve: Serve) -> PlannedProcess:
    files: BackingParams | None = None
    if serve == "store":
        durability = cast(Durability, row.params["durability"])
        files = BackingParams(
            backing=fresh_backing(context, durability), durability=durability, cache=cast(Cache, row.params["cache"])
        )
    folders = (files.backing,) if files else ()
    return server_process(way, context, serve=serve, files=files, idle=idle_of(row), folders=folders)


def _load(row: Row, context: TrialContext, way: Way, what: Serve) -> PlannedProcess:
    """Our own client. Its messages have no flows: there is one way to the server."""
    load = load_of(replace(row, params={**row.params, "flows": 1}), context, "load")
    app = StoreLoadParams(
        end=way.client_end(),
        what=what,
        op=_op(row),
        write_percent=_write_percent(row),
        file_mb=FILE_MB,
        faults=_faults(row),
        load=replace(load, timeout_ms=int(row.params["timeout_ms"])),
    )
    return network_process(
        way,
        context,
        name="load",
        program="store_load",
        folder="store/load",
        argv=app.argv(),
        stage=1,
        client=0,
        measures=True,
    )


def _mount(row: Row, context: TrialContext, way: Way) -> PlannedProcess:
    """The relay, on the CPU of fio: while an answer is out, fio has nothing to do unless it has more in flight."""
    app = StoreMountParams(
        end=way.client_end(),
        mount=MOUNT,
        deadline_ms=int(row.params["timeout_ms"]),
        idle=_idle_beside_fio(row),
        faults=_faults(row),
        stats="mount.stats.json",
    )
    process = network_process(
        way, context, name="mount", program="store_mount", folder="store/mount", argv=app.argv(), stage=1, client=0
    )
    return process.model_copy(update={"polls": False, "beside": "fio", "folders": (MOUNT,)})


def _fuse(inventory: Inventory, row: Row, context: TrialContext) -> tuple[PlannedProcess, ...]:
    host = role_host(inventory, "generator")
    app = StoreMountSelfParams(mount=MOUNT, file_mb=FILE_MB, stats="mount.stats.json")
    process = kernel_process(
        host,
        context,
        name="mount",
        app="store_mount_self",
        argv=app.argv(),
        cpu=cpu_of(host, 0),
        stage=0,
        polls=False,
        folder="store/mount",
    )
    relay = process.model_copy(update={"beside": "fio", "folders": (MOUNT,)})
    return (relay, _fio(inventory, row, context, 1))


def _fio(inventory: Inventory, row: Row, context: TrialContext, stage: int) -> PlannedProcess:
    host = role_host(inventory, "generator")
    app = StoreFioParams(
        file=f"{MOUNT}/data",
        size=int(row.params["size"]),
        file_mb=FILE_MB,
        op=_op(row),
        write_percent=_write_percent(row),
        depth=int(row.params["depth"]),
        engine=cast(Engine, row.params["engine"]),
        measure=_measure(row, "fio"),
        stats="fio.stats.json",
        json="fio.json",
    )
    process = kernel_process(
        host,
        context,
        name="fio",
        app="store_fio",
        argv=app.argv(),
        cpu=cpu_of(host, 0),
        stage=stage,
        polls=False,
        measures=True,
        folder="store/fio",
    )
    return process.model_copy(update={"has_floor": False})


def _bare_frames(row: Row, context: TrialContext, way: Way) -> tuple[PlannedProcess, ...]:
    def end(role: str, client: int | None) -> PlannedProcess:
        app = PingPongParams(
            role="pong" if client is None else "ping",
            ports=1,
            size=int(row.params["size"]),
            measure=None if client is None else _measure(row, role),
            stats=f"{role}.stats.json",
        )
        process = network_process(
            way,
            context,
            name=role,
            program="mbuf_pingpong",
            folder="store/pingpong",
            argv=app.argv(),
            stage=0 if client is None else 1,
            client=client,
            measures=client is not None,
        )
        return process.model_copy(update={"has_floor": False})

    return (end("pong", None), end("ping", 0))


def _sockperf(row: Row, context: TrialContext, way: Way) -> tuple[PlannedProcess, ...]:
    cable = way.cables[0]

    def end(name: str, *, measures: bool) -> PlannedProcess:
        host = cable.generator.host if measures else cable.sut.host
        app = SockperfParams(
            role="ping-pong" if measures else "server",
            address=str(kernel_address(way.inventory, cable.sut.ref).ip),
            port=SOCKPERF_PORT,
            mode=way.mode,
            size=int(row.params["size"]),
            measure=_measure(row, name) if measures else None,
            stats=f"{name}.stats.json",
        )
        process = kernel_process(
            host,
            context,
            name=name,
            app="store_sockperf",
            argv=app.argv(),
            cpu=cpu_of(host, 0),
            stage=1 if measures else 0,
            polls=way.polls,
            measures=measures,
            folder="store/sockperf",
        )
        return process.model_copy(update={"has_floor": False})

    return (end("pong", measures=False), end("ping", measures=True))


def _measure(row: Row, name: str) -> MeasureParams:
    return MeasureParams(
        warmup_s=float(row.params["warmup_s"]),
        window_s=float(row.params["window_s"]),
        samples=f"{name}.samples.bin",
    )


def _op(row: Row) -> Op:
    return cast(Op, row.params["op"])


def _write_percent(row: Row) -> int:
    return int(row.params.get("write_percent", 0))


def _faults(row: Row) -> FaultParams:
    text = str(row.params.get("fault", NO_FAULT))
    if text == NO_FAULT:
        return FaultParams()
    faults = parse_faults(text)
    return FaultParams(fault_seed=int(row.params["fault_seed"]), fault_out=faults.out, fault_in=faults.into)


def _idle_beside_fio(row: Row) -> Idle:
    """A relay that waits for an answer gives way to fio, where that may have more to ask."""
    return "yield" if int(row.params["depth"]) > 1 else idle_of(row)
