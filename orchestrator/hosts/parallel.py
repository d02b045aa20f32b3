"""The same thing for several hosts or kernels at once, with a verdict for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from orchestrator.errors import HostSettingError, OrchestratorError

T = TypeVar("T")


def in_parallel(actions: Mapping[str, Callable[[], T]]) -> tuple[dict[str, T], dict[str, OrchestratorError]]:
    """Run all actions at once; return results and errors, by the actions' keys and in their order.

    Every action must end by a deadline of its own, as all calls of a Remote do. Other errors than ours are raised.
    """
    results: dict[str, T] = {}
    errors: dict[str, OrchestratorError] = {}
    with ThreadPoolExecutor(max(1, len(actions)), thread_name_prefix="hosts") as pool:
        futures = {key: pool.submit(action) for key, action in actions.items()}
    for key, future in futures.items():
        try:
            results[key] = future.result()
        except OrchestratorError as error:
            errors[key] = error
    return results, errors


def raise_all(errors: Mapping[str, OrchestratorError]) -> None:
    """Raise the one error as it is, or several as one line that holds them all."""
    if len(errors) == 1:
        raise next(iter(errors.values()))
    if errors:
        raise HostSettingError("; ".join(str(error) for error in errors.values()))
