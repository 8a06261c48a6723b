#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Follows the one case at a time that runs under a results directory, for bench/phases.sh: prints for
each case a line "CASE MARK SECONDS CPU-SECONDS" for every mark it passes. Seconds count from the start
of the case, CPU seconds are those of its emulator.

Usage: phases.py RESULTS <PIPE
It ends with its standard input.
"""
import glob
import os
import re
import select
import sys
import time

POLL = 0.004
TICKS = os.sysconf("SC_CLK_TCK")
SERIAL = {  # mark: what the machine has said on which port
    "case": ("events.log", rb"crashlab case id=(?!snapshot)"),
    "guests": ("events.log", rb"crashlab guests"),
    "strike": ("events.log", rb"crashlab strike"),
    "panic": ("console.log", rb"Trigger a crash"),
    "capture": ("events.log", rb"crashlab capture"),
    "verdict": ("events.log", rb"crashlab verdict"),
    "done": ("events.log", rb"crashlab done"),
}
CONSOLE = re.compile(rb"\[ *([0-9.]+)\] printk: (?:legacy )?console \[ttyS0\] enabled")
INIT = re.compile(rb"\[ *([0-9.]+)\] Run /crashlab/agent")


def emulator(directory):
    """Its process: it has the case's directory in its arguments, or runs there."""
    for entry in glob.glob("/proc/[0-9]*"):
        try:
            with open(entry + "/cmdline", "rb") as file:
                program = file.read().replace(b"\0", b" ")
            if b"qemu-system" in program and directory.encode() + b"/" in program:
                return int(entry[6:])
            if b"bochs" in program and os.readlink(entry + "/cwd") == directory:
                return int(entry[6:])
        except OSError:
            continue
    return None


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


class Case:
    def __init__(self, directory):
        self.directory = directory
        self.start = time.monotonic()
        self.pid = None
        self.cpu = 0.0
        self.marks = {}

    def mark(self, name, back=0.0):
        if name not in self.marks:
            self.marks[name] = (time.monotonic() - self.start - back, max(self.cpu - back, 0.0))

    def look(self):
        if not self.pid:
            self.pid = emulator(self.directory)
            if self.pid:
                self.mark("start")
        else:
            try:
                self.cpu = cpu_seconds(self.pid)
            except OSError:
                self.mark("stopped")
        for name, (port, pattern) in SERIAL.items():
            if name not in self.marks and re.search(pattern, read(f"{self.directory}/{port}")):
                self.mark(name)
        if "panic" in self.marks:
            self.look_at_kernel(read(f"{self.directory}/console.log"))
        if os.path.exists(f"{self.directory}/outcome.json"):
            self.mark("end")
        return "end" in self.marks

    def look_at_kernel(self, console):
        """Of the crash kernel: what it says when its console is up has the time since it began."""
        console = console[console.rfind(b"Trigger a crash"):]
        up, init = CONSOLE.search(console), INIT.search(console)
        if up:
            self.mark("kernel", float(up[1]))
        if init:
            self.mark("init")

    def print(self):
        name = os.path.basename(self.directory)
        for mark, (seconds, cpu) in sorted(self.marks.items(), key=lambda item: item[1]):
            print(name, mark, f"{seconds:.3f} {cpu:.2f}", flush=True)


def main():
    results = os.path.realpath(sys.argv[1])
    done, case = set(), None
    while not select.select([sys.stdin], [], [], POLL)[0]:
        if not case:
            for path in glob.glob(f"{results}/*/*/events.log"):
                directory = os.path.dirname(path)
                if directory not in done:
                    done.add(directory)
                    case = Case(directory)
        elif case.look():
            case.print()
            case = None


main()
