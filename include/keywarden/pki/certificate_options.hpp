/// @file
/// What a new certificate is to say.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <botan/dns_name.h>
#include <botan/ipv4_address.h>
#include <botan/ipv6_address.h>
#include <botan/pkix_types.h>

#include <keywarden/core/backend.hpp>
#include <keywarden/pki/dates.hpp>

namespace keywarden::pki {

/// What a new certificate says about its holder. A plain value; nothing in it is secret.
///
/// Verifiers compare the name they expect with `dns_names` and `ip_addresses` only; `subject` is
/// for people. An instance that is known by its certificate alone needs neither.
struct certificate_options {
  /// The common name: 1 to 64 bytes of UTF-8 without control characters (RFC 5280, upper bound).
  std::string subject;
  /// DNS names; `*` may stand for the whole leftmost label ("*.example.org").
  std::vector<std::string> dns_names = {};
  /// IPv4 and IPv6 addresses as text.
  std::vector<std::string> ip_addresses = {};
  /// When it becomes valid; now by default.
  std::optional<time_point> start = std::nullopt;
  /// The last second it is valid; one calendar year after the start by default.
  std::optional<time_point> expiry = std::nullopt;
};

namespace detail {

inline constexpr std::size_t max_common_name = 64;
inline constexpr std::size_t max_alternative_names = 256;

[[nodiscard]] inline error unusable_option(std::string_view kind, std::string_view reason) {
  return error(errc::invalid_argument).with(fact::kind, kind).with(fact::reason, reason);
}

/// Errors: `invalid_argument`.
[[nodiscard]] inline result<Botan::X509_DN> distinguished_name(std::string_view common_name) {
  if (common_name.empty()) return unusable_option("subject", "it is empty");
  if (common_name.size() > max_common_name)
    return unusable_option("subject", "it is longer than a common name may be")
        .with(fact::limit, max_common_name)
        .with(fact::actual, common_name.size());
  if (std::ranges::any_of(common_name, [](char each) {
        return static_cast<unsigned char>(each) < 0x20 || each == 0x7f;
      }))
    return unusable_option("subject", "it holds a control character");
  auto made = keywarden::detail::guarded("subject", [&] {
    Botan::X509_DN name;
    name.add_attribute("X520.CommonName", common_name);
    return name;
  });
  if (!made) return unusable_option("subject", "it is not UTF-8");
  return made;
}

/// Errors: `invalid_argument` with the name that is not one; `limit_exceeded` above 256 names.
[[nodiscard]] inline result<Botan::AlternativeName> alternative_names(
    const certificate_options& options) {
  if (const auto count = options.dns_names.size() + options.ip_addresses.size();
      count > max_alternative_names)
    return error(errc::limit_exceeded)
        .with(fact::kind, "alternative names")
        .with(fact::limit, max_alternative_names)
        .with(fact::actual, count);
  return keywarden::detail::guarded("alternative names", [&]() -> result<Botan::AlternativeName> {
    Botan::AlternativeName names;
    for (const auto& each : options.dns_names) {
      const auto star = each.find('*');
      const bool whole_label = star == std::string::npos || each.starts_with("*.");
      auto parsed = Botan::DNSName::from_san_string(each);
      if (!parsed || !whole_label)
        return unusable_option("DNS name",
                               "not a host name; \"*\" stands for the whole leftmost label")
            .with(fact::name, each);
      names.add_dns(*parsed);
    }
    for (const auto& each : options.ip_addresses) {
      if (const auto v4 = Botan::IPv4Address::from_string(each))
        names.add_ipv4_address(*v4);
      else if (const auto v6 = Botan::IPv6Address::from_string(each))
        names.add_ipv6_address(*v6);
      else
        return unusable_option("IP address", "neither IPv4 nor IPv6").with(fact::name, each);
    }
    return names;
  });
}

struct validity_period {
  time_point start;
  time_point expiry;
};

/// Start and expiry with their defaults. Errors: `invalid_argument` when it ends before it begins,
/// or is outside the years 1970 to 9999.
[[nodiscard]] inline result<validity_period> validity_of(const certificate_options& options,
                                                         time_point now) {
  validity_period made;
  made.start = options.start.value_or(now);
  constexpr auto first = time_point{};
  constexpr time_point last = std::chrono::sys_days(std::chrono::year(9998) / 12 / 31);
  if (made.start < first || made.start > last)
    return unusable_option("start", "outside the years 1970 to 9998");
  made.expiry = options.expiry.value_or(one_year_after(made.start));
  if (made.expiry > last + std::chrono::years(1))
    return unusable_option("expiry", "after the year 9999");
  if (made.expiry <= made.start)
    return unusable_option("expiry", "the certificate would end before it begins")
        .with(fact::date, to_text(made.expiry));
  return made;
}

}  // namespace detail
}  // namespace keywarden::pki
