/// @file
/// Authorities and certificates for tests, at a time that stands still.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <keywarden/pki/authority.hpp>
#include <keywarden/pki/path.hpp>
#include <keywarden/pki/self_signed.hpp>

#include "support/refusals.hpp"

namespace keywarden::testing {

/// The 1st of March 2026, noon.
inline constexpr time_point noon =
    std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + std::chrono::hours(12);
inline constexpr auto day = std::chrono::days(1);

/// A root, an authority below it, and leaves.
struct office_of_certificates {
  pki::authority root =
      pki::authority::make_root({"root", {}, {}, noon, noon + 3650 * day}, noon, 1).value();
  pki::authority below =
      root.make_intermediate({"below", {}, {}, noon, noon + 1000 * day}, noon).value();
  pki::trust_anchors anchors = pki::trust_anchors::of({root.certificate()}).value();

  [[nodiscard]] pki::identity leaf(
      pki::certificate_purpose purpose = pki::certificate_purpose::both,
      const std::string& name = "db1", std::vector<std::string> dns_names = {}) const {
    return below
        .issue_identity({name, std::move(dns_names), {}, noon, noon + 365 * day}, purpose, noon)
        .value();
  }
  template <class Revocation = pki::revocation::no_check>
  [[nodiscard]] result<pki::verified_path> judge(
      const std::vector<pki::certificate>& chain,
      pki::certificate_purpose purpose = pki::certificate_purpose::server,
      const Revocation& revocation = {}, time_point now = noon,
      const std::vector<bytes>& stapled = {}, std::string_view name = {}) const {
    return pki::judge_path(chain, anchors, purpose, revocation, stapled, now, name);
  }
  /// The lists of both authorities.
  [[nodiscard]] pki::revocation_snapshot lists(
      time_point now = noon, std::chrono::seconds next = pki::authority::default_next_update) {
    return pki::revocation_snapshot::of(
               std::vector<pki::revocation_list>{root.issue_list(now, next).value(),
                                                 below.issue_list(now, next).value()})
        .value();
  }
};

}  // namespace keywarden::testing
