/// @file
/// What an instance's vault is made of, and who mirrors with whom.
#pragma once

#include <string_view>

#include <keywarden/endpoint/peers.hpp>
#include <keywarden/keywarden.hpp>
#include <keywarden/store/sqlite.hpp>

#include "instance.hpp"

namespace mirroring {

//[composition
using policy = kw::standard_policy<kw::store::sqlite>;
using vault = kw::vault<policy>;

struct host_a {
  static constexpr std::string_view name = "HOST_A";
};
struct host_b {
  static constexpr std::string_view name = "HOST_B";
};
struct host_w {
  static constexpr std::string_view name = "WITNESS";
};
using session =
    kw::mirroring_session<kw::partner<host_a>, kw::partner<host_b>, kw::witness<host_w>>;
//]

/// The vault's records. Throws `keywarden::refused`.
[[nodiscard]] inline kw::store::sqlite records_of(const home& at) {
  return kw::store::sqlite::open((at.path() / "vault.db").string()).value();
}
/// What opens the vault, without a password. Both secrets are in the folder, so that three machines
/// fit on one; outside of examples they are elsewhere, or a copy of the folder is a copy of the
/// keys.
[[nodiscard]] inline policy::service_key opens(const home& at) {
  return policy::service_key(kw::protect::account(at.path() / "account"),
                             kw::protect::machine(at.path() / "machine"));
}

}  // namespace mirroring
