"""A client of gdb's remote protocol, for stubs that describe their registers."""

import socket
import time
import xml.etree.ElementTree as xml


class Gone(Exception):
    """The other end hung up, or its guest has ended."""


class Remote:
    def __init__(self, address):
        """A (host, port) pair, or the path of a socket."""
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        end = time.monotonic() + 150
        while True:
            try:
                self.socket.connect(address)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        if family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(300)
        self.buffer = b""
        self.acks = True
        self.ask("qSupported:xmlRegisters=i386")
        if self.ask("QStartNoAckMode") == "OK":
            self.acks = False
        self.registers = self.describe()

    def close(self):
        self.socket.close()

    def byte(self):
        if not self.buffer:
            try:
                self.buffer = self.socket.recv(65536)
            except ConnectionResetError:
                pass
            if not self.buffer:
                raise Gone()
        b, self.buffer = self.buffer[:1], self.buffer[1:]
        return b

    def send(self, text):
        data = text.encode("latin-1")
        self.socket.sendall(b"$%s#%02x" % (data, sum(data) & 0xff))

    def receive(self):
        while self.byte() != b"$":
            pass
        while b"#" not in self.buffer or len(self.buffer) < self.buffer.index(b"#") + 3:
            more = self.socket.recv(65536)
            if not more:
                raise Gone()
            self.buffer += more
        at = self.buffer.index(b"#")
        data, self.buffer = self.buffer[:at], self.buffer[at + 3:]
        if self.acks:
            self.socket.sendall(b"+")
        return data.decode("latin-1")

    def ask(self, text):
        self.send(text)
        return self.receive()

    # --- registers ---

    def annex(self, name):
        text = ""
        while True:
            part = self.ask(f"qXfer:features:read:{name}:{len(text):x},1000")
            text += part[1:]
            if part[0] == "l":
                return text.replace("xi:include", "include")

    def describe(self):
        """{name: (number, offset in the reply to g, bytes)}; those that are not in it are left out."""
        found, number = [], 0

        def collect(node):
            nonlocal number
            for child in node:
                if child.tag.endswith("include"):
                    collect(xml.fromstring(self.annex(child.get("href"))))
                elif child.tag == "reg":
                    number = int(child.get("regnum", number))
                    found.append((number, child.get("name"), int(child.get("bitsize")) // 8))
                    number += 1
                elif child.tag == "feature":
                    collect(child)

        collect(xml.fromstring(self.annex("target.xml")))
        result, offset, length = {}, 0, len(self.ask("g")) // 2
        for number, name, size in sorted(found):
            if offset + size <= length:
                result[name] = (number, offset, size)
            offset += size
        return result

    def read(self):
        """All registers, as numbers by name."""
        return self.decode(self.ask("g"))

    def decode(self, reply):
        data = bytes.fromhex(reply)
        return {name: int.from_bytes(data[at:at + size], "little")
                for name, (_, at, size) in self.registers.items()}

    def write(self, name, value):
        number, _, size = self.registers[name]
        reply = self.ask(f"P{number:x}={value.to_bytes(size, 'little').hex()}")
        if reply != "OK":
            raise ValueError(f"{name} = {value:#x}: {reply}")

    def command(self, text):
        """What QEMU's monitor answers."""
        self.send("qRcmd," + text.encode().hex())
        answer = ""
        while (reply := self.receive()).startswith("O") and reply != "OK":
            answer += bytes.fromhex(reply[1:]).decode()
        if reply != "OK":
            raise ValueError(f"{text}: {reply}")
        return answer

    # --- memory and going on ---

    def physically(self, text):
        """The answer to a command on memory by physical address."""
        self.ask("Qqemu.PhyMemMode:1")
        reply = self.ask(text)
        self.ask("Qqemu.PhyMemMode:0")
        return reply

    def memory(self, address, length, physical=False):
        """As much of it as there is."""
        ask = self.physically if physical else self.ask
        reply = ask(f"m{address:x},{length:x}")
        return b"" if reply.startswith("E") else bytes.fromhex(reply)

    def store(self, address, data, physical=False):
        ask = self.physically if physical else self.ask
        reply = ask(f"M{address:x},{len(data):x}:{data.hex()}")
        if reply != "OK":
            raise ValueError(f"{len(data)} bytes at {address:#x}: {reply}")

    def break_at(self, address, on=True):
        reply = self.ask(f"{'Z' if on else 'z'}0,{address:x},1")
        if reply != "OK":
            raise ValueError(f"breakpoint at {address:#x}: {reply}")

    def resume(self, how):
        self.send(how)

    def stopped(self):
        """Waits for the stop."""
        reply = self.receive()
        if reply[0] in "WX":
            raise Gone()

    def step(self):
        self.resume("s")
        self.stopped()
