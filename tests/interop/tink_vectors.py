#!/usr/bin/env python3
"""Sealed messages and streams computed without Keywarden and without Botan, with Python's `cryptography`.

  tink_vectors.py --write FOLDER    write tink_aead.vec and tink_stream.vec
  tink_vectors.py --compare FOLDER  refuse if the files in FOLDER are not what --write would make
  tink_vectors.py --check FILE      open what a program sealed (the format of the .vec files)
  tink_vectors.py --run PROGRAM     the same with a file that PROGRAM writes to its first argument

Every mode first opens the vector that Tink itself publishes, so that a mistake made here shows.
"""

import hashlib
import pathlib
import struct
import subprocess
import sys
import tempfile

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

AEADS = {"aes-256-gcm": (1, AESGCM), "chacha20-poly1305": (2, ChaCha20Poly1305)}
PURPOSE = "card numbers"
TAG = 16


def hkdf(key, salt, info, size=32, algorithm=None):
    return HKDF(algorithm=algorithm or hashes.SHA256(), length=size, salt=salt or None, info=info).derive(key)


def prefixed(data):
    return struct.pack(">Q", len(data)) + data


def purpose_key(secret, purpose):
    return hkdf(secret, b"", b"keywarden/1/purpose/" + purpose.encode())


def known_bytes(seed, size):
    """Bytes that look random and are the same every time."""
    out = b""
    while len(out) < size:
        out += hashlib.sha256(f"keywarden vectors {seed} {len(out)}".encode()).digest()
    return out[:size]


def pattern(size):
    """The plaintext of streams: byte i is i modulo 251."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


# Messages

def message_parts(form, suite, key_id):
    if form == "tink":
        return struct.pack(">BI", 0x01, key_id), lambda header, data: data
    return struct.pack(">BBI", 0x4B, AEADS[suite][0], key_id), lambda header, data: header + prefixed(data)


def seal_message(form, suite, key, key_id, nonce, data, message):
    header, bind = message_parts(form, suite, key_id)
    return header + nonce + AEADS[suite][1](key).encrypt(nonce, message, bind(header, data))


def open_message(form, suite, key, key_id, data, sealed):
    header, bind = message_parts(form, suite, key_id)
    if sealed[:len(header)] != header:
        raise ValueError("header")
    nonce, body = sealed[len(header):len(header) + 12], sealed[len(header) + 12:]
    return AEADS[suite][1](key).decrypt(nonce, body, bind(header, data))


# Streams

def segment_sizes(first, others, total):
    sizes = [min(first, total)]
    while sum(sizes) < total:
        sizes.append(min(others, total - sum(sizes)))
    return sizes


def segments(aead, prefix, first, others, data, seal):
    out, at = b"", 0
    sizes = segment_sizes(first, others, len(data))
    for number, size in enumerate(sizes):
        nonce = prefix + struct.pack(">IB", number, number == len(sizes) - 1)
        part = data[at:at + size]
        out += aead.encrypt(nonce, part, None) if seal else aead.decrypt(nonce, part, None)
        at += size
    return out


class Stream:
    """One stream's key and header."""

    def __init__(self, form, suite, key, key_id, segment_size, salt, prefix, data, algorithm=None):
        size = len(salt)
        inner = bytes([1 + size + 7]) + salt + prefix
        if form == "tink":
            derived, self.header = hkdf(key, salt, data, size, algorithm), inner
        else:
            bound = struct.pack(">BBII", 0x53, AEADS[suite][0], key_id, segment_size)
            derived = hkdf(hkdf(key, b"", b"keywarden/1/stream"), salt, prefixed(bound) + prefixed(data))
            self.header = bound + hkdf(derived, b"", b"keywarden/1/stream/commitment") + inner
        self.aead, self.prefix, self.size = AEADS[suite][1](derived), prefix, segment_size

    def seal(self, message):
        first = self.size - len(self.header) - TAG
        return self.header + segments(self.aead, self.prefix, first, self.size - TAG, message, True)

    def open(self, sealed):
        if sealed[:len(self.header)] != self.header:
            raise ValueError("header")
        first = self.size - len(self.header)
        return segments(self.aead, self.prefix, first, self.size, sealed[len(self.header):], False)


def read_stream(form, suite, key, key_id, segment_size, data, sealed):
    inner = sealed[0 if form == "tink" else 42:]
    return Stream(form, suite, key, key_id, segment_size, inner[1:33], inner[33:40], data).open(sealed)


# Vectors that Tink publishes

PUBLISHED_STREAM = {  # tink-cc, tink/streamingaead/internal/testing/aes_gcm_hkdf_streaming_test_vectors.cc
    "key": "6eb56cdc726dfbe5d57f2fcdc6e9345b", "salt": "93b3af5e14ab378d065addfc8484da64", "prefix": "2c0862877baea8",
    "segments": "db92d9c77406a406168478821c4298eab3e6d531277f4c1a051714faebcaefcbca7b7be05e9445ea"
                "a0bb2904153398a25084dd80ae0edcd1c3079fcea2cd3770630ee36f7539207b8ec9d754956d486b71cdf989f0ed6fba"
                "6779b63558be0a66e668df14e1603cd2"
                "af8944844078345286d0b292e772e7190775c51a0f83e40c0b75821027e7e538e111",
    "plaintext": b"This is a fairly long plaintext. It is of the exact length to create three output blocks. "}

PUBLISHED_MESSAGES = [  # tink-cc, tink/aead/internal/testing/chacha20_poly1305_test_vectors.cc
    ("chacha20-poly1305", "e1731d5854e1b70cb3ffe8b786a2b3ebf0994370954757b9dc8c7bc5354634a3",
     "b9c554cbc36ac18ae897df7beecac1dbeb4eafa156bb60ce2e5d48f05715e678",
     "010102030472cfd90ef3026ca22b7e6e6aea29afa49d36e8760f5fe19723b9811ed5d519934a440f5081ac430b953b0e212225"
     "41af46b86533c6b68d2ff108a7ea")]


def check_published():
    each = PUBLISHED_STREAM
    stream = Stream("tink", "aes-256-gcm", bytes.fromhex(each["key"]), 0, 64, bytes.fromhex(each["salt"]),
                    bytes.fromhex(each["prefix"]), b"aad", hashes.SHA1())
    assert stream.seal(each["plaintext"]) == stream.header + bytes.fromhex(each["segments"])
    for suite, key, plaintext, sealed in PUBLISHED_MESSAGES:
        opened = open_message("tink", suite, bytes.fromhex(key), 0x01020304, b"", bytes.fromhex(sealed))
        assert opened.hex() == plaintext


# Writing and comparing

def aead_cases():
    for suite, key, plaintext, sealed in PUBLISHED_MESSAGES:
        yield (f"Published by Tink, {suite}: the key is the purpose's subkey itself.",
               {"Form": "tink", "Suite": suite, "Key": key, "KeyId": 0x01020304, "AssociatedData": "",
                "Plaintext": plaintext, "Sealed": sealed})
    for form in ["tink", "native"]:
        for suite in AEADS:
            for size, data in [(0, b""), (1, b"row 7"), (1000, known_bytes("associated data", 70))]:
                name = f"{form} {suite} {size}"
                secret = known_bytes(name + " secret", 32)
                key_id = struct.unpack(">I", known_bytes(name + " id", 4))[0]
                message = known_bytes(name + " message", size)
                sealed = seal_message(form, suite, purpose_key(secret, PURPOSE), key_id,
                                      known_bytes(name + " nonce", 12), data, message)
                yield (f"{form} form, {suite}, {size} bytes",
                       {"Form": form, "Suite": suite, "Secret": secret.hex(), "Purpose": PURPOSE, "KeyId": key_id,
                        "AssociatedData": data.hex(), "Plaintext": message.hex(), "Sealed": sealed.hex()})


def stream_cases():
    for form, header in [("tink", 40), ("native", 82)]:
        first, others = 4096 - header - TAG, 4096 - TAG
        sizes = [(4096, size) for size in [0, 1, first, first + 1, first + others, first + others + 1]]
        for segment_size, size in sizes + [(1 << 20, 2500000)]:
            name = f"stream {form} {segment_size} {size}"
            secret, data = known_bytes(name + " secret", 32), known_bytes(name + " data", size % 40)
            key_id = struct.unpack(">I", known_bytes(name + " id", 4))[0]
            salt, prefix = known_bytes(name + " salt", 32), known_bytes(name + " prefix", 7)
            sealed = Stream(form, "aes-256-gcm", purpose_key(secret, PURPOSE), key_id, segment_size, salt, prefix,
                            data).seal(pattern(size))
            case = {"Form": form, "Suite": "aes-256-gcm", "Secret": secret.hex(), "Purpose": PURPOSE, "KeyId": key_id,
                    "SegmentSize": segment_size, "Salt": salt.hex(), "Prefix": prefix.hex(),
                    "AssociatedData": data.hex(), "PlaintextSize": size,
                    "SealedSha256": hashlib.sha256(sealed).hexdigest()}
            if len(sealed) < 10000:
                case["Sealed"] = sealed.hex()
            yield f"{form} form, segments of {segment_size}, {size} bytes", case


def written(title, cases):
    lines = [f"# {title}", ""]
    for comment, case in cases:
        lines += [f"# {comment}"] + [f"{name} = {value}" for name, value in case.items()] + [""]
    return "\n".join(lines)


def files():
    made = "Made by tests/interop/tink_vectors.py --write, with Python's cryptography. Frozen."
    return {"tink_aead.vec": written(made, aead_cases()),
            "tink_stream.vec": written(made + " Plaintext byte i is i modulo 251.", stream_cases())}


# Checking

def read_cases(path):
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        fields = [line.partition("=") for line in block.split("\n") if "=" in line and not line.startswith("#")]
        if fields:
            yield {name.strip(): value.strip() for name, _, value in fields}


def open_case(case, sealed):
    key = purpose_key(bytes.fromhex(case["Secret"]), case["Purpose"])
    data = bytes.fromhex(case["AssociatedData"])
    if "SegmentSize" in case:
        return read_stream(case["Form"], case["Suite"], key, int(case["KeyId"]), int(case["SegmentSize"]), data, sealed)
    return open_message(case["Form"], case["Suite"], key, int(case["KeyId"]), data, sealed)


def check(path):
    count = 0
    for case in read_cases(path):
        sealed = bytes.fromhex(case["Sealed"])
        expected = pattern(int(case["PlaintextSize"])) if "SegmentSize" in case else bytes.fromhex(case["Plaintext"])
        if open_case(case, sealed) != expected:
            sys.exit(f"{path}: case {count}: another plaintext")
        try:
            open_case(case, sealed[:-1] + bytes([sealed[-1] ^ 1]))
            sys.exit(f"{path}: case {count}: opens although it was altered")
        except InvalidTag:
            pass
        count += 1
    if count == 0:
        sys.exit(f"{path}: no cases")
    print(f"{count} sealed by the program, all opened")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    mode, path = sys.argv[1], pathlib.Path(sys.argv[2])
    check_published()
    if mode == "--write":
        for name, text in files().items():
            (path / name).write_text(text, encoding="utf-8")
    elif mode == "--compare":
        for name, text in files().items():
            if (path / name).read_text(encoding="utf-8") != text:
                sys.exit(f"{path / name}: differs from what is computed here")
        print("the frozen vectors are what is computed here")
    elif mode == "--check":
        check(path)
    elif mode == "--run":
        with tempfile.TemporaryDirectory() as folder:
            made = pathlib.Path(folder) / "sealed.vec"
            subprocess.run([path.resolve(), made], check=True)
            check(made)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
