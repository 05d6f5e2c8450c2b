/// @file
/// What an expired certificate may still do, and warnings before it comes to that.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <keywarden/pki/certificate.hpp>
#include <keywarden/pki/dates.hpp>

namespace keywarden::pki {

/// Whether something new may be encrypted to, or protected by, this certificate now. Errors:
/// `certificate_expired`, `certificate_not_yet_valid`, with the name and `fact::date`.
[[nodiscard]] inline result<void> may_encrypt(const certificate& with, time_point now) {
  if (now > with.not_after())
    return error(errc::certificate_expired)
        .with(fact::name, with.subject())
        .with(fact::date, to_text(with.not_after()))
        .with(fact::next_step, "renew it; what it protects already can still be opened");
  if (now < with.not_before())
    return error(errc::certificate_not_yet_valid)
        .with(fact::name, with.subject())
        .with(fact::date, to_text(with.not_before()));
  return done();
}

/// Whether what was encrypted to this certificate may be opened: always. A date is a promise about
/// new use; refusing to restore a backup because its certificate has expired since would lose data
/// and protect nobody, since the key itself opens it all the same.
[[nodiscard]] inline result<void> may_decrypt(const certificate& /*with*/) { return done(); }

/// A certificate that ends soon, or has ended.
struct expiry_notice {
  std::string subject;           ///< as people read it
  pki::fingerprint fingerprint;  ///< SHA-256 of the whole certificate
  time_point expiry;             ///< the last second of its validity
  std::chrono::days left;        ///< whole days; negative once it has ended
  bool expired = false;          ///< whether that has passed
};

/// One sentence for a person.
[[nodiscard]] inline std::string to_text(const expiry_notice& notice) {
  const auto days = [](auto count) {
    return std::to_string(count) + (count == 1 ? " day" : " days");
  };
  if (notice.expired)
    return notice.subject + " has expired on " + to_text(notice.expiry) + ": renew it";
  return notice.subject + " expires in " + days(notice.left.count()) + ", on " +
         to_text(notice.expiry) + ": renew it";
}

/// How long before its end a certificate is announced, unless somebody says otherwise.
inline constexpr std::chrono::days default_expiry_lead{30};

/// The notice for a certificate that ends within `lead` from now, or has ended.
[[nodiscard]] inline std::optional<expiry_notice> expiry_warning(
    const certificate& of, time_point now, std::chrono::days lead = default_expiry_lead) {
  const auto end = of.not_after();
  if (end - now > lead) return std::nullopt;
  return expiry_notice{of.subject(), of.fingerprint(), end,
                       std::chrono::floor<std::chrono::days>(end - now), now > end};
}

/// The notices for many, the soonest first.
[[nodiscard]] inline std::vector<expiry_notice> expiry_warnings(
    std::span<const certificate> of, time_point now, std::chrono::days lead = default_expiry_lead) {
  std::vector<expiry_notice> all;
  for (const auto& each : of)
    if (auto notice = expiry_warning(each, now, lead)) all.push_back(std::move(*notice));
  std::ranges::stable_sort(all, {}, &expiry_notice::expiry);
  return all;
}

}  // namespace keywarden::pki
