"""Connects the local runner and its workers over private Unix sockets instead of Beam's public ports.

Beam's runner listens on all interfaces, does not authenticate clients, and unpickles some of what they send. It has no
option for another address, so while a job runs its server is replaced by one of ours, and its environment by one that
gives workers the paths of sockets. Where a worker dies Beam would wait for it forever: here the job fails at once.
Everything that depends on Beam's internals for this is in this module. It was tested with Beam 2.77.
"""

import collections
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Self

import grpc
from apache_beam import version
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc, endpoints_pb2
from apache_beam.runners.portability.fn_api_runner import worker_handlers
from apache_beam.runners.worker import data_plane, sdk_worker
from apache_beam.transforms import environments
from apache_beam.utils import thread_pool_executor
from google.protobuf import text_format

from pipelines.errors import EngineError, WorkerLostError
from pipelines.runners.interrupts import cleanup_on_signal
from pipelines.runners.temporary_folders import SHORT, temporary_folder
from pipelines.runners.worker_processes import WorkerProcess

PROCESSES = "metadata-etl:environment:processes:v1"
"""URN of the environment in which each worker is a process."""
_PATH_BYTES = 100
"""Longest path of a Unix socket that all systems allow, less a few bytes."""
_LOST_SECONDS = 2.0
"""How long to wait after a failure for another thread to report that a worker died."""
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 20_000),
)
"""The options of Beam's own channels."""
_BUNDLE = "bundle_"
"""Prefix of the instructions that process a bundle; the job survives the failure of others."""


class ProcessEnvironment(environments.SubprocessSDKEnvironment):
    """Beam environment whose workers are processes of this machine."""

    def to_runner_api_parameter(self, _: object) -> tuple[str, bytes]:
        """The URN and the payload, as Beam expects them."""
        return PROCESSES, b""


class Workers:
    """The worker processes of one job."""

    def __init__(self) -> None:
        """Starts with none."""
        self._handlers: list[_ProcessHandler] = []
        self._failed = threading.Lock()
        self._lost = threading.Event()
        self._reason, self._is_lost = "", False

    def add(self, handler: "_ProcessHandler") -> None:
        """Registers a worker that is about to start."""
        self._handlers.append(handler)
        if self._failed.locked():
            handler.control_conn.fail(self._reason or "other workers have failed")

    def lose(self, reason: str) -> None:
        """Fails the job because a worker died or never started."""
        self.fail(reason, lost=True)
        self._lost.set()

    def cause(self, error: RuntimeError) -> Exception:
        """The first cause of a failed job; the runner may have seen a consequence of it first.

        Args:
            error: Raised by the runner.
        """
        if (
            self._handlers and not self._failed.locked()
        ):  # the runner may notice a death before the thread that waits for it
            self._lost.wait(_LOST_SECONDS)
        if self._is_lost:
            return WorkerLostError(self._reason)
        return RuntimeError(self._reason) if self._reason else error

    def fail(self, reason: str, *, lost: bool = False) -> None:
        """Ends all workers, and fails all current and future requests of the runner with this reason."""
        if self._failed.acquire(blocking=False):  # else this may be a consequence of an earlier failure
            self._reason, self._is_lost = reason, lost
            for handler in self._handlers:
                handler.control_conn.fail(reason)
            self.end()

    def end(self) -> None:
        """Ends all processes, and waits for a few seconds until they have exited."""
        for handler in self._handlers:
            handler.process.close()
        for handler in self._handlers:
            handler.process.wait_for_exit()


@contextmanager
def private_channels() -> Iterator[Workers]:
    """Connects the local runner and its workers over sockets of this user alone, for jobs in the block.

    Raises:
        EngineError: Sockets cannot be made, or this module does not support this version of Beam.
    """
    _check_beam()
    workers = Workers()
    server = worker_handlers.GrpcServer
    try:
        with _socket_folder() as folder, cleanup_on_signal(workers.end):
            worker_handlers.GrpcServer = partial(_Server.at, folder, workers)
            try:
                yield workers
            finally:
                workers.end()
    finally:
        worker_handlers.GrpcServer = server


def mute_worker_logs() -> None:
    """Stops a worker from printing failures that it also reports to the runner, or that the runner has ended."""
    vars(sdk_worker)["print"] = lambda *_, **__: None
    logging.getLogger("apache_beam.runners").setLevel(logging.CRITICAL + 1)
    threading.excepthook = _ignoring_channel_errors(threading.excepthook)


@contextmanager
def errors_logged_once() -> Iterator[None]:
    """Stops Beam from logging tracebacks of errors that it also raises, and of closed channels."""
    logger = logging.getLogger("apache_beam.runners")
    level, hook = logger.level, threading.excepthook
    mute_worker_logs()
    try:
        yield
    finally:
        logger.setLevel(level)
        threading.excepthook = hook
        vars(sdk_worker).pop("print", None)


class _Connection(worker_handlers.ControlConnection):
    """The runner's connection to a worker, whose requests can all be failed at once."""

    def __init__(self, workers: Workers) -> None:
        super().__init__()
        self._workers = workers
        self._reason = ""

    def push(self, req: Any) -> Any:  # noqa: ANN401 - a request or Beam's mark of the end; Beam is not typed
        future = super().push(req)
        if future is not None and self._reason:
            future.set(self._failure(future.instruction_id))
        return future

    def fail(self, reason: str) -> None:
        """Answers all current and future requests with a failure."""
        self._reason = reason
        for name, future in list(self._futures_by_id.items()):
            future.set(self._failure(name))

    def _failure(self, name: str) -> beam_fn_api_pb2.InstructionResponse:
        return beam_fn_api_pb2.InstructionResponse(instruction_id=name, error=self._reason)

    def _read(self) -> None:
        with suppress(grpc.RpcError):  # the worker died, which is handled elsewhere
            for answer in self._input:
                future = self._futures_by_id.pop(answer.instruction_id, None)
                if future is not None:
                    future.set(answer)
                if answer.error and answer.instruction_id.startswith(_BUNDLE):
                    self._workers.fail(answer.error)  # Beam would wait for the bundles of the other workers


class _Server(worker_handlers.GrpcServer):
    """The server that workers connect to."""

    workers: Workers

    @classmethod
    def at(cls, folder: Path, workers: Workers, state: Any, provision_info: Any, manager: Any) -> Self:  # noqa: ANN401 - likewise
        """Starts a server that listens on sockets in a folder.

        Raises:
            EngineError: The sockets cannot be made.
        """
        # Its constructor is not called: it opens ports.
        made = cls.__new__(cls)
        made.state, made.provision_info, made.workers = state, provision_info, workers
        made.control_handler = worker_handlers.BeamFnControlServicer(manager)
        made.control_handler._connections_by_worker_id = collections.defaultdict(partial(_Connection, workers))  # noqa: SLF001 - the constructor has no argument for it
        made.data_plane_handler = data_plane.BeamFnDataServicer(worker_handlers.DATA_BUFFER_TIME_LIMIT_MS)
        state_handler = worker_handlers.GrpcStateServicer(state)
        made.logging_server = _server()  # unused: workers log to standard error
        made.control_server, made.data_server, made.state_server = _server(), _server(), _server()
        beam_fn_api_pb2_grpc.add_BeamFnControlServicer_to_server(made.control_handler, made.control_server)
        beam_fn_api_pb2_grpc.add_BeamFnDataServicer_to_server(made.data_plane_handler, made.data_server)
        beam_fn_api_pb2_grpc.add_BeamFnStateServicer_to_server(state_handler, made.state_server)
        made.control_port = _listen(made.control_server, folder / "control")
        made.data_port = _listen(made.data_server, folder / "data")
        made.state_port = _listen(made.state_server, folder / "state")
        made.control_address, made.logging_port = made.control_port, ""
        return made


@worker_handlers.WorkerHandler.register_environment(PROCESSES, bytes)
class _ProcessHandler(worker_handlers.GrpcWorkerHandler):
    """Beam's handler of a worker that is a process and connects to sockets by their paths."""

    process: WorkerProcess

    def __init__(self, _: bytes, state: Any, provision_info: Any, grpc_server: Any) -> None:  # noqa: ANN401 - likewise
        if not isinstance(grpc_server, _Server):  # Beam has opened its ports already: close them
            grpc_server.close()
            raise _unknown_beam()
        super().__init__(state, provision_info, grpc_server)

    def port_from_worker(self, port: str) -> str:
        """Address of a socket of the server; Beam would build it from a host and a port."""
        return port

    def start_worker(self) -> None:
        control = endpoints_pb2.ApiServiceDescriptor(url=self.control_address)
        named = {"CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(control), "WORKER_ID": self.worker_id}
        self.process = WorkerProcess({**os.environ, **named}, self._lose)
        self._grpc_server.workers.add(self)
        self.process.start()

    def stop_worker(self) -> None:
        self.process.close()
        self.process.wait_for_exit()

    def _lose(self, reason: str) -> None:
        self._grpc_server.workers.lose(reason)


def _server() -> grpc.Server:
    return grpc.server(thread_pool_executor.shared_unbounded_instance(), options=_OPTIONS)


def _listen(server: grpc.Server, path: Path) -> str:
    address = f"unix:{path}"
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise EngineError(
            f"the local runner cannot make the socket {path}: {error}; nothing was published. Set TMPDIR to a folder "
            "of a local disk, or run the job in one process, with `-- --direct_num_workers=1`"
        ) from error
    server.start()
    return address


@contextmanager
def _socket_folder() -> Iterator[Path]:
    with temporary_folder() as folder:
        if len(os.fsencode(folder / "control")) <= _PATH_BYTES:
            yield folder
            return
    with temporary_folder(SHORT) as folder:
        yield folder


def _ignoring_channel_errors(hook: Any) -> Any:  # noqa: ANN401 - typeshed has no name for it
    """An exception hook for threads that ignores the errors of readers of a closed channel."""

    def called(told: Any) -> None:  # noqa: ANN401 - likewise
        if not issubclass(told.exc_type, grpc.RpcError):
            hook(told)

    return called


def _check_beam() -> None:
    code = worker_handlers.WorkerHandlerManager.get_worker_handlers.__code__
    if not hasattr(worker_handlers, "GrpcServer") or "GrpcServer" not in code.co_names:
        raise _unknown_beam()


def _unknown_beam() -> EngineError:
    return EngineError(
        f"the local runner of Apache Beam {version.__version__} would open its worker channels to other users; "
        "nothing was published. Run the job in one process, with `-- --direct_num_workers=1`, or install "
        "apache-beam 2.77"
    )
