"""A server, a core in a folder of its own, and uploads by the shell's own socket."""

import asyncio
import http.client
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.parse

import ispeed

PROGRAM = os.environ.get("ISPEED_PROGRAM", "ispeed")
# Capacity of loopback, where somebody made one.
SHAPED_BPS = float(os.environ.get("ISPEED_SHAPED_BPS", "0"))
# In Phường Bình Phước, hundreds of metres from any border.
HERE = ispeed.Point(lat=11.5209, lon=106.899)
VIETTEL = "452-04"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`ispeed serve` on loopback."""

    def __init__(self, *more):
        self.folder = tempfile.mkdtemp(prefix="ispeed-server-")
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.log = open(pathlib.Path(self.folder) / "log.txt", "ab")
        arguments = [PROGRAM, "serve", "--listen", f"127.0.0.1:{self.port}", "--data", self.folder, *more]
        self.process = subprocess.Popen(arguments, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        self._wait()

    def _wait(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended at once: {(pathlib.Path(self.folder) / 'log.txt').read_text()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("the server is not ready after 20 s")

    @property
    def ca_pem(self):
        return (pathlib.Path(self.folder) / "cert.pem").read_text()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def facts(point=HERE, **more):
    """What an Android phone on Viettel's 4G would push."""
    fix = ispeed.Fix(
        source=ispeed.FixSource.GNSS, lat=point.lat, lon=point.lon, accuracy_m=8.0, age_ms=500, speed_mps=0.0, mock=False
    )
    radio = ispeed.Radio(technology=ispeed.RadioTechnology.G4, rsrp_dbm=-95.0, rsrq_db=-10.0, cell_id="28437123", band="B3")
    transport = ispeed.Transport(
        kind=ispeed.TransportKind.CELLULAR, vpn=False, roaming=False, metered=True, serving_plmn=VIETTEL, sim_plmn=VIETTEL
    )
    return ispeed.Facts(
        fixes=ispeed.Fixes(start=fix, mid=fix, end=fix),
        radio=ispeed.RadioSpan(start=radio, end=radio),
        transport=transport,
        surroundings=ispeed.Surroundings.OUTDOOR,
        os_version="14",
        model="e2e",
        **more,
    )


def plan(**more):
    return ispeed.RunPlan(target=ispeed.RunTarget.AUTO(), **more)


class Recorder(ispeed.RunObserver):
    """Keeps every picture and when it came; may be slow, may throw."""

    def __init__(self, sleeps=0.0, throws_after=None):
        self.pictures, self.times = [], []
        self.sleeps, self.throws_after = sleeps, throws_after

    def progress(self, snapshot):
        self.times.append(time.monotonic())
        self.pictures.append(snapshot)
        time.sleep(self.sleeps)
        if self.throws_after is not None and len(self.pictures) >= self.throws_after:
            raise RuntimeError("the display broke")


class CoreTest(unittest.TestCase):
    """One server a class, a fresh core a test."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.remove()

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="ispeed-core-")
        self.core = self.open()

    def tearDown(self):
        self.core = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def open(self, boundaries=None, **more):
        settings = {
            "collector": self.server.url,
            "program_name": "ispeed-android",
            "platform": "android",
            "extra_ca_pem": self.server.ca_pem,
            **more,
        }
        return ispeed.Ispeed.open(ispeed.Folders(data=self.folder), ispeed.Settings(**settings), boundaries)

    def agree(self, share=ispeed.Share.COMMUNE, upload=True):
        self.core.record_consent(ispeed.ConsentChoice(version="e2e-1", run=True, share=share, upload=upload))

    def measure(self, observer=None, facts_=None, **more):
        run = self.core.start(plan(**more), facts_ or facts(), observer)
        return asyncio.run(run.outcome())

    def upload_all(self):
        """What the shell does: own socket, own TLS, own timeouts. Ends when nothing is due."""
        after = []
        while True:
            todo = self.core.next_upload()
            if not isinstance(todo, ispeed.NextUpload.UPLOAD):
                return after, todo
            after.append(self.core.upload_answered(todo.request.id, self.put(todo.request)))

    def put(self, request):
        address = urllib.parse.urlsplit(request.url)
        trust = ssl.create_default_context(cadata=self.server.ca_pem)
        connection = http.client.HTTPSConnection(address.hostname, address.port, timeout=10, context=trust)
        try:
            headers = {header.name: header.value for header in request.headers}
            connection.request(request.method, address.path, request.body, headers)
            answer = connection.getresponse()
            headers = [ispeed.Header(name=name, value=value) for name, value in answer.getheaders()]
            return ispeed.UploadAnswer.HTTP(code=answer.status, headers=headers, body=answer.read())
        except OSError:
            return ispeed.UploadAnswer.FAILED(kind=ispeed.NetworkFailure.CONNECT)
        finally:
            connection.close()
