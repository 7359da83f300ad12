"""Runs and trains networks with PyTorch for another program, which starts this as a process.

A message is a header in JSON and a payload of numbers, little-endian, after the lengths of both. Requests come from standard
input, each is answered by one message on standard output, and the first message describes PyTorch and the devices. What
PyTorch or a network prints goes to standard error.
"""

import ctypes
import json
import math
import os
import signal
import site
import struct
import sys
import time
from typing import Any, Callable

PROTOCOL = 1
LENGTHS = struct.Struct("<IQ")

# Ctrl-C is for the other program, which ends this one by closing standard input.
signal.signal(signal.SIGINT, signal.SIG_IGN)
requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.dup2(2, 1)


def send(header: dict[str, Any], payload: bytes | memoryview = b"") -> None:
    text = json.dumps(header).encode()
    replies.write(LENGTHS.pack(len(text), len(payload)) + text)
    replies.write(payload)
    replies.flush()


def receive() -> tuple[dict[str, Any], memoryview] | None:
    """The next request; None when the other program has ended."""
    lengths = requests.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    header, payload = LENGTHS.unpack(lengths)
    text, numbers = requests.read(header), bytearray(payload)
    if requests.readinto(numbers) < payload:
        return None
    return json.loads(text), memoryview(numbers)


# `-I` leaves out the user's own packages, which `pip install` falls back to.
if sys.prefix == sys.base_prefix:
    sys.path.append(site.getusersitepackages())
try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    send({"error": "missing", "message": str(error)})
    sys.exit(1)


class Nvml:
    """Driver version and clocks of NVIDIA's GPUs, from the library that comes with the driver."""

    def __init__(self) -> None:
        try:
            self.library = ctypes.CDLL("libnvidia-ml.so.1")
            is_there = self.library.nvmlInit_v2() == 0
        except OSError:
            is_there = False
        if not is_there:
            self.library = None

    def driver(self) -> str | None:
        text = ctypes.create_string_buffer(96)
        if self.library is None or self.library.nvmlSystemGetDriverVersion(text, len(text)) != 0:
            return None
        return text.value.decode(errors="replace")

    def clock_mhz(self, device: torch.device) -> int | None:
        """Clock of the multiprocessors."""
        if self.library is None or torch.version.hip or device.type != "cuda":
            return None
        uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)
        handle, clock, multiprocessors = ctypes.c_void_p(), ctypes.c_uint(), 1
        found = self.library.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}".encode(), ctypes.byref(handle))
        if found != 0 or self.library.nvmlDeviceGetClockInfo(handle, multiprocessors, ctypes.byref(clock)) != 0:
            return None
        return clock.value


nvml = Nvml()


def devices() -> list[dict[str, Any]]:
    """The devices by the names that PyTorch gives them."""
    found: list[dict[str, Any]] = [{"name": "cpu", "isa": torch.backends.cpu.get_cpu_capability().lower()}]
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        about = torch.cuda.get_device_properties(index)
        platform = f"ROCm {torch.version.hip}" if torch.version.hip else f"CUDA {torch.version.cuda}"
        driver = None if torch.version.hip else nvml.driver()
        found.append({"name": f"cuda:{index}" if index else "cuda", "hardware": about.name, "platform": platform,
                      "driver": driver, "memory_bytes": about.total_memory})
    if torch.backends.mps.is_available():
        found.append({"name": "mps", "hardware": "Apple GPU", "platform": "Metal"})
    return found


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def floats(payload: memoryview) -> Tensor:
    return torch.frombuffer(payload, dtype=torch.float32) if len(payload) else torch.empty(0)


def as_bytes(tensors: list[Tensor]) -> memoryview:
    """The numbers of tensors, one after the other."""
    parts = [tensor.detach().to("cpu", torch.float32).reshape(-1) for tensor in tensors]
    whole = torch.cat(parts) if parts else torch.empty(0)
    return memoryview(whole.numpy()).cast("B") if whole.numel() else memoryview(b"")


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name; one that layers share has several names."""
    named = dict(module.named_parameters(remove_duplicate=False))
    return named | dict(module.named_buffers(remove_duplicate=False))


def write(tensors: list[Tensor], numbers: Tensor) -> None:
    """Writes numbers to tensors, one after the other."""
    if numbers.numel() != sum(tensor.numel() for tensor in tensors):
        raise ValueError(f"{numbers.numel()} numbers for tensors of another size")
    with torch.no_grad():
        for tensor, own in zip(tensors, numbers.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(own.reshape(tensor.shape))


def build(header: dict[str, Any], payload: memoryview) -> tuple[nn.Module, list[Tensor]]:
    """The module of a request, with its weights; and the tensors that hold these, in the order of the request."""
    source, weights = payload[:header["source_bytes"]], payload[header["source_bytes"]:]
    names: dict[str, Any] = {"__name__": "network"}
    exec(compile(bytes(source), "network.py", "exec"), names)  # written by the other program, from a checked network
    with torch.device(header["device"]):
        module = names[header["class"]]()
    named = tensors_of(module)
    tensors = [named[key] for key in header["tensors"]]
    write(tensors, floats(weights))
    return module, tensors


PRECISIONS = {"fp32": torch.float32, "tf32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class Inference:
    """A network that is run."""

    def __init__(self, header: dict[str, Any], payload: memoryview) -> None:
        self.device = torch.device(header["device"])
        self.dtype = PRECISIONS[header["precision"]]
        self.uses_tf32 = header["precision"] == "tf32"
        self.threads = header["threads"]
        before = self.allocated()
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        self.prepare()
        module, _ = build(header, payload)
        self.format = torch.channels_last if header["channels_last"] else torch.contiguous_format
        module = module.eval().requires_grad_(False).to(dtype=self.dtype, memory_format=self.format)
        self.images = torch.randn(header["input"], device=self.device).to(self.dtype, memory_format=self.format)
        self.result = torch.empty(0)
        self.call: Callable[[], None] = self.caller(header["mode"], module)
        self.call()
        synchronize(self.device)
        self.memory_bytes = self.allocated(peak=True) - before if self.device.type == "cuda" else None

    def allocated(self, peak: bool = False) -> int:
        if self.device.type != "cuda":
            return 0
        return torch.cuda.max_memory_allocated(self.device) if peak else torch.cuda.memory_allocated(self.device)

    def prepare(self) -> None:
        """Settings that belong to the whole process."""
        if torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)
        torch.backends.cuda.matmul.allow_tf32 = self.uses_tf32
        torch.backends.cudnn.allow_tf32 = self.uses_tf32
        torch.backends.cudnn.deterministic = False
        # The shapes never change, so that it is worth trying which algorithm is fastest.
        torch.backends.cudnn.benchmark = True

    def caller(self, mode: str, module: nn.Module) -> Callable[[], None]:
        if mode == "graphs":
            return self.captured(module)
        run = torch.compile(module, dynamic=False) if mode == "compile" else module

        def call() -> None:
            self.result = run(self.images)

        return call

    def captured(self, module: nn.Module) -> Callable[[], None]:
        """Records the work of one run, to be started as a whole."""
        stream = torch.cuda.Stream(self.device)
        stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(stream):
            for _ in range(3):
                module(self.images)
        torch.cuda.current_stream(self.device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.result = module(self.images)
        return graph.replay

    def event(self) -> Any:
        if self.device.type == "cuda":
            return torch.cuda.Event(enable_timing=True)
        return torch.mps.event.Event(enable_timing=True)

    def timed(self, runs: int) -> tuple[list[float], int | None]:
        """The seconds of each run, and the clock meanwhile, in MHz."""
        self.prepare()
        if self.device.type == "cpu":
            times = []
            for _ in range(runs):
                start = time.perf_counter()
                self.call()
                times.append(time.perf_counter() - start)
            return times, None
        events = [self.event() for _ in range(runs + 1)]
        # The device is busy when the first event is recorded: waiting for the first launch does not count.
        self.call()
        events[0].record()
        for event in events[1:]:
            self.call()
            event.record()
        clock = nvml.clock_mhz(self.device)
        synchronize(self.device)
        return [start.elapsed_time(end) / 1e3 for start, end in zip(events, events[1:])], clock


class Training:
    """A network that is trained. Learning rates and the like come with each step."""

    def __init__(self, header: dict[str, Any], payload: memoryview) -> None:
        self.header = header
        self.device = torch.device(header["device"])
        self.prepare()
        self.module, self.tensors = build(header, payload)
        self.module.train()
        for module in self.module.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.momentum = header["norm_momentum"]
        named = tensors_of(self.module)
        self.learned = [named[key] for key in header["learned"]]
        decays = set(header["decays"])
        self.averages = [tensor.detach().clone() for tensor in self.learned] if header["averages"] else None
        groups = [{"params": [named[key] for key in header["learned"] if (key in decays) is decay], "weight_decay": 0.0}
                  for decay in (True, False)]
        self.optimizer = self.optimizer_of([group for group in groups if group["params"]])
        self.vectors = ["momentum_buffer"] if "sgd" in header["optimizer"] else ["exp_avg", "exp_avg_sq"]
        self.decayed = {id(named[key]) for key in decays}
        self.set_state([torch.zeros_like(tensor) for _ in self.vectors for tensor in self.learned], 0)
        self.loss = nn.CrossEntropyLoss(label_smoothing=header["label_smoothing"])

    def prepare(self) -> None:
        """Settings that belong to the whole process."""
        torch.set_num_threads(self.header["threads"])
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False
        # The same steps give the same weights.
        torch.backends.cudnn.deterministic = True

    def optimizer_of(self, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        options = self.header["optimizer"]
        if "sgd" in options:
            momentum, nesterov = options["sgd"]["momentum"], options["sgd"]["nesterov"]
            return torch.optim.SGD(groups, lr=0.0, momentum=momentum, nesterov=nesterov and momentum > 0.0)
        adamw = options["adamw"]
        return torch.optim.AdamW(groups, lr=0.0, betas=(adamw["beta1"], adamw["beta2"]), eps=adamw["eps"])

    def state(self) -> list[Tensor]:
        return [self.optimizer.state[tensor][vector] for vector in self.vectors for tensor in self.learned]

    def set_state(self, vectors: list[Tensor], steps: int) -> None:
        rest = iter(vectors)
        for vector in self.vectors:
            for tensor in self.learned:
                self.optimizer.state[tensor][vector] = next(rest)
        if "exp_avg" in self.vectors:
            for tensor in self.learned:
                self.optimizer.state[tensor]["step"] = torch.tensor(float(steps))

    def step(self, header: dict[str, Any], payload: memoryview) -> dict[str, Any]:
        """Takes a step; the losses and hits are those before it."""
        self.prepare()
        batch = self.header["batch"]
        images = floats(payload[:-4 * batch]).reshape(batch, *self.header["input"]).to(self.device)
        labels = torch.frombuffer(payload[-4 * batch:], dtype=torch.int32).to(self.device).long()
        for group in self.optimizer.param_groups:
            group["lr"] = header["rate"]
            group["weight_decay"] = header["decay"] if id(group["params"][0]) in self.decayed else 0.0
        # Dropout and stochastic depth.
        torch.manual_seed(header["seed"])
        self.optimizer.zero_grad()
        output = self.module(images)
        logits, heads = output if isinstance(output, tuple) else (output, [])
        losses = [self.loss(result, labels) for result in (logits, *heads)]
        sum(weight * loss for weight, loss in zip((1.0, *self.header["heads"]), losses, strict=True)).backward()
        if self.header["clip"] is not None:
            nn.utils.clip_grad_norm_(self.learned, self.header["clip"])
        self.optimizer.step()
        with torch.no_grad():
            if self.averages is not None:
                torch._foreach_lerp_(self.averages, self.learned, 1.0 - header["average"])
            own = logits.gather(1, labels[:, None])
            ranks = (logits > own).sum(1)
            found = torch.stack([*losses, (ranks < 1).sum().float(), (ranks < 5).sum().float()]).tolist()
        # JSON has no infinity and no NaN.
        means = [loss if math.isfinite(loss) else None for loss in found[:-2]]
        return {"losses": means, "top1": int(found[-2]), "top5": int(found[-1])}

    def predict(self, payload: memoryview) -> Tensor:
        """Outputs of the averaged network in evaluation."""
        self.prepare()
        images = floats(payload).reshape(-1, *self.header["input"]).to(self.device)
        self.module.eval()
        with torch.inference_mode():
            averages = dict(zip(self.header["learned"], self.averages or self.learned))
            output = torch.func.functional_call(self.module, averages, (images,))
        self.module.train()
        return output

    def averaged(self) -> list[Tensor]:
        """The tensors of the network, those that are learned averaged."""
        averages = {id(tensor): average for tensor, average in zip(self.learned, self.averages or self.learned)}
        return [averages.get(id(tensor), tensor) for tensor in self.tensors]


networks: dict[int, Inference | Training] = {}


def answer(header: dict[str, Any], payload: memoryview) -> tuple[dict[str, Any], memoryview]:
    """The reply to a request."""
    operation, number = header["op"], header["id"]
    nothing = memoryview(b"")
    if operation == "drop":
        networks.pop(number, None)
        return {}, nothing
    if operation == "train":
        networks[number] = Training(header, payload)
        return {}, nothing
    if operation == "load":
        with torch.inference_mode():
            networks[number] = network = Inference(header, payload)
        return {"memory_bytes": network.memory_bytes}, nothing
    network = networks[number]
    if isinstance(network, Training):
        return answer_training(network, header, payload)
    with torch.inference_mode():
        if operation == "input":
            network.images.copy_(floats(payload).reshape(network.images.shape))
            return {}, nothing
        if operation == "output":
            network.prepare()
            network.call()
            return {}, as_bytes([network.result])
        times, clock = network.timed(header["runs"])
        is_finite = bool(network.result.isfinite().all())
        return {"seconds": times, "clock_mhz": clock, "is_finite": is_finite}, nothing


def answer_training(network: Training, header: dict[str, Any], payload: memoryview) -> tuple[dict[str, Any], memoryview]:
    operation, nothing = header["op"], memoryview(b"")
    if operation == "step":
        return network.step(header, payload), nothing
    if operation == "predict":
        return {}, as_bytes([network.predict(payload)])
    if operation == "read":
        kinds = {"weights": lambda: network.tensors, "averages": network.averaged, "state": network.state}
        return {}, as_bytes(kinds[header["what"]]())
    if header["what"] == "weights":
        write(network.tensors, floats(payload))
    elif header["what"] == "averages":
        write(network.averages or [], floats(payload))
    else:
        vectors = [torch.zeros_like(tensor) for _ in network.vectors for tensor in network.learned]
        write(vectors, floats(payload))
        network.set_state(vectors, header["steps"])
    return {}, nothing


def failure(error: Exception) -> dict[str, Any]:
    """An error as a reply; with it, what the failed request held in memory is free again."""
    if isinstance(error, torch.cuda.OutOfMemoryError):
        return {"error": "memory", "message": str(error).split(". ")[0]}
    text = str(error).strip().splitlines()
    message = f"{type(error).__name__}: {text[0] if text else 'no message'}"
    # After an error of the device, as from a wrong address, nothing works in this process.
    return {"error": "fatal" if "CUDA error" in message else "failed", "message": message}


def serve() -> None:
    while (request := receive()) is not None:
        reply: tuple[dict[str, Any], memoryview]
        try:
            reply = answer(*request)
        except Exception as error:
            reply = failure(error), memoryview(b"")
            del request
        send(*reply)
        if "error" in reply[0] and torch.cuda.is_available():
            torch.cuda.empty_cache()


def main() -> None:
    send({"protocol": PROTOCOL, "python": sys.version.split()[0], "torch": torch.__version__, "devices": devices()})
    serve()


if __name__ == "__main__":
    main()
