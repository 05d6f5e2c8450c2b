#!/usr/bin/env python3
"""Opens what Keywarden wrote, from the specification alone (docs/format.md): a second, independent reader.

It needs Python's standard library and the package `cryptography`; for passwords under Argon2id either `cryptography`
44 or later, or the package `argon2-cffi` (Debian: python3-argon2). It is written to be read beside the specification:
it is slow, it neither locks nor wipes memory, and it is not constant-time. Do not build a service on it.

Exit status: 0 opened; 1 refused, with the reason on stderr; 2 the command line makes no sense.
"""

import argparse
import base64
import binascii
import hashlib
import hmac
import itertools
import json
import os
import pathlib
import re
import sqlite3
import struct
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Refused(Exception):
    """What was read is not opened. The text begins with the error that the C++ reader gives."""


# ---- small parts ------------------------------------------------------------------------------------------------------

def be64(number):
    return struct.pack(">Q", number)


def lp(data):
    """LP(x) of the specification: the length as 64 bits, then x."""
    return be64(len(data)) + data


def hkdf(key, salt, info, size=32):
    return HKDF(algorithm=hashes.SHA256(), length=size, salt=salt or None, info=info).derive(key)


def xor(one, other):
    return bytes(a ^ b for a, b in zip(one, other))


# ---- AES-256-GCM-SIV (RFC 8452), which `cryptography` has only with newer OpenSSL -------------------------------------

class AesGcmSiv:
    def __init__(self, key):
        self.key = key

    @staticmethod
    def _aes(key):
        return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update

    @staticmethod
    def _polyval(key, data):
        polynomial, h, state = 1 << 128 | 1 << 127 | 1 << 126 | 1 << 121 | 1, int.from_bytes(key, "little"), 0
        for at in range(0, len(data), 16):
            state ^= int.from_bytes(data[at:at + 16], "little")
            product = 0
            for bit in range(128):
                if h >> bit & 1:
                    product ^= state << bit
            for _ in range(128):  # times x^-128
                if product & 1:
                    product ^= polynomial
                product >>= 1
            state = product
        return state.to_bytes(16, "little")

    def _keys(self, nonce):
        aes = self._aes(self.key)
        halves = [aes(struct.pack("<I", i) + nonce)[:8] for i in range(6)]
        return b"".join(halves[:2]), b"".join(halves[2:])

    def decrypt(self, nonce, data, associated):
        body, tag = data[:-16], data[-16:]
        authentication, encryption = self._keys(nonce)
        aes = self._aes(encryption)
        block, counter = bytearray(tag), int.from_bytes(tag[:4], "little")
        block[15] |= 0x80
        plain = b""
        for at in range(0, len(body), 16):
            block[:4] = struct.pack("<I", counter)
            plain += xor(body[at:at + 16], aes(bytes(block)))
            counter = counter + 1 & 0xFFFFFFFF

        def padded(text):
            return text + bytes(-len(text) % 16)

        sizes = struct.pack("<QQ", 8 * len(associated), 8 * len(plain))
        mixed = bytearray(self._polyval(authentication, padded(associated) + padded(plain) + sizes))
        mixed[:12] = xor(mixed[:12], nonce)
        mixed[15] &= 0x7F
        if not hmac.compare_digest(aes(bytes(mixed)), tag):
            raise InvalidTag()
        return plain


SUITES = {1: AESGCM, 2: ChaCha20Poly1305, 3: AesGcmSiv}
SUITE_NAMES = {"aes-256-gcm": 1, "chacha20-poly1305": 2, "aes-256-gcm-siv": 3}


def aead_open(suite, key, nonce, data, associated):
    try:
        return SUITES[suite](key).decrypt(nonce, data, associated)
    except InvalidTag:
        raise Refused("authentication_failed: the key, the associated data or the content is not the right one") from None


# ---- ML-KEM-768 (FIPS 203) and X-Wing ---------------------------------------------------------------------------------

Q, N, K, ETA, DU, DV = 3329, 256, 3, 2, 10, 4
ZETAS = [pow(17, int(f"{i:07b}"[::-1], 2), Q) for i in range(128)]
GAMMAS = [pow(17, 2 * int(f"{i:07b}"[::-1], 2) + 1, Q) for i in range(128)]


def to_ntt(polynomial):
    f, i, length = list(polynomial), 1, 128
    while length >= 2:
        for start in range(0, N, 2 * length):
            for j in range(start, start + length):
                t = ZETAS[i] * f[j + length]
                f[j + length], f[j] = (f[j] - t) % Q, (f[j] + t) % Q
            i += 1
        length //= 2
    return f


def from_ntt(transformed):
    f, i, length = list(transformed), 127, 2
    while length <= 128:
        for start in range(0, N, 2 * length):
            for j in range(start, start + length):
                t = f[j]
                f[j], f[j + length] = (t + f[j + length]) % Q, ZETAS[i] * (f[j + length] - t) % Q
            i -= 1
        length *= 2
    return [x * 3303 % Q for x in f]


def times(f, g):
    out = []
    for i in range(0, N, 2):
        out += [(f[i] * g[i] + f[i + 1] * g[i + 1] * GAMMAS[i // 2]) % Q, (f[i] * g[i + 1] + f[i + 1] * g[i]) % Q]
    return out


def plus(*polynomials):
    return [sum(each) % Q for each in zip(*polynomials)]


def pack(polynomial, bits):
    number = sum(x << bits * i for i, x in enumerate(polynomial))
    return number.to_bytes(32 * bits, "little")


def unpack(data, bits):
    number = int.from_bytes(data, "little")
    return [number >> bits * i & (1 << bits) - 1 for i in range(N)]


def compress(polynomial, bits):
    return [((x << bits + 1) + Q) // (2 * Q) % (1 << bits) for x in polynomial]


def decompress(polynomial, bits):
    return [(2 * x * Q + (1 << bits)) >> bits + 1 for x in polynomial]


def sample_ntt(seed):
    out, data, at = [], hashlib.shake_128(seed).digest(3 * 512), 0
    while len(out) < N:
        a, b, c = data[at:at + 3]
        at += 3
        out += [x for x in (a + 256 * (b % 16), b // 16 + 16 * c) if x < Q]
    return out[:N]


def sample_noise(seed, counter):
    bits = int.from_bytes(hashlib.shake_256(seed + bytes([counter])).digest(64 * ETA), "little")
    return [((bits >> 4 * i & 1) + (bits >> 4 * i + 1 & 1) - (bits >> 4 * i + 2 & 1) - (bits >> 4 * i + 3 & 1)) % Q
            for i in range(N)]


class MlKem768:
    def __init__(self, seed):
        d, self.z = seed[:32], seed[32:]
        mixed = hashlib.sha3_512(d + bytes([K])).digest()
        rho, sigma = mixed[:32], mixed[32:]
        self.secret = [to_ntt(sample_noise(sigma, i)) for i in range(K)]
        noise = [to_ntt(sample_noise(sigma, K + i)) for i in range(K)]
        matrix = [[sample_ntt(rho + bytes([j, i])) for j in range(K)] for i in range(K)]
        rows = [plus(noise[i], *(times(matrix[i][j], self.secret[j]) for j in range(K))) for i in range(K)]
        self.public = b"".join(pack(row, 12) for row in rows) + rho

    def _encrypt(self, message, randomness):
        t, rho = [unpack(self.public[384 * i:384 * (i + 1)], 12) for i in range(K)], self.public[-32:]
        y = [to_ntt(sample_noise(randomness, i)) for i in range(K)]
        u = [plus(from_ntt(plus(*(times(sample_ntt(rho + bytes([i, j])), y[j]) for j in range(K)))),
                  sample_noise(randomness, K + i)) for i in range(K)]
        v = plus(from_ntt(plus(*(times(t[i], y[i]) for i in range(K)))), sample_noise(randomness, 2 * K),
                 decompress(unpack(message, 1), 1))
        return b"".join(pack(compress(each, DU), DU) for each in u) + pack(compress(v, DV), DV)

    def decapsulate(self, ciphertext):
        u = [decompress(unpack(ciphertext[320 * i:320 * (i + 1)], DU), DU) for i in range(K)]
        v = decompress(unpack(ciphertext[960:], DV), DV)
        inner = from_ntt(plus(*(times(self.secret[i], to_ntt(u[i])) for i in range(K))))
        message = pack(compress([(a - b) % Q for a, b in zip(v, inner)], 1), 1)
        mixed = hashlib.sha3_512(message + hashlib.sha3_256(self.public).digest()).digest()
        if self._encrypt(message, mixed[32:]) == ciphertext:
            return mixed[:32]
        return hashlib.shake_256(self.z + ciphertext).digest(32)


RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)


class XWing:
    """draft-connolly-cfrg-xwing-kem: the private key is a seed of 32 bytes."""
    name = "x-wing"

    def __init__(self, seed):
        expanded = hashlib.shake_256(seed).digest(96)
        self.lattice = MlKem768(expanded[:64])
        self.curve = x25519.X25519PrivateKey.from_private_bytes(expanded[64:])
        self.curve_public = self.curve.public_key().public_bytes(*RAW)
        self.public = self.lattice.public + self.curve_public

    def decapsulate(self, ciphertext):
        if len(ciphertext) != 1120:
            raise Refused("malformed: the ciphertext of x-wing has 1120 bytes")
        theirs = ciphertext[1088:]
        shared = self.curve.exchange(x25519.X25519PublicKey.from_public_bytes(theirs))
        return hashlib.sha3_256(self.lattice.decapsulate(ciphertext[:1088]) + shared + theirs + self.curve_public +
                                b"\\.//^\\").digest()


# ---- the other mechanisms of recipients -------------------------------------------------------------------------------

def dhkem_secret(kem_id, shared, encapsulated, public):
    """RFC 9180, ExtractAndExpand, with HKDF-SHA-256."""
    suite = b"KEM" + struct.pack(">H", kem_id)
    extracted = hmac.new(bytes(32), b"HPKE-v1" + suite + b"eae_prk" + shared, hashlib.sha256).digest()
    info = struct.pack(">H", 32) + b"HPKE-v1" + suite + b"shared_secret" + encapsulated + public
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()


class DhkemP256:
    name = "dhkem-p256-hkdf-sha256"

    def __init__(self, key):
        self.key = key
        self.public = key.public_key().public_bytes(serialization.Encoding.X962,
                                                    serialization.PublicFormat.UncompressedPoint)

    def decapsulate(self, ciphertext):
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), ciphertext)
        return dhkem_secret(0x0010, self.key.exchange(ec.ECDH(), theirs), ciphertext, self.public)


class DhkemX25519:
    name = "dhkem-x25519-hkdf-sha256"

    def __init__(self, key):
        self.key, self.public = key, key.public_key().public_bytes(*RAW)

    def decapsulate(self, ciphertext):
        shared = self.key.exchange(x25519.X25519PublicKey.from_public_bytes(ciphertext))
        return dhkem_secret(0x0020, shared, ciphertext, self.public)


class RsaOaep:
    name = "rsa-oaep-sha256"

    def __init__(self, key):
        self.key = key
        self.public = key.public_key().public_bytes(serialization.Encoding.DER,
                                                    serialization.PublicFormat.SubjectPublicKeyInfo)

    def decapsulate(self, ciphertext):
        return self.key.decrypt(ciphertext, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))


def mechanism_of(key):
    if isinstance(key, rsa.RSAPrivateKey):
        return RsaOaep(key)
    return DhkemX25519(key) if isinstance(key, x25519.X25519PrivateKey) else DhkemP256(key)


# ---- passwords --------------------------------------------------------------------------------------------------------

def argon2id(password, salt, memory_kib, iterations, lanes):
    try:
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
        return Argon2id(salt=salt, length=32, iterations=iterations, lanes=lanes, memory_cost=memory_kib).derive(password)
    except ImportError:
        pass
    try:
        from argon2 import low_level
    except ImportError:
        raise Refused("backend_missing: Argon2id needs cryptography 44 or later, or the package argon2-cffi "
                      "(Debian: python3-argon2)") from None
    return low_level.hash_secret_raw(password, salt, iterations, memory_kib, lanes, 32, low_level.Type.ID)


# ---- sealed messages and streams --------------------------------------------------------------------------------------

def purpose_key(secret, purpose):
    return hkdf(secret, b"", b"keywarden/1/purpose/" + purpose.encode())


def version_of(ring, key_id):
    if key_id not in ring:
        raise Refused(f"unknown_key: no version {key_id} in the key ring")
    return ring[key_id]


def open_message(ring, purpose, associated, data):
    if len(data) < 34:
        raise Refused("truncated: a sealed message has at least 34 bytes")
    version, suite, key_id = struct.unpack(">BBI", data[:6])
    if version != 0x4B:
        raise Refused(f"unsupported_version: 0x{version:02x} is not the version of a sealed message")
    if suite not in SUITES:
        raise Refused(f"unsupported_suite: {suite}")
    key = purpose_key(version_of(ring, key_id), purpose)
    return aead_open(suite, key, data[6:18], data[18:], data[:6] + lp(associated))


def open_tink_message(ring, purpose, associated, data, suite):
    if len(data) < 33:
        raise Refused("truncated: a message in Tink's form has at least 33 bytes")
    version, key_id = struct.unpack(">BI", data[:5])
    if version != 1:
        raise Refused(f"unsupported_version: 0x{version:02x} is not Tink's prefix")
    return aead_open(suite, purpose_key(version_of(ring, key_id), purpose), data[5:17], data[17:], associated)


def open_segments(suite, key, prefix, segment_size, header_size, data):
    plain, number, at, end = [], 0, header_size, segment_size
    while True:
        segment = data[at:end]
        if len(segment) < 16:
            raise Refused("truncated: a segment has at least the 16 bytes of its tag")
        last = end >= len(data)
        nonce = prefix + struct.pack(">IB", number, last)
        plain.append(aead_open(suite, key, nonce, segment, b""))
        if last:
            return b"".join(plain)
        number, at, end = number + 1, end, end + segment_size


def open_stream(ring, purpose, associated, data):
    if len(data) < 82 + 16:
        raise Refused("truncated: a sealed stream has at least 98 bytes")
    version, suite, key_id, segment_size = struct.unpack(">BBII", data[:10])
    if version != 0x53:
        raise Refused(f"unsupported_version: 0x{version:02x} is not the version of a sealed stream")
    if suite not in SUITES:
        raise Refused(f"unsupported_suite: {suite}")
    if not 4096 <= segment_size <= 16 << 20:
        raise Refused(f"limit_exceeded: segments of {segment_size} bytes")
    if data[42] != 40:
        raise Refused("malformed: the inner header has 40 bytes")
    commitment, salt, prefix = data[10:42], data[43:75], data[75:82]
    input_key = hkdf(purpose_key(version_of(ring, key_id), purpose), b"", b"keywarden/1/stream")
    key = hkdf(input_key, salt, lp(data[:10]) + lp(associated))
    if not hmac.compare_digest(hkdf(key, b"", b"keywarden/1/stream/commitment"), commitment):
        raise Refused("authentication_failed: the key, the associated data or the header is not the right one")
    return open_segments(suite, key, prefix, segment_size, 82, data)


def open_tink_stream(ring, purpose, associated, data, key_id, segment_size):
    if len(data) < 40 + 16:
        raise Refused("truncated: a stream in Tink's form has at least 56 bytes")
    if data[0] != 40:
        raise Refused("malformed: the header of Tink's form has 40 bytes")
    key = hkdf(purpose_key(version_of(ring, key_id), purpose), data[1:33], associated)
    return open_segments(1, key, data[33:40], segment_size, 40, data)


# ---- key records ------------------------------------------------------------------------------------------------------

MEMBERS = {"keywarden", "kind", "name", "id", "generation", "commitment", "requirements", "slots", "versions",
           "attributes", "material", "mac"}
RINGS = {"service_master_key", "database_master_key", "symmetric_key"}
MOST_WORK = 1 << 28  # SHA-256 blocks that password hashing may cost in all


def unique(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise Refused("malformed: a member is named twice")
    return dict(pairs)


def depth(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max((depth(each) for each in inner), default=0)


class Record:
    """A key record as stored, its form checked and nothing opened yet."""

    def __init__(self, stored):
        if len(stored) > 1 << 20:
            raise Refused("limit_exceeded: a record has at most 1 MiB")
        tail = re.search(rb',\n "mac": "([0-9a-f]{64})"\n\}\n?\Z', stored)
        if tail is None:
            raise Refused("malformed: a record ends with its MAC, spelled exactly as in the specification")
        self.covered, self.mac = stored[:tail.start()], bytes.fromhex(tail[1].decode())
        try:
            read = json.loads(stored.decode("utf-8"), object_pairs_hook=unique)
        except (ValueError, RecursionError):
            raise Refused("malformed: not a JSON object") from None
        if not isinstance(read, dict) or set(read) != MEMBERS or depth(read) > 24:
            raise Refused("malformed: a member is missing or unknown")
        if read["keywarden"] != 1:
            raise Refused(f"unsupported_version: {read['keywarden']}")
        if len(read["slots"]) > 64 or len(read["versions"]) > 256:
            raise Refused("limit_exceeded: at most 64 slots and 256 versions")
        self.kind, self.name, self.slots, self.versions = read["kind"], read["name"], read["slots"], read["versions"]
        self.attributes = read["attributes"]
        try:
            self.id, self.commitment = bytes.fromhex(read["id"]), bytes.fromhex(read["commitment"])
            self.sealed = base64.b64decode(read["material"], validate=True)
        except (ValueError, TypeError, binascii.Error):
            raise Refused("malformed: not hexadecimal, or not Base64") from None
        if len(self.id) != 16 or not 28 <= len(self.sealed) <= 28 + (256 << 10):
            raise Refused("malformed: the size of the id or of the material")

    def is_record_key(self, candidate):
        return hmac.compare_digest(hkdf(candidate, b"", b"keywarden/1/record/commitment"), self.commitment)

    def material(self, record_key):
        mac_key = hkdf(record_key, b"", b"keywarden/1/record/mac")
        if not hmac.compare_digest(hmac.new(mac_key, lp(self.covered), hashlib.sha256).digest(), self.mac):
            raise Refused("authentication_failed: the record was altered")
        associated = lp(self.kind.encode()) + lp(self.name.encode()) + lp(self.id)
        key = hkdf(record_key, b"", b"keywarden/1/record/material")
        return aead_open(1, key, self.sealed[:12], self.sealed[12:], associated)


class Secrets:
    """What the reader was given to open with."""

    def __init__(self):
        self.passwords, self.machine, self.account = [], None, None
        self.parents, self.mechanisms, self.entropy = [], [], None
        self.work = MOST_WORK


def split_schemes(text):
    """The schemes between the parentheses of a combination."""
    parts, level = [""], 0
    for letter in text:
        level += (letter == "(") - (letter == ")")
        if letter == "," and level == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


class Opener:
    def __init__(self, record, secrets):
        self.record, self.secrets = record, secrets

    def context(self, scheme, path):
        return b"".join(lp(part) for part in [b"keywarden/1/slot", scheme.encode(), self.record.id,
                                              self.record.kind.encode(), self.record.name.encode(), path.encode()])

    @staticmethod
    def unhide(data, secret, context):
        return xor(bytes.fromhex(data["hidden"]), hkdf(secret, bytes.fromhex(data["salt"]), context))

    def with_entropy(self, secret):
        return secret if self.secrets.entropy is None else hkdf(secret, self.secrets.entropy, b"keywarden/1/entropy")

    def candidates(self, data, path=""):
        """Every key that a protector's data may hide, as far as the secrets at hand go."""
        scheme = data["scheme"]
        context = self.context(scheme, path)
        if scheme in ("account", "machine"):
            given = getattr(self.secrets, scheme)
            if given is not None:
                secret, binding = given
                yield self.unhide(data, self.with_entropy(secret), context + lp(binding))
        elif scheme.startswith("password/"):
            for password in self.secrets.passwords:
                yield self.unhide(data, self.hash_password(scheme, data, password), context)
        elif scheme.startswith("key/"):
            for kind, record_id, ring in self.secrets.parents:
                if scheme == "key/" + kind and data["parent"] == record_id and data["parent_version"] in ring:
                    binding = bytes.fromhex(record_id) + struct.pack(">I", data["parent_version"])
                    yield self.unhide(data, self.with_entropy(ring[data["parent_version"]]), context + lp(binding))
        elif scheme.startswith("recipient/"):
            for mechanism in self.secrets.mechanisms:
                if scheme == "recipient/" + mechanism.name and base64.b64decode(data["public_key"]) == mechanism.public:
                    yield self.unhide(data, mechanism.decapsulate(base64.b64decode(data["ciphertext"])), context)
        elif scheme.startswith(("any_of(", "all_of(", "threshold/")):
            yield from self.combined(scheme, data, path, context)
        else:
            raise Refused(f"malformed: the scheme {scheme!r} is not in the specification")

    def combined(self, scheme, data, path, context):
        legs = data["legs"]
        if not 1 <= len(legs) <= 8 or [leg["scheme"] for leg in legs] != split_schemes(scheme.partition("(")[2][:-1]):
            raise Refused("malformed: the legs are not those of the scheme")
        found = [list(self.candidates(leg, f"{path}/{index}")) for index, leg in enumerate(legs)]
        if scheme.startswith("any_of("):
            yield from itertools.chain(*found)
        elif scheme.startswith("all_of("):
            for shares in itertools.product(*found):
                yield self.unhide(data, b"".join(shares), context)
        else:
            needed = int(scheme[len("threshold/"):scheme.index("(")])
            for chosen in itertools.combinations(range(len(legs)), needed):
                for shares in itertools.product(*(found[index] for index in chosen)):
                    shared = combine_shares([(index + 1, share) for index, share in zip(chosen, shares)])
                    yield self.unhide(data, shared, context)

    def hash_password(self, scheme, data, password):
        memory, iterations, lanes = data["memory_kib"], data["iterations"], data["lanes"]
        if not (0 <= memory <= 1 << 20 and 1 <= iterations <= 10_000_000 and 1 <= lanes <= 16):
            raise Refused("limit_exceeded: the cost of the password hashing")
        self.secrets.work -= max(16 * memory, 2) * iterations
        if self.secrets.work < 0:
            raise Refused("limit_exceeded: the total cost of password hashing")
        salt = bytes.fromhex(data["password_salt"])
        if scheme == "password/argon2id":
            return argon2id(password, salt, memory, iterations, lanes)
        if scheme == "password/pbkdf2-sha256":
            return hashlib.pbkdf2_hmac("sha256", password, salt, iterations, 32)
        raise Refused(f"malformed: the scheme {scheme!r} is not in the specification")

    def record_keys(self, data):
        """The record keys that a slot may hide. A slot with a password in it hides a seed in `leg`."""
        scheme = data["scheme"]
        if "password/" not in scheme:
            yield from self.candidates(data)
            return
        if data["leg"]["scheme"] != scheme:
            raise Refused("malformed: the leg is not that of the scheme")
        for seed in self.candidates(data["leg"]):
            pair = XWing(seed)
            if pair.public == base64.b64decode(data["public_key"]):
                shared = pair.decapsulate(base64.b64decode(data["ciphertext"]))
                yield self.unhide(data, shared, self.context("slot-key-pair/" + scheme, ""))

    def open(self):
        for slot in self.record.slots:
            for candidate in self.record_keys(slot["data"]):
                if self.record.is_record_key(candidate):
                    return self.record.material(candidate)
        raise Refused("no_slot_opened: none of the slots opens with what was given")


def gf_times(a, b):
    out = 0
    for bit in range(8):
        if b >> bit & 1:
            out ^= a << bit
    for bit in range(14, 7, -1):
        if out >> bit & 1:
            out ^= 0x11B << bit - 8
    return out


def combine_shares(shares):
    """Shamir's sharing over GF(2^8): the polynomials' value at 0."""
    secret = bytes(32)
    for x, share in shares:
        factor = 1
        for other, _ in shares:
            if other != x:
                inverse = next(i for i in range(1, 256) if gf_times(i, x ^ other) == 1)
                factor = gf_times(factor, gf_times(other, inverse))
        secret = xor(secret, bytes(gf_times(byte, factor) for byte in share))
    return secret


def ring_of(kind, material):
    if kind not in RINGS or len(material) % 36 != 0:
        raise Refused(f"malformed: the material of a {kind} is no key ring")
    return {struct.unpack(">I", material[at:at + 4])[0]: material[at + 4:at + 36] for at in range(0, len(material), 36)}


# ---- the command line -------------------------------------------------------------------------------------------------

def ring_file(path):
    """A key ring as `record --ring` writes it: kind, id, and the secret of each version in hexadecimal."""
    read = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    return read["kind"], read["id"], {int(key_id): bytes.fromhex(secret) for key_id, secret in read["versions"].items()}


def secret_line(path):
    return pathlib.Path(path).read_bytes().removesuffix(b"\n")


def read_input(path):
    return sys.stdin.buffer.read() if path == "-" else pathlib.Path(path).read_bytes()


def write_private(path, data):
    if path == "-":
        sys.stdout.buffer.write(data)
        return
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(data)


def key_of(given):
    if given.ring:
        return ring_file(given.ring)[2]
    if given.secret is None or given.key_id is None:
        raise SystemExit("give --ring, or --secret and --key-id")
    return {given.key_id: bytes.fromhex(given.secret)}


def associated_of(given):
    return bytes.fromhex(given.associated_hex) if given.associated_hex is not None else given.associated_data.encode()


def do_message(given):
    ring, data = key_of(given), read_input(given.file)
    if given.form == "tink":
        return open_tink_message(ring, given.purpose, associated_of(given), data, SUITE_NAMES[given.suite])
    return open_message(ring, given.purpose, associated_of(given), data)


def do_stream(given):
    ring, data = key_of(given), read_input(given.file)
    if given.form == "tink":
        key_id = given.key_id if given.key_id is not None else max(ring)
        return open_tink_stream(ring, given.purpose, associated_of(given), data, key_id, given.segment_size)
    return open_stream(ring, given.purpose, associated_of(given), data)


def stored_record(given):
    if not given.store:
        return read_input(given.file)
    if not given.name:
        raise SystemExit("--store needs --name")
    if pathlib.Path(given.store).is_dir():
        return (pathlib.Path(given.store) / given.name.replace("/", "@")).read_bytes()
    with sqlite3.connect(f"file:{given.store}?mode=ro", uri=True) as database:
        row = database.execute("SELECT data FROM records WHERE name = ?", (given.name,)).fetchone()
    if row is None:
        raise Refused(f"not_found: no record {given.name}")
    return bytes(row[0])


def do_record(given):
    secrets = Secrets()
    secrets.passwords = [secret_line(path) for path in given.password_file]
    secrets.entropy = pathlib.Path(given.entropy_file).read_bytes() if given.entropy_file else None
    if given.machine:
        secrets.machine = (pathlib.Path(given.machine[0]).read_bytes(),
                           pathlib.Path(given.machine[1]).read_bytes().split(b"\n")[0])
    if given.account:
        secrets.account = (pathlib.Path(given.account[0]).read_bytes(), be64(int(given.account[1])))
    secrets.parents = [ring_file(path) for path in given.parent]
    secrets.mechanisms = [XWing(bytes.fromhex(secret_line(path).decode())) for path in given.x_wing_seed]
    for path in given.private_key:
        secrets.mechanisms.append(mechanism_of(serialization.load_pem_private_key(pathlib.Path(path).read_bytes(), None)))
    record = Record(stored_record(given))
    if given.credential:
        purpose, owner = (each.encode() for each in given.credential)
        bound = hashlib.sha256(lp(b"keywarden/1/credential") + lp(purpose) + lp(owner)).hexdigest()
        given.name, given.kind = "credential/" + bound, "credential"
    if given.name is not None and record.name != given.name:
        raise Refused(f"context_mismatch: the record is {record.name}, not {given.name}")
    if given.kind is not None and record.kind != given.kind:
        raise Refused(f"context_mismatch: the record is a {record.kind}, not a {given.kind}")
    try:
        material = Opener(record, secrets).open()
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Refused("malformed: a slot is not as its scheme has it") from None
    if not given.ring:
        return material
    ring = {str(key_id): secret.hex() for key_id, secret in ring_of(record.kind, material).items()}
    return (json.dumps({"kind": record.kind, "id": record.id.hex(), "versions": ring}, indent=1) + "\n").encode()


def command_line():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run, words in [("message", do_message, "open a sealed message"), ("stream", do_stream, "open a sealed stream")]:
        one = commands.add_parser(name, help=words, description=words)
        one.add_argument("file", nargs="?", default="-", help="the sealed bytes; - is standard input")
        one.add_argument("--form", choices=["native", "tink"], default="native")
        one.add_argument("--purpose", required=True, help="the name of the purpose that it was sealed for")
        one.add_argument("--ring", help="the key, from record --ring")
        one.add_argument("--secret", metavar="HEX", help="the key: the secret of one version, for tests")
        one.add_argument("--key-id", type=int, help="its id")
        one.add_argument("--associated-data", default="", metavar="TEXT")
        one.add_argument("--associated-hex", metavar="HEX")
        one.add_argument("--output", default="-")
        if name == "message":
            one.add_argument("--suite", choices=SUITE_NAMES, default="aes-256-gcm", help="of Tink's form, which does not say")
        else:
            one.add_argument("--segment-size", type=int, default=1 << 20, help="of Tink's form, which does not say")
        one.set_defaults(run=run)
    one = commands.add_parser("record", help="open a key record, a backup or a sealed credential")
    one.add_argument("file", nargs="?", default="-", help="the record; - is standard input")
    one.add_argument("--store", help="take it from a store instead: an SQLite file or a folder")
    one.add_argument("--name", help="where the record lives; another one is refused")
    one.add_argument("--kind", help="its kind; another one is refused")
    one.add_argument("--credential", nargs=2, metavar=("PURPOSE", "OWNER"), help="what a sealed credential is bound to")
    one.add_argument("--password-file", action="append", default=[], help="a password, without its line feed")
    one.add_argument("--machine", nargs=2, metavar=("SECRET", "ID"), help="the files of the machine's secret and id")
    one.add_argument("--account", nargs=2, metavar=("SECRET", "UID"), help="the file of the account's secret, its user id")
    one.add_argument("--parent", action="append", default=[], help="the key above, from record --ring")
    one.add_argument("--x-wing-seed", action="append", default=[], help="a recipient's private key: 64 hexadecimal digits")
    one.add_argument("--private-key", action="append", default=[], help="a recipient's private key, PEM")
    one.add_argument("--entropy-file", help="optional entropy of account, machine or key")
    one.add_argument("--ring", action="store_true", help="write the versions of a key ring instead of its raw material")
    one.add_argument("--output", default="-")
    one.set_defaults(run=do_record)
    return parser


def main():
    given = command_line().parse_args()
    try:
        write_private(given.output, given.run(given))
    except Refused as why:
        print(f"refused: {why}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
