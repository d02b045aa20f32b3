"""What a person sees while a run goes on: a line a step on stderr, none of them drawn during a window."""

from __future__ import annotations

from rich.console import Console

from orchestrator.commands.plan import row_label
from orchestrator.commands.remedies import DEFAULT_INVENTORY, for_inventory
from orchestrator.experiments.records import PlannedTrial, TrialRecord


class Progress:
    """Lines on stderr, so that stdout carries only the table and the folder; advice in them names the inventory."""

    def __init__(self, inventory_name: str = DEFAULT_INVENTORY) -> None:
        self._inventory_name = inventory_name
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)

    def note(self, text: str) -> None:
        """A line about the run as a whole."""
        self._console.print(text, markup=False)

    def warn(self, text: str) -> None:
        """A line about something that went wrong."""
        self._console.print(for_inventory(text, self._inventory_name), style="bold red", markup=False)

    def trial_begins(self, trial: PlannedTrial, index: int, total: int, left_s: float) -> None:
        """See `Observer`."""
        minutes, seconds = divmod(round(left_s), 60)
        self.note(f"[{index + 1:>{len(str(total))}}/{total}] {minutes}:{seconds:02} left  {row_label(trial)}")

    def trial_ended(self, record: TrialRecord) -> None:
        """See `Observer`."""
        if record.fault:
            self.warn(record.fault)
