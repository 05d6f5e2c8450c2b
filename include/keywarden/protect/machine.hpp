/// @file
/// Binding a key to the machine: DPAPI's machine scope, for Linux.
#pragma once

#include <fstream>
#include <string>

#include <keywarden/protect/keyed.hpp>
#include <keywarden/protect/secret_file.hpp>

namespace keywarden::protect {

/// Opens on this machine only, for every process that may read the machine's secret.
///
/// The key is HKDF over a 32-byte secret file (root-owned, 0640, made by initialisation) and the
/// machine id. Protects against theft of the store or a backup of it; not of the whole disk; cloned
/// machines share both. Errors: `secret_unavailable`, with the file. Immutable; any thread.
class machine : public detail::keyed_protector<machine> {
 public:
  static std::string scheme() { return "machine"; }
  static constexpr requirements offers{256, requirements::unguessable, true, {}};
  static constexpr bool interactive = false;
  static constexpr bool opens_without(factors lost) noexcept {
    return !lost.contains(factor::machine);
  }

  /// `secret` is where the secret lives, `id` a file whose first line names the machine. An image
  /// that has not booted yet has no name ("uninitialized", see machine-id(5)) and is refused.
  explicit machine(std::filesystem::path secret = "/var/lib/keywarden/machine.secret",
                   std::filesystem::path id = "/etc/machine-id")
      : file_(std::move(secret), 0640), id_(std::move(id)) {}

  /// Makes the secret unless it exists: what initialisation and an authorised repair do, and
  /// nothing else.
  [[nodiscard]] result<void> provision() const {
    auto made = file_.read_or_create();
    if (!made) return made.error();
    return done();
  }

  /// The secret's file.
  [[nodiscard]] const secret_file& file() const noexcept { return file_; }

 private:
  friend class detail::keyed_protector<machine>;
  [[nodiscard]] result<secret_key> secret() const { return file_.read(); }
  [[nodiscard]] result<bytes> binding() const {
    std::ifstream in(id_);
    std::string id;
    if (!std::getline(in, id) || id.empty() || id.size() > 256 || id == "uninitialized")
      return error(errc::secret_unavailable)
          .with(fact::file, id_.string())
          .with(fact::reason, "cannot read the machine's id")
          .with(fact::next_step,
                "make it with systemd-machine-id-setup, or name another file that identifies this "
                "machine");
    return to_bytes(as_bytes(id));
  }

  secret_file file_;
  std::filesystem::path id_;
};

static_assert(key_protector<machine>);

}  // namespace keywarden::protect
