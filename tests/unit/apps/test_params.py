"""From a dataclass to a command line."""

from dataclasses import dataclass

from orchestrator.apps.client_server_params import MpClientParams
from orchestrator.apps.message_params import CaptureParams, LoopParams
from orchestrator.apps.params import Options


@dataclass(frozen=True, kw_only=True)
class Group(Options):
    ports: int
    loop: LoopParams
    capture: CaptureParams
    peer_mac: str = ""


def test_each_field_is_an_option_in_its_order_and_parts_are_put_in_as_they_are():
    loop = LoopParams(loop="naive", sleep_us=0)
    capture = CaptureParams(process="gen", packets=3)
    group = Group(ports=2, loop=loop, capture=capture, peer_mac="02:00:00:00:00:01")
    assert group.argv() == (
        *("-p", "3"),
        *("--loop=naive", "--sleep-us=0"),
        *("--dump=3", "--capture=gen"),
        "--peer-mac=02:00:00:00:00:01",
    )


def test_what_has_its_default_is_left_out_and_so_is_an_empty_part():
    group = Group(
        ports=1, loop=LoopParams(loop="poll", sleep_us=5), capture=CaptureParams(process="gen", packets=0), peer_mac=""
    )
    assert group.argv() == ("-p", "1", "--loop=poll", "--sleep-us=5")


def test_only_the_client_that_sleeps_is_told_so():
    client = {"client_id": 0, "num_clients": 2, "drain_us": 0, "idle": "spin", "stats": "s.json"}
    assert MpClientParams(**client).argv() == (
        "--client-id=0",
        "--num-clients=2",
        "--drain-us=0",
        "--idle=spin",
        "--stats=s.json",
    )
    assert MpClientParams(**client, sleep_us=7).argv()[3] == "--sleep-us=7"
