/// @file
/// Self-signed certificates: an instance's identity without an authority.
#pragma once

#include <keywarden/pki/issue.hpp>

namespace keywarden::pki {

/// Makes an X.509v3 certificate for an endpoint, signed by its own key (CREATE CERTIFICATE … WITH
/// SUBJECT): SHA-256, or SHA-384 for P-384; a random serial number; no authority; digitalSignature;
/// serverAuth and clientAuth, for an instance that answers connections opens them as well.
///
/// Proves only that whoever shows it holds the key: peers trust it because people compared its
/// fingerprint, not because of its names. `now` is the default start. Errors: `invalid_argument`
/// for an option that makes no sense (with `fact::kind` and `fact::reason`); `limit_exceeded` for
/// too many names; `unsupported_suite` for an Ed25519 key, which Botan's TLS does not take in a
/// leaf certificate; `backend_failed`.
[[nodiscard]] inline result<certificate> make_self_signed(const signing_key& key,
                                                          const certificate_options& options,
                                                          time_point now) {
  if (auto usable = detail::expect_endpoint_key(key.algorithm()); !usable) return usable.error();
  auto plan = detail::plan_of(options, now);
  if (!plan) return plan.error();
  return detail::sign_certificate(key, nullptr, *key.botan(), *plan);
}

}  // namespace keywarden::pki
