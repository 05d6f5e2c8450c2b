// Looks for secrets in what a core dump of this process would hold: all private, readable memory
// that is not marked to be left out ("dd" in the kernel's flags). A child process works with keys
// and a password, and the parent reads it while it is stopped, as the kernel or gcore would.
//
// A public text beside the secrets must be found, so that finding nothing means something.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include <keywarden/crypto/password_kdf.hpp>
#include <keywarden/key/opened_key.hpp>

#include "support/memory_map.hpp"

namespace kw = keywarden;
using kw::testing::mappings_of;
using kw::testing::read_memory;

namespace {

struct dumped {
  static constexpr std::string_view name = "dumped";
};

// Secrets are computed in the parent after the child is done, from seeds that are not themselves
// the secrets, so that no copy of them comes into the child by being inherited or compiled in.
kw::bytes made_of(std::uint8_t seed, std::size_t size) {
  kw::bytes made(size);
  std::uint32_t state = 0x9E3779B9U * (seed + 1U);
  for (auto& each : made) {
    state = state * 1664525U + 1013904223U;
    each = static_cast<std::uint8_t>((state >> 24U) % 94U +
                                     33U);  // printable, so that it can be a password
  }
  return made;
}

constexpr std::uint8_t key_seed = 1;
constexpr std::uint8_t password_seed = 2;
constexpr std::uint8_t message_seed = 3;
constexpr std::uint8_t public_seed = 4;

// The secret is written straight into locked memory, byte by byte.
template <class Secret>
Secret secret_of(std::uint8_t seed, std::size_t size) {
  std::uint32_t state = 0x9E3779B9U * (seed + 1U);
  auto made = kw::detail::secret_access::sized<kw::secret_key>(size);
  for (auto& each : kw::detail::secret_access::view(made)) {
    state = state * 1664525U + 1013904223U;
    each = static_cast<std::uint8_t>((state >> 24U) % 94U + 33U);
  }
  if constexpr (std::is_same_v<Secret, kw::password>)
    return kw::password(kw::as_text(kw::detail::view_of(made)));
  else
    return made;
}

// Does what a program does, then waits to be looked at with everything still open.
[[noreturn]] void child() {
  const auto marker = made_of(public_seed, 32);
  std::vector<kw::key_version> versions;
  versions.push_back(
      {kw::key_id(1), kw::key_state::active, {}, 0, secret_of<kw::secret_key>(key_seed, 32)});
  const auto ring = kw::key_ring::adopt(std::move(versions)).value();
  const auto typed = secret_of<kw::password>(password_seed, 24);
  const auto derived = kw::crypto::argon2id<8192, 1, 1>::derive(typed, {}, {8192, 1, 1}).value();
  const auto key = kw::opened_key<dumped>::create(ring).value();
  const auto message = secret_of<kw::secret_key>(message_seed, 40);
  const auto sealed = key.seal(kw::detail::view_of(message), marker).value();
  const auto opened = key.open(sealed, marker).value();
  if (opened.size() != 40 || derived.size() != 32) ::_exit(1);
  ::raise(SIGSTOP);
  // Used again afterwards, so that nothing above is gone before it is looked at.
  ::_exit(key.open(sealed, marker) && !typed.empty() && !marker.empty() ? 0 : 1);
}

kw::bytes dump_of(const std::string& process, bool with_excluded) {
  kw::bytes dump;
  for (const auto& each : mappings_of(process)) {
    if (each.permissions.empty() || each.permissions[0] != 'r' || each.name == "[vvar]") continue;
    if (each.has("dd") != with_excluded) continue;
    kw::append(dump, read_memory(process, each.begin, each.end - each.begin));
  }
  return dump;
}

bool contains(const kw::bytes& dump, kw::bytes_view part) {
  return std::search(dump.begin(), dump.end(), part.begin(), part.end()) != dump.end();
}

}  // namespace

int main() {
  const auto process = ::fork();
  if (process < 0) return 2;
  if (process == 0) child();

  int status = 0;
  if (::waitpid(process, &status, WUNTRACED) != process || !WIFSTOPPED(status)) {
    std::puts("the child did not come to its stop");
    return 1;
  }
  const auto dump = dump_of(std::to_string(process), false);
  const auto excluded = dump_of(std::to_string(process), true);
  ::kill(process, SIGCONT);
  ::waitpid(process, &status, 0);

  const auto key = kw::secret_key::copy_of(made_of(key_seed, 32));
  const auto subkey = kw::purpose_subkey<dumped>(key).value();
  const auto subkey_bytes = kw::to_bytes(kw::detail::view_of(subkey));
  const auto typed = made_of(password_seed, 24);
  const auto derived =
      kw::crypto::argon2id<8192, 1, 1>::derive(kw::password(kw::as_text(typed)), {}, {8192, 1, 1})
          .value();
  // The AES key schedule begins with the key, as bytes or as big-endian words taken for the
  // machine's own.
  auto swapped = subkey_bytes;
  for (std::size_t i = 0; i + 4 <= swapped.size(); i += 4)
    std::reverse(swapped.begin() + static_cast<std::ptrdiff_t>(i),
                 swapped.begin() + static_cast<std::ptrdiff_t>(i + 4));

  bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (!ok) std::puts("the child failed");
  std::printf("a core dump would hold %zu bytes and leave out %zu\n", dump.size(), excluded.size());
  const auto absent = [&](const char* what, kw::bytes_view secret) {
    const bool found = contains(dump, secret);
    std::printf("  %-36s %s\n", what, found ? "FOUND" : "absent");
    ok = ok && !found;
  };
  absent("the key", made_of(key_seed, 32));
  absent("the key's first half", kw::bytes_view(made_of(key_seed, 32)).first(16));
  absent("the purpose's subkey", subkey_bytes);
  absent("the subkey's first half", kw::bytes_view(subkey_bytes).first(16));
  absent("the AES round keys, as words", kw::bytes_view(swapped).first(16));
  absent("the password", typed);
  absent("the password's first half", kw::bytes_view(typed).first(12));
  absent("the key derived from it", kw::detail::view_of(derived));
  absent("the opened message", made_of(message_seed, 40));
  const auto present = [&](const char* what, const kw::bytes& where, kw::bytes_view part) {
    const bool found = contains(where, part);
    std::printf("  %-36s %s\n", what, found ? "found, as it must be" : "NOT FOUND");
    ok = ok && found;
  };
  present("the public text", dump, made_of(public_seed, 32));
  present("the key, in the memory left out", excluded, made_of(key_seed, 32));
  present("the subkey, in the memory left out", excluded, subkey_bytes);
  present("the password, in the memory left out", excluded, typed);
  return ok ? 0 : 1;
}
