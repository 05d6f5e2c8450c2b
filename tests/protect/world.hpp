/// @file
/// Accounts, machines, passwords and recipients for tests, all in a folder of their own.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <keywarden/core/name.hpp>
#include <keywarden/crypto/password_kdf.hpp>
#include <keywarden/protect/account.hpp>
#include <keywarden/protect/combine.hpp>
#include <keywarden/protect/machine.hpp>
#include <keywarden/protect/password.hpp>
#include <keywarden/protect/recipient.hpp>
#include <keywarden/protect/wrapped_by.hpp>

#include "support/scratch.hpp"

namespace keywarden::testing {

/// The cheapest Argon2id there is.
using fast = crypto::argon2id<64, 1, 1>;

/// A password that costs a test nothing.
using typed = protect::password<fast>;

/// A protector that knows a password.
[[nodiscard]] inline typed by_heart(std::string_view text) { return typed(password(text)); }

/// Writes a file with exactly this content and these permissions.
inline void write_file(const std::filesystem::path& path, std::string_view content,
                       ::mode_t mode = 0600) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  if (::chmod(path.c_str(), mode) != 0) throw std::runtime_error("cannot write " + path.string());
}

/// The content of a file.
[[nodiscard]] inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// A folder in which machines and accounts live.
class world {
 public:
  /// A machine of this name, with its secret.
  [[nodiscard]] protect::machine machine(const std::string& name) const {
    auto made = unprovisioned(name);
    made.provision().value();
    return made;
  }
  /// A machine of this name whose secret is not there.
  [[nodiscard]] protect::machine unprovisioned(const std::string& name) const {
    const auto id = folder_ / (name + ".id");
    if (!std::filesystem::exists(id)) write_file(id, name + "\n");
    return protect::machine(folder_ / (name + ".machine"), id);
  }
  /// An account of this name, with its secret.
  [[nodiscard]] protect::account account(const std::string& name) const {
    protect::account made(folder_ / (name + ".account"));
    made.provision().value();
    return made;
  }
  /// An account whose secret is not there.
  [[nodiscard]] protect::account gone() const { return protect::account(folder_ / "gone"); }

  [[nodiscard]] const std::filesystem::path& path() const { return folder_.path(); }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const {
    return folder_ / name;
  }

 private:
  scratch folder_{scratch::on::memory};
};

/// A recipient with a key of its own, made once for each number.
template <class Kem>
[[nodiscard]] protect::recipient<Kem> recipient_of(int number) {
  static std::vector<protect::recipient<Kem>> made = [] {
    system_random random;
    std::vector<protect::recipient<Kem>> all;
    for (int i = 0; i < 2; ++i) all.emplace_back(Kem::private_key::generate(random).value());
    return all;
  }();
  return made.at(static_cast<std::size_t>(number));
}

/// A parent key with this byte everywhere.
template <class Role>
[[nodiscard]] protect::wrapped_by<Role> child_of(std::uint8_t byte) {
  const bytes filled(32, byte);
  return protect::wrapped_by<Role>(protect::parent_key{record_id(bytes_view(filled).first<16>()),
                                                       key_id(byte), secret_key::copy_of(filled)});
}

/// A record's name.
[[nodiscard]] inline record_name named(std::string_view text) {
  return record_name::parse(text).value();
}

}  // namespace keywarden::testing
