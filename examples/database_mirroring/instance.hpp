/// @file
/// An instance: its folder, its endpoint, and where the others are.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <keywarden/admit/all_of.hpp>
#include <keywarden/admit/connection_rate.hpp>
#include <keywarden/admit/network_acl.hpp>
#include <keywarden/auth/certificate_pinned.hpp>
#include <keywarden/endpoint/endpoint.hpp>
#include <keywarden/endpoint/listener_address.hpp>

#include "messages.hpp"

namespace mirroring {

namespace kw = keywarden;

//[compose
using mirroring_endpoint =
    kw::endpoint<kw::auth::certificate<kw::trust::pinned>,  // the one form of authentication
                 kw::transport::tls13<>,                    // encrypted, always
                 kw::admit::all_of<kw::admit::network_acl, kw::admit::connection_rate>>;
//]

/// The login that an instance has at the two others.
[[nodiscard]] constexpr std::string_view login_of(node which) noexcept {
  constexpr std::array<std::string_view, 3> logins{"HOST_A_login", "HOST_B_login", "WITNESS_login"};
  return logins.at(static_cast<std::size_t>(which));
}

/// Where an instance keeps its things: a folder below the one that the commands are given.
class home {
 public:
  home(const std::filesystem::path& folder, node which) : path_(folder / name_of(which)) {}

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::filesystem::path database() const { return path_ / "data.db"; }
  [[nodiscard]] std::filesystem::path control() const { return path_ / "control"; }

 private:
  std::filesystem::path path_;
};

/// Where each instance listens (ALTER DATABASE … SET PARTNER = 'TCP://127.0.0.1:…').
using addresses = std::array<std::uint16_t, 3>;
[[nodiscard]] bool has_addresses(const home& of);
void write_addresses(const home& of, const addresses& all);
/// Throws `keywarden::refused`.
[[nodiscard]] addresses read_addresses(const home& of);

/// An instance's endpoint, and its own address.
struct opened_endpoint {
  mirroring_endpoint endpoint;
  kw::listener_address address;
};
/// Opens the vault (nobody types a password) and makes the endpoint that was set up in it. Throws
/// `keywarden::refused`.
[[nodiscard]] opened_endpoint open_endpoint(const home& of, kw::endpoint_log log);

}  // namespace mirroring
