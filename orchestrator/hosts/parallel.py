"""Several things at once with a verdict for each: for kernels, where `remote.fleet` is for hosts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar, cast

from orchestrator.errors import OrchestratorError
from orchestrator.remote.fleet import Outcome

T = TypeVar("T")


def in_parallel(actions: Mapping[str, Callable[[], T]]) -> tuple[dict[str, T], dict[str, OrchestratorError]]:
    """Run all actions at once; return results and errors, by the actions' keys and in their order.

    Every action must end by a deadline of its own, as all calls of a Remote do. Other errors than ours are raised.
    """
    results: dict[str, T] = {}
    errors: dict[str, OrchestratorError] = {}
    with ThreadPoolExecutor(max(1, len(actions)), thread_name_prefix="hosts") as pool:
        futures = {key: pool.submit(action) for key, action in actions.items()}
        try:
            wait(futures.values())
        except KeyboardInterrupt:
            wait(futures.values())  # who puts back what was changed must know all of it
            raise
    for key, future in futures.items():
        try:
            results[key] = future.result()
        except OrchestratorError as error:
            errors[key] = error
    return results, errors


def raise_all(errors: Mapping[str, OrchestratorError]) -> None:
    """Raise the one error as it is, or several as one of the first one's class that holds all their lines."""
    if len(errors) == 1:
        raise next(iter(errors.values()))
    if errors:
        first = next(iter(errors.values()))
        raise type(first)("; ".join(str(error) for error in errors.values())) from first


def verdicts(outcomes: Mapping[str, Outcome[T]]) -> tuple[dict[str, T], dict[str, OrchestratorError]]:
    """Values and errors of a fleet's outcomes, by host. Raises what is none of our errors: a fault in the program."""
    results: dict[str, T] = {}
    errors: dict[str, OrchestratorError] = {}
    for host, outcome in outcomes.items():
        if outcome.error is None:
            results[host] = cast(T, outcome.value)
        elif isinstance(outcome.error, OrchestratorError):
            errors[host] = outcome.error
        else:
            raise outcome.error
    return results, errors
