"""A made-up tree with hugepage pools, as the kernel shows them."""

from __future__ import annotations

from pathlib import Path


class FakePools:
    """Files under `root`; `free` and `nr` are independent, as nothing here acts as the kernel would."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "proc").mkdir(parents=True, exist_ok=True)
        self.memory()

    def memory(self, available_mib: int = 8192, total_mib: int = 16384) -> None:
        text = f"MemTotal: {total_mib * 1024} kB\nMemFree: 1024 kB\nMemAvailable: {available_mib * 1024} kB\n"
        (self.root / "proc/meminfo").write_text(text)

    def folder(self, size_kb: int = 2048, node: int | None = None) -> Path:
        top = "sys/kernel/mm" if node is None else f"sys/devices/system/node/node{node}"
        return self.root / top / "hugepages" / f"hugepages-{size_kb}kB"

    def set(self, nr: int, free: int, *, reserved: int = 0, size_kb: int = 2048, node: int | None = None) -> None:
        folder = self.folder(size_kb, node)
        folder.mkdir(parents=True, exist_ok=True)
        for name, value in (("nr", nr), ("free", free), ("resv", reserved)):
            (folder / f"{name}_hugepages").write_text(f"{value}\n")
        if node is not None:
            text = (
                f"Node {node} MemTotal: 8388608 kB\nNode {node} MemFree: 4194304 kB\nNode {node} FilePages: 1024 kB\n"
            )
            (folder.parents[1] / "meminfo").write_text(text)

    def nr(self, size_kb: int = 2048, node: int | None = None) -> int:
        return int((self.folder(size_kb, node) / "nr_hugepages").read_text())
