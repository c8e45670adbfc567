"""One client: frames in, answers out, in the order of the requests.

The next request starts when the one before is answered. Only requests of a pipelined handler
(Produce) may follow each other at once: each has taken its place in the order of appends before it
first waits, so one group commit can serve several. Frames that are complete but not started, and
answers that the client has not taken, are bounded: beyond, the socket is not read.
"""

import asyncio
import logging
from collections import deque
from time import monotonic
from typing import cast

from broker.durations import Moments, RequestMetrics
from broker.errors import KafkaError
from broker.protocol.codec import Chunk
from broker.protocol.frame import FrameReader, frame_size
from broker.protocol.primitives import ProtocolError
from broker.security.sasl import ANONYMOUS
from broker.server import eager
from broker.server.connections import Connections
from broker.server.dispatcher import Dispatcher, Peer, Request
from broker.server.guard import Guard
from broker.server.repeated_request import RepeatedRequest
from broker.server.tls import TlsChannel
from broker.server.tls_writer import TlsWriter
from broker.server.writer import SocketWriter

log = logging.getLogger(__name__)

HELD_BYTES_MAX = 8_388_608  # requests of one connection in memory before it is not read any more
TURN_REQUESTS = 32  # started for one connection before others get a turn
PIPELINED_MAX = 64  # requests of one connection in work at the same time

Unsent = tuple[int, RequestMetrics, Moments]
"""Where an answer that the socket does not have yet ends, of all bytes that waited; what counts its
request, and the moments of that so far."""


class Connection(asyncio.BufferedProtocol):
    """The state of one open socket; lives on the event loop from accept to close."""

    def __init__(self, connections: Connections, dispatcher: Dispatcher) -> None:
        self._connections = connections
        self._dispatcher = dispatcher
        self._loop = asyncio.get_running_loop()
        self._reader = FrameReader(connections.limits.frame_bytes_max)
        self._frames: deque[tuple[memoryview, float]] = deque()  # complete, with arrival
        self._next: Request | None = None  # first of `_frames`, its header read
        self._started: deque[Request] = deque()  # in the order of their answers
        self._held_bytes = 0  # of frames that are not answered
        self._starting = False  # `_continue` is on the stack
        self._muted: asyncio.TimerHandle | None = None  # until a quota is kept again
        self._sending = False  # `_send_ready` is going to be called
        self._unsent: deque[Unsent] = deque()
        self._reading = True
        self._transport: asyncio.Transport | None = None
        self._writer: SocketWriter | TlsWriter | None = None
        self._peer: Peer | None = None
        self._guard: Guard | None = None
        self.last_activity_s = self._loop.time()

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        host, port = (transport.get_extra_info("peername") or ("unknown", -1))[:2]
        if delay_ms := self._dispatcher.connection_delay_ms(str(host)):
            self._connections.turn_away_too_fast(str(host), transport, delay_ms)
            return
        self._peer = self._connections.admit(self, str(host))
        if self._peer is None:
            transport.abort()
            return
        self._peer.client_port = port
        if delay_s := self._connections.entry_delay_s():
            self._mute(round(delay_s * 1000))
        self._guard = self._connections.guard(self._peer, self._close)
        if self._guard is not None and self._connections.logins is not None:
            self._reader.allow(self._connections.logins.frame_bytes_max)
        if isinstance(transport, TlsChannel):
            self._writer = transport.open_writer(self._drained, self._broken)
        else:
            descriptor = transport.get_extra_info("socket").fileno()
            self._writer = SocketWriter(self._loop, descriptor, self._drained, self._broken)

    def is_known_as(self, principal: str) -> None:
        """The certificate of the client says who it is; a log-in over TLS goes before it."""
        assert self._peer is not None
        self._peer.principal = ANONYMOUS if self._guard is not None else principal

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._reader.space()

    def buffer_updated(self, nbytes: int) -> None:
        if self._peer is None:
            return  # turned away: nobody listens until it is closed
        try:
            frames = self._reader.received(nbytes)
        except ProtocolError as error:
            self._refuse(error)
            return
        if frames:
            now_s = self.last_activity_s = monotonic()
            for frame in frames:
                size_bytes = len(frame)
                self._held_bytes += size_bytes
                self._connections.hold(size_bytes)
                if self._frames or not self._started_again(frame, now_s):
                    self._frames.append((frame, now_s))
            if self._frames:
                self._continue()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._guard is not None:
            self._guard.end()
        if self._muted is not None:
            self._muted.cancel()
        for request in self._started:
            if request.task is not None and request.route.handler.cancellable:
                request.task.cancel("the client is gone")
        self._frames.clear()
        self._started.clear()
        self._unsent.clear()
        self._connections.release(self._held_bytes)
        self._held_bytes = 0
        if self._peer is not None:
            self._connections.forget(self, self._peer)
            self._dispatcher.connection_closed(self._peer)

    # Requests

    def _continue(self) -> None:
        """Start what may be started, and read or stop reading by what is held."""
        if self._starting:
            return  # called by a request that was answered at once: the loop below goes on
        self._starting = True
        try:
            for _ in range(TURN_REQUESTS):
                if self._next is None and self._frames and self._started_again(*self._frames[0]):
                    self._frames.popleft()
                elif self._may_start():
                    self._start()
                else:
                    break
            else:
                self._loop.call_soon(self._continue)  # others get a turn
        except ProtocolError as error:
            self._refuse(error)
            return
        finally:
            self._starting = False
        self._read_or_pause()

    def _started_again(self, frame: memoryview, arrived_s: float) -> bool:
        """Start a request that is like one before; False when it has to be decoded."""
        started, writer = self._started, self._writer
        if writer is None or writer.is_full or self._muted is not None:
            return False
        if started and not (len(started) < PIPELINED_MAX and started[-1].route.handler.pipelined):
            return False
        if self._guard is not None and not self._guard.is_open:
            return False
        assert self._peer is not None
        found = self._peer.known.find(frame)
        if found is None:
            return False
        request = RepeatedRequest(
            found, arrived_s, len(frame), self._repeat_answered, self._repeat_failed
        )
        if not request.begin(self._dispatcher.now_ms()):
            return False
        request.waits_since_s = monotonic()
        started.append(request)
        return True

    def _repeat_answered(self, request: RepeatedRequest) -> None:
        request.ready_s = monotonic()
        request.is_ready = True
        self._answered()

    def _repeat_failed(self, error: Exception) -> None:
        log.error("repeated request failed", exc_info=error)
        self._connections.metrics.connection_failures += 1
        self._abort()

    def _may_start(self) -> bool:
        """Whether the first waiting frame may be worked on now; reads its header to know."""
        if not self._frames or self._writer is None or self._writer.is_full:
            return False
        if self._muted is not None:
            return False
        if not self._started:
            return True
        if len(self._started) >= PIPELINED_MAX:
            return False
        return self._started[-1].route.handler.pipelined and self._next_is_pipelined()

    def _next_is_pipelined(self) -> bool:
        try:
            return self._peek().route.handler.pipelined
        except ProtocolError:
            return False  # it ends the connection, but when the answers before it are sent

    def _peek(self) -> Request:
        """The first waiting frame as a request; ProtocolError when it is none."""
        if self._next is None:
            self._next = self._dispatcher.accept(*self._frames[0])
        return self._next

    def _start(self) -> None:
        if self._guard is not None and not self._passes(self._guard):
            return
        request = self._peek()
        self._next = None
        self._frames.popleft()
        self._started.append(request)
        if request.route.handler.pipelined:
            eager.start_without_task(self._work(request), self._connections.start)
        else:
            request.task = eager.start(self._work(request), self._connections.start)
        if not request.is_ready:
            request.waits_since_s = monotonic()

    def _passes(self, guard: Guard) -> bool:
        """Whether the first waiting frame is a request that is answered; if not, it is taken away.

        ProtocolError when it ends the connection.
        """
        if not (guard.has_failed or guard.expects_token):
            guard.check(self._peek().header.api_key)
            return True
        frame, _ = self._frames.popleft()
        self._release(len(frame))
        if guard.expects_token:
            answer = guard.take_token(frame)
            if answer is not None and self._writer is not None:
                self._writer.write([frame_size(len(answer)) + answer])
            self._after_login_step(guard)
        return False

    def _after_login_step(self, guard: Guard) -> None:
        if guard.answered():
            self._reader.allow(self._connections.limits.frame_bytes_max)

    async def _work(self, request: Request) -> None:
        """Have one request answered; whatever goes wrong costs this connection only."""
        assert self._peer is not None
        request.started_s = monotonic()
        try:
            request.answer = await self._dispatcher.answer(request, self._peer)
            request.ready_s = monotonic()
            request.is_ready = True
            if request.throttle_ms:
                self._mute(request.throttle_ms)
            self._answered()
        except ProtocolError as error:
            self._refuse(error)
        except (ConnectionError, KafkaError) as refusal:
            # The one way to tell a client that asked for no answer (Produce with acks=0).
            self._close(str(refusal))
        except Exception:
            log.exception("request failed %s", self._description(request))
            self._connections.metrics.connection_failures += 1
            self._abort()

    def _answered(self) -> None:
        """One more answer is ready: a lone one goes at once, others together."""
        if self._sending or not self._started or not self._started[0].is_ready:
            return
        if len(self._started) == 1:
            self._send_lone(self._started.popleft())
        else:
            # One sync makes many answers ready: those of this turn share a system call.
            self._sending = True
            self._loop.call_soon(self._send_ready)

    def _send_lone(self, request: Request) -> None:
        """`_send_ready` for one answer."""
        answer, writer = request.answer, self._writer
        has_all = not answer or writer is None or writer.write(answer)
        self._written(request, request.ready_s, has_all=has_all)
        self._go_on()

    def _send_ready(self) -> None:
        """Send the answers whose turn has come."""
        self._sending = False
        started, sent = self._started, []
        chunks: list[Chunk] = []
        while started and started[0].is_ready:
            request = started.popleft()
            sent.append(request)
            if request.answer is not None:
                chunks += request.answer
        sending_s = monotonic()
        has_all = not chunks or self._writer is None or self._writer.write(chunks)
        for request in sent:
            self._written(request, sending_s, has_all=has_all)
        self._go_on()

    def _written(self, request: Request, sending_s: float, *, has_all: bool) -> None:
        """The writer has the answer, and mostly the socket `has_all` of it: then it is counted."""
        now_s = self.last_activity_s = monotonic()
        ready_s = request.ready_s
        waits_s = request.waits_since_s or ready_s
        moments = request.arrived_s, request.started_s, waits_s, ready_s, sending_s, now_s
        if has_all or self._writer is None:
            request.route.metrics.observe(moments)
        else:
            self._unsent.append((self._writer.end_bytes, request.route.metrics, moments))
        self._release(request.frame_bytes)

    def _drained(self) -> None:
        """The socket took some of what waited."""
        unsent, writer, now_s = self._unsent, self._writer, monotonic()
        while unsent and writer is not None and unsent[0][0] <= writer.sent_bytes:
            _, metrics, moments = unsent.popleft()
            metrics.observe((*moments[:5], now_s))
        self._continue()

    def _go_on(self) -> None:
        if self._guard is not None:
            self._after_login_step(self._guard)
        if self._frames or not self._reading:
            # Not from within: an answer comes before the books are kept (docs/adr/0050).
            self._loop.call_soon(self._continue)

    # Bounds

    def _mute(self, for_ms: int) -> None:
        """Start no request for a time, because a quota is used up (KIP-219)."""
        until_s = self._loop.time() + for_ms / 1000
        if self._muted is not None:
            if self._muted.when() >= until_s:
                return
            self._muted.cancel()
        self._muted = self._loop.call_at(until_s, self._unmute)

    def _unmute(self) -> None:
        self._muted = None
        self._continue()

    def _release(self, size_bytes: int) -> None:
        self._held_bytes -= size_bytes
        self._connections.release(size_bytes)

    def _read_or_pause(self) -> None:
        """Stop reading while this connection, or all together, hold too many request bytes."""
        if self._transport is None or self._transport.is_closing():
            return
        full = bool(self._frames) and (
            self._held_bytes > HELD_BYTES_MAX or self._connections.is_full
        )
        if full and self._reading:
            self._reading = False
            self._transport.pause_reading()
        elif not full and not self._reading:
            self._reading = True
            self._transport.resume_reading()

    # Endings

    @property
    def has_work(self) -> bool:
        """Whether requests are being answered, or answers are on their way."""
        return bool(self._started) or (self._writer is not None and not self._writer.is_empty)

    @property
    def is_idle(self) -> bool:
        """Nothing in work: only bytes of a frame that is not complete may be there."""
        return not self._started

    def close_idle(self, idle_s: float) -> None:
        """Close because no whole request and no answer has moved for `idle_s` seconds."""
        self._connections.metrics.connections_idle_closed += 1
        partial = " in the middle of a frame" if self._reader.has_partial_frame else ""
        self._close(f"idle for {idle_s:.0f} s{partial}")

    def close(self) -> None:
        """Close now, because the broker stops."""
        self._abort()

    def _refuse(self, error: ProtocolError) -> None:
        self._connections.metrics.protocol_errors += 1
        self._close(str(error))

    def _broken(self, error: Exception) -> None:
        """The socket does not take what we send, or a file has less than it should."""
        self._close(f"cannot send: {error}")

    def _close(self, reason: str) -> None:
        host = self._peer.client_host if self._peer else "unknown"
        self._connections.tell_closed(host, reason)
        self._abort()

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _description(self, request: Request) -> str:
        peer, header = self._peer, request.header
        host = peer.client_host if peer else "unknown"
        api = request.route.handler.api_key.name.lower()
        return f"api={api} version={header.api_version} client_id={header.client_id} peer={host}"
