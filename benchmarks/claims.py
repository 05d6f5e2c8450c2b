"""What Keywarden claims about its speed, and whether a run bears it out.

A claim compares two medians of one run (or one with a fixed limit), so that it means the same on every machine. Its verdict
is "holds", "fails", or "absent" when the run has not measured what it is about: a peer that is not installed, or a component
that was not built, is never guessed.
"""

import math
import re

SIZES = [16, 64, 256, 1024, 4096, 16384, 65536, 1 << 20, 16 << 20]

# What peers are called in a report, and which of them draw a random nonce for each message as Keywarden does.
PEERS = {
    "botan_header": "Botan, by hand, our header, random nonce",
    "botan": "Botan, by hand, random nonce",
    "botan_free_nonce": "Botan, by hand, free nonce",
    "botan_naive": "Botan, as often used",
    "openssl": "OpenSSL, context reused",
    "openssl_free_nonce": "OpenSSL, context reused, free nonce",
    "libsodium": "libsodium, key precomputed",
    "libsodium_free_nonce": "libsodium, key precomputed, free nonce",
}

# What the composition that picks its provider by size is called in a run.
BY_SIZE = ("by_size_aes256_gcm",)

# Above so many bytes that composition's provider is Botan (seal_bench.cpp); and from which ratio on to Botan by hand, which then is
# the same code, a difference is taken for none if the quartiles overlap.
BOTAN_ABOVE = 2560
SAME_CODE = 0.95


def text_of(size):
    for unit, scale in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= scale and size % scale == 0:
            return f"{size // scale} {unit}"
    return f"{size} B"


class Results:
    """The medians of a run by name: CPU nanoseconds, and elapsed ones for what runs in several threads."""

    def __init__(self, report):
        self.cpu = {}
        self.real = {}
        self.quartiles = {each["name"]: (each["low_ns"], each["high_ns"]) for each in report.get("benchmarks", [])
                          if "low_ns" in each and "high_ns" in each}
        for each in report.get("benchmarks", []):
            for kind, into in (("cpu_ns", self.cpu), ("real_ns", self.real)):
                value = each.get(kind)
                if isinstance(value, (int, float)) and math.isfinite(value) and value > 0:
                    into[each["name"]] = value
        self.files = {(each["program"], each["operation"], each["bytes"]): each for each in report.get("files", [])}

    def level(self, one, other):
        """Whether two cannot be told apart: their quartiles overlap."""
        if one not in self.quartiles or other not in self.quartiles:
            return False
        (low, high), (other_low, other_high) = self.quartiles[one], self.quartiles[other]
        return low <= other_high and other_low <= high

    def largest_file(self, program, operation):
        """The record of the largest file a program worked on, or None."""
        sizes = [size for name, what, size in self.files if (name, what) == (program, operation)]
        return self.files[program, operation, max(sizes)] if sizes else None


def claim(reach, name, ratio, sign, target, note=""):
    """`sign` is "≥" or "≤"; `ratio` is None when the run has not what it takes."""
    if ratio is None:
        verdict = "absent"
    else:
        verdict = "holds" if (ratio >= target if sign == "≥" else ratio <= target) else "fails"
    return {"reach": reach, "name": name, "ratio": ratio, "sign": sign, "target": target, "verdict": verdict, "note": note}


def divided(above, below):
    return above / below if above is not None and below is not None else None


def times_as_fast(reach, results, ours, peer, target, name):
    """The peer's time is at least `target` times ours."""
    return claim(reach, name, divided(results.cpu.get(peer), results.cpu.get(ours)), "≥", target)


def at_most(reach, results, ours, other, target, name, note=""):
    """Our time is at most `target` times the other."""
    return claim(reach, name, divided(results.cpu.get(ours), results.cpu.get(other)), "≤", target, note)


def within(reach, results, ours, limit_ns, name, beyond):
    """Our CPU time, less `beyond`, is at most so many nanoseconds; the ratio is to the limit."""
    value = results.cpu.get(ours)
    if value is None or math.isnan(beyond):
        return claim(reach, name, None, "≤", 1.0)
    return claim(reach, name, (value - beyond) / limit_ns, "≤", 1.0)


def botan_alone(results):
    def seal(policy, size):
        return f"seal/{policy}/{size}"

    for size, target in ((64, 2.2), (16384, 1.25), (1 << 20, 1.25)):
        yield times_as_fast(1, results, seal("aes256_gcm", size), seal("openssl", size), target,
                            f"seal {text_of(size)}: times as fast as OpenSSL, context reused")
    for size, target in ((64, 1.25), (16384, 2.5), (1 << 20, 2.5)):
        yield times_as_fast(1, results, seal("aes256_gcm", size), seal("libsodium", size), target,
                            f"seal {text_of(size)}: times as fast as libsodium, key precomputed")
    yield times_as_fast(1, results, seal("aes256_gcm", 64), seal("botan_naive", 64), 20,
                        "seal 64 B: times as fast as Botan as often used")
    for peer, words in (("botan_header", "our header, random nonce"), ("botan", "random nonce"),
                        ("botan_free_nonce", "free nonce")):
        worst = [(divided(results.cpu.get(seal("aes256_gcm", size)), results.cpu.get(seal(peer, size))), size)
                 for size in SIZES]
        worst = max((pair for pair in worst if pair[0] is not None), default=(None, 0))
        yield claim(1, f"seal, every size: our time to Botan's by hand, {words}", worst[0], "≤", 1.05,
                    f"the worst is at {text_of(worst[1])}" if worst[0] else "")


def ours_by_size(results, operation, size):
    """The composition that picks its provider by size, if it was built."""
    return next((name for name in (f"{operation}/{policy}/{size}" for policy in BY_SIZE) if name in results.cpu), None)


def lead(results):
    for operation in ("seal", "open"):
        for size in SIZES:
            ours = ours_by_size(results, operation, size)
            peers = [f"{operation}/{peer}/{size}" for peer in PEERS if not peer.endswith("free_nonce")]
            there = [(results.cpu[peer], peer) for peer in peers if peer in results.cpu]
            fastest = min(there, default=(None, ""))
            peer = fastest[1].split("/")[1] if fastest[1] else ""
            made = claim(2, f"{operation} {text_of(size)}, provider by size: the fastest peer's time to ours",
                         divided(fastest[0], results.cpu.get(ours)), "≥", 1.0,
                         f"the fastest peer is {PEERS[peer]}" if peer and ours else "")
            # Where Botan is the provider, Botan by hand is the same code: it cannot be beaten, only equalled.
            faster = [name for time, name in there if ours and time < results.cpu[ours]]
            if (made["verdict"] == "fails" and size > BOTAN_ABOVE and made["ratio"] >= SAME_CODE
                    and all(name.split("/")[1].startswith("botan") and results.level(ours, name) for name in faster)):
                made |= {"verdict": "holds", "note": f"level with {PEERS[peer]}, which it calls itself: the quartiles overlap"}
            yield made


# (name of the claim, ours, target): handshakes, each beside OpenSSL's over X25519 of the same kind: with contexts that have met
# nobody, or with those that have.
HANDSHAKES = [
    ("Botan engine, pinned, first contact", "pinned/x25519/first_contact", 0.85),
    ("Botan engine, CA chain, known peer", "chain/x25519/known_peer", 0.75),
    ("Botan engine, CA chain, first contact", "chain/x25519/first_contact", 1.4),
    ("Botan engine, CA chain, hybrid, known peer", "chain/x25519mlkem768/known_peer", 1.0),
    ("libssl engine, pinned, first contact", "libssl/pinned/x25519/first_contact", 0.85),
    ("libssl engine, pinned, known peer", "libssl/pinned/x25519/known_peer", 0.85),
    ("libssl engine, CA chain, known peer", "libssl/chain/x25519/known_peer", 0.85),
    ("libssl engine, CA chain, first contact", "libssl/chain/x25519/first_contact", 1.1),
    ("libssl engine, its own configuration, pinned, first contact", "libssl_own_configuration/pinned/x25519/first_contact", 0.85),
    ("libssl engine, its own configuration, pinned, known peer", "libssl_own_configuration/pinned/x25519/known_peer", 0.85),
    ("libssl engine, its own configuration, CA chain, known peer", "libssl_own_configuration/chain/x25519/known_peer", 0.85),
    ("libssl engine, its own configuration, CA chain, first contact", "libssl_own_configuration/chain/x25519/first_contact", 1.1),
]


def handshakes(results):
    for name, ours, target in HANDSHAKES:
        kind = ours.rsplit("/", 1)[1]
        yield at_most(3, results, f"handshake/{ours}", f"handshake/openssl/x25519/{kind}", target,
                      f"handshake, {name}: our CPU to OpenSSL's")


def records(results):
    for direction in ("send", "receive"):
        worst = (None, 0)
        for name in results.cpu:
            found = re.fullmatch(rf"records/libssl/{direction}/(\d+)", name)
            ratio = divided(results.cpu[name], results.cpu.get(f"records/openssl/{direction}/{found[1]}")) if found else None
            if ratio is not None:
                worst = max(worst, (ratio, int(found[1])), key=lambda pair: pair[0] or 0)
        yield claim(4, f"records, libssl engine, {direction}: our time to OpenSSL's", worst[0], "≤", 1.03,
                    f"the worst is at {text_of(worst[1])}" if worst[0] else "")


def streams(results):
    size = max((int(name.split("/")[2]) for name in results.real if name.startswith("stream_seal/threads_1/")), default=0)
    for operation in ("seal", "open"):
        one, two = (results.real.get(f"stream_{operation}/threads_{count}/{size}") for count in (1, 2))
        yield claim(5, f"stream {operation}: two threads' throughput to one's", divided(one, two), "≥", 1.8,
                    f"{text_of(size)} in memory" if size else "")
    for operation in ("seal", "open"):
        ours, age = (results.largest_file(program, operation) for program in ("keywarden", "age"))
        yield claim(5, f"file {operation}, one core: age's CPU time to ours",
                    divided(age and age["cpu_s"], ours and ours["cpu_s"]), "≥", 2.0,
                    f"the system's included, for {text_of(ours['bytes'])}; elapsed, with waiting for the disk: "
                    f"{age['elapsed_s'] / max(ours['elapsed_s'], 0.001):.1f}×" if ours and age else "")
    peaks = sorted((size, each["peak_kib"]) for (program, what, size), each in results.files.items()
                   if (program, what) == ("keywarden", "seal"))
    flat = peaks[-1][1] / peaks[0][1] if len(peaks) > 1 else None
    yield claim(5, "file seal: memory for the largest file to that for the smallest", flat, "≤", 1.1,
                f"{text_of(peaks[-1][0])} and {text_of(peaks[0][0])}" if flat else "")


def admissions(results):
    many = "admit/10000_rules_1000000_hosts"
    yield claim(6, "a decision with 10,000 rules and a million hosts: to 150 ns", divided(results.cpu.get(many), 150), "≤", 1.0)
    yield at_most(6, results, many, "admit/10_rules_1000000_hosts", 1.5,
                  "a decision with 10,000 rules: to one with 10, same hosts")


def vaults(results):
    # What it adds is measured with a cheap password: beside a dear one it is lost in the noise.
    yield within(7, results, "vault/open_with_cheap_password", 1e6, "opening a vault, beyond Argon2id: to 1 ms",
                 results.cpu.get("vault/cheap_argon2id_alone", math.nan))
    # Elapsed, because somebody waits for it.
    yield claim(7, "first seal under a known key after a restart, no password: to 5 ms, elapsed",
                divided(results.real.get("vault/known_key_seal_after_restart"), 5e6), "≤", 1.0)


def judge(report):
    """All claims about a report, in the order of their numbers."""
    results = Results(report)
    return [made for part in (botan_alone, lead, handshakes, records, streams, admissions, vaults) for made in part(results)]
