"""Several things at once with a verdict for each: for kernels, where `remote.fleet` is for hosts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from orchestrator.errors import OrchestratorError
from orchestrator.remote.fleet import Outcome

T = TypeVar("T")
START_S = 0.5


def in_parallel(actions: Mapping[str, Callable[[], T]]) -> tuple[dict[str, T], dict[str, OrchestratorError]]:
    """Run all actions at once; return results and errors, by the actions' keys and in their order.

    Every action must end by a deadline of its own, as all calls of a Remote do. Other errors than ours are raised.
    KeyboardInterrupt is passed on when all have ended: who puts back what was changed must know all of it.
    """
    results: dict[str, T] = {}
    raised: dict[str, BaseException] = {}
    begun = {key: threading.Event() for key in actions}
    ended = {key: threading.Event() for key in actions}

    def work(key: str) -> None:
        begun[key].set()
        try:
            results[key] = actions[key]()
        except BaseException as error:  # noqa: BLE001 - told apart below, in the thread that asked
            raised[key] = error
        finally:
            ended[key].set()

    try:
        for key in actions:
            threading.Thread(target=work, args=(key,), name=f"hosts {key}", daemon=True).start()
        for each in ended.values():
            each.wait()
    except KeyboardInterrupt:
        for key in actions:
            if begun[key].wait(START_S):  # an interrupt of start() does not say whether the thread was started
                ended[key].wait()
        raise
    errors: dict[str, OrchestratorError] = {}
    for key in actions:
        error = raised.get(key)
        if isinstance(error, OrchestratorError):
            errors[key] = error
        elif error is not None:
            raise error
    return {key: results[key] for key in actions if key in results}, errors


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
