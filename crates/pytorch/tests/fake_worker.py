#!/usr/bin/env python3
"""Answers as the PyTorch process does, without PyTorch: the device is made up, and so is its clock.

It is started in the place of Python, ignores its arguments, and does what the name of a network's class says.
"""

import json
import os
import struct
import sys
import time

LENGTHS = struct.Struct("<IQ")
RUN_SECONDS = 0.002

requests, replies = sys.stdin.buffer, sys.stdout.buffer
networks = {}


def send(header, payload=b""):
    text = json.dumps(header).encode()
    replies.write(LENGTHS.pack(len(text), len(payload)) + text + payload)
    replies.flush()


def load(header, payload):
    if header["class"] == "Dies":
        print("something went wrong in the driver", file=sys.stderr, flush=True)
        os._exit(3)
    if header["class"] == "Illegal":
        return {"error": "fatal", "message": "CUDA error: an illegal memory access was encountered"}, b""
    if header["class"] == "Large":
        return {"error": "memory", "message": "Tried to allocate 200.00 GiB"}, b""
    if len(payload) < header["source_bytes"]:
        return {"error": "failed", "message": "no source"}, b""
    networks[header["id"]] = header
    return {"memory_bytes": 4 * len(payload)}, b""


def train(header):
    """The GPU has no memory left, and the processor breaks down."""
    if header["device"] == "cpu":
        os._exit(3)
    return {"error": "memory", "message": "Tried to allocate 200.00 GiB"}, b""


def answer(header, payload):
    operation = header["op"]
    if operation == "train":
        return train(header)
    if operation == "load":
        return load(header, payload)
    network = networks[header["id"]]
    if operation == "run":
        if network["class"] == "Hangs":
            time.sleep(1000)
        # Every third run is a little slower.
        times = [RUN_SECONDS * (1.02 if run % 3 == 2 else 1.0) for run in range(header["runs"])]
        return {"seconds": times, "clock_mhz": 1500.0, "is_finite": network["class"] != "Endless"}, b""
    if operation == "output":
        return {}, struct.pack("<f", 1.0) * network["input"][0]
    if operation == "drop":
        del networks[header["id"]]
    return {}, b""


gpu = {"name": "cuda", "hardware": "Fake GPU", "driver": "1.2.3", "platform": "CUDA 9.9", "memory_bytes": 1 << 34}
send({"protocol": 1, "python": "3.99.0", "torch": "9.9.0+fake", "devices": [{"name": "cpu"}, gpu]})
while len(lengths := requests.read(LENGTHS.size)) == LENGTHS.size:
    header, payload = LENGTHS.unpack(lengths)
    send(*answer(json.loads(requests.read(header)), requests.read(payload)))
