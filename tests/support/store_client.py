"""A client of the store in Python, packet by packet over TCP: what a test wants to say, and what comes back."""

from __future__ import annotations

import contextlib
import secrets
import socket
import struct
from collections.abc import Iterator, Sequence
from types import TracebackType

from orchestrator.apps.store_packet import (
    VERSION,
    Hello,
    Packet,
    PacketType,
    decode,
    decode_hello,
    encode,
    encode_hello,
)

DEADLINE_S = 20
_LENGTH = struct.Struct(">I")
_ECHO = struct.Struct("<II")


def echo_request(answer_bytes: int, number: int, size: int = 64) -> bytes:
    """A request of `size` bytes to a server that echoes."""
    return _ECHO.pack(answer_bytes, number) + bytes(i * 7 & 255 for i in range(_ECHO.size, size))


def echo_answer(request: bytes) -> bytes:
    """What such a server answers."""
    wanted = int.from_bytes(request[:4], "little")
    repeated = request * (wanted // len(request) + 1)
    return request[4:8][:wanted] + repeated[4:wanted]


class StoreClient:
    """One connection with one epoch; `server` and `session` are 0 before `hello`."""

    def __init__(self, address: tuple[str, int], epoch: int | None = None) -> None:
        self.address = address
        self.epoch = secrets.randbits(63) + 1 if epoch is None else epoch
        self.server = 0
        self.session = 0
        self.next_id = 0
        self.agreed: Hello | None = None
        self.socket = socket.create_connection(address, DEADLINE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> StoreClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.socket.close()

    def connect(self) -> None:
        """Another connection of the same client."""
        self.socket.close()
        self.socket = socket.create_connection(self.address, DEADLINE_S)

    def packet(self, kind: PacketType, **fields: object) -> Packet:
        """A packet of this client's session."""
        known = {"client_epoch": self.epoch, "server_epoch": self.server, "session": self.session}
        return Packet(kind, **known | fields)  # type: ignore[arg-type]

    def send_bytes(self, *packets: bytes) -> None:
        """What claims to be packets, each behind its true length, in one piece."""
        self.socket.sendall(b"".join(_LENGTH.pack(len(data)) + data for data in packets))

    def send(self, packet: Packet) -> None:
        self.send_bytes(encode(packet))

    def receive(self) -> Packet:
        """The next packet. Raises EOFError where the server ends the connection."""
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        return decode(self._exactly(length))

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            with contextlib.suppress(ConnectionResetError):
                data += self.socket.recv(count - len(data)) or self._ended()
                continue
            self._ended()
        return data

    def _ended(self) -> bytes:
        raise EOFError("the server ended the connection")

    def is_silent(self, seconds: float = 0.2) -> bool:
        """Whether nothing comes for so long."""
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(DEADLINE_S)
        return False

    def say_hello(
        self, *, version: int = VERSION, slots: int = 4, most: int = 1 << 16, value_max: int = 1 << 16
    ) -> Packet:
        """Say HELLO; what the server says to it."""
        wanted = Hello(version, version, slots, most, value_max, 0, 64)
        self.send(self.packet(PacketType.HELLO, id=secrets.randbits(32), payload=encode_hello(wanted), version=version))
        return self.receive()

    def hello(self, **wanted: int) -> Hello:
        """Begin a session, or go on with it."""
        answer = self.say_hello(**wanted)
        assert answer.type == PacketType.WELCOME, answer
        self.server, self.session = answer.server_epoch, answer.session
        self.agreed = decode_hello(answer.payload)
        return self.agreed

    def fragments(self, request: bytes, number: int) -> Iterator[Packet]:
        """The packets of a request."""
        assert self.agreed is not None
        part = self.agreed.most - 56
        count = max(1, -(-len(request) // part))
        for i in range(count):
            payload = request[i * part : (i + 1) * part]
            numbers = {"total": len(request), "offset": i * part, "index": i, "count": count}
            yield self.packet(PacketType.REQUEST, id=number, payload=payload, **numbers)

    def begin_joined(self, requests: Sequence[bytes]) -> range:
        """Send requests in one piece; their ids."""
        numbers = range(self.next_id, self.next_id + len(requests))
        self.next_id = numbers.stop
        packets = [
            packet
            for number, request in zip(numbers, requests, strict=True)
            for packet in self.fragments(request, number)
        ]
        self.send_bytes(*map(encode, packets))
        return numbers

    def begin(self, request: bytes) -> int:
        """Send a request; its id."""
        return self.begin_joined([request])[0]

    def finish(self, number: int) -> bytes:
        """The answer to a request that was sent."""
        parts: dict[int, bytes] = {}
        while True:
            packet = self.receive()
            if packet.type == PacketType.HAVE:
                continue
            assert (packet.type, packet.id) == (PacketType.ANSWER, number), packet
            parts[packet.index] = packet.payload
            if len(parts) == packet.count:
                return b"".join(parts[i] for i in range(packet.count))

    def ask(self, request: bytes) -> bytes:
        """Send a request and wait for its answer."""
        return self.finish(self.begin(request))

    def bye(self) -> None:
        self.send(self.packet(PacketType.BYE))
