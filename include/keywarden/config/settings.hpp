/// @file
/// The settings and certificates of the Split-Merge service: their names, defaults, and typed
/// values.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <keywarden/admit/deny_action.hpp>
#include <keywarden/config/service_configuration.hpp>
#include <keywarden/config/thumbprint.hpp>

namespace keywarden::config {

/// Whether a client certificate's revocation is checked, numbered as X509RevocationMode is: online
/// uses what is stored and fetches what is not, offline uses only what is stored.
enum class revocation_check : std::uint8_t { no_check = 0, online = 1, offline = 2 };

/// The role that answers requests.
inline constexpr std::string_view web_role = "SplitMergeWeb";
/// The role that moves the data.
inline constexpr std::string_view worker_role = "SplitMergeWorker";
/// The endpoint without TLS, which stays closed.
inline constexpr std::string_view http_endpoint = "HttpIn";
/// The endpoint that clients use.
inline constexpr std::string_view https_endpoint = "HttpsIn";

/// The names of settings.
namespace names {
/// Whether a host may only have so many requests at once.
inline constexpr std::string_view deny_by_concurrent_requests =
    "DynamicIpRestrictionDenyByConcurrentRequests";
/// How many those are.
inline constexpr std::string_view max_concurrent_requests =
    "DynamicIpRestrictionMaxConcurrentRequests";
/// Whether a host may only make so many requests in a time.
inline constexpr std::string_view deny_by_request_rate = "DynamicIpRestrictionDenyByRequestRate";
/// How many those are.
inline constexpr std::string_view max_requests = "DynamicIpRestrictionMaxRequests";
/// The time they are counted in, in milliseconds.
inline constexpr std::string_view request_interval =
    "DynamicIpRestrictionRequestIntervalInMilliseconds";
/// What a client gets whose request is denied.
inline constexpr std::string_view deny_action = "DynamicIpRestrictionDenyAction";
/// Whether the application asks for client certificates; together with `setup_webserver`.
inline constexpr std::string_view setup_web_app = "SetupWebAppForClientCertificates";
/// Whether the web server asks for client certificates; together with `setup_web_app`.
inline constexpr std::string_view setup_webserver = "SetupWebserverForClientCertificates";
/// The thumbprints of further trusted roots: that of the certificate `CA`.
inline constexpr std::string_view additional_roots =
    "AdditionalTrustedRootCertificationAuthorities";
/// The thumbprints of clients that are let in, separated by commas; none lets nobody in.
inline constexpr std::string_view allowed_clients = "AllowedClientCertificateThumbprints";
/// How the revocation of client certificates is checked.
inline constexpr std::string_view revocation = "ClientCertificateRevocationCheck";
/// Where the metadata database is, with its credentials.
inline constexpr std::string_view metadata = "ElasticScaleMetadata";
}  // namespace names

/// The names of certificates.
namespace certificates {
/// The server's own certificate.
inline constexpr std::string_view ssl = "SSL";
/// The authority that issued the clients' certificates.
inline constexpr std::string_view ca = "CA";
/// What stored credentials are encrypted to.
inline constexpr std::string_view data_encryption_primary = "DataEncryptionPrimary";
/// What older stored credentials may still be encrypted to.
inline constexpr std::string_view data_encryption_secondary = "DataEncryptionSecondary";
}  // namespace certificates

/// What holds for a setting that the file does not have.
namespace defaults {
/// Off: proxies and address translation make many clients one host.
inline constexpr bool deny_by_concurrent_requests = false;
/// Requests at once of one host, once that is limited.
inline constexpr std::uint32_t max_concurrent_requests = 20;
/// On.
inline constexpr bool deny_by_request_rate = true;
/// Requests of one host in `request_interval`.
inline constexpr std::uint32_t max_requests = 100;
/// The time that requests are counted in.
inline constexpr std::chrono::milliseconds request_interval{2000};
/// The connection is closed without an answer.
inline constexpr auto deny_action = admit::split_merge_deny_action;
/// Client certificates are asked for.
inline constexpr bool setup_web_app = true;
/// Client certificates are asked for.
inline constexpr bool setup_webserver = true;
/// Revocation is not checked: only some authorities publish lists.
inline constexpr auto revocation = revocation_check::no_check;
/// Nobody reaches the endpoint without TLS.
inline constexpr std::string_view http_access_control = "DenyAll";
/// Certificates decide who is served.
inline constexpr std::string_view https_access_control = "AllowAll";
}  // namespace defaults

/// What kind of value a setting has.
enum class setting_kind : std::uint8_t {
  boolean,
  positive_number,
  deny_action,
  revocation_check,
  thumbprints,
  secret_text
};

/// One setting that the service knows.
struct known_setting {
  std::string_view name;
  setting_kind kind;
  std::string_view default_text;    ///< as the file would say it
  bool required_in_web = false;     ///< security: the file must say it
  bool required_in_worker = false;  ///< the same for the worker
};

/// Every setting with its default.
inline constexpr std::array known_settings{
    known_setting{names::deny_by_concurrent_requests, setting_kind::boolean, "false"},
    known_setting{names::max_concurrent_requests, setting_kind::positive_number, "20"},
    known_setting{names::deny_by_request_rate, setting_kind::boolean, "true"},
    known_setting{names::max_requests, setting_kind::positive_number, "100"},
    known_setting{names::request_interval, setting_kind::positive_number, "2000"},
    known_setting{names::deny_action, setting_kind::deny_action, "AbortRequest"},
    known_setting{names::setup_web_app, setting_kind::boolean, "true", true},
    known_setting{names::setup_webserver, setting_kind::boolean, "true", true},
    known_setting{names::additional_roots, setting_kind::thumbprints, "", true},
    known_setting{names::allowed_clients, setting_kind::thumbprints, "", true},
    known_setting{names::revocation, setting_kind::revocation_check, "NoCheck", true},
    known_setting{names::metadata, setting_kind::secret_text, "", true, true},
};

/// One certificate that the service knows.
struct known_certificate {
  std::string_view name;
  bool required_in_web = false;     ///< a file without it is refused
  bool required_in_worker = false;  ///< the same for the worker
};

/// Every certificate. The secondary one is for the time of a rotation.
inline constexpr std::array known_certificates{
    known_certificate{certificates::ssl, true},
    known_certificate{certificates::ca, true},
    known_certificate{certificates::data_encryption_primary, true, true},
    known_certificate{certificates::data_encryption_secondary},
};

/// The setting of this name that the service knows, or null. Names are compared exactly.
[[nodiscard]] constexpr const known_setting* find_known_setting(std::string_view name) noexcept {
  for (const auto& each : known_settings)
    if (each.name == name) return &each;
  return nullptr;
}

/// A value is never shown or kept where anybody might print it: connection strings.
[[nodiscard]] constexpr bool is_secret_setting(std::string_view name) noexcept {
  return name == names::metadata || name.ends_with("ConnectionString");
}

/// "true" or "false", in any case, as .NET reads them.
[[nodiscard]] constexpr std::optional<bool> read_boolean(std::string_view text) noexcept {
  constexpr auto is = [](std::string_view one, std::string_view lower) {
    if (one.size() != lower.size()) return false;
    for (std::size_t i = 0; i < one.size(); ++i)
      if (one[i] != lower[i] && one[i] != static_cast<char>(lower[i] - 'a' + 'A')) return false;
    return true;
  };
  if (is(text, "true")) return true;
  if (is(text, "false")) return false;
  return std::nullopt;
}

/// Decimal digits, at most 4,294,967,295.
[[nodiscard]] constexpr std::optional<std::uint32_t> read_number(std::string_view text) noexcept {
  if (text.empty() || text.size() > 10) return std::nullopt;
  std::uint64_t made = 0;
  for (const char each : text) {
    if (each < '0' || each > '9') return std::nullopt;
    made = made * 10 + static_cast<std::uint64_t>(each - '0');
  }
  if (made > 0xFFFF'FFFFU) return std::nullopt;
  return static_cast<std::uint32_t>(made);
}

/// The name of a mode, as in .NET's X509RevocationMode.
[[nodiscard]] constexpr std::string_view name_of(revocation_check mode) noexcept {
  switch (mode) {
    case revocation_check::no_check:
      return "NoCheck";
    case revocation_check::online:
      return "Online";
    case revocation_check::offline:
      return "Offline";
  }
  return "NoCheck";
}

/// Every mode, in the order in which they are listed to people.
inline constexpr std::array every_revocation_check{
    revocation_check::no_check, revocation_check::online, revocation_check::offline};

/// The mode of this name, if it is one. Names are compared exactly.
[[nodiscard]] constexpr std::optional<revocation_check> read_revocation_check(
    std::string_view text) noexcept {
  for (const auto each : every_revocation_check)
    if (name_of(each) == text) return each;
  return std::nullopt;
}

/// A role's settings as a service uses them, with the defaults for what the file does not say.
struct split_merge_settings {
  /// Whether requests at once are limited.
  bool deny_by_concurrent_requests = defaults::deny_by_concurrent_requests;
  /// How many one host may have at once, while that is on.
  std::uint32_t max_concurrent_requests = defaults::max_concurrent_requests;
  /// Whether requests in a time are limited.
  bool deny_by_request_rate = defaults::deny_by_request_rate;
  std::uint32_t max_requests = defaults::max_requests;  ///< of one host in `request_interval`
  /// The window that requests are counted in.
  std::chrono::milliseconds request_interval = defaults::request_interval;
  admit::deny_action deny_action = defaults::deny_action;  ///< what a refused client gets
  /// The application asks clients for a certificate.
  bool setup_web_app_for_client_certificates = defaults::setup_web_app;
  /// The web server asks clients for a certificate.
  bool setup_webserver_for_client_certificates = defaults::setup_webserver;
  std::vector<thumbprint> additional_trusted_roots;     ///< roots of the clients' authorities
  std::vector<thumbprint> allowed_client_certificates;  ///< empty: nobody
  /// How revocation of clients' certificates is checked; not at all unless the file says so.
  revocation_check client_certificate_revocation_check = defaults::revocation;

  /// Both settings must say so (they may not disagree, but where they do, clients are asked).
  [[nodiscard]] constexpr bool client_certificates_required() const noexcept {
    return setup_web_app_for_client_certificates || setup_webserver_for_client_certificates;
  }
};

/// The typed settings of a role. Where a value cannot be read the safer of its readings holds: a
/// protection stays on, a list is shorter, and a limit is its default; `validate` reports it.
[[nodiscard]] constexpr split_merge_settings settings_of(const role& from) {
  split_merge_settings made;
  const auto text_of = [&](std::string_view name) -> std::optional<std::string_view> {
    const auto* found = from.find_setting(name);
    if (found == nullptr) return std::nullopt;
    return found->value.view();
  };
  const auto boolean = [&](std::string_view name, bool& to) {
    if (const auto text = text_of(name)) to = read_boolean(*text).value_or(true);
  };
  const auto number = [&](std::string_view name, auto& to) {
    const auto text = text_of(name);
    if (!text) return;
    if (const auto value = read_number(*text); value && *value != 0)
      to = std::remove_reference_t<decltype(to)>(*value);
  };
  boolean(names::deny_by_concurrent_requests, made.deny_by_concurrent_requests);
  boolean(names::deny_by_request_rate, made.deny_by_request_rate);
  boolean(names::setup_web_app, made.setup_web_app_for_client_certificates);
  boolean(names::setup_webserver, made.setup_webserver_for_client_certificates);
  number(names::max_concurrent_requests, made.max_concurrent_requests);
  number(names::max_requests, made.max_requests);
  number(names::request_interval, made.request_interval);
  if (const auto text = text_of(names::deny_action))
    made.deny_action = admit::deny_action::read(*text).value_or(defaults::deny_action);
  if (const auto text = text_of(names::revocation))
    made.client_certificate_revocation_check =
        read_revocation_check(*text).value_or(revocation_check::online);
  if (const auto text = text_of(names::additional_roots))
    made.additional_trusted_roots = read_thumbprints(*text);
  if (const auto text = text_of(names::allowed_clients))
    made.allowed_client_certificates = read_thumbprints(*text);
  return made;
}

}  // namespace keywarden::config
