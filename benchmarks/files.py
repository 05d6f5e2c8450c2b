"""Sealing a real file with Keywarden's stream and with the command lines that people use instead, each on one core."""

import os
import shutil
import subprocess
import tempfile
import time

SMALL = 64 << 20  # from here on, Keywarden writes past the page cache


def file_system_of(folder):
    stat = ["stat", "-f", "-c", "%T", folder]
    return subprocess.run(stat, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def version_of(program):
    if shutil.which(program) is None:
        return "absent"
    flag = "version" if program == "openssl" else "--version"
    return subprocess.run([program, flag], capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def peak_of(pid):
    """The most memory a process has had, in KiB; 0 when that cannot be read any more."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("VmHWM:")), 0)
    except (OSError, ValueError):
        return 0


def timed(command, environment=None):
    """Runs a command on one core; what it took of processor, time and memory.

    Its memory is looked at while it runs: what the system says afterwards counts this process, which started it.
    """
    core = sorted(os.sched_getaffinity(0))[-1] if hasattr(os, "sched_getaffinity") else None
    pinned = ["taskset", "-c", str(core)] if core is not None and shutil.which("taskset") else []
    began = time.monotonic()
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen([*pinned, *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
                                 env=environment)
        peak, ended = 0, 0
        while not ended:
            peak = max(peak, peak_of(child.pid))
            ended, status, usage = os.wait4(child.pid, os.WNOHANG)
            if not ended:
                time.sleep(0.002)
        elapsed = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            said.seek(0)
            raise SystemExit(f"error: {command[0]} failed: {said.read().decode(errors='replace').strip()}")
    return {"cpu_s": usage.ru_utime + usage.ru_stime, "user_s": usage.ru_utime, "elapsed_s": elapsed, "peak_kib": peak}


def read_through(path):
    """So that a file is in the page cache, however it was written: then only what a program does itself differs."""
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def best(command, source, times, environment=None):
    """The least CPU time of a few runs: what disturbs a run only adds to it, such as what an earlier one left to write."""
    def once():
        read_through(source)
        os.sync()
        return timed(command, environment)
    return min((once() for _ in range(times)), key=lambda each: each["cpu_s"])


def make_file(path, size):
    block = os.urandom(1 << 20)
    with open(path, "wb") as file:
        for _ in range(size >> 20):
            file.write(block)


def measure(stream_file, size):
    """Records of {program, operation, bytes, cpu_s, user_s, elapsed_s, peak_kib, file_system}; none of an absent program.

    On a disk, in KEYWARDEN_BENCH_FOLDER or where temporary files are: files of users are on one, and the page cache
    that is written through or past is part of what they pay for.
    """
    made = []
    with tempfile.TemporaryDirectory(prefix="keywarden-bench-", dir=os.environ.get("KEYWARDEN_BENCH_FOLDER")) as folder:
        file_system = file_system_of(folder)
        plain, sealed, opened = (os.path.join(folder, name) for name in ("plain", "sealed", "opened"))

        def both(program, bytes_, seal, open_, environment=None):
            times = 1 if bytes_ > 1 << 30 else 3
            for operation, source, command in (("seal", plain, seal), ("open", sealed, open_)):
                made.append({"program": program, "operation": operation, "bytes": bytes_, "file_system": file_system}
                            | best(command, source, times, environment))
            if os.path.getsize(opened) != bytes_:
                raise SystemExit(f"error: {program} did not give the file back")
            os.remove(sealed)
            os.remove(opened)

        for bytes_ in (SMALL, size):
            make_file(plain, bytes_)
            if os.path.exists(stream_file):
                both("keywarden", bytes_, [stream_file, "seal", plain, sealed], [stream_file, "open", sealed, opened])
        if shutil.which("age") and shutil.which("age-keygen"):
            key = os.path.join(folder, "key")
            subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)
            recipient = subprocess.run(["age-keygen", "-y", key], check=True, capture_output=True, text=True).stdout.strip()
            both("age", size, ["age", "-r", recipient, "-o", sealed, plain], ["age", "-d", "-i", key, "-o", opened, sealed])
        if shutil.which("openssl"):
            # It authenticates nothing: "openssl enc" refuses AEADs. Few rounds, so that the cipher is what is measured.
            common = ["openssl", "enc", "-aes-256-ctr", "-pbkdf2", "-iter", "1", "-pass", "env:KEYWARDEN_BENCH_PASSWORD"]
            both("openssl enc (unauthenticated)", size, [*common, "-in", plain, "-out", sealed],
                 [*common, "-d", "-in", sealed, "-out", opened], dict(os.environ, KEYWARDEN_BENCH_PASSWORD="benchmark"))
    return made
