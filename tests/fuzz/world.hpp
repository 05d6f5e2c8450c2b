/// @file
/// The keys, passwords and contents behind the seeds in corpus/: fixed, public and worth nothing.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/core/name.hpp>
#include <keywarden/crypto/password_kdf.hpp>
#include <keywarden/crypto/x_wing.hpp>
#include <keywarden/key/key_record.hpp>
#include <keywarden/key/key_ring.hpp>
#include <keywarden/key/role.hpp>
#include <keywarden/protect/combine.hpp>
#include <keywarden/protect/password.hpp>
#include <keywarden/protect/recipient.hpp>
#include <keywarden/protect/wrapped_by.hpp>

#include "support/content.hpp"

namespace keywarden::fuzz {

/// Everything sealed in a seed is some of it.
using testing::content;

[[nodiscard]] inline secret_key key_of(std::uint8_t byte) {
  return secret_key::copy_of(bytes(32, byte));
}

/// A ring with a version in each state that has a secret.
[[nodiscard]] inline key_ring ring() {
  const auto version = [](std::uint32_t id, key_state state, std::uint8_t byte) {
    return key_version{key_id(id), state, time_point(std::chrono::seconds(1767225600)), 4096,
                       key_of(byte)};
  };
  std::vector<key_version> versions;
  versions.push_back(version(0x0a0a0a0a, key_state::retired, 10));
  versions.push_back(version(0x0b0b0b0b, key_state::active, 11));
  versions.push_back(version(0x0c0c0c0c, key_state::created, 12));
  versions.push_back(version(0x0d0d0d0d, key_state::disabled, 13));
  return key_ring::adopt(std::move(versions)).value();
}

/// The same ring when the retired version was the active one.
[[nodiscard]] inline key_ring earlier_ring() {
  auto made = ring();
  made.promote(key_id(0x0a0a0a0a)).value();
  return made;
}

/// What the seeds are sealed for, and what they are not sealed for.
struct rows {
  static constexpr std::string_view name = "rows";
};
struct others {
  static constexpr std::string_view name = "others";
};

inline constexpr std::string_view associated = "fuzz";

/// Where the seeds' records live.
inline constexpr std::string_view record_kind = role::database_master_key::name;
inline constexpr std::string_view record_path = "db/fuzz/dmk";
inline constexpr std::size_t material_size = 48;

/// The cheapest Argon2id there is.
using cheap = crypto::argon2id<64, 1, 1>;

/// The same with a ceiling that no hostile cost slows down, where no budget can be given.
struct capped : cheap {
  static constexpr crypto::kdf_cost ceiling{256, 2, 2};
  [[nodiscard]] static result<secret_key> derive(const password& secret, const salt& salted,
                                                 const crypto::kdf_cost& asked) {
    if (auto ok = crypto::detail::check_cost(name, asked, floor, ceiling); !ok) return ok.error();
    return cheap::derive(secret, salted, asked);
  }
};

/// Four guesses at the cheapest cost, in the units of `kdf_budget`.
inline constexpr std::uint64_t kdf_work = std::uint64_t{4} * 64 * 16;

using parent = protect::service_master_key;
using typed = protect::password<cheap>;
using person = protect::recipient<crypto::x_wing>;
using both = protect::all_of<parent, typed>;
using two_of = protect::threshold<2, typed, typed, parent>;
using everything = protect::any_of<parent, typed, person, both, two_of>;

[[nodiscard]] inline parent service_key() {
  const bytes filled(32, 0x77);
  return parent(protect::parent_key{record_id(bytes_view(filled).first<16>()), key_id(0x77),
                                    secret_key::copy_of(filled)});
}
[[nodiscard]] inline typed knows(std::string_view text) { return typed(password(text)); }
[[nodiscard]] inline person key_holder() {
  return person(crypto::x_wing::private_key::from_seed(key_of(0x2a)).value());
}
[[nodiscard]] inline both machine_and_person() {
  return both(service_key(), knows("with the key"));
}
[[nodiscard]] inline two_of quorum() { return two_of(knows("one"), knows("two"), service_key()); }

/// Every secret that the records of the corpus were sealed with.
[[nodiscard]] inline everything all_secrets() {
  return everything(service_key(), knows("correct horse"), key_holder(), machine_and_person(),
                    quorum());
}

/// The backup's password.
[[nodiscard]] inline password backup_password() { return password("backed up"); }
using backup_protector = protect::password<capped>;

/// The header of the record whose service slot the master copy holds, and that record's key.
[[nodiscard]] inline record_header copied_header() {
  record_header header;
  header.kind = record_kind;
  header.name = record_path;
  header.id = record_id(bytes_view(bytes(16, 0x33)).first<16>());
  return header;
}
[[nodiscard]] inline secret_key copied_key() { return key_of(0x55); }

}  // namespace keywarden::fuzz
