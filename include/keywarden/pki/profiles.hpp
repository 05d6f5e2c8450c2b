/// @file
/// The certificates of a service, its clients and its authority, by the names people use for them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <keywarden/pki/issue.hpp>

// | Certificate | Made by | Says |
// |---|---|---|
// | server | `make_server_certificate`, or `authority::issue` for `server` | serverAuth; names |
// | client | `authority::issue` for `client` | clientAuth; one for each individual |
// | instance | `make_self_signed`, or `authority::issue` for `both` | both |
// | encryption | `make_encryption_certificate` | key encipherment or agreement, no other use |
// | authority | `authority::make_root` | signs certificates and lists; path length 1 |
//
// Keys: `signing_key::generate<rsa<2048>>()` or `<ecdsa_p256>()`. All end after a calendar year, or
// when `certificate_options::expiry` says.

namespace keywarden::pki {

/// What a service's certificate says: the first name as its subject, and every name as a DNS name,
/// which is what verifiers compare. `*` may stand for the whole leftmost label.
[[nodiscard]] inline certificate_options options_for_hosts(std::vector<std::string> names) {
  certificate_options made;
  if (!names.empty()) made.subject = names.front();
  made.dns_names = std::move(names);
  return made;
}

/// The names of a text as `makecert -n` takes it: "CN=a.example.org, CN=*.b.example.org". Errors:
/// `malformed` for anything else between the commas; `limit_exceeded` above 256 names.
[[nodiscard]] inline result<std::vector<std::string>> parse_common_names(std::string_view text) {
  const auto trimmed = [](std::string_view part) {
    const auto first = part.find_first_not_of(' ');
    if (first == std::string_view::npos) return std::string_view();
    return part.substr(first, part.find_last_not_of(' ') - first + 1);
  };
  const auto refuse = [](std::string_view reason) {
    return error(errc::malformed)
        .with(fact::kind, "subject")
        .with(fact::reason, reason)
        .with(fact::next_step, "write it as CN=name, or CN=name, CN=other name");
  };
  std::vector<std::string> names;
  for (bool more = true; more;) {
    const auto comma = text.find(',');
    auto part = trimmed(text.substr(0, comma));
    more = comma != std::string_view::npos;
    if (more) text.remove_prefix(comma + 1);
    if (!part.starts_with("CN=") && !part.starts_with("cn=")) return refuse("it has no CN=");
    part = trimmed(part.substr(3));
    if (part.empty() || part.find_first_of("=+\"\\<>;") != std::string_view::npos)
      return refuse("a name is empty, or has one of = + \" \\ < > ;");
    if (names.size() == detail::max_alternative_names)
      return error(errc::limit_exceeded)
          .with(fact::kind, "names")
          .with(fact::limit, detail::max_alternative_names);
    names.emplace_back(part);
  }
  return names;
}

/// Makes a self-signed certificate for answering connections only (makecert -r -cy end -sky
/// exchange -eku 1.3.6.1.5.5.7.3.1): as `make_self_signed`, but serverAuth alone.
[[nodiscard]] inline result<certificate> make_server_certificate(const signing_key& key,
                                                                 const certificate_options& options,
                                                                 time_point now) {
  if (auto usable = detail::expect_endpoint_key(key.algorithm()); !usable) return usable.error();
  auto plan = detail::plan_of(options, now);
  if (!plan) return plan.error();
  plan->purpose = certificate_purpose::server;
  return detail::sign_certificate(key, nullptr, *key.botan(), *plan);
}

}  // namespace keywarden::pki
