/// @file
/// Instances, authorities and directories for tests of authentication.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/auth/certificate.hpp>
#include <keywarden/auth/directory.hpp>
#include <keywarden/auth/pre_shared_key.hpp>
#include <keywarden/pki/authority.hpp>
#include <keywarden/pki/self_signed.hpp>

#include "support/refusals.hpp"

namespace keywarden::testing {

/// The day of all these tests.
inline constexpr time_point today = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);
inline constexpr auto a_day = std::chrono::hours(24);

inline constexpr object_name mirroring = "mirroring";
inline constexpr object_name admin = "admin";
inline constexpr object_name partner_login = "partner_login";
inline constexpr object_name partner_user = "partner_user";

/// A self-signed identity, valid for a year from `start`.
template <class Algorithm = pki::ecdsa_p256>
[[nodiscard]] pki::identity instance(std::string_view name, time_point start = today - a_day) {
  auto key = pki::signing_key::generate<Algorithm>().value();
  auto leaf =
      pki::make_self_signed(key, {.subject = std::string(name), .start = start}, start).value();
  return {{std::move(leaf)}, std::make_shared<const pki::signing_key>(std::move(key))};
}

/// An authority's identity for an instance.
[[nodiscard]] inline pki::identity issued(
    const pki::authority& by, std::string_view name,
    pki::certificate_purpose purpose = pki::certificate_purpose::both) {
  return by
      .issue_identity({.subject = std::string(name), .dns_names = {std::string(name) + ".test"}},
                      purpose, today - a_day)
      .value();
}

/// What an instance that dialled us, or that we dialled, showed.
[[nodiscard]] inline auth::peer_evidence showing(const pki::identity& who,
                                                 auth::side peer = auth::side::connector) {
  auth::peer_evidence evidence;
  evidence.peer = peer;
  evidence.chain = who.chain;
  return evidence;
}

/// A directory with one login and one user for it; nobody may connect.
[[nodiscard]] inline auth::directory with_partner() {
  auth::directory made;
  made.create_login(admin).value();
  made.create_login(partner_login).value();
  made.create_user(partner_user, partner_login).value();
  return made;
}
/// The same, with this certificate for the user.
[[nodiscard]] inline auth::directory with_partner(const pki::certificate& of) {
  auto made = with_partner();
  made.add_certificate("partner", of, partner_user).value();
  return made;
}
/// The same directory, in which the partner may connect.
[[nodiscard]] inline auth::directory connecting(auth::directory known) {
  known.grant(auth::permission::connect, mirroring, partner_login).value();
  return known;
}

}  // namespace keywarden::testing
