from pathlib import Path

import pytest

from orchestrator.errors import UsageError
from orchestrator.inventory.loader import find, load, loads
from orchestrator.inventory.model import Inventory, Model
from orchestrator.inventory.problems import InventoryError
from orchestrator.inventory.wording import WORDING, keys_of

INVENTORIES = Path(__file__).parents[3] / "inventories"

TESTBED = """\
schema: 1
testbed: {kind: namespaces, name: t}
roles: {generator: alpha, sut: beta}
hosts:
  - name: alpha
    nics:
      - {name: mem0, vdev: memif, memif_role: client}
      - {name: data0, interface: data0}
  - name: beta
    nics:
      - {name: mem0, vdev: memif, memif_role: server}
      - {name: data0, interface: data0}
links:
  - {name: mem0, kind: memif, ends: [alpha.mem0, beta.mem0]}
  - {name: veth0, kind: veth, ends: [alpha.data0, beta.data0]}
"""
REAL = """\
hosts:
  - name: one
    ssh: {address: 192.0.2.1}
    cores: 2-3
    nics:
      - {name: p0, pci: "0000:3b:00.0"}
      - {name: k0, interface: eth1, address: 198.18.9.1/30}
  - name: two
    ssh: {address: 192.0.2.2}
    cores: [4, 5]
    nics:
      - {name: p0, pci: "0000:3b:00.0"}
      - {name: k0, interface: eth1, address: 198.18.9.2/30}
links:
  - {name: w0, kind: wire, ends: [one.p0, two.p0]}
  - {name: w1, kind: wire, ends: [one.k0, two.k0]}
"""


def problems_of(text: str) -> list[str]:
    """Each problem as `line: what - instead`."""
    with pytest.raises(InventoryError) as caught:
        loads(text, "x.yml")
    assert caught.value.exit_code == 2
    assert str(caught.value).splitlines() == [str(problem) for problem in caught.value.problems]
    assert all(problem.file == "x.yml" and problem.instead for problem in caught.value.problems)
    return [str(problem).removeprefix("x.yml:") for problem in caught.value.problems]


def replaced(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize("path", sorted(INVENTORIES.glob("*.yml")), ids=lambda path: path.stem)
def test_every_inventory_of_the_project_loads(path: Path) -> None:
    assert load(path).roles.keys() == {"sut", "generator"}


def test_the_real_hardware_example_is_wired_to_real_nics_only() -> None:
    inventory = load(INVENTORIES / "two-hosts.yml")
    assert inventory.testbed is None
    for host in inventory.hosts:
        assert host.ssh is not None
        assert host.cores == tuple(range(2, 10))
        assert [nic.vdev for nic in host.nics] == [None] * len(host.nics)
        assert [bool(nic.pci) for nic in host.nics] == [True, True, False]
    assert {link.kind for link in inventory.links} == {"wire"}
    assert inventory.host("generator").ssh.jump[0].user == "gateway"  # type: ignore[union-attr]


def test_the_texts_that_the_cases_below_change_are_valid() -> None:
    assert loads(TESTBED).testbed is not None
    assert loads(REAL).host("two").cores == (4, 5)


def test_a_loaded_inventory_survives_its_own_json() -> None:
    for text in (TESTBED, REAL):
        inventory = loads(text)
        assert Inventory.model_validate_json(inventory.model_dump_json(by_alias=True)) == inventory


def test_stored_form_of_a_link_end_is_read_and_checked() -> None:
    stored = "ends: [{host: one, nic: p0}, {host: two, nic: p0}]"
    assert str(loads(replaced(REAL, "ends: [one.p0, two.p0]", stored)).links[0].ends[1]) == "two.p0"
    assert problems_of(replaced(REAL, "ends: [one.p0, two.p0]", stored.replace("nic: p0}]", "nic: p1}]"))) == [
        "15: link w0: host two has no NIC 'p1' - write two.p0 (there are: two.p0, two.k0)"
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("3b:00.0", "0000:3b:00.0"),
        ("03:00.0", "0000:03:00.0"),  # a number in base 60 to YAML 1.1
        ("0000:3B:00.1", "0000:3b:00.1"),
        ('"AF:1f.7"', "0000:af:1f.7"),
    ],
)
def test_pci_addresses_are_written_out(written: str, meant: str) -> None:
    assert loads(replaced(REAL, '"0000:3b:00.0"', written)).host("one").nic("p0").pci == meant


@pytest.mark.parametrize("written", ["10:20:30:40:50:51", "10-20-30-40-50-51"])
def test_unquoted_mac_of_digits_is_no_count_of_seconds(written: str) -> None:
    assert (
        loads(replaced(REAL, "interface: eth1", f"interface: eth1, mac: {written}")).host("one").nic("k0").mac
        == "10:20:30:40:50:51"
    )


def test_paths_of_keys_are_written_out() -> None:
    ssh = loads(replaced(REAL, "{address: 192.0.2.1}", "{address: 192.0.2.1, key: ~/.ssh/k}")).host("one").ssh
    assert ssh is not None
    assert ssh.key == Path.home() / ".ssh/k"


def test_a_host_that_is_there_twice_is_offered_once() -> None:
    assert "3: role sut: there is no host 'beta' - write one of: alpha" in problems_of(
        replaced(TESTBED, "name: beta", "name: alpha")
    )


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("{address: 192.0.2.1, port: 2201}", "{address: 192.0.2.1, port: 2202}"),
        ("{address: 192.0.2.1}", "{address: 192.0.2.1, jump: [{address: 192.0.2.9}]}"),  # of another network
    ],
)
def test_one_address_may_lead_to_two_machines(one: str, two: str) -> None:
    text = replaced(replaced(REAL, "{address: 192.0.2.1}", one), "{address: 192.0.2.2}", two)
    assert [host.ssh.address for host in loads(text).hosts if host.ssh] == ["192.0.2.1", "192.0.2.1"]


@pytest.mark.parametrize("written", ["4", "[4]", '"4"', "4-4"])
def test_one_cpu_in_every_form(written: str) -> None:
    assert loads(replaced(REAL, "2-3", written)).host("one").cores == (4,)


BAD_VALUES = [
    (REAL, "cores: 2-3", "core: 2-3", "4: the host has no key `core` - write cores (its keys: name, ssh, cores,"),
    (REAL, "cores: 2-3", "cores: 3-2", "4: cores: '3-2' is not a list of CPUs - write CPU numbers"),
    (REAL, "cores: 2-3", "cores: [2, 9999]", "4: cores: 9999 is not a CPU - write a number from 0 to 8191"),
    (REAL, "cores: 2-3", "cores: []", "4: host one has no CPU to run on - write CPUs"),
    (REAL, "cores: 2-3", "cores: [2, 3, 2]", "4: host one: CPU 2 is listed twice - write each CPU once"),
    (REAL, "cores: 2-3", "cores: auto", "4: host one: `cores: auto` is for hosts that a testbed makes on this machine"),
    (REAL, "    cores: 2-3\n", "", "2: host one: `cores: auto` is for hosts that a testbed makes"),
    (REAL, "192.0.2.1}", "192.0.2.1, port: yes}", "3: port: 'yes' is not a TCP port - write a number from 1 to 65535"),
    (REAL, "192.0.2.1}", "192.0.2.1, port: true}", "3: port: true is not a TCP port - write a number"),
    (REAL, "192.0.2.1}", "192.0.2.1, port: 70000}", "3: port: 70000 is not a TCP port"),
    (REAL, "192.0.2.1}", "192.0.2.1, key: ~nobody-of-that-name/k}", "3: key: '~nobody-of-that-name/k' is not the path"),
    (REAL, "192.0.2.1}", "192.0.2.1, jump: [{adress: a}]}", "3: the jump host has no key `adress` - write address"),
    (REAL, "{address: 192.0.2.1}", "{user: root}", "3: ssh has no `address` - write `address` (the address of an SSH"),
    (REAL, "    ssh: {address: 192.0.2.1}\n", "", "2: host one has no `ssh`, and there is no testbed"),
    (REAL, '"0000:3b:00.0"', "3b:00", "6: pci: '3b:00' is not a PCI address - write it as `lspci -D` shows it"),
    (REAL, "198.18.9.1/30", "198.18.9.1", "7: address: '198.18.9.1' is not an IPv4 address with its prefix length"),
    (REAL, "198.18.9.1/30", "5", "7: address: 5 is not an IPv4 address with its prefix length"),
    (REAL, "198.18.9.1/30", "198.18.9.2/30", "16: link w1: both ends have the address 198.18.9.2"),
    (REAL, "198.18.9.1/30", "198.18.8.1/30", "16: link w1: its addresses 198.18.8.1/30 and 198.18.9.2/30 lie in two"),
    (REAL, ", address: 198.18.9.1/30", "", "16: link w1: one end has an address and the other has none"),
    (REAL, "name: one", "name: One", "2: name: 'One' is not a name - write lower-case letters"),
    (
        REAL,
        "name: two",
        "name: one",
        "8: host one is there twice (first on line 2) - give each host a name of its own, such as `name: one2`, or",
    ),
    (
        REAL,
        "{address: 192.0.2.2}",
        "{address: 192.0.2.1, user: other}",
        "9: two hosts are reached at port 22 of 192.0.2.1 (first on line 3) - write each machine once",
    ),
    (REAL, "name: k0,", "name: p0,", "7: host one: NIC p0 is there twice (first on line 6)"),
    (REAL, "name: w1", "name: w0", "16: link w0 is there twice (first on line 15)"),
    (
        REAL,
        "interface: eth1,",
        "pci: 3b:00.0,",
        "7: host one: PCI address 0000:3b:00.0 belongs to two NICs (first on li",
    ),
    (REAL, "two.k0", "two.k1", "16: link w1: host two has no NIC 'k1' - write two.k0 (there are: two.p0, two.k0)"),
    (REAL, "two.k0", "tow.k0", "16: link w1: there is no host 'tow' - write two.k0"),
    (REAL, "two.k0", "k0", "16: ends: 'k0' is not a NIC of a host - write its host's and its own name"),
    (REAL, "[one.k0, two.k0]", "[one.k0]", "16: ends: a list of 1 is not the two ends of a link"),
    (REAL, "[one.k0, two.k0]", "[one.p0, two.k0]", "16: NIC one.p0 is in two links (first on line 15)"),
    (REAL, "[one.k0, two.k0]", "[one.k0, one.p0]", "16: link w1: both ends are on host one"),
    (REAL, "kind: wire, ends: [one.p0", "kind: veth, ends: [one.p0", "15: link w0: a veth joins hosts that a testbed"),
    (
        REAL,
        "kind: wire, ends: [one.p0",
        "kind: cable, ends: [one.p0",
        "15: kind: 'cable' is not a kind of link - write",
    ),
    (REAL, 'pci: "0000:3b:00.0"', "role: dpdk", "6: NIC one.p0: names no device - write `pci`, `interface` or `vdev`"),
    (REAL, 'pci: "0000:3b:00.0"', "pci: 3b:00.0, vdev: tap", "6: NIC one.p0: is a PCI device and a tap at once"),
    (REAL, 'pci: "0000:3b:00.0"', "pci: 3b:00.0, role: kernel", "6: NIC one.p0: the kernel's NIC needs its interface"),
    (
        REAL,
        "interface: eth1,",
        "interface: eth1, memif_role: server,",
        "7: NIC one.k0: `memif_role` without `vdev: mem",
    ),
    (REAL, "interface: eth1,", "interface: eth1, bridge: br0,", "7: NIC one.k0: `bridge` is for a tap only"),
    (
        REAL,
        "interface: eth1,",
        "interface: eth1, vdev: tap,",
        "7: NIC one.k0: a tap and the interface meet in a bridge",
    ),
    (
        REAL,
        "interface: eth1,",
        "interface: eth1, vdev: tap, bridge: eth1,",
        "7: NIC one.k0: bridge and interface have one",
    ),
    (REAL, "interface: eth1,", "vdev: af_packet,", "7: NIC one.k0: af_packet needs an interface under it"),
    (REAL, "interface: eth1,", "interface: ../x,", "7: interface: '../x' is not the name of a network interface"),
    (REAL, "interface: eth1,", "interface: eth1, dpdk_driver: bifurcated,", "7: NIC one.k0: `dpdk_driver` is for PCI"),
    (REAL, "hosts:", "workdirs: 1\nhosts:", "1: the inventory has no key `workdirs` - leave it out"),
    (REAL, "cores: 2-3", "cores: 2-3\n    workdir: var", "5: host one: workdir var is no folder of its own"),
    (
        REAL,
        "cores: 2-3",
        "cores: 2-3\n    hugepages: {pages: 0}",
        "5: pages: 0 is not a count of pages - write a whole",
    ),
    (REAL, "cores: 2-3", "cores: 2-3\n    cores: 4", "5: key `cores` is there twice (first on line 4)"),
    (
        REAL,
        "cores: 2-3",
        "cores: 2-3\n    <<: {cores: 4}",
        "5: merge keys (<<) are not understood - write the keys out",
    ),
    (REAL, "hosts:", "schema: 2\nhosts:", "1: schema: 2 is not a schema that this version reads - write 1"),
    (TESTBED, "sut: beta", "sut: betta", "3: role sut: there is no host 'betta' - write"),
    (TESTBED, "sut: beta", "sut: alpha", "3: host alpha has two roles (first on line 3)"),
    (TESTBED, "sut: beta", "sutt: beta", "3: unknown role `sutt` - write sut"),
    (TESTBED, "kind: namespaces", "kind: vm", "2: kind: 'vm' is not a kind of testbed - write namespaces"),
    (TESTBED, "- name: alpha", "- name: alpha\n    ssh: {address: a}", "6: host alpha is made by the testbed"),
    (
        TESTBED,
        "memif_role: server",
        "memif_role: client",
        "14: link mem0: both ends are the client - write `memif_role: ",
    ),
    (TESTBED, ", memif_role: server", "", "11: NIC beta.mem0: a memif needs its side"),
    (
        TESTBED,
        "memif_role: server}",
        "memif_role: server, interface: e}",
        "11: NIC beta.mem0: a memif is shared memory",
    ),
    (
        TESTBED,
        "memif_role: server}",
        "memif_role: server, role: kernel}",
        "11: NIC beta.mem0: the kernel has no use for",
    ),
    (TESTBED, "beta.mem0]", "beta.mem0], mtu: 9000", "14: link mem0: an MTU of 9000 does not fit a memif"),
    (TESTBED, "kind: memif", "kind: veth", "14: link mem0: alpha.mem0 is a memif, but the link is a veth"),
    (TESTBED, "kind: veth", "kind: memif", "15: link veth0: alpha.data0 is no memif, but the link is a memif"),
    (TESTBED, "kind: veth", "kind: wire", "15: link veth0: a wire joins real NICs, and these hosts are made here"),
    (TESTBED, "interface: data0", "pci: 3b:00.0", "8: NIC alpha.data0: a host made of namespaces has no PCI device"),
    (
        TESTBED,
        "testbed: {kind: namespaces, name: t}\n",
        "",
        "6: NIC alpha.mem0: a memif joins hosts that a testbed made",
    ),
]


@pytest.mark.parametrize(("text", "old", "new", "expected"), BAD_VALUES)
def test_one_mistake_is_named_with_its_line_and_what_to_write(text: str, old: str, new: str, expected: str) -> None:
    found = problems_of(replaced(text, old, new))
    assert any(problem.startswith(expected) for problem in found), found


@pytest.mark.parametrize("count", [1, 9])
def test_a_testbed_has_two_to_eight_hosts(count: int) -> None:
    hosts = "".join(f"  - name: h{index}\n" for index in range(count))
    (problem,) = problems_of(f"testbed: {{kind: namespaces}}\nhosts:\n{hosts}")
    assert problem.startswith(f"2: a testbed has 2 to 8 hosts, not {count} - ")


def test_one_mistake_gives_one_problem() -> None:
    """A host or NIC with a mistake of its own still counts as there for the links and roles that name it."""
    assert len(problems_of(replaced(REAL, "cores: 2-3", "cores: x"))) == 1
    assert len(problems_of(replaced(REAL, '"0000:3b:00.0"', "x"))) == 1
    assert len(problems_of(replaced(TESTBED, "memif_role: client", "memif_role: both"))) == 1


def test_all_mistakes_at_once_in_the_order_of_their_lines() -> None:
    text = replaced(REAL, "cores: 2-3", "cores: x")
    text = replaced(text, '"0000:3b:00.0"', "3b")
    text = replaced(text, "two.k0", "two.k9")
    text = replaced(text, "name: w1", "nam: w1")
    found = problems_of("colour: red\n" + text)
    assert [int(problem.split(":")[0]) for problem in found] == [1, 5, 7, 17, 17, 17]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1: the file is empty"),
        ("- 1\n", "1: the file does not hold keys and values"),
        ("hosts: 5\n", "1: hosts: 5 is not a list of 1 to 64 hosts"),
        ("hosts: []\n", "1: hosts: a list of 0 is not a list of 1 to 64 hosts"),
        ("schema: 1\n", "1: the inventory has no `hosts` - write `hosts`"),
        ("a: b\nhosts: [\n", "3: not valid YAML ("),
        ("a: b\n\tc: d\n", "2: not valid YAML ("),
        ("a: &x [*x]\n", "1: an alias that contains itself"),
        ("a: \x07\n", "1: a character that YAML does not allow"),
        ("a: 1\n---\nb: 2\n", "2: not valid YAML ("),
        ("? [a, b]\n: 1\n", "1: a key that is a list or mapping"),
        ("hosts: !!python/object:os.system x\n", "1: hosts: 'x' is not a list of 1 to 64 hosts"),
        ("hosts: !mine x\n", "1: the tag !mine has no meaning here"),
        ("[" * 3000, "1: "),
    ],
)
def test_files_that_are_no_inventory_at_all(text: str, expected: str) -> None:
    found = problems_of(text)
    assert any(problem.startswith(expected) for problem in found), found


def test_aliases_that_multiply_are_refused_before_they_fill_the_memory() -> None:
    lines = ["l0: &l0 [a, a, a, a, a, a, a, a, a, a]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "too many or too deeply nested values" in problems_of("\n".join(lines))[0]


def test_a_file_that_is_not_text_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "latin.yml").write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(InventoryError, match=r"latin.yml:2: the file is not UTF-8 text"):
        load(tmp_path / "latin.yml")
    (tmp_path / "big.yml").write_bytes(b"#" * (2 << 20))
    with pytest.raises(UsageError, match="larger than 1 MiB"):
        load(tmp_path / "big.yml")
    with pytest.raises(UsageError, match="cannot read the inventory"):
        load(tmp_path)


def test_inventories_are_found_by_name_and_by_path(tmp_path: Path) -> None:
    for name in ("local", "two-hosts"):
        (tmp_path / f"{name}.yml").write_text(REAL)
    assert find("local", tmp_path) == tmp_path / "local.yml"
    assert find(str(tmp_path / "two-hosts.yml"), Path("/nowhere")) == tmp_path / "two-hosts.yml"
    with pytest.raises(UsageError, match=r"did you mean two-hosts\? \(there are: local, two-hosts\)"):
        find("two-host", tmp_path)
    for unknown in ("", "x" * 5000, "a\0b", "./absent.yml"):
        with pytest.raises(UsageError, match="there are: local, two-hosts"):
            find(unknown, tmp_path)


def test_every_key_of_the_models_has_words_for_it() -> None:
    def models(base: type[Model]) -> set[type[Model]]:
        return {base, *(model for child in base.__subclasses__() for model in models(child))}

    for model in models(Model) - {Model}:
        assert set(keys_of(model)) <= set(WORDING[model]), model
