#include "certificates.hpp"

#include <sys/stat.h>

#include <algorithm>

#include <keywarden/core/clock.hpp>
#include <keywarden/pki/pfx.hpp>
#include <keywarden/pki/profiles.hpp>

#include "advice.hpp"
#include "files.hpp"

namespace cli {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::password;
using keywarden::result;
using keywarden::time_point;
using keywarden::pki::to_text;

namespace pki = keywarden::pki;

namespace {

constexpr std::size_t largest_file = std::size_t{1} << 20U;

// Whether verifiers can compare it with a host's name.
bool is_host(const std::string& name) {
  pki::certificate_options only;
  only.dns_names = {name};
  return name.find(' ') == std::string::npos && pki::detail::alternative_names(only).has_value();
}
bool is_address(const std::string& name) {
  pki::certificate_options only;
  only.ip_addresses = {name};
  return pki::detail::alternative_names(only).has_value();
}

void add_once(std::vector<std::string>& to, std::string name) {
  if (std::ranges::find(to, name) == to.end()) to.push_back(std::move(name));
}

}  // namespace

result<time_point> parse_date(const std::string& text) {
  const auto number = [&](std::size_t at, std::size_t size) {
    unsigned value = 0;
    for (std::size_t i = at; i < at + size; ++i)
      value = text[i] >= '0' && text[i] <= '9' ? value * 10 + static_cast<unsigned>(text[i] - '0')
                                               : 100000;
    return value;
  };
  if (text.size() == 10 && text[4] == '-' && text[7] == '-') {
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(number(0, 4))),
                                           std::chrono::month(number(5, 2)),
                                           std::chrono::day(number(8, 2))};
    if (date.ok()) return time_point(std::chrono::sys_days(date));
  }
  return usage_error("a date is YYYY-MM-DD (UTC)", "");
}

result<std::optional<time_point>> expiry_option(const context& at, time_point now) {
  const auto days = at.call.value("days");
  const auto date = at.call.value("expires");
  if (days && date) return usage_error("--days and --expires exclude each other", "");
  if (date) {
    auto parsed = parse_date(*date);
    if (!parsed) return parsed.error();
    return std::optional(*parsed);
  }
  if (!days) return std::optional<time_point>();
  constexpr std::uint64_t a_century = 36525;
  auto count = parse_number(*days, "--days", a_century);
  if (!count) return count.error();
  if (*count == 0) return usage_error("--days is at least 1", "");
  return std::optional(now + std::chrono::days(*count));
}

result<std::vector<std::string>> subject_names(const context& at) {
  auto text = required(at, "subject");
  if (!text) return text.error();
  if (!text->starts_with("CN=") && !text->starts_with("cn="))
    return std::vector<std::string>{std::move(*text)};
  auto names = pki::parse_common_names(*text);
  if (!names) return as_usage(names.error());
  return names;
}

result<pki::certificate_options> options_of(const context& at, bool of_server, time_point now) {
  auto names = subject_names(at);
  if (!names) return names.error();
  if (!of_server && names->size() != 1)
    return usage_error("one certificate for each: --subject has several names", "");
  auto expiry = expiry_option(at, now);
  if (!expiry) return expiry.error();
  pki::certificate_options made;
  made.subject = names->front();
  made.dns_names = at.call.values("dns");
  made.ip_addresses = at.call.values("ip");
  made.start = now;
  made.expiry = *expiry;
  if (!of_server) return made;
  for (auto& each : *names) {
    if (is_address(each))
      add_once(made.ip_addresses, each);
    else if (is_host(each))
      add_once(made.dns_names, each);
  }
  if (made.dns_names.empty() && made.ip_addresses.empty())
    return usage_error(
        "clients compare DNS names and addresses, and it would have none: give --dns NAME", "");
  return made;
}

result<pki::signing_key> new_key(const context& at) {
  const auto kind = at.call.value("algorithm").value_or("p256");
  if (kind == "p256") return pki::signing_key::generate<pki::ecdsa_p256>();
  if (kind == "p384") return pki::signing_key::generate<pki::ecdsa_p384>();
  if (kind == "rsa2048") return pki::signing_key::generate<pki::rsa<2048>>();
  if (kind == "rsa3072") return pki::signing_key::generate<pki::rsa<3072>>();
  return usage_error("--algorithm takes p256, p384, rsa2048 or rsa3072", "");
}

result<std::vector<pki::certificate>> certificates_of(const std::string& path) {
  auto content = read_file(path, largest_file);
  if (!content) return content.error();
  auto made = pki::decode_certificates(content->view());
  if (made) return made;
  auto why = error(made.error()).with(fact::file, path);
  return is_pfx(path) ? with_next(why, "keywarden cert pfx show " + path) : why;
}

result<pki::signing_key> private_key_of(const context& at, const std::string& path,
                                        std::string_view password_option) {
  auto content = read_file(path, largest_file);
  if (!content) return content.error();
  auto key = pki::decode_private_key(content->view());
  if (key || !(key.error() == errc::secret_required)) return key;
  auto known = read_password(at.call, password_option);
  if (!known) return known.error();
  return pki::decode_private_key(content->view(), &*known);
}

bool is_pfx(std::string_view path) {
  return path.ends_with(".pfx") || path.ends_with(".p12") || path.ends_with(".PFX") ||
         path.ends_with(".P12");
}

result<void> expect_free(const context& at, const std::vector<std::string>& paths) {
  if (at.call.has("overwrite")) return keywarden::done();
  for (const auto& each : paths) {
    struct ::stat there {};
    if (::lstat(each.c_str(), &there) == 0)
      return error(errc::already_exists)
          .with(fact::file, each)
          .with(fact::next_step, at.call.find("overwrite") != nullptr ? "--overwrite replaces it"
                                                                      : "give another name");
  }
  return keywarden::done();
}

result<void> write_pfx_file(const context& at, const std::string& path, const pki::identity& from,
                            const password& protection, pki::pfx_options how) {
  how.rules = password_rules();
  auto content = pki::write_pfx(from, protection, how);
  if (!content) return content.error();
  return write_file(path, at.call.has("overwrite"), *content);
}

result<void> write_certificates(const context& at, const std::string& path,
                                const std::vector<pki::certificate>& which) {
  std::string text;
  for (const auto& each : which) text += each.pem();
  constexpr ::mode_t for_all = 0644;
  const auto existing = at.call.has("overwrite") ? pki::if_exists::replace : pki::if_exists::refuse;
  return pki::detail::write_whole(path, keywarden::as_bytes(text), for_all, existing);
}

std::string printable(std::string_view from_a_stranger) {
  constexpr std::size_t limit = 2048;
  std::string made;
  keywarden::detail::append_printable(made, from_a_stranger, limit);
  return made;
}

void add_line(answer& to, std::string_view label, std::string_view value) {
  constexpr std::size_t column = 21;
  to.text.append(to.text.empty() ? "" : "\n")
      .append(label)
      .append(label.size() < column ? column - label.size() : 1, ' ')
      .append(printable(value));
}

std::int64_t days_left(const pki::certificate& of) { return days_until(of.not_after()); }

answer described(const pki::certificate& one) {
  answer made;
  std::vector<std::string> names;
  for (const auto& each : one.x509().subject_alt_name().dns_names()) names.push_back(each.name());
  for (const auto& each : one.x509().subject_alt_name().ipv4_addresses())
    names.push_back(each.to_string());
  for (const auto& each : one.x509().subject_alt_name().ipv6_addresses())
    names.push_back(each.to_string());
  std::string listed_names;
  for (const auto& each : names) listed_names += (listed_names.empty() ? "" : ", ") + each;
  const auto left = days_left(one);
  add_line(made, "Subject:", one.subject());
  add_line(made, "Names:", names.empty() ? "none" : listed_names);
  add_line(made, "Issuer:", one.is_self_signed() ? "itself" : one.issuer());
  add_line(made, "Valid from:", to_text(one.not_before()));
  add_line(made, "Valid until:",
           to_text(one.not_after()) +
               (left < 0 ? " (expired)" : " (" + std::to_string(left) + " days left)"));
  add_line(made, "Key:", one.algorithm());
  add_line(made, "SHA-256 fingerprint:", to_text(one.fingerprint()));
  made.facts["subject"] = one.subject();
  made.facts["names"] = names;
  made.facts["issuer"] = one.issuer();
  made.facts["serial"] = one.serial();
  made.facts["not_before"] = to_text(one.not_before());
  made.facts["not_after"] = to_text(one.not_after());
  made.facts["days_left"] = left;
  made.facts["algorithm"] = one.algorithm();
  made.facts["sha256"] = to_text(one.fingerprint());
  return made;
}

void add_thumbprints(answer& to, const pki::certificate& of) {
  const auto sha1 = pki::thumbprint_of(of, pki::thumbprint_algorithm::sha1).text();
  const auto sha256 = pki::thumbprint_of(of, pki::thumbprint_algorithm::sha256).text();
  add_line(to, "SHA-1 thumbprint:", sha1 + " (finds it, proves nothing)");
  add_line(to, "SHA-256 thumbprint:", sha256);
  to.facts["sha1_thumbprint"] = sha1;
  to.facts["sha256_thumbprint"] = sha256;
}

json row_of(const pki::certificate& one) {
  const auto left = days_left(one);
  return {{"subject", printable(one.subject())},
          {"issuer", one.is_self_signed() ? "itself" : printable(one.issuer())},
          {"expires", to_text(one.not_after())},
          {"state", left < 0                                            ? "expired"
                    : keywarden::system_clock::now() < one.not_before() ? "not valid yet"
                                                                        : "valid"},
          {"sha256", pki::thumbprint_of(one, pki::thumbprint_algorithm::sha256).text()}};
}

}  // namespace cli
