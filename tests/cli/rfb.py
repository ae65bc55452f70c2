"""A small client of the RFB protocol (RFC 6143): the raw encoding, and sizes that change."""
import ctypes
import socket
import struct
import time

RAW, DESKTOP_SIZE, CURSOR = 0, -223, -239


class Closed(Exception):
    pass


def encrypted(password, challenge):
    """DES, by libgcrypt, with a key whose bytes have their bits the other way round (RFC 6143, 7.2.2)."""
    key = bytes(int(f"{b:08b}"[::-1], 2) for b in password.encode()[:8].ljust(8, b"\0"))
    crypt = ctypes.CDLL("libgcrypt.so.20")
    handle, out = ctypes.c_void_p(), ctypes.create_string_buffer(len(challenge))
    crypt.gcry_check_version(None)
    des, ecb = 302, 1
    assert not crypt.gcry_cipher_open(ctypes.byref(handle), des, ecb, 0)
    crypt.gcry_cipher_setkey(handle, key, ctypes.c_size_t(len(key)))
    assert not crypt.gcry_cipher_encrypt(handle, out, ctypes.c_size_t(len(challenge)), challenge,
                                         ctypes.c_size_t(len(challenge)))
    return out.raw


def challenge(port, timeout):
    """What a server asks who has a password."""
    with socket.create_connection(("127.0.0.1", port), timeout) as s, s.makefile("rb") as f:
        f.read(12)
        s.sendall(b"RFB 003.008\n")
        f.read(f.read(1)[0])
        s.sendall(b"\2")
        return f.read(16)


class Client:
    def __init__(self, port, password=None, timeout=60):
        self.timeout = timeout
        self.left = b""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.pixels, self.width, self.height, self.updates = None, 0, 0, 0
        self.shake_hands(password)

    def read(self, n):
        while len(self.left) < n:
            some = self.socket.recv(1 << 20)
            if not some:
                raise Closed()
            self.left += some
        out, self.left = self.left[:n], self.left[n:]
        return out

    def send(self, data):
        self.socket.sendall(data)

    def shake_hands(self, password):
        assert self.read(12).startswith(b"RFB 003.")
        self.send(b"RFB 003.008\n")
        kinds = self.read(self.read(1)[0])
        kind = 2 if password is not None else 1
        if kind not in kinds:
            raise Closed(f"security types {list(kinds)}")
        self.send(bytes([kind]))
        if kind == 2:
            self.send(encrypted(password, self.read(16)))
        if self.read(4) != b"\0\0\0\0":
            raise Closed("refused")
        self.send(b"\1")
        self.width, self.height = struct.unpack(">HH", self.read(4))
        self.read(16)
        self.read(struct.unpack(">I", self.read(4))[0])
        self.pixels = bytearray(3 * self.width * self.height)
        # 32 bits, least significant byte first: red, green, blue.
        self.send(struct.pack(">BxxxBBBBHHHBBBxxx", 0, 32, 24, 0, 1, 255, 255, 255, 0, 8, 16))
        kinds = (RAW, DESKTOP_SIZE, CURSOR)
        self.send(struct.pack(">BxH", 2, len(kinds)) + struct.pack(f">{len(kinds)}i", *kinds))

    def ask(self, incremental=True):
        self.send(struct.pack(">BBHHHH", 3, incremental, 0, 0, self.width, self.height))

    def message(self):
        """Takes one message."""
        kind = self.read(1)[0]
        if kind == 0:
            self.read(1)
            for _ in range(struct.unpack(">H", self.read(2))[0]):
                self.rectangle(*struct.unpack(">HHHHi", self.read(12)))
            self.updates += 1
            self.ask()
        elif kind == 1:
            self.read(3)
            self.read(6 * struct.unpack(">H", self.read(2))[0])
        elif kind == 3:
            self.read(3)
            self.read(struct.unpack(">I", self.read(4))[0])

    def rectangle(self, x, y, width, height, kind):
        if kind == DESKTOP_SIZE:
            self.width, self.height = width, height
            self.pixels = bytearray(3 * width * height)
            self.ask(False)
        elif kind == CURSOR:
            self.read(width * height * 4 + (width + 7) // 8 * height)
        elif kind == RAW:
            for row in range(height):
                line = self.read(4 * width)
                at = 3 * ((y + row) * self.width + x)
                for i in range(3):
                    self.pixels[at + i:at + 3 * width:3] = line[i::4]
        else:
            raise Closed(f"encoding {kind}")

    def until(self, good, timeout=60):
        """Takes messages until it is good."""
        end = time.monotonic() + timeout
        self.ask(False)
        while not good(self):
            left = end - time.monotonic()
            self.socket.settimeout(max(left, 0.01))
            try:
                self.message()
            except TimeoutError:
                return False
            if left < 0:
                return False
        self.socket.settimeout(self.timeout)
        return True

    def key(self, keysym, down):
        self.send(struct.pack(">BBxxI", 4, down, keysym))

    def type(self, keysym):
        self.key(keysym, True)
        self.key(keysym, False)

    def pointer(self, x, y, mask=0):
        self.send(struct.pack(">BBHH", 5, mask, x, y))

    def close(self):
        self.socket.close()
