"""fio on a file of a mounted file system: one operation at a time, each past every cache."""

from __future__ import annotations

import json

from bench.bed import Bed
from orchestrator.errors import CommandFailed

FILE_MB = 16
RAMP_MS = 100


def p50_us(
    hosts: Bed, host: str, file: str, operation: str, cpu: int, *, block: int = 4096, window_ms: int = 400
) -> float:
    """The median of single random reads (`read`) or writes (`write`) of a file, in microseconds.

    The file is made where it is not there. Raises CommandFailed where fio failed, or one operation did.
    """
    argv = [
        "taskset", "-c", str(cpu), "fio", "--name=one", f"--filename={file}", f"--size={FILE_MB}m",
        f"--rw=rand{operation}", f"--bs={block}", "--direct=1", "--ioengine=psync", "--time_based",
        f"--ramp_time={RAMP_MS}ms", f"--runtime={window_ms}ms", "--clat_percentiles=0",
        "--lat_percentiles=1", "--percentile_list=50", "--output-format=json",
    ]  # fmt: skip
    done = hosts.hosts.remotes[host].run(argv, timeout_s=60.0)
    job = json.loads(done.stdout[done.stdout.index("{") :])["jobs"][0]
    if job["error"] or not job[operation]["total_ios"]:
        raise CommandFailed(
            f"{file}: error {job['error']}, {job[operation]['total_ios']} done", host=host, process="fio"
        )
    return float(job[operation]["lat_ns"]["percentile"]["50.000000"]) / 1000
