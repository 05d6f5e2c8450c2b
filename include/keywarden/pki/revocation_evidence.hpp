/// @file
/// Reading lists and OCSP responses for the certificates of one path.
#pragma once

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <botan/ocsp.h>
#include <botan/x509_ext.h>
#include <botan/x509path.h>

#include <keywarden/pki/dates.hpp>
#include <keywarden/pki/revocation_snapshot.hpp>

namespace keywarden::pki {

/// The largest OCSP response that is read, in bytes, and how many come with one chain.
inline constexpr std::size_t max_response_size = 65536;
/// How many OCSP responses with one chain are read; more are refused.
inline constexpr std::size_t max_responses = 8;

namespace detail {

/// What one piece of evidence says of a certificate.
struct revocation_finding {
  bool revoked = false;
  std::optional<time_point> good_until;  ///< not revoked, up to then
  std::string_view problem;              ///< why it says nothing
};

[[nodiscard]] inline revocation_finding finding_of(
    const std::set<Botan::Certificate_Status_Code>& codes, time_point until) {
  using status = Botan::Certificate_Status_Code;
  if (codes.contains(status::CERT_IS_REVOKED)) return {true, {}, {}};
  if (!codes.empty() && *codes.rbegin() >= status::FIRST_ERROR_STATUS)
    return {false, {}, Botan::Path_Validation_Result::status_string(*codes.rbegin())};
  if (codes.contains(status::VALID_CRL_CHECKED) || codes.contains(status::OCSP_RESPONSE_GOOD))
    return {false, until, {}};
  return {false, {}, "it does not cover this certificate"};
}

/// Whether a list of a certificate's issuer speaks for that certificate and for every reason,
/// whatever RFC 5280 section 6.3.3 makes of distribution points.
[[nodiscard]] inline bool is_plain(const Botan::X509_CRL& list, const Botan::X509_Certificate& of) {
  namespace extension = Botan::Cert_Extension;
  if (of.skip_revocation_check() ||
      list.extensions().get_extension_object_as<extension::CRL_Issuing_Distribution_Point>() !=
          nullptr)
    return false;
  const auto* points =
      of.v3_extensions().get_extension_object_as<extension::CRL_Distribution_Points>();
  return points == nullptr ||
         std::ranges::none_of(points->distribution_points(), [](const auto& each) {
           return each.reasons().has_value() || each.crl_issuer().has_value();
         });
}

/// What `Botan::PKIX::check_crl` finds of a plain list, but for a signature that is checked once
/// and then remembered (`revocation_list::signed_by`).
[[nodiscard]] inline std::set<Botan::Certificate_Status_Code> check_plain_list(
    const Botan::X509_Certificate& of, const Botan::X509_Certificate& issuer,
    const revocation_list& list, time_point now) {
  using status = Botan::Certificate_Status_Code;
  std::set<status> found;
  if (!issuer.allowed_usage(Botan::Key_Constraints::CrlSign))
    found.insert(status::CA_CERT_NOT_FOR_CRL_ISSUER);
  if (now < list.this_update()) found.insert(status::CRL_NOT_YET_VALID);
  if (const auto next = list.next_update(); next && *next < now)
    found.insert(status::CRL_HAS_EXPIRED);
  if (!list.signed_by(certificate::adopt(issuer)))
    found.insert(status::CRL_BAD_SIGNATURE);
  else if (list.x509().has_unknown_critical_extension())
    found.insert(status::CRL_HAS_UNKNOWN_CRITICAL_EXTENSION);
  else
    found.insert(list.x509().is_revoked(of) ? status::CERT_IS_REVOKED : status::VALID_CRL_CHECKED);
  return found;
}

/// What a list says of the certificate at `index` of a path. Nothing if it is another authority's.
[[nodiscard]] inline std::optional<revocation_finding> ask_list(
    const std::vector<Botan::X509_Certificate>& path, std::size_t index,
    const revocation_list& list, time_point now) {
  if (list.x509().issuer_dn() != path[index].issuer_dn()) return std::nullopt;
  std::set<Botan::Certificate_Status_Code> codes;
  if (is_plain(list.x509(), path[index])) {
    codes = check_plain_list(path[index], path[index + 1], list, now);
  } else {
    std::vector<std::optional<Botan::X509_CRL>> lists(path.size());
    lists[index] = list.x509();
    const auto all = Botan::PKIX::check_crl(path, lists, now);
    if (index < all.size()) codes = all[index];
  }
  const auto next = list.next_update();
  auto found = finding_of(codes, next.value_or(time_point{}));
  if (found.good_until && !next)
    return revocation_finding{false, {}, "the list promises no next one"};
  return found;
}

/// What an OCSP response says of the certificate at `index`.
[[nodiscard]] inline revocation_finding ask_response(
    const std::vector<Botan::X509_Certificate>& path, std::size_t index,
    const Botan::OCSP::Response& response, const trust_anchors& anchors, time_point now) {
  constexpr auto longest = std::chrono::hours(24 * 7);  // for one that promises no next response
  const Botan::Path_Validation_Restrictions restrictions(true, 110, true, longest, nullptr, false,
                                                         false);
  std::vector<std::optional<Botan::OCSP::Response>> responses(path.size());
  responses[index] = response;
  // Botan's interface asks for a pointer to non-const; it only reads.
  const std::vector<Botan::Certificate_Store*> stores{
      const_cast<Botan::Certificate_Store*>(&anchors.store())};
  const auto codes = Botan::PKIX::check_ocsp(path, responses, stores, now, restrictions);
  auto until = now + std::chrono::hours(1);
  for (const auto& each : response.responses())
    if (each.next_update().time_is_set()) until = std::min(until, to_time(each.next_update()));
  return finding_of(codes[index], until);
}

/// Demands current evidence, for every certificate of a path but the anchor, that it was not
/// revoked; gives the time until which the evidence holds (an OCSP response counts for an hour at
/// most, then it must be shown again). A certificate that claims to need no check (RFC 9608,
/// OCSP's no-check) gets no exception. Where several lists of an authority are there, one that
/// names the certificate decides. Errors: `certificate_revoked`, `revocation_unknown`,
/// `limit_exceeded`.
[[nodiscard]] inline result<time_point> expect_not_revoked(const std::vector<certificate>& path,
                                                           const trust_anchors& anchors,
                                                           const revocation_snapshot& lists,
                                                           std::span<const bytes> responses,
                                                           time_point now) {
  if (responses.size() > max_responses)
    return error(errc::limit_exceeded)
        .with(fact::kind, "OCSP responses")
        .with(fact::limit, max_responses)
        .with(fact::actual, responses.size());
  return keywarden::detail::guarded("checking revocation", [&]() -> result<time_point> {
    std::vector<Botan::X509_Certificate> x509;
    x509.reserve(path.size());
    for (const auto& each : path) x509.push_back(each.x509());
    std::vector<Botan::OCSP::Response> read;
    for (const auto& each : responses) {
      if (each.empty() || each.size() > max_response_size) continue;
      auto parsed = keywarden::detail::guarded("reading an OCSP response",
                                               [&] { return Botan::OCSP::Response(each); });
      if (parsed) read.push_back(std::move(*parsed));
    }
    time_point until = time_point::max();
    for (std::size_t i = 0; i + 1 < x509.size(); ++i) {
      std::vector<revocation_finding> findings;
      for (const auto& each : lists.lists())
        if (auto found = ask_list(x509, i, each, now)) findings.push_back(*found);
      for (const auto& each : read) findings.push_back(ask_response(x509, i, each, anchors, now));
      const auto refuse = [&](errc code, std::string_view reason) {
        return error(code)
            .with(fact::name, i == 0 ? to_text(path[i].fingerprint()) : path[i].subject())
            .with(fact::key, path[i].serial())
            .with(fact::reason, reason);
      };
      if (std::ranges::any_of(findings, &revocation_finding::revoked))
        return refuse(errc::certificate_revoked, "its authority's list or response says so");
      std::optional<time_point> good;
      for (const auto& each : findings)
        if (each.good_until) good = std::max(good.value_or(time_point{}), *each.good_until);
      if (!good)
        return refuse(errc::revocation_unknown,
                      findings.empty() ? std::string_view("no list of its authority is loaded")
                                       : findings.front().problem)
            .with(fact::next_step, "load a current revocation list of " + path[i].issuer());
      until = std::min(until, *good);
    }
    return until;
  });
}

}  // namespace detail
}  // namespace keywarden::pki
