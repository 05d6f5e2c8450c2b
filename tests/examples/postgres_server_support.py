"""A PostgreSQL server of a test's own, on a Unix socket and nowhere else. It never runs as root."""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

PATIENCE = 60
SKIPPED = 77  # what ctest counts as skipped

_found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
BINARIES = _found[-1].parent if _found else None


def become():
    """Who runs the server, for subprocess."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class Server:
    """A cluster with a superuser "keys", in a folder that others may put files into."""

    def __init__(self, name):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"kw-{name}-", dir="/tmp"))  # short: it holds a Unix socket
        self.folder.chmod(0o755)
        self.place, self.process, self.user = self.folder / "server", None, become()
        self.place.mkdir()
        if self.user:
            os.chown(self.place, self.user["user"], self.user["group"])
        try:
            self._run("initdb", "--no-sync", "-A", "trust", "-U", "keys", "-E", "UTF8", "--locale=C", "-D",
                      self.place / "data")
            self.start()
        except BaseException:
            self.remove()
            raise

    def _run(self, name, *words):
        made = subprocess.run([BINARIES / name, *words], cwd=self.place, capture_output=True, text=True, timeout=PATIENCE,
                              check=False, **self.user)
        if made.returncode != 0:
            raise AssertionError(f"{name}: {made.stderr}")
        return made.stdout

    def uri(self, database="postgres", user="keys"):
        return f"postgresql:///{database}?host={self.place}&user={user}"

    def sql(self, text, database="postgres"):
        """What the superuser is told, without headings."""
        return self._run("psql", "-h", self.place, "-U", "keys", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", text,
                         database).strip()

    def start(self):
        self.process = subprocess.Popen([BINARIES / "postgres", "-D", self.place / "data", "-k", self.place, "-c",
                                         "listen_addresses=", "-c", "fsync=off"], cwd=self.place,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        **self.user)
        deadline = time.monotonic() + PATIENCE
        while subprocess.run([BINARIES / "pg_isready", "-q", "-h", self.place], check=False).returncode != 0:
            assert time.monotonic() < deadline and self.process.poll() is None, "PostgreSQL does not start"
            time.sleep(0.05)

    def stop(self):
        """Ends it at once: it recovers when it is started."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(PATIENCE)
            self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
